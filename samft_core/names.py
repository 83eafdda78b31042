"""What a raster can be called: a file, a name only GDAL knows, or a list of those."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

_GDALS = re.compile(r"<|/vsi|[A-Za-z][\w.+-]+:")
"""How names begin that GDAL knows and the file system does not; one letter before a colon is a drive."""


def split_names(name: str) -> list[str]:
    """The datasets of a raster: its one name, or each in a comma-separated list such as `B04.tif,B03.tif,B02.tif`."""
    parts = [part.strip() for part in name.split(",")]
    if len(parts) == 1 or name.startswith("<") or exists(name):
        return [name]
    if _GDALS.match(name) and not all(_GDALS.match(part) or exists(part) for part in parts):
        return [name]  # a comma within an address or a quoted name
    return parts


def short_name(name: str) -> str:
    """The names without their folders."""
    return ",".join(PurePath(part).name for part in split_names(name))


def may_be_opened(name: str) -> bool:
    """Whether there is such a file, or GDAL may know what the file system does not."""
    return bool(name) and (_GDALS.match(name) is not None or exists(name))


def is_address(name: str) -> bool:
    """Whether GDAL is to find it, in an archive or over a network, and not the file system."""
    return "://" in name or name.startswith("/vsi")


def exists(name: str) -> bool:
    """Whether there is such a file or folder."""
    try:
        return Path(name).exists()
    except OSError:  # XML is too long to be a path
        return False


def one_line(text: str) -> str:
    """A name or GDAL's words for a message: without line breaks, and not too long."""
    words = " ".join(text.split())
    return words if len(words) <= 400 else f"{words[:400]}..."
