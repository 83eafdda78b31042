# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders for what lies on disk only while something is done."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that goes when it is left; on Windows a file that is still open somewhere outlives it."""
    folder = tempfile.mkdtemp(prefix="samft-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
