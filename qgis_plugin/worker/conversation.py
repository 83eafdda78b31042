# SPDX-License-Identifier: GPL-2.0-or-later
"""The thread that talks to the worker: hands it the jobs, and tells each job's listener what becomes of it."""

from __future__ import annotations

import collections
import contextlib
import queue
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qgis.PyQt.QtCore import QThread

from .environment import ToolkitError, find_executable
from .process import Process
from .protocol import Cancel, Cancelled, Error, Progress, Quit, Reply, Run

SILENCE_TIMEOUT_S = 1800.0
"""Between two replies while there is a job. A big model may take minutes to load, a city's outlines to be squared."""
CANCEL_ANSWER_S = 0.7
"""When whoever has cancelled a job is told that it is, though the worker has not left it yet."""
CANCEL_TIMEOUT_S = 30.0
"""How long a worker may take to leave a job before it is killed; it may be loading a library or be within a long step
of training. Killing it costs the next job the time to load all of it again."""
IDLE_TIMEOUT_S = 900.0
"""A worker with nothing to do for so long is let go, and its memory with it; the next job starts another."""
POLL_S = 0.02
"""How soon a request is sent while the worker is busy."""
IDLE_POLL_S = 0.5
"""How often a worker with nothing to do is looked after."""

Listener = Callable[[Reply], None]
"""Given each reply to a job, on the worker's thread; the last is no `Progress`."""


@dataclass
class _Job:
    """One that the worker has, until it has answered."""

    request: Any
    listener: Listener | None
    """None once it was told the last it needs to know."""
    cancel: Cancel | None = None
    cancelled_s: float = 0.0
    may_be_repeated: bool = False
    """Whether nothing was heard of it from a worker that may have ended before it came."""


