"""How far outlines run along true outlines: the boundary scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.counts import ratio
from samft_core.grid import Geometries

Floats = npt.NDArray[np.float64]
Ends = npt.NDArray[np.float64]
"""(segments, 2, 2): the first and the last point of each, as (x, y)."""

BOUNDARY_M = 1.0
"""How far an outline may lie from a true one and still be right."""

CHUNK_SEGMENTS = 100_000
"""So many segments are held against the others at once."""


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """Lengths of outlines in metres, pooled over all that is added, and the ratios that follow from them.

    The boundary F1 of Csurka et al. 2013 ("What is a good evaluation measure for semantic segmentation?", BMVC), in
    lengths of outlines instead of numbers of pixels. Where there is no outline, the ratios are 0.
    """

    found_m: float
    """Of predicted outlines."""
    right_m: float
    """Of these, what lies within the tolerance of a true outline."""
    true_m: float
    """Of true outlines."""
    met_m: float
    """Of these, what lies within the tolerance of a predicted outline."""

    def __add__(self, other: Boundary) -> Boundary:
        return Boundary(
            found_m=self.found_m + other.found_m,
            right_m=self.right_m + other.right_m,
            true_m=self.true_m + other.true_m,
            met_m=self.met_m + other.met_m,
        )

    @property
    def precision(self) -> float:
        """The share of predicted outlines that is right."""
        return ratio(self.right_m, self.found_m)

    @property
    def recall(self) -> float:
        """The share of true outlines that was met."""
        return ratio(self.met_m, self.true_m)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return ratio(2 * self.precision * self.recall, self.precision + self.recall)


NO_BOUNDARY = Boundary(found_m=0.0, right_m=0.0, true_m=0.0, met_m=0.0)
"""What outlines are added to."""


def compare_outlines(
    predicted: Geometries,
    truth: Geometries,
    *,
    within: shapely.Geometry | None = None,
    tolerance_m: float = BOUNDARY_M,
) -> Boundary:
    """Measure how far predicted and true outlines run along each other.

    Each building's outline counts, holes included: a wall that two share counts twice.

    Args:
        predicted: Valid polygons, in metres on the ground.
        truth: The same.
        within: Outlines count, on either side, only in here; everywhere if None.
        tolerance_m: How far apart they may lie.
    """
    found, true = _segments(predicted, within), _segments(truth, within)
    return Boundary(
        found_m=float(_lengths(found).sum()),
        right_m=_length_near(found, true, tolerance_m),
        true_m=float(_lengths(true).sum()),
        met_m=_length_near(true, found, tolerance_m),
    )


def boundary_report(boundary: Boundary, tolerance_m: float = BOUNDARY_M) -> dict[str, float]:
    """Boundary scores under the names of the JSON output."""
    return {
        "f1": boundary.f1,
        "precision": boundary.precision,
        "recall": boundary.recall,
        "tolerance_m": tolerance_m,
    }


def _segments(polygons: Geometries, within: shapely.Geometry | None) -> Ends:
    """The straight pieces of outlines, those of no length left out."""
    lines = shapely.boundary(polygons)
    if within is not None:
        lines = shapely.intersection(lines, within)
    points, line = shapely.get_coordinates(shapely.get_parts(shapely.get_parts(lines)), return_index=True)
    ends: Ends = np.stack((points[:-1], points[1:]), axis=1)[line[:-1] == line[1:]]
    return ends[_lengths(ends) > 0]


def _lengths(ends: Ends) -> Floats:
    steps = ends[:, 1] - ends[:, 0]
    return np.asarray(np.hypot(steps[:, 0], steps[:, 1]))


def _length_near(ends: Ends, others: Ends, distance: float) -> float:
    """The length of what lies within a distance of others.

    What is within a distance of one segment is convex, so another one has one stretch in there; the stretches of all
    pairs are united along each segment.
    """
    tree = shapely.STRtree(shapely.linestrings(others))
    total = 0.0
    for chunk in _chunks(ends):
        own, other = tree.query(shapely.linestrings(chunk), predicate="dwithin", distance=distance)
        begin, end = _stretch(chunk[own], others[other], distance)
        # two apart, so that what is united stays with its segment
        begin, end = begin + 2 * own, end + 2 * own
        order = np.argsort(begin, kind="stable")
        own, begin, end = own[order], begin[order], end[order]
        reached = np.append(-np.inf, np.maximum.accumulate(end))[:-1]
        total += float((np.maximum(end - np.maximum(begin, reached), 0) * _lengths(chunk)[own]).sum())
    return total


def _chunks(ends: Ends) -> Iterator[Ends]:
    for first in range(0, len(ends), CHUNK_SEGMENTS):
        yield ends[first : first + CHUNK_SEGMENTS]


def _stretch(ends: Ends, others: Ends, distance: float) -> tuple[Floats, Floats]:
    """Which part of each segment lies within a distance of another, from 0 to 1 along it; empty where it ends first."""
    start, step = ends[:, 0], ends[:, 1] - ends[:, 0]
    along = (others[:, 1] - others[:, 0]) / _lengths(others)[:, None]
    across = np.column_stack((-along[:, 1], along[:, 0]))
    offset = start - others[:, 0]
    beside = _slab(_dot(offset, along), _dot(step, along), np.zeros(len(ends)), _lengths(others))
    level = _slab(_dot(offset, across), _dot(step, across), np.full(len(ends), -distance), np.full(len(ends), distance))
    begin, end = np.maximum(beside[0], level[0]), np.minimum(beside[1], level[1])
    begin, end = np.where(begin <= end, (begin, end), ((np.inf,), (-np.inf,)))
    for k in (0, 1):
        first, last = _disc(start - others[:, k], step, distance)
        begin, end = np.minimum(begin, first), np.maximum(end, last)
    begin, end = np.clip(begin, 0, 1), np.clip(end, 0, 1)
    return begin, np.maximum(begin, end)


def _slab(offset: Floats, slope: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Where offset + t * slope lies between two values; (inf, -inf) where nowhere."""
    level = slope == 0
    first, last = ((bound - offset) / np.where(level, 1, slope) for bound in (low, high))
    inside = (low <= offset) & (offset <= high)
    begin = np.where(level, np.where(inside, -np.inf, np.inf), np.minimum(first, last))
    end = np.where(level, np.where(inside, np.inf, -np.inf), np.maximum(first, last))
    return begin, end


def _disc(offset: Floats, step: Floats, radius: float) -> tuple[Floats, Floats]:
    """Where offset + t * step lies within a radius of 0; (inf, -inf) where nowhere."""
    squared = _dot(step, step)
    middle = -_dot(offset, step) / squared
    gap = (offset[:, 0] * step[:, 1] - offset[:, 1] * step[:, 0]) ** 2 / squared
    half = np.sqrt(np.maximum(radius**2 - gap, 0) / squared)
    meets = gap <= radius**2
    return np.where(meets, middle - half, np.inf), np.where(meets, middle + half, -np.inf)


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1])
