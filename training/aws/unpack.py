"""Unpacks archives that nobody vouches for: only files and folders, only where they belong, only so much."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from samft_core.errors import InputError

MAX_BYTES = 16 << 30
"""An archive's content is not larger; the largest SAM, trained whole, takes 2.6 GB."""

MAX_MEMBERS = 10_000

PIECE_BYTES = 1 << 20

PLAIN = re.compile(r"[\w .+@=,-]+", re.ASCII)
"""What the parts of a member's path are made of: nothing that any system reads as a drive, a stream or a separator."""


def unpack(archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Unpack a tar.gz that a job has left.

    Args:
        archive: The file.
        folder: Exists, empty.
        max_bytes: How much may come out of it in all.

    Raises:
        InputError: It is damaged, too large, or holds anything but files and folders below its root.
    """
    try:
        with gzip.open(archive) as unpacked, tarfile.open(fileobj=_Bounded(unpacked, max_bytes), mode="r:") as members:
            for member in _safe(members, folder):
                target = folder / member.name
                (target if member.isdir() else target.parent).mkdir(parents=True, exist_ok=True)
                content = members.extractfile(member)
                if content is not None:
                    with content, target.open("xb") as file:
                        while piece := content.read(PIECE_BYTES):
                            file.write(piece)
    except (tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError, FileExistsError, NotADirectoryError) as error:
        raise _refuse(f"one that cannot be unpacked ({error})") from error


def _safe(members: tarfile.TarFile, folder: Path) -> Iterator[tarfile.TarInfo]:
    """An archive's members as long as each is harmless.

    Raises:
        InputError: One is not.
    """
    for number, member in enumerate(members, start=1):
        name = PurePosixPath(member.name)
        inside = not name.is_absolute() and all(PLAIN.fullmatch(part) and part != ".." for part in name.parts)
        if not inside or not (member.isreg() or member.isdir()) or member.issparse():
            raise _refuse(f"{member.name!r}, {_kind(member)}")
        if number > MAX_MEMBERS:
            raise _refuse(f"more than {MAX_MEMBERS} files")
        if hasattr(tarfile, "data_filter"):  # Python's own opinion, where it has one
            tarfile.data_filter(member, str(folder))
        yield member


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {member.linkname!r}"
    if member.isreg() and not member.issparse():
        return "a file that would lie elsewhere"
    return "a folder that would lie elsewhere" if member.isdir() else "which is neither a file nor a folder"


class _Bounded(io.RawIOBase):
    """A stream of which no more is read than allowed, in all and at once.

    Args:
        stream: The stream.
        limit: How many bytes may be read.
    """

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._limit = limit

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        if size < 0 or size > 4 * PIECE_BYTES:  # a header that claims to be so long
            raise _refuse("a header without end")
        data = self._stream.read(size)
        if self._stream.tell() > self._limit:
            raise _refuse(f"more than {self._limit / 1e9:.3g} GB")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere, but not past the limit."""
        if offset > self._limit:
            raise _refuse(f"more than {self._limit / 1e9:.3g} GB")
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._stream.tell()


def _refuse(got: str) -> InputError:
    return InputError(
        expected="a model archive with files and folders alone", got=got, remedy="do not trust where it came from"
    )
