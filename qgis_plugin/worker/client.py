# SPDX-License-Identifier: GPL-2.0-or-later
"""A conversation with `samft worker`, from the thread that began it."""

from __future__ import annotations

import time
from collections.abc import Callable

from qgis.PyQt.QtCore import QProcess, QProcessEnvironment

from .environment import ToolkitError
from .protocol import (
    PROTOCOL,
    Cancel,
    Cancelled,
    Error,
    Hello,
    Progress,
    ProtocolError,
    Quit,
    Reply,
    Request,
    Result,
    Segment,
    decode_reply,
    encode,
)

HELLO_TIMEOUT_S = 60.0
"""The worker says hello before it imports anything heavy, but a virus scanner may look at it first."""
SILENCE_TIMEOUT_S = 1800.0
"""Between two replies to a job. A big model may take minutes to load, and a city's outlines to be squared."""
CANCEL_TIMEOUT_S = 5.0
"""How long a worker may take to leave a job before it is killed."""
QUIT_TIMEOUT_S = 5.0
POLL_S = 0.1
"""How often cancelling is looked for."""


class WorkerCancelledError(Exception):
    """The job was stopped as was asked."""


class WorkerClient:
    """A worker process; use it as a context, in one thread.

    Args:
        executable: The samft command.
        environment: What it sees.
        log: Given each line that the worker writes to stderr.
    """

    def __init__(self, executable: str, environment: QProcessEnvironment, log: Callable[[str], None]) -> None:
        self._executable = executable
        self._log = log
        self._unfinished = b""
        self._last_words = ""
        self._process = QProcess()
        self._process.setProcessEnvironment(environment)
        self._process.setReadChannel(QProcess.ProcessChannel.StandardOutput)

    def __enter__(self) -> WorkerClient:  # noqa: PYI034 - Self came with Python 3.11
        """Start the worker and shake hands.

        Raises:
            ToolkitError: It does not start, or is not one that this plugin can talk to.
        """
        self._process.start(self._executable, ["worker"])
        try:
            self._shake_hands()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Let the worker end; kill it if it does not."""
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self._send(Quit())
            self._process.closeWriteChannel()
            self._process.waitForFinished(_ms(QUIT_TIMEOUT_S))
        self._kill()

    def segment(
        self, job: Segment, *, progress: Callable[[str, int, int], None], cancelled: Callable[[], bool]
    ) -> Result:
        """Have a job done.

        Args:
            job: What to do.
            progress: Told the stage and how many of its steps are done.
            cancelled: Asked several times a second whether to stop.

        Raises:
            ToolkitError: The job failed, or the worker did.
            WorkerCancelledError: It was to stop, and the worker has stopped or been killed.
        """
        self._send(job)
        deadline_s, stopping = time.monotonic() + SILENCE_TIMEOUT_S, False
        while time.monotonic() < deadline_s:
            if not stopping and cancelled():
                self._send(Cancel(id=job.id))
                deadline_s, stopping = time.monotonic() + CANCEL_TIMEOUT_S, True
            reply = self._receive()
            if isinstance(reply, Result):
                return reply
            if isinstance(reply, Error):
                raise ToolkitError(reply.message)
            if isinstance(reply, Cancelled):
                raise WorkerCancelledError
            if isinstance(reply, Progress) and not stopping:
                progress(reply.stage, reply.done, reply.total)
                deadline_s = time.monotonic() + SILENCE_TIMEOUT_S
        self._kill()
        if stopping:
            raise WorkerCancelledError
        raise ToolkitError(
            f"expected the samft worker to say something within {SILENCE_TIMEOUT_S / 60:.0f} minutes, got nothing; "
            f"try a smaller extent"
        )

    def _shake_hands(self) -> None:
        if not self._process.waitForStarted(_ms(HELLO_TIMEOUT_S)):
            raise ToolkitError(
                f"expected {self._executable} to start, got: {self._process.errorString()}; check that it is the samft "
                f"command of an installed toolkit"
            )
        hello = self._first_reply()
        if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
            said = f"protocol {hello.protocol} (samft {hello.version})" if isinstance(hello, Hello) else "no hello"
            raise ToolkitError(
                f"expected a samft toolkit that speaks protocol {PROTOCOL}, got {said} from {self._executable}; "
                f"install plugin and toolkit of the same release"
            )

    def _first_reply(self) -> Reply:
        deadline_s = time.monotonic() + HELLO_TIMEOUT_S
        while time.monotonic() < deadline_s:
            reply = self._receive()
            if reply is not None:
                return reply
        raise ToolkitError(
            f"expected {self._executable} to say hello within {HELLO_TIMEOUT_S:.0f} s, got nothing; check that it is "
            f"the samft command of an installed toolkit"
        )

    def _receive(self) -> Reply | None:
        """The next reply, or None if there is none for `POLL_S`."""
        if not self._process.canReadLine():
            self._process.waitForReadyRead(_ms(POLL_S))
        self._read_log()
        if self._process.canReadLine():
            try:
                return decode_reply(bytes(self._process.readLine()))
            except ProtocolError as error:
                raise ToolkitError(str(error)) from error
        if self._process.state() == QProcess.ProcessState.NotRunning:
            raise ToolkitError(self._obituary())
        return None

    def _read_log(self) -> None:
        *lines, self._unfinished = (self._unfinished + bytes(self._process.readAllStandardError())).split(b"\n")
        for line in filter(bytes.strip, lines):
            self._last_words = line.decode(errors="replace").strip()
            self._log(self._last_words)

    def _obituary(self) -> str:
        crashed = self._process.exitStatus() == QProcess.ExitStatus.CrashExit
        how = "it crashed or was killed" if crashed else f"it ended with status {self._process.exitCode()}"
        last_words = f", its last words: {self._last_words}" if self._last_words else ""
        return (
            f"expected the samft worker to finish its job, got its end: {how}{last_words}; try a smaller extent if "
            f"memory is short, or run samft segment in a terminal to see more"
        )

    def _send(self, request: Request) -> None:
        self._process.write(encode(request))

    def _kill(self) -> None:
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.kill()
            self._process.waitForFinished(_ms(QUIT_TIMEOUT_S))


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
