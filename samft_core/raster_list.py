"""Which rasters are meant: names, folders, patterns and lists of them."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from samft_core.errors import RasterError

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
        found = list(_expand(name))
        if not found:
            raise RasterError(
                expected=f"rasters in {name}", got="none", remedy=f"check the path; they end in {', '.join(SUFFIXES)}"
            )
        rasters.update(dict.fromkeys(found))
    return list(rasters)


def _expand(name: str) -> Iterator[str]:
    path = Path(name)
    if path.is_dir():
        yield from (str(file) for file in sorted(path.iterdir()) if file.suffix.lower() in SUFFIXES and file.is_file())
    elif path.suffix.lower() == ".txt" and path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if entry := line.strip():
                yield from _expand(entry if _is_absolute(entry) else str(path.parent / entry))
    elif glob.has_magic(name) and not path.exists() and not _is_remote(name):
        yield from sorted(glob.glob(name))  # noqa: PTH207 - Path.glob takes no absolute pattern
    else:
        yield name


def _is_remote(name: str) -> bool:
    return "://" in name or name.startswith("/vsi")


def _is_absolute(name: str) -> bool:
    return _is_remote(name) or Path(name).is_absolute()
