"""What lies near what, compiled: straight pieces of lines, sorted into square cells, and questions about them.

Cells only say where to look; how far something is, is measured.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.compiled import compiled
from samft_core.grid import Geometries

Points = npt.NDArray[np.float64]
"""Coordinates (n, 2)."""
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

MARGIN = 1e-6
"""What is measured out to a distance is looked for a little farther, by this share of it, as rounding may deceive."""

FINEST = 1e-2
"""Pieces of an outline that are shorter are looked at no closer, in the units of the coordinates."""

DEEPEST = 64
"""More often than a piece of any length can be halved before it is `FINEST`."""


class Pieces(NamedTuple):
    """Straight pieces of lines: from each point to the next one, where there is a line."""

    points: Points
    """The lines' points (n, 2), one line after the other."""
    line: Indices
    """The number of the line that goes on from each, or -1 where it ends."""


class Cells(NamedTuple):
    """Pieces, and for each square cell of a grid those that pass through it."""

    pieces: Pieces
    left: float
    top: float
    side: float
    rows: int
    columns: int
    first: Indices
    """Where each cell's pieces begin among the members, row by row, and the end of the last's."""
    members: Indices
    """The numbers of the pieces, cell by cell."""


def pieces_of(shapes: Geometries) -> Pieces:
    """The straight pieces of polygons' rings, or of lines, of one part or several."""
    if (shapely.get_dimensions(shapes) == 2).all():
        parts, line = shapely.get_rings(shapes, return_index=True)
    else:
        parts, line = shapely.get_parts(shapes, return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    return _pieces(points, part, line)


def pieces_through(courses: list[Points]) -> Pieces:
    """The straight pieces from point to point of courses; one of a single point is a piece of no length."""
    twice = [course if len(course) > 1 else np.repeat(course, 2, axis=0) for course in courses]
    number = np.arange(len(courses))
    return _pieces(np.concatenate([np.zeros((0, 2)), *twice]), np.repeat(number, [len(each) for each in twice]), number)


def _pieces(points: Points, part: Indices, line: Indices) -> Pieces:
    """Pieces between points, given the part of each point and the line of each part."""
    goes_on = np.append(part[1:] == part[:-1], np.zeros(min(len(part), 1), dtype=np.bool_))
    return Pieces(points, np.where(goes_on, line[part], -1))


def in_cells(pieces: Pieces, side: float, *, box: Numbers | None = None) -> Cells:
    """Sort pieces into cells of a side, or of a larger one where there would be many more cells than pieces.

    Args:
        pieces: The pieces.
        side: In their units.
        box: (left, top, right, bottom); what lies outside of it may be left out. Of all pieces if None.
    """
    if len(pieces.line) == 0:
        return Cells(pieces, 0.0, 0.0, side, 0, 0, np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64))
    x, y = pieces.points.T
    left, top, right, bottom = map(float, (x.min(), y.min(), x.max(), y.max()) if box is None else box)
    width, height, most = right - left, bottom - top, 4 * len(x)
    side = max(side, math.sqrt(width * height / most), max(width, height) / most)
    rows, columns = int(height / side) + 1, int(width / side) + 1
    first, members = _sorted(pieces, left, top, side, rows, columns)
    return Cells(pieces, left, top, side, rows, columns, first, members)


def near(cells: Cells, pieces: Pieces, count: int, distance: float) -> Flags:
    """Which of so many lines may come within a distance of any piece in the cells: at most those with boxes so near."""
    found = np.zeros(count, dtype=np.bool_)
    _find_near(cells, pieces, distance, found)
    return found


def stay_nearer(cells: Cells, building: Indices, outlines: Pieces, own: Indices, distances: Numbers) -> Flags:
    """Which outlines are everywhere nearer to their own line than to any of another building, as far as is sure.

    From one point to another, the difference of the two distances changes by no more than twice their distance. So a
    straight piece of an outline is sure to be nearer if, at its middle, the difference exceeds the piece's length;
    pieces for which this cannot be said are halved, down to `FINEST`. As its own line is no farther than the outline's
    distance, others farther than that and the piece's length leave nothing to be unsure of.

    Args:
        cells: The pieces of all lines: contours of buildings, and parts of some.
        building: For each line, the number of the contour that it is, or is a part of. To a line, others are the
            contours of other buildings, and other parts of its own.
        outlines: Their pieces.
        own: For each outline (n,), the number of its line.
        distances: How far each leaves that line at most.
    """
    nearer = np.ones(len(own), dtype=np.bool_)
    _find_farther(cells, building, outlines, own, distances, nearer)
    return nearer


@compiled
def _sorted(pieces: Pieces, left: float, top: float, side: float, rows: int, columns: int) -> tuple[Indices, Indices]:
    """Which pieces pass through each cell: where each cell's begin, and their numbers."""
    points, line = pieces
    first = np.zeros(rows * columns + 2, dtype=np.int64)
    members = np.empty(0, dtype=np.int64)
    for filling in (False, True):
        for piece in range(len(line) - 1):
            if line[piece] < 0:
                continue
            x0, y0, x1, y1 = points[piece, 0], points[piece, 1], points[piece + 1, 0], points[piece + 1, 1]
            first_row, end_row = span(min(y0, y1), max(y0, y1), top, side, rows)
            for row in range(first_row, end_row):
                from_, to = x0, x1
                if end_row - first_row > 1:  # the part of the piece within the row
                    one = min(max((top + row * side - y0) / (y1 - y0), 0.0), 1.0)
                    other = min(max((top + (row + 1) * side - y0) / (y1 - y0), 0.0), 1.0)
                    from_, to = x0 + one * (x1 - x0), x0 + other * (x1 - x0)
                first_column, end_column = span(min(from_, to), max(from_, to), left, side, columns)
                for cell in range(row * columns + first_column, row * columns + end_column):
                    if filling:
                        members[first[cell + 1]] = piece
                        first[cell + 1] += 1
                    else:
                        first[cell + 2] += 1
        if not filling:
            first = np.cumsum(first)
            members = np.empty(first[-1], dtype=np.int64)
    return first[:-1], members


