"""Which rasters are meant: names, folders, patterns and lists of them."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from samft_core.errors import RasterError
from samft_core.names import is_address

SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".jpg", ".jpeg", ".png", ".img", ".ecw", ".sid", ".webp")
"""What counts as a raster in a folder; a pattern or a list may name anything that GDAL opens."""


def list_rasters(names: Sequence[str]) -> list[str]:
    """The rasters that names stand for, each once, in their order.

    Args:
        names: Rasters as `open_raster` takes them, folders (all rasters in them, not in folders below), patterns with
            `*`, `?` or `[...]`, and text files that name one of these on each line, relative to the file's folder.

    Raises:
        RasterError: A folder, pattern or list holds no raster.
    """
    rasters: dict[str, None] = {}
    for name in names:
        found = list(_expand(name, ()))
        if not found:
            raise RasterError(
                expected=f"rasters in {name}", got="none", remedy=f"check the path; they end in {', '.join(SUFFIXES)}"
            )
        rasters.update(dict.fromkeys(found))
    return list(rasters)


def _expand(name: str, lists: tuple[Path, ...]) -> Iterator[str]:
    """The rasters of a name, which stands in a list within other lists."""
    path = Path(name)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
        yield from (str(file) for file in files if not file.name.startswith("."))
    elif path.suffix.lower() == ".txt" and path.is_file():
        for entry in _read_list(path, lists):
            inner = entry if is_address(entry) or Path(entry).is_absolute() else str(path.parent / entry)
            yield from _expand(inner, (*lists, path.resolve()))
    elif glob.has_magic(name) and not path.exists() and not is_address(name):
        yield from sorted(glob.glob(name))  # noqa: PTH207 - Path.glob takes no absolute pattern
    else:
        yield name


def _read_list(path: Path, lists: tuple[Path, ...]) -> list[str]:
    """The lines of a list that say something.

    Raises:
        RasterError: It is no text, or names itself.
    """
    if path.resolve() in lists:
        raise RasterError(expected="a list of rasters", got=f"{path}, which names itself", remedy="take that line out")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise RasterError(
            expected=f"a list of rasters in UTF-8, {path}", got="something else", remedy="save it as UTF-8 text"
        ) from error
    return [line.strip() for line in lines if line.strip()]
