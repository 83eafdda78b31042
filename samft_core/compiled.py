"""Loops over pixels, compiled by numba on first use and kept on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function of numbers and NumPy arrays; other threads run while it does."""
    try:
        fast: Function = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        fast = numba.njit(nogil=True)(function)
    return fast
