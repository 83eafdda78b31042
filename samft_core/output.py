"""Outputs appear whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from samft_core.errors import OutputError


@contextlib.contextmanager
def whole_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Write a file under a temporary name beside it and rename it when all went well.

    Args:
        path: The file to appear.
        overwrite: Whether an existing file is replaced.

    Yields:
        The temporary path to write, with the same suffix.

    Raises:
        OutputError: The file exists already, or cannot be written.
    """
    if path.is_dir():
        raise OutputError(expected=f"the name of a file in {path}", got="the folder itself", remedy="add a file name")
    check_output(path, overwrite=overwrite)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        with _clear_errors(path):
            yield temporary
            temporary.replace(path)
    finally:
        for left in temporary.parent.glob(f"{glob.escape(temporary.name)}*"):
            left.unlink(missing_ok=True)


def clear_half_written(path: Path) -> None:
    """Delete what a killed run left of an output that `whole_file` was writing."""
    begun = re.compile(re.escape(f".{path.stem}.") + "[0-9a-f]{8}" + re.escape(path.suffix))
    for left in path.parent.glob(f".{glob.escape(path.stem)}.*"):
        if begun.match(left.name) and left.is_file():
            left.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path, *, overwrite: bool, made_with: str) -> Iterator[Path]:
    """Fill a folder under a temporary name beside it and rename it when all went well.

    An empty folder counts as absent.

    Args:
        path: The folder to appear.
        overwrite: Whether an existing folder is replaced, once the new one is whole.
        made_with: A file that such folders hold; a folder without it is never replaced.

    Yields:
        The temporary folder, existing and empty.

    Raises:
        OutputError: The folder exists already, or cannot be written.
    """
    path = path.resolve()
    check_folder(path, overwrite=overwrite, made_with=made_with)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    old = path.with_name(f"{temporary.name}.old")
    try:
        with _clear_errors(path):
            temporary.mkdir()
            yield temporary
            if path.exists():
                path.replace(old)
            temporary.replace(path)
    finally:
        if old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def check_folder(path: Path, *, overwrite: bool, made_with: str) -> None:
    """Refuse what `whole_folder` would refuse, before any work is done for it.

    Args:
        path: The folder to appear.
        overwrite: Whether an existing folder is to be replaced.
        made_with: A file that such folders hold.

    Raises:
        OutputError: It exists and is not to be overwritten, is something else, or cannot be written.
    """
    path = path.resolve()
    if path in (Path.cwd(), *Path.cwd().parents):
        raise OutputError(
            expected="a folder to make", got=f"{path}, which is in use", remedy="name a new folder inside it"
        )
    foreign = path.is_file() or (path.is_dir() and any(path.iterdir()) and not (path / made_with).exists())
    if foreign:
        raise OutputError(
            expected=f"a new folder, or one with {made_with} that samft made",
            got=f"{path}, which holds something else",
            remedy="choose another name; --overwrite does not delete it",
        )
    check_output(path, overwrite=overwrite)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that exists or whose folder cannot be written, before any work is done for it.

    Creates the folder that the output goes into.

    Raises:
        OutputError: It exists and is not to be overwritten, or cannot be written.
    """
    occupied = any(path.iterdir()) if path.is_dir() else path.exists()
    if occupied and not overwrite:
        raise OutputError(
            expected=f"an output that does not exist yet, {path}",
            got="one that does",
            remedy="choose another name or add --overwrite",
        )
    with _clear_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        probe.touch()
        probe.unlink()


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusals to write into one line."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            expected=f"to write {path}",
            got=error.strerror or str(error),
            remedy="free some space, or choose a folder that can be written",
        ) from error
