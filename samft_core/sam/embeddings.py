"""What a frozen encoder makes of tiles, kept on disk under what it was made from.

A cache is a folder: `<encoding>/encoding.json` says what the encoder and the numbers are, and each tile has a file
`<encoding>/<first two digits of its key>/<key>.npy`, an array with the CRC-32 of all before it at the end. A file
appears whole or not at all and never changes, so any number of processes may read and fill the same cache.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import os
import re
import shutil
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import platformdirs
import torch

from samft_core.errors import InputError, ModelError, OutputError
from samft_core.output import whole_file
from samft_core.sam.encoding import Encoding

FOLDER_VARIABLE, LIMIT_VARIABLE = "SAMFT_CACHE", "SAMFT_CACHE_GB"
"""The environment variables for the cache's folder, and for how large `segment` lets it grow."""
LIMIT_GB = 20.0
"""How large, where nothing else is said."""

ABOUT = "encoding.json"
ABANDONED_S = 3600.0
"""A file half-written for so long belongs to a process that was killed; writing one takes no second."""
WRITTEN_BETWEEN_PRUNING = 256
"""Tiles; at most so many lie beyond a cache's limit."""

_FILE = re.compile("[0-9a-f]{64}[.]npy")
_BEGUN = re.compile("[.][0-9a-f]{64}[.][0-9a-f]{8}[.]npy")
_CRC_BYTES = 4


