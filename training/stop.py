"""SIGTERM, which comes before a machine is taken away, and Ctrl-C: a run takes a snapshot first."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from samft_core.errors import SamftError

UNDER_TORCHRUN = "TORCHELASTIC_RUN_ID"
"""The environment variable that tells: torchrun passes Ctrl-C on, so that it comes twice, and kills in the end."""


class StoppedError(SamftError):
    """A run was told to stop, and can go on later.

    Args:
        step: How many steps are behind it.
        run: Its folder.
        by: The signal that told it.
    """

    def __init__(self, step: int, run: Path, by: signal.Signals) -> None:
        self.by, self.exit_code = "Ctrl-C" if by == signal.SIGINT else by.name, 128 + by
        super().__init__(f"stopped by {self.by} after step {step}; run the same command again to go on in {run}")


@dataclass
class Stop:
    """Whether a signal came."""

    asked: bool = False
    by: signal.Signals = signal.SIGTERM
    """Which; of processes that train together, all stop where one got it."""


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Notice SIGTERM and Ctrl-C instead of ending at once; whoever works looks at `asked` now and then.

    A second Ctrl-C ends at once, but under torchrun.
    """
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stop.asked, stop.by = True, signal.Signals(number)
        if number == signal.SIGINT and UNDER_TORCHRUN not in os.environ:
            signal.signal(signal.SIGINT, before[signal.SIGINT])

    if threading.current_thread() is not threading.main_thread():  # Python takes signals there alone
        yield stop
        return
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # as in a script's background
    heard = (signal.SIGTERM,) if ignored else (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, note) for number in heard}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
