"""Polygons out of any geometries, and which of them lie near others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.grid import Geometries

Indices = npt.NDArray[np.int64]

STEPS = 24
"""How many segments make a piece: short enough to measure from, long enough not to be too many."""


def parts(geometries: Geometries) -> Geometries:
    """The polygons that geometries of any type are made of, without those of no area."""
    flat = shapely.get_parts(geometries)
    while (shapely.get_type_id(flat) == shapely.GeometryType.GEOMETRYCOLLECTION).any():
        flat = shapely.get_parts(flat)
    flat = shapely.get_parts(flat)
    polygons: Geometries = flat[(shapely.get_type_id(flat) == shapely.GeometryType.POLYGON) & (shapely.area(flat) > 0)]
    return polygons


class Nearness:
    """Which polygons and lines lie near some others, by their outlines alone.

    The distance of two polygons of thousands of vertices is costly, and nearly all of them are far away: so outlines
    are cut into short pieces, of which a tree knows where they are.

    Args:
        others: Polygons or lines.
    """

    def __init__(self, others: Geometries) -> None:
        self._count = len(others)
        pieces, self._owner = _pieces(others)
        self._tree = shapely.STRtree(pieces)

    def pairs(self, geometries: Geometries, distance: float | npt.NDArray[np.float64]) -> tuple[Indices, Indices]:
        """The pairs of a geometry and one of the others that are no farther apart than a distance.

        Args:
            geometries: Polygons or lines.
            distance: For all or for each.
        """
        pieces, owner = _pieces(geometries)
        reach = np.broadcast_to(distance, len(geometries))[owner]
        left, right = self._tree.query(pieces, predicate="dwithin", distance=reach)
        pairs = np.unique(owner[left] * max(1, self._count) + self._owner[right])
        return pairs // max(1, self._count), pairs % max(1, self._count)


def _pieces(geometries: Geometries) -> tuple[Geometries, Indices]:
    """Lines of a few segments each that outlines are made of, or lone points, and whose they are."""
    areal = shapely.get_dimensions(geometries) == 2
    lines, owner = shapely.get_parts(np.where(areal, shapely.boundary(geometries), geometries), return_index=True)
    points, line = shapely.get_coordinates(lines, return_index=True)
    if len(points) == 0:
        return np.array([], dtype=object), line
    first = np.append(True, line[1:] != line[:-1])
    begins = first | ((np.arange(len(line)) - np.flatnonzero(first)[line]) % STEPS == 0)
    number = np.cumsum(begins) - 1
    shared = np.flatnonzero(begins & ~first)  # where a piece begins, the one before ends
    points = np.insert(points, shared, points[shared], axis=0)
    number = np.insert(number, shared, number[shared] - 1)
    alone = np.bincount(number) == 1
    pieces = np.empty(len(alone), dtype=object)
    pieces[alone] = shapely.points(points[alone[number]])
    joined, place = points[~alone[number]], number[~alone[number]]
    pieces[~alone] = shapely.linestrings(joined, indices=np.searchsorted(np.flatnonzero(~alone), place))
    return pieces, owner[line[begins]]
