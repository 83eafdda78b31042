"""The corners of all areas in a mask or labels, linked to outlines.

One sweep over the points where four pixels meet, with no more state than a row has columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from samft_core.compiled import compiled

Indices: TypeAlias = npt.NDArray[np.signedinteger]
"""Numbers of corners, rings or polygons."""

Corners: TypeAlias = npt.NDArray[np.signedinteger]
"""(n, 5), the corners of all outlines, row by row and from left to right; the columns are X, Y, FOLLOWING, TWIN, ASIDE.

Numbers of 4 bytes, as long as those can count the corners.
"""

X, Y = 0, 1
"""A corner's place."""

FOLLOWING = 2
"""The next corner around the same area, which lies to the right of the way there."""

TWIN = 3
"""The corner of the same value that touches this one at its tip; -1 where none does."""

ASIDE = 4
"""Where a hole may begin: a corner on the outline that bounds the area to the left of it; -1 elsewhere."""

STRAIGHT, OUTWARD, INWARD = range(3)
"""How an outline goes on at a point; inward is where three of the four pixels there are of one area."""

MOST_SHORT = 2**31 - 1
"""The most corners that numbers of 4 bytes can count."""

LINES_AT_FIRST = 64
"""Lines full of corners that there is room for at first; memory that no corner is written to is not taken."""

STRIDE_PX = 64
"""Pixels that are compared to those above them before the first look at the result."""


class _Sweep(NamedTuple):
    """What was found between the rows so far."""

    corners: Corners
    """With room for more."""
    values: npt.NDArray[Any]
    """(n,), the label of each corner's area."""
    pending: Indices
    """(width + 2, 2), the corners where unfinished edges began: at each x, those of the areas to the left and right of
    the edge that goes on downwards; in the last row, those above and below the edge that goes on to the right."""


def find_corners(pieces: Iterable[npt.NDArray[Any]]) -> tuple[Corners, npt.NDArray[Any]]:
    """Find and link the corners of areas of equal, non-zero value.

    Args:
        pieces: The rows from the top down, at least two at a time, of which the first is the last one's last; with
            zeros all around.

    Returns:
        The corners, and the label of each one's area.
    """
    sweep, count, y = None, 0, 0
    for rows in pieces:
        sweep = sweep or _begin(rows)
        sweep, count = _advance(sweep, count, rows, y)
        y += len(rows) - 1
    assert sweep is not None
    return sweep.corners[:count], sweep.values[:count]


def _begin(rows: npt.NDArray[Any]) -> _Sweep:
    """The state above the first row."""
    points = rows.shape[1] - 1
    room = LINES_AT_FIRST * _most_per_line(points)
    index = _index_type(room)
    return _Sweep(
        corners=np.empty((room, 5), dtype=index),
        values=np.empty(room, dtype=rows.dtype),
        pending=np.empty((points + 1, 2), dtype=index),
    )


def _advance(sweep: _Sweep, count: int, rows: npt.NDArray[Any], y: int) -> tuple[_Sweep, int]:
    """Add the corners on the lines between rows; the first line is at `y`."""
    line = 0
    while True:
        line, count = _lines(rows, y, line, sweep.corners, sweep.values, sweep.pending, count)
        if line == len(rows) - 1:
            return sweep, count
        sweep = _with_more_room(sweep)


def _with_more_room(sweep: _Sweep) -> _Sweep:
    """The same state with room for twice as many corners."""
    count = len(sweep.corners)
    index = _index_type(2 * count)
    corners, values = np.empty((2 * count, 5), dtype=index), np.empty(2 * count, dtype=sweep.values.dtype)
    corners[:count], values[:count] = sweep.corners, sweep.values
    return _Sweep(corners=corners, values=values, pending=sweep.pending.astype(index, copy=False))


def _index_type(room: int) -> type[np.signedinteger]:
    return np.int32 if room <= MOST_SHORT else np.int64


@compiled
def _most_per_line(points: int) -> int:
    """How many corners there can be between two rows: that of each pixel at each point."""
    return 4 * points


