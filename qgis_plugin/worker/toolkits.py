# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a toolkit may be installed, and what is found there."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .. import settings
from .environment import VARIABLE, ToolkitError
from .process import Process
from .protocol import About, Error, Reply, Toolkit
from .venv import SCRIPTS, own_venvs, program

ABOUT_TIMEOUT_S = 300.0
"""How long torch may take to load; on a cold disk with a virus scanner it is minutes."""

CONDA = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", ".conda")
"""Folders that conda's family likes to be in; their environments lie in envs/."""


def candidates() -> list[str]:
    """The samft commands on this computer that are worth trying, the likeliest first; none is started."""
    chosen = (settings.text(settings.EXECUTABLE), os.environ.get(VARIABLE, ""), "samft")
    named = [shutil.which(name) for name in chosen if name]
    found = [Path(name) for name in named if name]
    found += [venv.samft for venv in own_venvs()]
    found += [program(venv, "samft") for venv in _environments()]
    found += [Path.home() / ".local" / "bin" / f"samft{'.exe' if os.name == 'nt' else ''}"]
    return _different(str(path) for path in found if _is_program(path))


def version_of(executable: str, log: Callable[[str], None], *, cancelled: Callable[[], bool] = lambda: False) -> str:
    """The version of the toolkit that a command belongs to; takes a second or a few.

    Raises:
        ToolkitError: It is no samft, or one that this plugin cannot talk to.
    """
    process = Process(executable, log, abandoned=cancelled)
    process.quit()
    return process.hello.version


def examine(executable: str, log: Callable[[str], None], *, cancelled: Callable[[], bool] = lambda: False) -> Toolkit:
    """What a toolkit says of itself, once it has loaded what it works with; takes up to minutes.

    Args:
        executable: Its samft command.
        log: Given the lines that it writes to stderr.
        cancelled: Asked several times a second whether to stop.

    Raises:
        ToolkitError: It is none, does not work, or was to stop.
    """
    process = Process(executable, log, abandoned=cancelled)
    try:
        process.send(About(id=uuid.uuid4().hex))
        reply = _answer(process, cancelled)
    except BaseException:
        process.kill()
        raise
    process.quit()
    if isinstance(reply, Toolkit):
        return reply
    message = reply.message if isinstance(reply, Error) else f"expected what toolkit it is, got {reply.name}; try again"
    raise ToolkitError(message)


def _answer(process: Process, cancelled: Callable[[], bool]) -> Reply:
    deadline_s = time.monotonic() + ABOUT_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if cancelled():
            raise ToolkitError("expected to test the toolkit, got a cancel; test it again")
        for reply in process.replies(0.2):
            if isinstance(reply, (Toolkit, Error)):
                return reply
    raise ToolkitError(
        f"expected the toolkit to load within {ABOUT_TIMEOUT_S / 60:.0f} minutes, got nothing; look into the log"
    )


def _environments() -> Iterator[Path]:
    """Folders in which people and programs make environments."""
    home = Path.home()
    yield from (home / ".venv", home / "venv", home / "samft" / ".venv", home / "samft" / "venv")
    for parent in (".virtualenvs", "venvs", "envs"):
        yield from _folders(home / parent)
    yield home / ".local" / "share" / "uv" / "tools" / "samft"
    local = os.environ.get("LOCALAPPDATA")
    for root in (home, *([Path(local)] if local else []), Path("/opt")):
        for name in (*CONDA, "conda"):
            yield root / name
            yield from _folders(root / name / "envs")
    yield from _conda_environments(home / ".conda" / "environments.txt")


def _conda_environments(listing: Path) -> list[Path]:
    """What conda itself has noted down."""
    try:
        return [Path(line) for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError):
        return []


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if (path / SCRIPTS).is_dir())
    except OSError:
        return []


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _different(paths: Iterable[str]) -> list[str]:
    """Each but once, whatever it is called."""
    first: dict[str, str] = {}
    for path in paths:
        first.setdefault(os.path.normcase(os.path.realpath(path)), path)
    return list(first.values())
