# SPDX-License-Identifier: MIT
"""Answers requests, one job at a time, until told to quit or until nobody asks any more."""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
import traceback
from typing import BinaryIO

from samft_core import protocol
from samft_core.errors import InputError, SamftError
from samft_core.progress import Enough, Progress
from samft_core.version import VERSION
from samft_core.worker.jobs import Job, do
from samft_core.worker.kept import Kept

SECONDS_BETWEEN_PROGRESS = 0.1


class Worker:
    """Reads requests on one thread and does the jobs on the caller's.

    Args:
        requests: Lines of the protocol, read to their end.
        replies: Where the answers go.
    """

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self._writing = threading.Lock()
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._cancelled: dict[str, protocol.Cancel] = {}
        self._ending = threading.Event()

    def run(self) -> None:
        """Say hello, then answer; returns on quit and at the end of the requests."""
        self._send(protocol.Hello(protocol=protocol.PROTOCOL, version=VERSION))
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        with Kept() as kept:
            while (job := self._jobs.get()) is not None:
                self._send(self._answer(job, kept))

    def _listen(self) -> None:
        try:
            for line in self._requests:
                try:
                    request = protocol.decode_request(line)
                except protocol.ProtocolError as error:
                    self._send(protocol.Error(id=error.job, message=str(error), kind="input"))
                    continue
                if isinstance(request, protocol.JOBS):
                    self._jobs.put(request)
                elif isinstance(request, protocol.Cancel):
                    self._cancelled[request.id] = request
                else:
                    return
        finally:
            self._ending.set()
            self._jobs.put(None)

    def _answer(self, job: Job, kept: Kept) -> protocol.Reply:
        """Do a job; whatever goes wrong in it is an answer too."""
        try:
            return do(job, kept, progress=self._progress(job), check=functools.partial(self._check, job))
        except (_JobCancelledError, Enough):
            return protocol.Cancelled(id=job.id)
        except SamftError as error:
            kind: protocol.Kind = "input" if error.exit_code == InputError.exit_code else "failure"
            return protocol.Error(id=job.id, message=_one_line(error), kind=kind)
        except Exception as error:  # noqa: BLE001 - the next job may well succeed
            traceback.print_exc()
            message = f"expected to finish, got {type(error).__name__}: {_one_line(error)}; see the log above for where"
            return protocol.Error(id=job.id, message=message, kind="failure")
        finally:
            self._cancelled.pop(job.id, None)

    def _check(self, job: Job) -> None:
        """Leave a job that was cancelled.

        Raises:
            Enough: What it has found so far is wanted.
            _JobCancelledError: Nothing of it is wanted.
        """
        if self._ending.is_set():
            raise _JobCancelledError
        cancel = self._cancelled.get(job.id)
        if cancel is not None:
            raise Enough if cancel.keep else _JobCancelledError

    def _progress(self, job: Job) -> Progress:
        """Tells how far a job is, not too often, and leaves it if it was cancelled."""
        told_stage, told_s = "", 0.0

        def tell(stage: str, done: int, total: int, note: str = "") -> None:
            nonlocal told_stage, told_s
            self._check(job)
            now_s = time.monotonic()
            if stage != told_stage or done == total or now_s - told_s >= SECONDS_BETWEEN_PROGRESS:
                told_stage, told_s = stage, now_s
                self._send(protocol.Progress(id=job.id, stage=stage, done=done, total=total, note=note))

        return tell

    def _send(self, reply: protocol.Reply) -> None:
        with self._writing, contextlib.suppress(OSError):  # whoever asked is gone; the end of stdin tells the rest
            self._replies.write(protocol.encode(reply))
            self._replies.flush()


class _JobCancelledError(Exception):
    """Leaves a job from within its progress."""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