class Conversation(QThread):
    """Owns the process, from the first request to a failure to start it, to idleness or to the end.

    The worker does jobs in the order in which it gets them, so the first that it has not answered is the one it does.

    Args:
        log: Given each line that the worker writes to stderr, and what should not have happened.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__()
        self._given_log = log
        self._inbox: queue.SimpleQueue[tuple[Any, Listener | None]] = queue.SimpleQueue()
        self._taken: collections.deque[tuple[Any, Listener | None]] = collections.deque()
        self._taking = threading.Lock()
        self._over = False
        self._closing = threading.Event()
        self._jobs: collections.OrderedDict[str, _Job] = collections.OrderedDict()
        self._process: Process | None = None
        self._heard_s = self._begun_s = time.monotonic()

    def take(self, request: Any, listener: Listener | None = None) -> bool:
        """Hand over a request; False if the conversation is over. From any thread.

        Args:
            request: A job or a `Cancel`.
            listener: The job's.
        """
        with self._taking:
            if not self._over:
                self._inbox.put((request, listener))
            return not self._over

    def end(self) -> None:
        """Have it end soon, whatever the worker is doing. From any thread."""
        self._closing.set()
        self._inbox.put((Quit(), None))  # so that it need not wait

    def is_current(self) -> bool:
        """Whether it is this thread that asks."""
        return QThread.currentThread() is self

    def run(self) -> None:
        """What the thread does."""
        problem = "expected the samft worker to finish its job, got the end of QGIS; run it again"
        try:
            while not self._closing.is_set() and not self._is_idle():
                request, listener = self._next()
                if isinstance(request, Cancel):
                    self._cancel(request)
                elif listener is not None:
                    self._begin(_Job(request, listener))
                self._listen()
                self._look_at_the_clock()
        except ToolkitError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - PyQt ends QGIS on what leaves a thread
            self._log(traceback.format_exc())
            problem = f"expected to understand the samft worker, got {error!r}; look into the worker's log"
        self._end(problem)

    def _next(self) -> tuple[Any, Listener | None]:
        """The next request, or none; waits for it while there is nothing else to do."""
        if self._taken:
            return self._taken.popleft()
        try:
            return self._inbox.get(block=not self._jobs, timeout=IDLE_POLL_S)
        except queue.Empty:
            return None, None

    def _begin(self, job: _Job) -> None:
        """Hand a job to the worker."""
        if not self._jobs:
            self._heard_s = self._begun_s = time.monotonic()
            self._look_whether_it_lives()
        self._jobs[job.request.id] = job  # first: what goes wrong from here on concerns it
        job.may_be_repeated = self._process is not None and len(self._jobs) == 1
        if self._process is None:
            self._process = self._started()
            self._heard_s = self._begun_s = time.monotonic()
        if not job.cancel:
            self._process.send(job.request)
        else:
            self._finish(job.request.id, Cancelled(id=job.request.id))

    def _look_whether_it_lives(self) -> None:
        """A worker that ended while nobody needed it is no news."""
        if self._process is not None:
            try:
                collections.deque(self._process.replies(0), maxlen=0)
            except ToolkitError as error:
                self._log(str(error))
                self._process.kill()
                self._process = None

    def _started(self) -> Process:
        """A new process.

        Raises:
            ToolkitError: There is none to be had; this concerns all who wait.
        """
        try:
            return Process(find_executable(), self._log, abandoned=self._is_abandoned)
        except ToolkitError:
            for job_id, job in list(self._jobs.items()):
                if job.cancel is not None:
                    self._finish(job_id, Cancelled(id=job_id))
            raise

    def _is_abandoned(self) -> bool:
        """Whether nobody waits any more for a process that is being started."""
        while not self._inbox.empty():
            request, listener = self._inbox.get()
            if isinstance(request, Cancel) and request.id in self._jobs:
                self._jobs[request.id].cancel = request
            else:
                self._taken.append((request, listener))
        others = any(listener is not None for _, listener in self._taken)
        return self._closing.is_set() or (not others and all(job.cancel for job in self._jobs.values()))

    def _cancel(self, request: Cancel) -> None:
        """Have the worker leave a job; one that it has not begun needs no more of its time."""
        job = self._jobs.get(request.id)
        if job is None or self._process is None or (job.cancel is not None and not job.cancel.keep):
            return
        job.cancel, job.cancelled_s = request, time.monotonic()
        self._process.send(request)
        if not request.keep and not self._is_first(request.id):
            self._tell(job, Cancelled(id=request.id))

    def _listen(self) -> None:
        """Pass on what the worker says; if it is no more, the job that it was doing is lost, the others are not."""
        if self._process is None:
            return
        try:
            for reply in self._process.replies(POLL_S if self._jobs else 0):
                self._heard_s = time.monotonic()
                job_id = getattr(reply, "id", None)
                if job_id not in self._jobs:
                    continue
                self._jobs[job_id].may_be_repeated = False
                if isinstance(reply, Progress):
                    self._tell(self._jobs[job_id], reply)
                else:
                    self._finish(job_id, reply)
        except ToolkitError as error:
            self._lose(str(error))

    def _look_at_the_clock(self) -> None:
        """Leave a worker that does not answer."""
        if not self._jobs:
            return
        job_id, job = next(iter(self._jobs.items()))
        now_s = time.monotonic()
        if job.cancel is not None and not job.cancel.keep:
            waited_s = now_s - max(job.cancelled_s, self._begun_s)
            if waited_s > CANCEL_ANSWER_S and not isinstance(job.request, Run):
                self._tell(job, Cancelled(id=job_id))
            if waited_s > CANCEL_TIMEOUT_S:
                self._log("expected the samft worker to leave a cancelled job, got no answer; it is killed")
                self._finish(job_id, Cancelled(id=job_id))
                self._lose()
        elif now_s - self._heard_s > SILENCE_TIMEOUT_S:
            job.may_be_repeated = False
            self._lose(
                f"expected the samft worker to say something within {SILENCE_TIMEOUT_S / 60:.0f} minutes, got nothing; "
                f"try a smaller extent"
            )

    def _lose(self, problem: str = "") -> None:
        """Let the process go, and with it the job that it was doing, if it has a problem; another does the others."""
        assert self._process is not None  # nosec B101 - who calls this has one
        self._process.kill()
        self._process = None
        job_id, job = next(iter(self._jobs.items()), ("", None))
        if job is None or job.may_be_repeated:
            self._log(problem)
        elif problem:
            self._finish(job_id, Error(id=job_id, message=problem, kind="failure"))
        others, self._jobs = self._jobs, collections.OrderedDict()
        for job_id, job in others.items():
            if job.cancel is not None:
                self._tell(job, Cancelled(id=job_id))
            else:
                self._taken.append((job.request, job.listener))

    def _finish(self, job_id: str, reply: Reply) -> None:
        """A job is over."""
        job = self._jobs.pop(job_id)
        self._begun_s = time.monotonic()
        self._tell(job, reply)

    def _tell(self, job: _Job, reply: Reply) -> None:
        """Tell a job's listener, whose own failures are not the worker's."""
        listener = job.listener
        if not isinstance(reply, Progress):
            job.listener = None
        if listener is not None:
            try:
                listener(reply)
            except Exception:  # noqa: BLE001 - a dialog may be gone; PyQt ends QGIS on what leaves a thread
                self._log(traceback.format_exc())

    def _is_first(self, job_id: str) -> bool:
        return next(iter(self._jobs), None) == job_id

    def _is_idle(self) -> bool:
        """Whether nobody has asked for long; if so, nobody can any more."""
        if self._jobs or self._taken or time.monotonic() - self._heard_s < IDLE_TIMEOUT_S:
            return False
        with self._taking:
            self._over = self._inbox.empty()
            return self._over

    def _end(self, problem: str) -> None:
        """End the process, and tell all who still wait, those included whose request was not read yet."""
        with self._taking:
            self._over = True
        if self._process is not None:
            if self._jobs:
                self._process.kill()
            self._process.quit()
        while not self._inbox.empty():
            self._taken.append(self._inbox.get())
        waiting = [
            *self._jobs.values(),
            *(_Job(job, listener) for job, listener in self._taken if listener is not None),
        ]
        for job in waiting:
            self._tell(job, Error(id=job.request.id, message=problem, kind="failure"))

    def _log(self, text: str) -> None:
        with contextlib.suppress(Exception):
            self._given_log(text)
