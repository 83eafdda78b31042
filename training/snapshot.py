"""A run's state on disk, written whole or not at all, so that a killed run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from samft_core.errors import ConfigError
from samft_core.output import whole_file

STATE = "state.pt"
"""Weights, optimizer, schedule and position; tensors and plain values only."""
RUN = "run.json"
"""The settings that the state belongs to."""


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Replace the state by a newer one."""
    with whole_file(folder / STATE, overwrite=True) as temporary:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:  # all that PyTorch says of a full disk
            raise OSError(f"PyTorch: {str(error).splitlines()[0]}") from error


def load_state(folder: Path) -> dict[str, Any] | None:
    """The state of an earlier run here, or None; only tensors and plain values are ever loaded."""
    path = folder / STATE
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def claim(folder: Path, settings: dict[str, Any]) -> None:
    """Make a checkpoints folder the place of a run with these settings.

    Raises:
        ConfigError: A run with other settings has left its state here.
    """
    path = folder / RUN
    if path.exists() and (folder / STATE).exists():
        check_same_run(json.loads(path.read_text(encoding="utf-8")), settings, folder.parent)
    with whole_file(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def check_same_run(found: Mapping[str, Any], settings: Mapping[str, Any], run: Path) -> None:
    """Refuse to mix two runs in one folder.

    Raises:
        ConfigError: The settings found there are not those given.
    """
    other = sorted(key for key in {*found, *settings} if found.get(key) != settings.get(key))
    if other:
        raise ConfigError(
            expected=f"the run begun in {run}, with {other[0]} = {found.get(other[0])}",
            got=f"{other[0]} = {settings.get(other[0])}",
            remedy="give the same settings to resume it, or another --out",
        )