@compiled
def span(low: float, high: float, origin: float, side: float, count: int) -> tuple[int, int]:
    """The first of the rows or columns that a span touches, and the one past the last."""
    first = min(max(math.floor((low - origin) / side), 0), count)
    end = min(max(math.floor((high - origin) / side) + 1, first), count)
    return int(first), int(end)


@compiled
def _find_near(cells: Cells, pieces: Pieces, distance: float, found: Flags) -> None:
    """Set the flags of lines that come near."""
    points, line = pieces
    for piece in range(len(line) - 1):
        if line[piece] >= 0 and not found[line[piece]]:
            x0, y0, x1, y1 = points[piece, 0], points[piece, 1], points[piece + 1, 0], points[piece + 1, 1]
            low = min(x0, x1) - distance, min(y0, y1) - distance
            high = max(x0, x1) + distance, max(y0, y1) + distance
            found[line[piece]] = _holds_any(cells, low, high)


@compiled
def _holds_any(cells: Cells, low: tuple[float, float], high: tuple[float, float]) -> bool:
    """Whether a box meets that of any piece in the cells that it touches."""
    points, _ = cells.pieces
    first_column, end_column = span(low[0], high[0], cells.left, cells.side, cells.columns)
    first_row, end_row = span(low[1], high[1], cells.top, cells.side, cells.rows)
    for row in range(first_row, end_row):
        place = row * cells.columns
        for k in range(cells.first[place + first_column], cells.first[place + end_column]):
            start, end = points[cells.members[k]], points[cells.members[k] + 1]
            beside = max(start[0], end[0]) < low[0] or min(start[0], end[0]) > high[0]
            if not beside and max(start[1], end[1]) >= low[1] and min(start[1], end[1]) <= high[1]:
                return True
    return False


@compiled
def _find_farther(
    cells: Cells, building: Indices, outlines: Pieces, own: Indices, distances: Numbers, nearer: Flags
) -> None:
    """Unset the flags of outlines that are not sure to be nearer to their own line."""
    points, outline = outlines
    is_own, is_other = np.zeros(len(building), dtype=np.bool_), np.zeros(len(building), dtype=np.bool_)
    at = -1
    for piece in range(len(outline) - 1):
        if outline[piece] < 0:
            continue
        if outline[piece] != at:
            at = outline[piece]
            for line in range(len(building)):
                is_own[line] = line == own[at]
                is_contour, is_same = building[line] == line, building[line] == building[own[at]]
                is_other[line] = not is_own[line] and is_contour != is_same
        if nearer[at]:
            nearer[at] = _is_nearer(cells, is_own, is_other, points[piece], points[piece + 1], distances[at])


@compiled
def _is_nearer(cells: Cells, is_own: Flags, is_other: Flags, start: Points, end: Points, distance: float) -> bool:
    """Whether a straight piece is sure to be nearer to its own line than to others, given how far from it it is."""
    waiting = np.empty((DEEPEST, 4))  # pieces of the piece, the next one last
    waiting[0, 0], waiting[0, 1], waiting[0, 2], waiting[0, 3] = start[0], start[1], end[0], end[1]
    count = 1
    while count > 0:
        x0, y0, x1, y1 = waiting[count - 1]
        x, y, length = (x0 + x1) / 2, (y0 + y1) / 2, math.hypot(x1 - x0, y1 - y0)
        if length <= max(distance, cells.side):  # of a longer one, too much is near
            other = _nearest(cells, is_other, x, y, (1 + MARGIN) * (distance + length))
            away = distance
            if other < math.inf:
                away = min(_nearest(cells, is_own, x, y, (1 + MARGIN) * distance), distance)
            if other - away > length:
                count -= 1
                continue
            if other <= away or length < FINEST:
                return False
        waiting[count - 1, 2], waiting[count - 1, 3] = x, y
        waiting[count, 0], waiting[count, 1], waiting[count, 2], waiting[count, 3] = x, y, x1, y1
        count += 1
    return True


@compiled
def _nearest(cells: Cells, wanted: Flags, x: float, y: float, radius: float) -> float:
    """How far the nearest piece of the wanted lines is from a point, if within a radius; infinitely far if not."""
    points, line = cells.pieces
    first_column, end_column = span(x - radius, x + radius, cells.left, cells.side, cells.columns)
    first_row, end_row = span(y - radius, y + radius, cells.top, cells.side, cells.rows)
    nearest, found = radius * radius, False
    for row in range(first_row, end_row):
        place = row * cells.columns
        for k in range(cells.first[place + first_column], cells.first[place + end_column]):
            piece = cells.members[k]
            if wanted[line[piece]]:
                dx, dy = points[piece + 1, 0] - points[piece, 0], points[piece + 1, 1] - points[piece, 1]
                to_x, to_y = x - points[piece, 0], y - points[piece, 1]
                square = dx * dx + dy * dy
                share = min(max((to_x * dx + to_y * dy) / square, 0.0), 1.0) if square > 0 else 0.0
                to_x, to_y = to_x - share * dx, to_y - share * dy
                away = to_x * to_x + to_y * to_y
                if away <= nearest:
                    nearest, found = away, True
    return math.sqrt(nearest) if found else math.inf
