"""Where on the ground footprints are right and where they are not, square by square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.comparison import Comparison
from samft_core.counts import Counts
from samft_core.grid import Bounds, Geometries

CELL_M = 200.0
"""The side of a square."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A square of the ground to look at, in the comparison's CRS."""

    title: str
    bounds: Bounds
    hits: Geometries
    """Footprints that are right."""
    met: Geometries
    """The true buildings they were matched with."""
    missed: Geometries
    """True buildings that were not found."""
    false: Geometries
    """Footprints that are wrong."""


def best_median_worst(comparison: Comparison, *, side_m: float = CELL_M) -> tuple[Cell, ...]:
    """The squares of the best, the median and the worst object F1 among those with buildings, fewer where there are.

    Squares are counted from the south-western corner of all; a building lies where the middle of its box lies. Of
    squares as good as each other, the one of more buildings goes first.

    Args:
        comparison: Footprints and true buildings.
        side_m: The squares' side.
    """
    hits, met = comparison.overlaps.matches()
    right, reached = np.zeros(len(comparison.found), np.bool_), np.zeros(len(comparison.true), np.bool_)
    right[hits], reached[met] = True, True
    kinds = {
        "hits": comparison.found[hits],
        "met": comparison.true[met],
        "missed": comparison.true[~reached],
        "false": comparison.found[~right],
    }
    corner = shapely.total_bounds(np.concatenate((comparison.found, comparison.true)))[:2]
    places, counts = _counted(kinds["met"], kinds["false"], kinds["missed"], corner, side_m)
    cells = []
    for name, i in _ranked(counts).items():
        x, y = corner + places[i] * side_m
        box, count = shapely.box(x, y, x + side_m, y + side_m), counts[i]
        title = f"{name}: F1 {count.f1:.3f}, found {count.tp}, false {count.fp}, missed {count.fn}"
        seen = {kind: polygons[shapely.intersects(polygons, box)] for kind, polygons in kinds.items()}
        cells.append(Cell(title=title, bounds=box.bounds, **seen))
    return tuple(cells)


def _counted(
    met: Geometries, false: Geometries, missed: Geometries, corner: npt.NDArray[np.float64], side_m: float
) -> tuple[npt.NDArray[np.int64], list[Counts]]:
    """The squares with buildings, (squares, 2) as column and row, and what was found in each."""
    kind = np.repeat([0, 1, 2], [len(met), len(false), len(missed)])
    bounds = shapely.bounds(np.concatenate((met, false, missed))).reshape(-1, 4)
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    places, square = np.unique(np.floor((middles - corner) / side_m).astype(np.int64), axis=0, return_inverse=True)
    tp, fp, fn = (np.bincount(square.ravel()[kind == k], minlength=len(places)).tolist() for k in (0, 1, 2))
    return places, [Counts(tp=tp[i], fp=fp[i], fn=fn[i]) for i in range(len(places))]


def _ranked(counts: Sequence[Counts]) -> dict[str, int]:
    """Which squares are the best, the median and the worst, each named once."""
    f1 = np.array([count.f1 for count in counts])
    fewer = -np.array([count.tp + count.fp + count.fn for count in counts])
    ranked = np.lexsort((fewer, -f1))
    chosen: dict[int, str] = {}
    for name, i in (("best", ranked[0]), ("median", ranked[len(ranked) // 2]), ("worst", np.lexsort((fewer, f1))[0])):
        chosen.setdefault(int(i), name)
    return {name: i for i, name in chosen.items()}