# The functions that run once for every point or corner call none that take arrays: numba would count references there,
# which takes longer than all the rest.


@compiled
def _lines(
    rows: npt.NDArray[Any],
    y: int,
    line: int,
    corners: Corners,
    values: npt.NDArray[Any],
    pending: Indices,
    count: int,
) -> tuple[int, int]:
    """Add the corners on the lines from the given one on, as long as there is room.

    Returns:
        The line to go on with, and how many corners there are.
    """
    points = np.empty(rows.shape[1] - 1, dtype=np.int64)
    while line < len(rows) - 1 and count + _most_per_line(len(points)) <= len(corners):
        up, down = rows[line], rows[line + 1]
        found = _points(up, down, points)
        count = _corners(up, down, points[:found], y + line, corners, values, pending, count)
        line += 1
    return line, count


@compiled
def _points(up: npt.NDArray[Any], down: npt.NDArray[Any], points: npt.NDArray[np.int64]) -> int:
    """Find the points between two rows where an outline may turn, and return how many there are.

    All are at an end of a pixel that differs from the one above it.
    """
    found, x, end = 0, 1, len(up) - 1
    while True:
        while x + STRIDE_PX <= end:
            some_up, some_down, is_change = up[x : x + STRIDE_PX], down[x : x + STRIDE_PX], False
            for ahead in range(STRIDE_PX):  # without a way out, so that one instruction compares many pixels
                is_change |= some_up[ahead] != some_down[ahead]
            if is_change:
                break
            x += STRIDE_PX
        while x < end and up[x] == down[x]:
            x += 1
        if x == end:
            return found
        while True:
            if up[x - 1] != up[x] or down[x - 1] != down[x]:
                points[found] = x - 1
                found += 1
            if up[x] == down[x]:
                break
            x += 1


@compiled
def _turn(value: Any, beside: Any, over: Any, opposite: Any) -> int:
    """How the outline of a pixel's area turns at one of its tips, by the other three pixels there."""
    if value == 0 or (beside == value) != (over == value):
        return STRAIGHT
    if beside != value:
        return OUTWARD
    return STRAIGHT if opposite == value else INWARD


@compiled
def _corners(
    up: npt.NDArray[Any],
    down: npt.NDArray[Any],
    points: npt.NDArray[np.int64],
    y: int,
    corners: Corners,
    values: npt.NDArray[Any],
    pending: Indices,
    count: int,
) -> int:
    """Add and link the corners that areas have at the points between two rows, and return how many there are now.

    In the order of the pixels around a point, edges that end there are linked before others take their place. An
    inward corner counts as that of the pixel in its middle.
    """
    for x in points:
        first = count
        around = (up[x], up[x + 1], down[x], down[x + 1])
        may_begin_hole = around[1] == around[2] and around[2] != around[3]
        for is_south, is_east in ((0, 0), (0, 1), (1, 0), (1, 1)):
            pixel = 2 * is_south + is_east
            value, opposite = around[pixel], around[3 - pixel]
            turn = _turn(value, around[pixel ^ 1], around[pixel ^ 2], opposite)
            if turn == STRAIGHT:
                continue
            is_inward = turn == INWARD
            corners[count, X], corners[count, Y], values[count] = x, y, value
            corners[count, TWIN] = corners[count, ASIDE] = -1
            leaves_level = (is_south == is_east) != is_inward  # with the area to the right
            for place, side, is_begin, is_forward in (
                (len(pending) - 1, is_south, is_east != is_inward, not leaves_level),
                (x, is_east, is_south != is_inward, leaves_level),
            ):
                if is_begin:
                    pending[place, side] = count
                elif is_forward:
                    corners[pending[place, side], FOLLOWING] = count
                else:
                    corners[count, FOLLOWING] = pending[place, side]
            if is_south and opposite == value:
                twin = first if is_east else count - 1
                corners[count, TWIN], corners[twin, TWIN] = twin, count
            if may_begin_hole and value == around[1] and not is_south:
                start = x
                while down[start - 1] == value:
                    start -= 1
                corners[count, ASIDE] = pending[start - 1, 1]
            count += 1
    return count
