"""How long work tells how far it is: a callback, which library code calls and never implements."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called as work goes on; raise an exception in it to stop the work."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Tell that `done` of `total` steps of a stage are behind us.

        Args:
            stage: What is being done, such as "training".
            done: Steps done; `total` when the stage ends.
            total: Steps in all.
            note: A figure worth seeing, such as "loss 0.21".
        """


class Enough(Exception):  # noqa: N818 - nothing went wrong
    """Raised in a progress callback, or between an encoder's blocks, to have `segment` give what it has so far."""


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """Tell nobody."""
