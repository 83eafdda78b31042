# SPDX-License-Identifier: GPL-2.0-or-later
"""The `samft worker` process: started, spoken to and ended by one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from qgis.PyQt.QtCore import QEventLoop, QProcess, QTimer

from .environment import ToolkitError, clean_environment
from .protocol import PROTOCOL, Hello, ProtocolError, Quit, Reply, Request, decode_reply, encode

HELLO_TIMEOUT_S = 60.0
"""The worker says hello before it imports anything heavy, but a virus scanner may look at it first."""
QUIT_TIMEOUT_S = 2.0
KILL_TIMEOUT_S = 10.0
"""A process of some gigabytes takes its time to end on a busy machine."""
LONGEST_LINE_BYTES = 64 << 20
"""What has no line's end after so much is no reply."""
LONGEST_LOG_LINE_BYTES = 4000
MOST_LOG_LINES = 200
"""Of those that come at once, the log is given so many."""


class Process:
    """A worker process that has said hello.

    Args:
        executable: The samft command.
        log: Given each line that the worker writes to stderr.
        abandoned: Asked several times a second, until it has said hello, whether nobody wants it any more.

    Raises:
        ToolkitError: It does not start, or is not one that this plugin can talk to.
    """

    def __init__(
        self, executable: str, log: Callable[[str], None], *, abandoned: Callable[[], bool] = lambda: False
    ) -> None:
        self._executable, self._log, self._abandoned = executable, log, abandoned
        self._unfinished, self._last_words = b"", ""
        self._process = QProcess()
        self._process.setProcessEnvironment(clean_environment())
        self._process.setReadChannel(QProcess.ProcessChannel.StandardOutput)
        self._process.start(executable, ["worker"])
        try:
            self.hello = self._shake_hands()
            log(f"samft worker {self.hello.version} started as process {self.pid}: {executable}")
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The number that the system gave it."""
        return self._process.processId()

    def send(self, request: Request) -> None:
        """Write a request."""
        self._process.write(encode(request))

    def replies(self, wait_s: float) -> Iterator[Reply]:
        """What the worker has said, after waiting for the first of it for so long at most.

        Raises:
            ToolkitError: The worker has ended, or says what is no reply.
        """
        self._wait(wait_s)
        while self._process.canReadLine():
            yield self._decode(bytes(self._process.readLine()))
        if self._process.bytesAvailable() > LONGEST_LINE_BYTES:
            raise ToolkitError(
                f"expected replies of one line each from {self._executable}, got {LONGEST_LINE_BYTES >> 20} MB without "
                f"an end; check that it is the samft command of an installed toolkit"
            )
        if not self._is_running():
            raise ToolkitError(self._obituary())

    def _wait(self, seconds: float) -> None:
        """Wait for a line, or for the end."""
        deadline_s = time.monotonic() + seconds
        while True:
            left_s = max(0.0, deadline_s - time.monotonic())
            if self._is_running() and not self._process.canReadLine():
                self._read_some(left_s)
            self._read_log()
            if self._process.canReadLine() or not self._is_running() or left_s == 0:
                return

    def _read_some(self, seconds: float) -> None:
        """Let Qt read what there is, once, or wait for so long.

        By an event loop, since QProcess.waitForReadyRead reads on, all into memory and past its time, for as long as
        the worker floods its stderr. Loop and timer belong to this thread, and must not outlive its work here.
        """
        loop, timer = QEventLoop(), QTimer()
        timer.setSingleShot(True)
        process = self._process
        signals = (process.readyReadStandardOutput, process.readyReadStandardError, process.finished, timer.timeout)
        for signal in signals:
            signal.connect(loop.quit)
        timer.start(_ms(seconds))
        loop.exec()
        timer.stop()
        for signal in signals:
            signal.disconnect(loop.quit)

    def _is_running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    def quit(self) -> None:
        """Let the worker end; kill it if it does not."""
        if self._is_running():
            self.send(Quit())
            self._process.closeWriteChannel()
            deadline_s = time.monotonic() + QUIT_TIMEOUT_S
            while self._is_running() and time.monotonic() < deadline_s:
                self._process.readAllStandardOutput()
                self._wait(0.1)
            if not self._is_running():
                self._log("samft worker ended")
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._is_running():
            self._process.kill()
            self._process.waitForFinished(_ms(KILL_TIMEOUT_S))
            self._log("samft worker killed")

    def _shake_hands(self) -> Hello:
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
        return hello

    def _first_reply(self) -> Reply:
        deadline_s = time.monotonic() + HELLO_TIMEOUT_S
        while time.monotonic() < deadline_s and not self._abandoned():
            for reply in self.replies(0.1):
                return reply
        raise ToolkitError(
            f"expected {self._executable} to say hello within {HELLO_TIMEOUT_S:.0f} s, got nothing; check that it is "
            f"the samft command of an installed toolkit"
        )

    def _decode(self, line: bytes) -> Reply:
        try:
            return decode_reply(line)
        except ProtocolError as error:
            raise ToolkitError(str(error)) from error

    def _read_log(self) -> None:
        """Empty stderr, lest the worker wait for it, into the log: the last of it where there is much."""
        said = self._process.readAllStandardError()
        most = MOST_LOG_LINES * LONGEST_LOG_LINE_BYTES
        *lines, unfinished = (self._unfinished + bytes(said.right(most))).split(b"\n")
        self._unfinished = unfinished[-LONGEST_LOG_LINE_BYTES:]
        lines = [line for line in lines if line.strip()]
        if len(lines) > MOST_LOG_LINES or said.size() > most:
            lines = lines[-MOST_LOG_LINES:]
            self._log("...")
        for line in lines:
            self._last_words = _text(line)
            self._log(self._last_words)

    def _obituary(self) -> str:
        crashed = self._process.exitStatus() == QProcess.ExitStatus.CrashExit
        how = "it crashed or was killed" if crashed else f"it ended with status {self._process.exitCode()}"
        said = _text(self._unfinished) or self._last_words
        last_words = f", its last words: {said[-300:]}" if said else ""
        return (
            f"expected the samft worker to finish its job, got its end: {how}{last_words}; try a smaller extent if "
            f"memory is short, or look into the worker's log"
        )


def _text(line: bytes) -> str:
    """A line of the log; of a progress bar, which overwrites itself, its last state."""
    return line.strip().split(b"\r")[-1][-LONGEST_LOG_LINE_BYTES:].decode(errors="replace").strip()


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
