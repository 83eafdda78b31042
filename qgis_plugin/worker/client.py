# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin asks of the toolkit, from any thread: one worker process, started on first use and kept."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from qgis.PyQt.QtCore import QThread

from .environment import ToolkitError, find_executable
from .process import Process
from .protocol import Cancel, Cancelled, Error, Progress, Quit, Reply, Request, Run

SILENCE_TIMEOUT_S = 1800.0
"""Between two replies while there is a job. A big model may take minutes to load, a city's outlines to be squared."""
CANCEL_TIMEOUT_S = 3.0
"""How long a worker may take to leave a job before it is killed."""
CANCEL_RUN_TIMEOUT_S = 30.0
"""The same for a verb, which may be within a long step of training."""
IDLE_TIMEOUT_S = 900.0
"""A worker with nothing to do for so long is let go, and its memory with it; the next job starts another."""
POLL_S = 0.02
"""How soon a request is sent while the worker is busy."""
IDLE_POLL_S = 0.5
"""How often a worker with nothing to do is looked after."""

Listener = Callable[[Reply], None]
"""Given each reply to a job, on the worker's thread; the last is no `Progress`."""


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
        self._thread: _Conversation | None = None

    def submit(self, job: Any, listener: Listener) -> None:
        """Have a job done; comes back at once.

        Args:
            job: One of the protocol's `JOBS`.
            listener: Told what becomes of it. A failure of the worker itself reaches it as an `Error`.
        """
        with self._lock:
            if self._thread is None or not self._thread.take((job, listener)):
                if self._thread is not None:
                    self._thread.wait()  # it is over but for its last words
                self._thread = _Conversation(self._log)
                self._thread.take((job, listener))
                self._thread.start()

    def cancel(self, job_id: str, *, keep: bool = False) -> None:
        """Have a job stopped; a job that is over already is left alone.

        Args:
            job_id: Its id.
            keep: Whether a `Segment` is to give what it has found so far.
        """
        with self._lock:
            if self._thread is not None:
                self._thread.take((Cancel(id=job_id, keep=keep), None))

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
        stopping = False
        while True:
            if not stopping and cancelled():
                self.cancel(job.id, keep=keep())
                stopping = True
            try:
                reply = replies.get(timeout=0.05)
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
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.end()
            thread.wait()


class _Conversation(QThread):
    """Owns the process, from the first request to a failure, to idleness or to the end."""

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__()
        self._log = log
        self._requests: queue.SimpleQueue[tuple[Request, Listener | None]] = queue.SimpleQueue()
        self._taking = threading.Lock()
        self._over = False
        self._closing = threading.Event()
        self._listeners: dict[str, Listener] = {}
        self._patience_s: dict[str, float] = {}
        self._leave_by_s: dict[str, float] = {}

    def take(self, request: tuple[Request, Listener | None]) -> bool:
        """Hand over a request; False if the conversation is over."""
        with self._taking:
            if not self._over:
                self._requests.put(request)
            return not self._over

    def end(self) -> None:
        """Have it end soon, whatever the worker is doing."""
        self._closing.set()
        self._requests.put((Quit(), None))  # so that it need not wait

    def run(self) -> None:
        """What the thread does."""
        process: Process | None = None
        problem = "expected the samft worker to finish its job, got the end of QGIS; run it again"
        try:
            heard_s = time.monotonic()
            while not self._closing.is_set():
                request = self._next_request()
                if request is not None:
                    process, heard_s = self._pass_on(*request, process, heard_s)
                if process is not None:
                    for reply in self._replies(process):
                        heard_s = time.monotonic()
                        self._deliver(reply)
                self._check_time(heard_s)
                if self._is_idle(heard_s):
                    break
        except ToolkitError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - PyQt ends QGIS on what leaves a thread
            self._log(traceback.format_exc())
            problem = f"expected to understand the samft worker, got {error!r}; look into the worker's log"
        self._end(process, problem)

    def _next_request(self) -> tuple[Request, Listener | None] | None:
        """The next one, if there is one; waits for it while there is nothing else to do."""
        try:
            return self._requests.get(block=not self._listeners, timeout=IDLE_POLL_S)
        except queue.Empty:
            return None

    def _pass_on(
        self, message: Any, listener: Listener | None, process: Process | None, heard_s: float
    ) -> tuple[Process | None, float]:
        """Send a request; gives the process it went to, and when that was last heard of."""
        if isinstance(message, Cancel):
            if process is not None and message.id in self._listeners:
                self._leave_by_s.setdefault(message.id, time.monotonic() + self._patience_s[message.id])
                process.send(message)
        elif listener is not None:
            idle = not self._listeners
            self._remember(message, listener)  # first: what goes wrong from here on concerns it
            if idle:
                process, heard_s = self._awake(process), time.monotonic()
            assert process is not None
            process.send(message)
        return process, heard_s

    def _awake(self, process: Process | None) -> Process:
        """The process; a new one where there is none, or where it ended while nobody needed it."""
        if process is not None:
            try:
                list(process.replies(0))
            except ToolkitError as error:
                self._log(str(error))
                process = None
        return process or Process(find_executable(), self._log, abandoned=self._closing.is_set)

    def _remember(self, job: Any, listener: Listener) -> None:
        self._listeners[job.id] = listener
        self._patience_s[job.id] = CANCEL_RUN_TIMEOUT_S if isinstance(job, Run) else CANCEL_TIMEOUT_S

    def _replies(self, process: Process) -> Iterator[Reply]:
        """What was said; a worker that ends while nobody needs it is no news."""
        try:
            yield from process.replies(POLL_S if self._listeners else 0)
        except ToolkitError:
            if self._listeners:
                raise

    def _deliver(self, reply: Reply) -> None:
        job_id = getattr(reply, "id", None)
        listener = self._listeners.get(job_id) if job_id else None
        if listener is None:
            return
        if not isinstance(reply, Progress):
            for known in (self._listeners, self._patience_s, self._leave_by_s):
                known.pop(job_id, None)
        listener(reply)

    def _check_time(self, heard_s: float) -> None:
        now_s = time.monotonic()
        late = [job_id for job_id, by_s in self._leave_by_s.items() if now_s > by_s]
        for job_id in late:
            self._deliver(Cancelled(id=job_id))
        if late:
            raise ToolkitError("expected the samft worker to leave a cancelled job, got no answer; run this job again")
        if self._listeners and now_s - heard_s > SILENCE_TIMEOUT_S:
            raise ToolkitError(
                f"expected the samft worker to say something within {SILENCE_TIMEOUT_S / 60:.0f} minutes, got nothing; "
                f"try a smaller extent"
            )

    def _is_idle(self, heard_s: float) -> bool:
        """Whether nobody has asked for long; if so, nobody can any more."""
        if self._listeners or time.monotonic() - heard_s < IDLE_TIMEOUT_S:
            return False
        with self._taking:
            self._over = self._requests.empty()
            return self._over

    def _end(self, process: Process | None, problem: str) -> None:
        """End the process, and tell all who still wait, those included whose request was not read yet."""
        with self._taking:
            self._over = True
        if process is not None:
            if self._listeners:
                process.kill()
            process.quit()
        while not self._requests.empty():
            message, listener = self._requests.get()
            if listener is not None:
                self._remember(message, listener)
        for job_id in list(self._listeners):
            self._deliver(Error(id=job_id, message=problem, kind="failure"))