def in_words(size_bytes: float) -> str:
    """A size to read, such as 1.5 GB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes / 1e3:.1f} kB"


def cache_limit_bytes() -> int:
    """How large `segment` lets the cache grow: the environment variable SAMFT_CACHE_GB, or 20 GB.

    Raises:
        InputError: The variable is no size.
    """
    text = os.environ.get(LIMIT_VARIABLE) or str(LIMIT_GB)
    try:
        limit_gb = float(text)
    except ValueError:
        limit_gb = math.nan
    if not 0 <= limit_gb < math.inf:
        raise InputError(
            expected=f"a number of gigabytes in the environment variable {LIMIT_VARIABLE}",
            got=text,
            remedy=f"set it to 0 or more, or leave it out for {LIMIT_GB:.0f}",
        )
    return int(limit_gb * 1e9)


class EmbeddingCache:
    """Embeddings on disk, by the key of their tile.

    Opening it deletes what killed processes have left half-written in it, an hour ago or longer: what is younger may be
    another process's work.

    Args:
        encoding: What the embeddings are.
        root: The folder of all encodings; by default the environment variable SAMFT_CACHE, or else a folder among the
            user's caches.
        limit_bytes: The size that it is pruned to now and then while it is filled; None for no limit.
    """

    def __init__(self, encoding: Encoding, root: Path | None = None, *, limit_bytes: int | None = None) -> None:
        self.encoding = encoding
        self.root = (root or default_root()).absolute()
        self.folder = self.root / encoding.digest
        self._limit_bytes = limit_bytes
        self._written = 0
        self._clear_abandoned()

    def __contains__(self, key: str) -> bool:
        return self._path(key).is_file()

    def read(self, key: str) -> torch.Tensor:
        """A tile's embeddings, mapped from the file, as they were stored; counts as a use of them.

        Writing into the tensor does not change the file.

        Raises:
            KeyError: They are not here, or cannot be read. What is damaged is deleted and counts as missing.
        """
        path = self._path(key)
        try:
            _check(path)
            array = np.lib.format.open_memmap(path, mode="c")
        except OSError as error:
            raise KeyError(key) from error
        except ValueError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise KeyError(key) from error
        with contextlib.suppress(OSError):  # another user's cache can be read too
            os.utime(path)
        return torch.from_numpy(array)

    def write(self, key: str, tensor: torch.Tensor) -> None:
        """Store a tile's embeddings, whole or not at all, whoever else may write the same now.

        Raises:
            ModelError: They are no finite numbers, or too large for float16.
            OutputError: The disk is full, or the folder cannot be written.
        """
        stored = tensor.detach().to("cpu", getattr(torch, self.encoding.dtype)).contiguous()
        if not stored.isfinite().all():
            raise ModelError(
                expected=f"embeddings within the range of {self.encoding.dtype}",
                got=f"as much as {tensor.detach().abs().max():.3g}",
                remedy="keep finite ones as float32 (in training: cache=fp32), or else check the model's weights",
            )
        content = io.BytesIO()
        np.save(content, stored.numpy(), allow_pickle=False)
        content.write(_crc(content.getvalue()))
        self._describe()
        self._put(self._path(key), content.getbuffer())
        self._written += 1
        if self._limit_bytes is not None and self._written % WRITTEN_BETWEEN_PRUNING == 0:
            self.prune(self._limit_bytes)

    def bytes_each(self, shape: Sequence[int]) -> int:
        """What a file takes that holds an array of this shape."""
        header = io.BytesIO()
        described = {"descr": np.dtype(self.encoding.dtype).str, "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(header, described)
        return header.tell() + math.prod(shape) * np.dtype(self.encoding.dtype).itemsize + _CRC_BYTES

    def require_room(self, count: int, shape: Sequence[int], limit_bytes: int, *, there: int = 0) -> None:
        """Refuse to begin what will not fit.

        Args:
            count: How many tiles are still to be written.
            shape: Of each tile's embeddings.
            limit_bytes: What all of them may take, with those that are there.
            there: How many of the same shape are written already and used too.

        Raises:
            OutputError: They would take more than the limit, or than the disk has left.
        """
        each = self.bytes_each(shape)
        needed = count * each
        limit_bytes -= there * each
        free = shutil.disk_usage(_existing(self.root)).free
        if needed > min(limit_bytes, free):
            allowed, why = (limit_bytes, "the limit") if limit_bytes <= free else (free, "what is free")
            raise OutputError(
                expected=f"at most {in_words(allowed)}, {why}, for {count} embeddings in {self.root}",
                got=f"{in_words(needed)}",
                remedy=f"raise the limit or {_REMEDY}" if why == "the limit" else _REMEDY,
            )

    def size_bytes(self) -> int:
        """What the files of all encodings under the root take."""
        return sum(size for _, size, _ in self._used())

    def prune(self, limit_bytes: int) -> None:
        """Delete what was used least recently, of any encoding under the root, until the rest is within a limit.

        A file that another process holds open stays where the system keeps it from being deleted.
        """
        files = sorted(self._used())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= limit_bytes:
                return
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
                total -= size

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npy"

    def _put(self, path: Path, content: bytes | memoryview) -> None:
        try:
            with whole_file(path, overwrite=True) as temporary:
                temporary.write_bytes(content)
        except OutputError as error:
            if isinstance(error.__cause__, PermissionError) and path.is_file():
                return  # Windows replaces no file that somebody reads; it is the same one
            raise OutputError(
                expected=f"to write into the cache of embeddings, {self.root}", got=error.got, remedy=_REMEDY
            ) from error

    def _describe(self) -> None:
        if not (self.folder / ABOUT).exists():
            text = json.dumps(dataclasses.asdict(self.encoding), indent=2) + "\n"
            self._put(self.folder / ABOUT, text.encode())

    def _clear_abandoned(self) -> None:
        before_s = time.time() - ABANDONED_S
        for entry in _entries(self.folder):
            if _BEGUN.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    if entry.stat().st_mtime < before_s:
                        Path(entry.path).unlink()

    def _used(self) -> Iterator[tuple[float, int, Path]]:
        """When each file of any encoding was used last, its size in bytes, and its path."""
        for about in self.root.glob(f"*/{ABOUT}"):
            for entry in _entries(about.parent):
                if _FILE.fullmatch(entry.name):
                    with contextlib.suppress(OSError):  # somebody else has just deleted it
                        found = entry.stat()
                        yield found.st_mtime, found.st_size, Path(entry.path)


_REMEDY = (
    "free some space, ask for fewer views, or let the environment variable "
    f"{FOLDER_VARIABLE} name a folder on a larger disk"
)


def default_root() -> Path:
    """The folder of all embeddings: the environment variable SAMFT_CACHE, or one among the user's caches."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else platformdirs.user_cache_path("samft", appauthor=False) / "embeddings"


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The files in an encoding's folders of two digits."""
    with contextlib.suppress(OSError):
        for below in [entry.path for entry in os.scandir(folder) if entry.is_dir()]:
            with contextlib.suppress(OSError):
                yield from os.scandir(below)


def _existing(path: Path) -> Path:
    """A folder that is to be made, or the one above it that exists."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())


def _check(path: Path) -> None:
    """Raise ValueError if a file is not what was once written to it."""
    content = np.memmap(path, dtype=np.uint8, mode="c")
    if _crc(content[:-_CRC_BYTES].data) != content[-_CRC_BYTES:].tobytes():
        raise ValueError("damaged")


def _crc(content: bytes | memoryview) -> bytes:
    return zlib.crc32(content).to_bytes(_CRC_BYTES, "little")
