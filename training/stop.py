"""SIGTERM: what comes before a machine is taken away."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from samft_core.errors import SamftError


class StoppedError(SamftError):
    """A run was told to stop, and can go on later.

    Args:
        step: How many steps are behind it.
        run: Its folder.
    """

    exit_code = 128 + signal.SIGTERM

    def __init__(self, step: int, run: Path) -> None:
        super().__init__(f"stopped by SIGTERM after step {step}; run the same command again to go on in {run}")


@dataclass
class Stop:
    """Whether SIGTERM came."""

    asked: bool = False


@contextlib.contextmanager
def stop_on_sigterm() -> Iterator[Stop]:
    """Notice SIGTERM instead of ending at once; whoever works looks at `asked` now and then."""
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stop.asked = True

    if threading.current_thread() is not threading.main_thread():  # Python takes signals there alone
        yield stop
        return
    before = signal.signal(signal.SIGTERM, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)
