"""Fewer vertices: outlines simplified by Douglas and Peucker's method, without crossing themselves; compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.compiled import compiled
from samft_core.grid import Geometries
from samft_core.nearness import Cells, Indices, Numbers, Points, in_cells, pieces_of, span
from samft_core.sides import farthest, square_distance

CELL = 8
"""The side of the cells in which crossings are looked for, in tolerances."""

Flags = npt.NDArray[np.bool_]


def simplify(polygons: Geometries, tolerance: float | Numbers) -> Geometries:
    """Leave out the vertices that move an outline by less than a tolerance; invalid results are not used.

    A chord stands for a stretch of an outline (Douglas and Peucker 1973), but not where it crosses what else there is
    of the outline: then the stretch is divided further. So no two chords cross, either: one would have an end between
    the other and its stretch, where nothing of the outline gets out.

    Args:
        polygons: Valid polygons.
        tolerance: In the units of the polygons, for all or for each. Where a ring begins, it may count twice.
    """
    if len(polygons) == 0:
        return polygons
    tolerances = np.broadcast_to(np.asarray(tolerance, dtype=np.float64), len(polygons))
    kind, points, (rings, shapes) = shapely.to_ragged_array(polygons)
    cells = in_cells(pieces_of(polygons), CELL * float(np.median(tolerances)))
    stays = _staying(cells, points, rings, shapes, tolerances)
    ends = np.append(0, np.cumsum(stays))[rings]
    simple = shapely.from_ragged_array(kind, points[stays], (ends, shapes))
    keep = shapely.is_valid(simple) & (shapely.area(simple) > 0)
    return np.where(keep, simple, polygons)


@compiled
def _staying(cells: Cells, points: Points, rings: Indices, shapes: Indices, tolerances: Numbers) -> Flags:
    """Which points of polygons stay, without those that close the rings.

    Args:
        cells: The pieces of all rings.
        points: The points of all rings, the first of each again at its end.
        rings: Where each ring begins, and the end of the last.
        shapes: Where the rings of each polygon begin, and the end of the last's.
        tolerances: For each polygon.
    """
    stays = np.zeros(len(points), dtype=np.bool_)
    for shape in range(len(shapes) - 1):
        for ring in range(shapes[shape], shapes[shape + 1]):
            first, end = rings[ring], rings[ring + 1]
            _simplify(cells, points[first:end], stays[first:end], first, tolerances[shape])
    return stays


@compiled
def _simplify(cells: Cells, ring: Points, stays: Flags, first_piece: int, tolerance: float) -> None:
    """Set the flags of the points (n,) of a ring (n, 2) that stay, given the number of its first piece."""
    count = len(ring) - 1
    goals = np.empty(count + 1, dtype=np.int64)  # the ends of the stretches still to look at, the next one last
    goals[0] = count
    waiting, first = 1, 0
    while waiting > 0:
        last = goals[waiting - 1]
        place, away = farthest(ring, first, last)
        if away < 0 or (away <= tolerance * tolerance and not _crossed(cells, ring, first_piece, first, last)):
            stays[first] = True
            first = last
            waiting -= 1
        else:
            goals[waiting] = place
            waiting += 1
    chosen = np.flatnonzero(stays)
    if len(chosen) < 3:
        stays[:count] = True
    elif len(chosen) > 3:
        before, after = chosen[-1], chosen[1] + count
        near = square_distance(ring[0], ring[before], ring[after - count]) <= tolerance * tolerance
        stays[0] = not near or _crossed(cells, ring, first_piece, before, after)


@compiled
def _crossed(cells: Cells, ring: Points, first_piece: int, first: int, last: int) -> bool:
    """Whether the chord between two vertices is crossed or touched by what is not between them.

    Args:
        cells: The pieces of all polygons.
        ring: The vertices, the first again at the end.
        first_piece: The number of its first piece.
        first: The vertex where the chord begins.
        last: The one where it ends, counted on beyond the ring's end.
    """
    points, line = cells.pieces
    count = len(ring) - 1
    a, b = ring[first], ring[last if last <= count else last - count]
    first_column, end_column = span(min(a[0], b[0]), max(a[0], b[0]), cells.left, cells.side, cells.columns)
    first_row, end_row = span(min(a[1], b[1]), max(a[1], b[1]), cells.top, cells.side, cells.rows)
    for row in range(first_row, end_row):
        place = row * cells.columns
        for k in range(cells.first[place + first_column], cells.first[place + end_column]):
            piece = cells.members[k]
            if line[piece] == line[first_piece]:
                vertex = piece - first_piece
                between = 0 <= vertex < count and (first <= vertex < last or first <= vertex + count < last)
                if not between and _cross(a, b, points[piece], points[piece + 1]):
                    return True
    return False


@compiled
def _cross(a: Points, b: Points, c: Points, d: Points) -> bool:
    """Whether two straight pieces, from a to b and from c to d, share a point that is not an end of both."""
    if max(a[0], b[0]) < min(c[0], d[0]) or min(a[0], b[0]) > max(c[0], d[0]):
        return False
    if max(a[1], b[1]) < min(c[1], d[1]) or min(a[1], b[1]) > max(c[1], d[1]):
        return False
    if _same(a, c) or _same(a, d) or _same(b, c) or _same(b, d):
        return False
    return _side(a, b, c) * _side(a, b, d) <= 0 and _side(c, d, a) * _side(c, d, b) <= 0


@compiled
def _same(a: Points, b: Points) -> bool:
    """Whether two points (2,) are the same."""
    return bool(a[0] == b[0] and a[1] == b[1])


@compiled
def _side(a: Points, b: Points, c: Points) -> float:
    """Above 0 where the point c lies to the left of the way from a to b."""
    side: float = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return side
