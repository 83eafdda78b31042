"""Memory that is freed stays with the process.

An encoder frees and takes hundreds of megabytes for each layer. glibc gives such blocks back to the system at once, and
the system clears every page again before it lends it anew: with ViT-B on a CPU, a third of the time or more.
"""

from __future__ import annotations

import ctypes
import functools
import sys

# glibc's malloc.h
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
KEEP_ALL = -1
GROW_BY_BYTES = 256 << 20


@functools.cache
def keep_memory() -> bool:
    """Tell glibc to keep freed memory from now on; whether it could be told, which is on Linux with glibc alone."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):  # musl has no mallopt
        return False
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, KEEP_ALL), (M_TOP_PAD, GROW_BY_BYTES))
    answers = [libc.mallopt(name, value) for name, value in settings]
    return all(answers)
