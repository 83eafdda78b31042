"""What an uploaded object consists of: bytes that can be read from anywhere in it, before it exists anywhere.

A tar file of chips is never built: its size follows from its members' sizes, and any part of it is read from the chips
themselves. So it takes no disk, and several parts of it travel at once.
"""

from __future__ import annotations

import bisect
import io
import itertools
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from samft_core.errors import InputError

CHUNK_BYTES = 16 << 20
"""What is read, checked and sent at once."""


class Content(Protocol):
    """Bytes whose number is known."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, start: int, length: int) -> bytes:
        """Some of them; fewer where the content ends, or has shrunk."""


@dataclass(frozen=True, kw_only=True)
class Bytes:
    """Content in memory."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def read(self, start: int, length: int) -> bytes:
        """Some of them."""
        return self.data[start : start + length]


@dataclass(frozen=True, kw_only=True)
class File:
    """A file's content; use `open_file`."""

    path: Path
    size: int
    """When it was looked at first."""

    def read(self, start: int, length: int) -> bytes:
        """Some of its bytes.

        Raises:
            InputError: It cannot be read any more.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(min(length, self.size - start))
        except OSError as error:
            raise _unreadable(self.path, error) from error


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file in a tar."""

    name: str
    """Its path in the tar, with slashes."""
    file: File

    @property
    def header(self) -> bytes:
        """What stands before it: a name and a size, and nothing that tells when, where and by whom."""
        info = tarfile.TarInfo(self.name)
        info.size = self.file.size
        return info.tobuf(tarfile.PAX_FORMAT)

    @cached_property
    def size(self) -> int:
        """Header, content and the zeros after it."""
        blocks = -(-self.file.size // tarfile.BLOCKSIZE)
        return len(self.header) + blocks * tarfile.BLOCKSIZE

    def read(self, start: int, length: int) -> bytes:
        """Some of it."""
        header, end = self.header, min(start + length, self.size)
        read = header[start:end]
        begin, stop = (min(max(place - len(header), 0), self.file.size) for place in (start, end))
        if begin < stop:
            found = self.file.read(begin, stop - begin)
            read += found
            if len(found) < stop - begin:
                return read  # the file has shrunk, and what follows would be in the wrong place
        return read + bytes(end - start - len(read))


@dataclass(frozen=True, kw_only=True)
class Tar:
    """A tar of files, the same bytes for the same files."""

    members: tuple[Member, ...] = field(repr=False)

    @cached_property
    def _ends(self) -> list[int]:
        return list(itertools.accumulate(member.size for member in self.members))

    @property
    def size(self) -> int:
        """Its members, and the two empty blocks that end a tar."""
        return (self._ends[-1] if self._ends else 0) + 2 * tarfile.BLOCKSIZE

    def read(self, start: int, length: int) -> bytes:
        """Some of its bytes."""
        end = min(start + length, self.size)
        read = io.BytesIO()
        for number in range(bisect.bisect_right(self._ends, start), len(self.members)):
            member = self.members[number]
            begin = self._ends[number] - member.size
            if begin >= end:
                break
            first = max(start - begin, 0)
            wanted = min(end, self._ends[number]) - begin - first
            found = member.read(first, wanted)
            read.write(found)
            if len(found) < wanted:
                return read.getvalue()
        read.write(bytes(max(end - start - read.tell(), 0)))
        return read.getvalue()


def open_file(path: Path) -> File:
    """A file as it is now.

    Raises:
        InputError: There is none.
    """
    try:
        return File(path=path, size=path.stat().st_size)
    except OSError as error:
        raise _unreadable(path, error) from error


def tars(members: Iterable[Member], limit_bytes: int) -> Iterator[Tar]:
    """Tars of files in their order, each as large as the limit allows, or a single larger file."""
    part: list[Member] = []
    size = 0
    for member in members:
        if part and size + member.size > limit_bytes:
            yield Tar(members=tuple(part))
            part, size = [], 0
        part.append(member)
        size += member.size
    if part:
        yield Tar(members=tuple(part))


def chunks(content: Content) -> list[tuple[int, int]]:
    """Where each chunk begins and how long it is; an empty content is one empty chunk."""
    return [(start, min(CHUNK_BYTES, content.size - start)) for start in range(0, content.size or 1, CHUNK_BYTES)]


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        expected=f"to read {path}", got=error.strerror or str(error), remedy="put the file back, and run it again"
    )
