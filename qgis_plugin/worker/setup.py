# SPDX-License-Identifier: GPL-2.0-or-later
"""Sets the toolkit up: a virtual environment of its own, and samft in it."""

from __future__ import annotations

import configparser
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QObject, QProcess, QProcessEnvironment, QUrl, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkProxy, QNetworkProxyQuery

from .environment import ToolkitError, clean_environment
from .pythons import QUESTION
from .venv import ToolkitVenv

OUTSIDE = "https://www.python.org"
"""The proxy to here is the one to package indexes too."""


@dataclass(frozen=True)
class Plan:
    """What is to be set up."""

    python: str
    """Makes the virtual environment."""
    venv: ToolkitVenv
    wheels: str | None = None
    """A folder of wheels to install from; the package index if None."""
    extra_index: str = ""
    """A further package index, such as the one where PyTorch has torch without CUDA."""
    extras: tuple[str, ...] = ()

    def check(self) -> None:
        """Look at what can be seen without starting anything.

        Raises:
            ToolkitError: It cannot be carried out.
        """
        if shutil.which(self.python) is None:
            raise ToolkitError(
                f"expected a Python 3.10 or newer, got {self.python or 'none'}; choose one, or install one"
            )
        if not self.venv.folder.is_absolute() or not self.venv.is_free:
            raise ToolkitError(
                f"expected a folder that is empty or not there yet, got {self.venv.folder}; choose another one"
            )
        if self.wheels is not None and not any(Path(self.wheels).glob("samft-*.whl")):
            raise ToolkitError(
                f"expected a folder with the wheels of samft and of all it needs, got {self.wheels or 'none'}; make "
                f"one with pip download samft on a computer of the same kind"
            )

    def commands(self) -> list[list[str]]:
        """Programs with their arguments, one after the other."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        alone = ["-I", "-u", "-X", "utf8", "-m"]
        pip = [str(self.venv.python), *alone, "pip", "install", "--no-input", "--progress-bar", "off"]
        if self.wheels is not None:
            pip += ["--no-index", "--find-links", self.wheels]
        elif self.extra_index:
            pip += ["--extra-index-url", self.extra_index]
        return [
            [self.python, "-I", "-c", QUESTION],
            [self.python, *alone, "venv", str(self.venv.folder)],
            [*pip, "--disable-pip-version-check", f"samft{extras}=={plugin_version()}"],
        ]


class Setup(QObject):
    """Carries a plan out beside QGIS's event loop; where that fails, it removes what it began.

    What is set up still counts as unfinished, until somebody has tested it and calls its `complete`.

    Args:
        plan: What to do.
        log_path: Holds the whole log afterwards.
    """

    said = pyqtSignal(str)
    """A line of the log."""
    stage = pyqtSignal(int, int)
    """How many commands are behind us, of how many."""
    ended = pyqtSignal(bool, str)
    """Whether it is set up; if not, what went wrong, empty if it was cancelled."""

    def __init__(self, plan: Plan, log_path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.plan, self._log_path = plan, log_path
        self._commands = plan.commands()
        self._done = 0
        self._cancelled = self._over = False
        self._unfinished = ""
        self._last_error = ""
        self._process = QProcess(self)
        self._process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self._process.setProcessEnvironment(environment())
        self._process.readyRead.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed_to_start)

    def start(self) -> None:
        """Begin; comes back at once."""
        try:
            self._log_path.parent.mkdir(parents=True, exist_ok=True)
            self._log_path.write_text("", encoding="utf-8")
            self.plan.venv.begin()
        except OSError as error:
            self._end(f"expected a folder to write to, got {error}; choose another folder")
            return
        self._next()

    def cancel(self) -> None:
        """Stop; what was begun is removed."""
        self._cancelled = True
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.kill()

    def close(self) -> None:
        """Stop, and wait until all is removed."""
        if not self._over:
            self.cancel()
            self._process.waitForFinished(10_000)

    def _next(self) -> None:
        self.stage.emit(self._done, len(self._commands))
        if self._done == len(self._commands):
            self._end(None)
            return
        program, *arguments = self._commands[self._done]
        self._say(f"> {program} {shlex.join(arguments) if self._done else '...'}")
        self._process.start(program, arguments)

    def _read(self) -> None:
        text = self._unfinished + bytes(self._process.readAll()).decode(errors="replace")
        *lines, self._unfinished = text.replace("\r\n", "\n").split("\n")
        for line in lines:
            self._say(line)

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        if self._unfinished:
            self._say(self._unfinished)
            self._unfinished = ""
        if self._cancelled:
            self._end("")
        elif status != QProcess.ExitStatus.NormalExit or code != 0:
            step = ("Python", "venv", "pip")[self._done]
            self._end(
                f"expected {step} to succeed, got {self._last_error or f'status {code}'}; look into {self._log_path}"
            )
        else:
            self._done += 1
            self._next()

    def _failed_to_start(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            got = self._process.errorString()
            self._end(f"expected {self._process.program()} to start, got: {got}; choose another Python")

    def _say(self, line: str) -> None:
        if line.lower().lstrip().startswith("error"):
            self._last_error = line.strip()
        with self._log_path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self.said.emit(line)

    def _end(self, problem: str | None) -> None:
        self._over = True
        if problem is not None:
            try:
                self.plan.venv.remove()
            except OSError as error:
                problem = f"{problem}; and expected to delete {self.plan.venv.folder}, got {error}; delete it yourself"
        self.ended.emit(problem is None, problem or "")


def environment() -> QProcessEnvironment:
    """What pip may see: QGIS's proxy, where QGIS has one, and nothing that leads to QGIS's own Python."""
    variables = clean_environment()
    proxy = proxy_url(OUTSIDE)
    if proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            variables.insert(name, proxy)
    return variables


def proxy_url(address: str) -> str:
    """The proxy that QGIS would go through to an address, with its user and password; empty for none."""
    factory = QgsNetworkAccessManager.instance().proxyFactory()
    proxies = factory.queryProxy(QNetworkProxyQuery(QUrl(address))) if factory is not None else []
    for proxy in proxies:
        if proxy.type() in (QNetworkProxy.ProxyType.HttpProxy, QNetworkProxy.ProxyType.HttpCachingProxy):
            url = QUrl()
            url.setScheme("http")
            url.setHost(proxy.hostName())
            url.setPort(proxy.port())
            url.setUserName(proxy.user())
            url.setPassword(proxy.password())
            return url.toString(QUrl.ComponentFormattingOption.FullyEncoded)
    return ""


def plugin_version() -> str:
    """The version of this plugin, and so of the toolkit that it works with."""
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read_string((Path(__file__).parents[1] / "metadata.txt").read_text(encoding="utf-8"))
    return metadata["general"]["version"]
