"""The iso-contour of a probability field, as polygons in pixel coordinates (`Grid.to_map` leads to the CRS).

The rows of a field may come bit by bit: lines that are not closed yet are kept and joined, crossing by crossing, with
those of the rows that follow. So no edge lies on a seam, and a polygon is the same however the rows were divided.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.cutting import without
from samft_core.grid import Geometries
from samft_core.isolines import Integers, chains, crossings
from samft_core.tracing import trace

Points = npt.NDArray[np.float64]
"""Coordinates (n, 2)."""


ROWS = 512
"""How many rows of an array are followed at a time."""

SPECK_PX2 = 1e-9
"""Smaller rings, around a lone sample that just reaches the level, are left out."""


@dataclass(frozen=True)
class _Line:
    """A contour that is not closed yet; it starts and ends on the seam to the rows that follow."""

    end: int
    """The number of the seam's crossing that it ends at."""
    pieces: list[Points]
    """Its course, without that last crossing."""


class Contours:
    """Outlines of where a field lies above a level, from rows that come one band after the other.

    Args:
        level: A pixel is inside where its value is not below; above 0 and below 1.
        first_row: The row of the first sample, in the pixels of the coordinates.
        first_col: The column of the first sample.
        width: The number of samples in a row.
    """

    def __init__(self, level: float, *, first_row: int, first_col: int, width: int) -> None:
        self._level, self._row, self._col = level, first_row, first_col
        self._above = np.full(width, -1, dtype=np.float32)
        self._seam = np.full(width + 1, -1, dtype=np.int32)
        self._open: dict[int, _Line] = {}
        self._holes: list[Points] = []

    @property
    def open_pieces(self) -> list[Points]:
        """The courses of the contours that are not closed yet."""
        return [piece for line in self._open.values() for piece in line.pieces]

    def add(self, rows: npt.NDArray[np.float32]) -> Geometries:
        """Go on with the next rows.

        Args:
            rows: Samples (rows, width), 0 to 1; below 0 where nothing is known.

        Returns:
            The polygons that are closed now, holes included. They are valid, and neither overlap nor touch.
        """
        x, y, after, seam = crossings(rows, self._above, self._seam, self._level, self._row, self._col)
        order, starts, open_lines = chains(after)
        points = np.column_stack((x, y))[order]
        lines = [
            (int(order[first]), int(order[last - 1]), points[first : last - 1])
            for first, last in itertools.pairwise(starts[: open_lines + 1])
        ]
        numbers = {int(crossing): number for number, crossing in enumerate(seam[seam >= 0])}
        joined = self._join(lines, int((self._seam >= 0).sum()), numbers)
        self._seam = np.where(seam >= 0, np.cumsum(seam >= 0) - 1, -1).astype(np.int32)
        self._above, self._row = rows[-1].copy(), self._row + len(rows)
        whole = int(starts[open_lines])
        return self._polygons(joined, points[whole:], starts[open_lines:] - whole)

    def finish(self) -> Geometries:
        """The polygons that end with the last row."""
        return self.add(np.full((1, len(self._above)), -1, dtype=np.float32))

    def _join(self, lines: list[tuple[int, int, Points]], seam_count: int, numbers: dict[int, int]) -> list[Points]:
        """Join the open lines of the rows before with those of the rows at hand.

        Args:
            lines: First crossing, last crossing and course of each line within the rows at hand.
            seam_count: Crossings below it are of the seam that the rows begin with.
            numbers: The crossings of the seam that they end with, as they are counted from then on.

        Returns:
            The rings that are closed now, without their first point at the end.
        """
        going_on = {start: (end, course) for start, end, course in lines if start < seam_count}
        before, self._open = self._open, {}

        def follow(end: int, course: Points, goal: int) -> tuple[int, list[Points]]:
            pieces = [course]
            while end < seam_count:
                line = before.pop(end)
                pieces += line.pieces
                end = line.end
                if end == goal:
                    break
                end, course = going_on.pop(end)
                pieces.append(course)
            return end, pieces

        for start, end, course in lines:
            if start >= seam_count:
                last, pieces = follow(end, course, -1)
                self._open[numbers[start]] = _Line(numbers[last], pieces)
        rings = []
        while going_on:
            start, (end, course) = going_on.popitem()
            rings.append(np.concatenate(follow(end, course, start)[1]))
        return rings

    def _polygons(self, joined: list[Points], points: Points, starts: Integers) -> Geometries:
        """Shells with the holes that lie in them; holes whose shell is still open are kept.

        Args:
            joined: Rings that cross a seam.
            points: The others, one after the other.
            starts: Where each begins, and the end of the last.
        """
        coordinates = np.concatenate([*joined, points])
        lengths = np.concatenate(([len(ring) for ring in joined], np.diff(starts))).astype(np.int64)
        rings = shapely.linearrings(coordinates, indices=np.repeat(np.arange(len(lengths)), lengths))
        area = _signed_areas(coordinates, lengths)
        shells: Geometries = shapely.polygons(rings[area > SPECK_PX2])
        holes = np.append(np.array(self._holes, dtype=object), rings[area < -SPECK_PX2])
        shell, inside = shapely.STRtree(shapely.get_point(holes, 0)).query(shells, predicate="contains")
        size = shapely.area(shells)
        home = np.full(len(holes), -1)
        for i in np.argsort(-size[shell], kind="stable"):  # the smallest shell around a hole has the last word
            home[inside[i]] = shell[i]
        self._holes = list(holes[home < 0])
        for i in np.unique(home[home >= 0]):
            shells[i] = shapely.Polygon(shapely.get_exterior_ring(shells[i]), list(holes[home == i]))
        return shells


def contour(
    probability: npt.NDArray[np.float32], threshold: float, *, valid: npt.NDArray[np.bool_] | None = None
) -> Geometries:
    """Outline where a field lies above a threshold, at sub-pixel accuracy (marching squares).

    Args:
        probability: (height, width), 0 to 1, known at the pixels' centres.
        threshold: Above 0 and below 1; a pixel is inside where its value is not below.
        valid: (height, width); no polygon covers any part of a pixel that is False, nor leaves the array.

    Returns:
        Valid polygons in pixel coordinates, holes included.
    """
    sweep = Contours(threshold, first_row=0, first_col=0, width=probability.shape[1])
    found = []
    for row in range(0, len(probability), ROWS):
        rows = np.ascontiguousarray(probability[row : row + ROWS], dtype=np.float32)
        found.append(sweep.add(rows if valid is None else np.where(valid[row : row + ROWS], rows, np.float32(-1))))
    polygons = np.concatenate([*found, sweep.finish()])
    if valid is None:
        return polygons
    unknown, _ = trace(~valid)
    near, area = shapely.STRtree(unknown).query(polygons, predicate="intersects")
    return without(polygons, unknown[area], near)


def _signed_areas(points: Points, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The area of each ring, negative where it runs clockwise with y pointing up (shoelace formula).

    Args:
        points: The rings' points, one ring after the other.
        lengths: How many each has.
    """
    if len(lengths) == 0:
        return np.zeros(0)
    starts = np.cumsum(lengths) - lengths
    local = points - np.repeat(points[starts], lengths, axis=0)  # far from the origin, digits would be lost
    following = np.roll(local, -1, axis=0)
    following[starts + lengths - 1] = local[starts]
    cross = local[:, 0] * following[:, 1] - following[:, 0] * local[:, 1]
    area: npt.NDArray[np.float64] = np.add.reduceat(cross, starts) / 2
    return area
