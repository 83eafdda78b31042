"""A run's folder: what lies where, and whose it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samft_core.errors import ConfigError
from samft_core.output import whole_file

BUNDLE, CHECKPOINTS, METRICS, REPORT, BOARD = "bundle", "checkpoints", "metrics.jsonl", "report.html", "tensorboard"

SETTINGS = "run.json"
"""In the checkpoints: the settings that they belong to."""


def claim(run: Path, settings: dict[str, Any]) -> None:
    """Make a folder the place of a run with these settings.

    Raises:
        ConfigError: A run with other settings has left its snapshots here.
    """
    path = run / CHECKPOINTS / SETTINGS
    if path.exists() and any(path.parent.glob("*.pt")):
        check_same_run(json.loads(path.read_text(encoding="utf-8")), settings, run)
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
