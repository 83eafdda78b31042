"""Options that several verbs share."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from samft_core.output import whole_file

Command = TypeVar("Command", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)
"""A path that the library itself checks, with errors in its own words."""


class Limits(click.FloatRange):
    """A range of numbers that NaN and infinity are no part of."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, if it is one within the range."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def overwrite_option(command: Command) -> Command:
    """--overwrite."""
    return click.option("--overwrite", is_flag=True, help="Replace an output that exists.")(command)


def device_option(command: Command) -> Command:
    """--device."""
    text = "Where to compute: auto (a GPU where there is one), cpu, cuda, cuda:1, mps."
    return click.option("--device", default="auto", show_default=True, metavar="D", help=text)(command)


def nodata_option(command: Command) -> Command:
    """--nodata."""
    text = "This value means no data, in rasters that do not say themselves what is valid."
    return click.option("--nodata", type=float, metavar="VALUE", help=text)(command)


def json_option(command: Command) -> Command:
    """--json."""
    return click.option("--json", "json_path", type=PATH, metavar="F", help="Also write the scores as JSON.")(command)


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write JSON whole or not at all, replacing an older file."""
    with whole_file(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
