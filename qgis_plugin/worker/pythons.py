# SPDX-License-Identifier: GPL-2.0-or-later
"""The Pythons on this computer that a toolkit can be set up with; never QGIS's own, which QGIS may move or update."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from qgis.PyQt.QtCore import QProcess

from .environment import clean_environment

OLDEST_MINOR, NEWEST_MINOR = 10, 15
"""From and up to which names such as python3.12 are looked for."""
TIMEOUT_MS = 30_000
STANDS_IN = {"WindowsApps", "shims"}
"""Folders of programs that start another Python, or a store; the real ones are found as well."""

QUESTION = """
import struct, sys
version, bits = ".".join(map(str, sys.version_info[:3])), 8 * struct.calcsize("P")
if sys.version_info < (3, 10) or bits != 64:
    sys.exit(f"error: expected Python 3.10 or newer of 64 bits, got {version} of {bits} bits; choose another Python")
try:
    import ensurepip, venv
except ImportError:
    sys.exit(f"error: expected Python {version} to make virtual environments, got none; install python3-venv")
print(version)
"""
"""Whether a Python will do, asked in code that any Python 3 can run: prints its version, or why it will not."""


def candidates() -> list[str]:
    """Those worth trying, the likeliest first; none is started."""
    found = [shutil.which(name) for name in _names()]
    found += [str(path) for path in _installed() if path.is_file()]
    first: dict[str, str] = {}
    for path in found:
        if path and not STANDS_IN & set(Path(path).parts):
            first.setdefault(os.path.normcase(os.path.realpath(path)), path)
    return list(first.values())


def usable(cancelled: Callable[[], bool] = lambda: False) -> list[str]:
    """Those that a toolkit can be set up with; takes a second or a few.

    Args:
        cancelled: Asked between two of them whether to stop.
    """
    return [python for python in candidates() if not cancelled() and _will_do(python)]


def _will_do(python: str) -> bool:
    process = QProcess()
    process.setProcessEnvironment(clean_environment())
    process.start(python, ["-I", "-c", QUESTION])
    if not process.waitForFinished(TIMEOUT_MS):
        process.kill()
        process.waitForFinished(TIMEOUT_MS)
    return process.exitStatus() == QProcess.ExitStatus.NormalExit and process.exitCode() == 0


def _names() -> list[str]:
    minors = range(NEWEST_MINOR, OLDEST_MINOR - 1, -1)
    return ["python3", *(f"python3.{minor}" for minor in minors), "python"]


def _installed() -> Iterator[Path]:
    """Where Pythons are put that are not on the PATH, as is usual on Windows and macOS."""
    home = Path.home()
    for name in ("LOCALAPPDATA", "ProgramFiles"):
        if os.environ.get(name):
            folder = Path(os.environ[name])
            yield from sorted(folder.glob("Programs/Python/Python3*/python.exe"), reverse=True)
            yield from sorted(folder.glob("Python3*/python.exe"), reverse=True)
    for parent in (home / "AppData" / "Roaming" / "uv" / "python", home / ".local" / "share" / "uv" / "python"):
        yield from sorted(parent.glob("cpython-3*/bin/python3"), reverse=True)
        yield from sorted(parent.glob("cpython-3*/python.exe"), reverse=True)
    yield from sorted(home.glob(".pyenv/versions/3*/bin/python"), reverse=True)
    yield from (folder / "python3" for folder in map(Path, ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")))
    for name in ("miniconda3", "anaconda3", "miniforge3", "mambaforge"):
        yield from (home / name / "bin" / "python", home / name / "python.exe")
