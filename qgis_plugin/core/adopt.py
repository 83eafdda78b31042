# SPDX-License-Identifier: GPL-2.0-or-later
"""A new bundle into the folder where bundles are chosen from."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path


def adopt(bundle: Path, folder: Path, name: str) -> Path:
    """Copy a bundle into a folder of bundles, whole or not at all.

    Args:
        bundle: The bundle; it stays where it is.
        folder: Where bundles are chosen from; made if it is not there.
        name: What users are to call it; with a number behind it, where there is one of that name.

    Returns:
        The copy.

    Raises:
        OSError: It cannot be copied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{name}-{number}"
    temporary = folder / f".{name}.{uuid.uuid4().hex[:8]}"
    try:
        shutil.copytree(bundle, temporary)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target
