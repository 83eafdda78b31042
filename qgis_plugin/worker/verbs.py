# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs of the samft command line, run by a worker of their own: they may take hours, and others want to segment."""

from __future__ import annotations

import collections
import uuid
from collections.abc import Callable
from types import TracebackType

from .client import Worker
from .protocol import Progress, Run

LINES = 1000
"""What the toolkit says on stderr is passed on; where it says more at once than anybody reads, the latest of it."""


class Verbs:
    """Runs verbs one after the other in one worker process; use it as a context, which ends the process.

    Args:
        log: Given each line that the toolkit writes to stderr, on the worker's thread.
        line: Given the same on the caller's thread.
        progress: Told how far a verb is, on the caller's thread.
        cancelled: Asked several times a second whether to stop.
    """

    def __init__(
        self,
        log: Callable[[str], None],
        *,
        line: Callable[[str], None],
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._log, self._line, self._progress, self._cancelled = log, line, progress, cancelled
        self._unread: collections.deque[str] = collections.deque(maxlen=LINES)
        self._worker = Worker(self._take)

    def __enter__(self) -> Verbs:  # noqa: PYI034 - Self came with Python 3.11
        """Nothing is started before the first verb."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._worker.close()
        self._read()

    def run(self, *arguments: str) -> str:
        """Run a verb.

        Args:
            arguments: The verb, then what it takes.

        Returns:
            What it printed.

        Raises:
            ToolkitError: It failed.
            JobCancelledError: It was to stop, and has stopped.
        """
        job = Run(id=uuid.uuid4().hex, arguments=arguments)
        done = self._worker.do(job, progress=self._progress, cancelled=self._ask)
        self._read()
        return str(done.said)

    def _take(self, line: str) -> None:
        self._log(line)
        self._unread.append(line)

    def _ask(self) -> bool:
        self._read()
        return self._cancelled()

    def _read(self) -> None:
        while self._unread:
            self._line(self._unread.popleft())
