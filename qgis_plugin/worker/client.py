# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin asks of the toolkit, from any thread: one worker process, started on first use and kept."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from .conversation import Conversation, Listener
from .environment import ToolkitError
from .protocol import Cancel, Cancelled, Error, Progress, Reply

POLL_S = 0.05
"""How soon a caller that waits sees a reply, and is asked whether to stop."""


def _ignore(_: object) -> None:
    """Tell nobody."""


class JobCancelledError(Exception):
    """The job was stopped as was asked."""


class Worker:
    """The toolkit's worker, one process for all who ask; nothing is started before the first request.

    Args:
        log: Given each line that the worker writes to stderr, on the worker's thread.
        kept: Whether the process stays for the next job; if not, `do` ends it. `close` must be called at the end.
    """

    def __init__(self, log: Callable[[str], None] = _ignore, *, kept: bool = True) -> None:
        self._log, self._kept = log, kept
        self._lock = threading.Lock()
        self._thread: Conversation | None = None
        self._former: list[Conversation] = []

    def submit(self, job: Any, listener: Listener) -> None:
        """Have a job done; comes back at once.

        Args:
            job: One of the protocol's `JOBS`.
            listener: Told what becomes of it. A failure of the worker itself reaches it as an `Error`.
        """
        with self._lock:
            if self._thread is None or not self._thread.take(job, listener):
                self._retire()  # it is over but for its last words
                self._thread = Conversation(self._log)
                self._thread.take(job, listener)
                self._thread.start()

    def cancel(self, job_id: str, *, keep: bool = False) -> None:
        """Have a job stopped; a job that is over already is left alone.

        Args:
            job_id: Its id.
            keep: Whether a `Segment` is to give what it has found so far.
        """
        with self._lock:
            if self._thread is not None:
                self._thread.take(Cancel(id=job_id, keep=keep))

    def do(
        self,
        job: Any,
        *,
        progress: Callable[[Progress], None] = _ignore,
        cancelled: Callable[[], bool] = lambda: False,
        keep: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Have a job done, and wait for it.

        Args:
            job: One of the protocol's `JOBS`.
            progress: Told how far it is, on the caller's thread.
            cancelled: Asked several times a second whether to stop.
            keep: Asked, once it is to stop, whether a `Segment` is to give what it has found so far.

        Returns:
            The answer to the job.

        Raises:
            ToolkitError: The job failed, or the worker did.
            JobCancelledError: It was to stop, and has stopped.
        """
        replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self.submit(job, replies.put)
        try:
            return self._wait(job, replies, progress, cancelled, keep)
        except BaseException:
            self.cancel(job.id)  # where it was the caller who failed; else it is over
            raise
        finally:
            if not self._kept:
                self.close()

    def _wait(
        self,
        job: Any,
        replies: queue.SimpleQueue[Reply],
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        keep: Callable[[], bool],
    ) -> Reply:
        stopping, keeping = False, False
        while True:
            if (not stopping or keeping) and cancelled():
                keeps = keep()
                if not stopping or not keeps:
                    self.cancel(job.id, keep=keeps)
                stopping, keeping = True, keeps
            try:
                reply = replies.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if isinstance(reply, Error):
                raise ToolkitError(reply.message)
            if isinstance(reply, Cancelled):
                raise JobCancelledError
            if not isinstance(reply, Progress):
                return reply
            if not stopping:
                progress(reply)

    def close(self) -> None:
        """End the process, whatever it is doing; the next job starts another."""
        with self._lock:
            if self._thread is not None:
                self._thread.end()
            self._retire()
            former = list(self._former)
        for thread in former:
            if not thread.is_current():  # a listener may close what speaks to it
                thread.wait()

    def _retire(self) -> None:
        """Let go of the conversation; a thread must not be forgotten before it has ended."""
        self._former = [thread for thread in self._former if not thread.isFinished()]
        if self._thread is not None:
            self._former.append(self._thread)
            self._thread = None
