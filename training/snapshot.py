"""A run's whole state on disk, written whole or not at all, so that a killed run goes on where it was."""

from __future__ import annotations

import logging
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from samft_core.output import whole_file

KEPT = 2
"""How many snapshots stay: the newest, and one in case it is damaged on its way somewhere."""


def save_snapshot(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Write the state after a step, and delete all but the newest few.

    Args:
        folder: The checkpoints.
        step: How many steps are behind us.
        state: Tensors and plain values only.

    Raises:
        OutputError: It cannot be written; older ones are untouched.
    """
    path = folder / f"step-{step:08d}.pt"
    with whole_file(path, overwrite=True) as temporary:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:  # all that PyTorch says of a full disk
            raise OSError(f"PyTorch: {str(error).splitlines()[0]}") from error
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def load_snapshot(folder: Path) -> dict[str, Any] | None:
    """The newest whole state, or None; only tensors and plain values are ever loaded.

    What killed processes left half-written is deleted: nobody else writes here now.
    """
    for left in folder.glob(".step-*.pt"):
        left.unlink(missing_ok=True)
    return next(filter(None, map(_load, _newest_first(folder))), None)


def _load(path: Path) -> dict[str, Any] | None:
    try:
        _check(path)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        logging.getLogger("samft").warning(
            "snapshot %s is damaged (%s); going on from the one before", path, str(error).splitlines()[0]
        )
        return None
    return state


def _check(path: Path) -> None:
    """Compare the checksums that PyTorch writes and does not look at."""
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
    if broken:
        raise ValueError(f"checksum of {broken}")


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.pt"), reverse=True)
