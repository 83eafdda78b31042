"""Marching squares over rows of a field, compiled: where the field crosses a level, and how the crossings follow.

Samples lie at the pixels' centres. Four of them make a cell; the iso-line crosses a cell's edges where linear
interpolation along the edge gives the level (Lorensen and Cline 1987, in two dimensions). A crossing is made once and
shared by the two cells beside its edge, so lines join exactly, by number, not by coordinates.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from samft_core.compiled import compiled

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]

SHY = 1e-6
"""How near a crossing comes to a centre, in pixels: never onto it, so that no two lines ever touch."""


def _ways() -> npt.NDArray[np.int8]:
    """How lines lead through a cell: the edge that follows each edge, or -1, by whether it is joined and by its case.

    Edges are counted top, right, bottom, left. The case adds 1, 2, 4, 8 for the corners top left, top right, bottom
    right, bottom left that lie above the level. Where two opposite corners do, the cell's mean decides whether they
    are joined.
    """
    top, right, bottom, left = range(4)
    single = {1: (top, left), 2: (right, top), 4: (bottom, right), 8: (left, bottom)}
    others = {3: (right, left), 6: (bottom, top), 9: (top, bottom), 12: (left, right)}
    others |= {7: (bottom, left), 11: (right, bottom), 13: (top, right), 14: (left, top)}
    ways = np.full((2, 16, 4), -1, dtype=np.int8)
    for case, (start, end) in {**single, **others}.items():
        ways[:, case, start] = end
    for start, end in (single[1], single[4]):
        ways[0, 5, start] = end
    for start, end in (single[2], single[8]):
        ways[0, 10, start] = end
    for start, end in (others[13], others[7]):
        ways[1, 5, start] = end
    for start, end in (others[11], others[14]):
        ways[1, 10, start] = end
    return ways


WAYS = _ways()


@compiled
def crossings(
    rows: npt.NDArray[np.float32],
    above: npt.NDArray[np.float32],
    seam: Integers,
    level: float,
    first_row: int,
    first_col: int,
) -> tuple[Floats, Floats, Integers, Integers]:
    """March over rows of cells, those between `above` and the last of `rows`.

    Args:
        rows: Samples (rows, columns); below 0 where nothing is known, which lies under any level. Beyond the columns
            nothing is known either.
        above: The row of samples before them, (columns,).
        seam: The numbers of the crossings in `above`, (columns + 1,): at i the one between the samples i - 1 and i,
            or -1. They are counted from 0, from left to right.
        level: Above 0 and below 1.
        first_row: The row of the first of `rows`, in the pixels that the crossings are to be counted in.
        first_col: The column of the first sample.

    Returns:
        x and y of every crossing, those of the seam first; the number of the crossing that follows each, with the
        higher side to the left where y points up (shells have positive areas), or -1 where none does within these
        rows; and the seam to the next rows.
    """
    height, width = rows.shape
    low = 2 * level - 1  # so low that a line stays within half a pixel of the last centre that is known
    x, y = np.empty(4096), np.empty(4096)
    after = np.full(4096, -1, dtype=np.int32)
    count = 0
    for i in range(width + 1):
        if seam[i] >= 0:
            if count == len(x):
                x, y, after = _longer(x, y, after)
            left = low if i == 0 else _known(above[i - 1], low)
            right = low if i == width else _known(above[i], low)
            x[count], y[count] = first_col + i - 0.5 + _share(left, right, level), first_row - 0.5
            count += 1
    around = np.empty(4, dtype=np.int32)
    top, upper, in_upper = seam, above, _inside(above, level)
    for row in range(height):
        bottom = np.full(width + 1, -1, dtype=np.int32)
        lower = rows[row]
        in_lower = _inside(lower, level)
        left_crossing = -1
        for i in _mixed(in_upper, in_lower):
            in_a, in_b, in_c, in_d = in_upper[i], in_upper[i + 1], in_lower[i + 1], in_lower[i]
            if count + 2 > len(x):
                x, y, after = _longer(x, y, after)
            a, d = (_known(upper[i - 1], low), _known(lower[i - 1], low)) if i > 0 else (low, low)
            b, c = (_known(upper[i], low), _known(lower[i], low)) if i < width else (low, low)
            if in_d != in_c:
                x[count], y[count] = first_col + i - 0.5 + _share(d, c, level), first_row + row + 0.5
                bottom[i] = count
                count += 1
            right_crossing = -1
            if in_b != in_c:
                x[count], y[count] = first_col + i + 0.5, first_row + row - 0.5 + _share(b, c, level)
                right_crossing = count
                count += 1
            around[0], around[1], around[2], around[3] = top[i], right_crossing, bottom[i], left_crossing
            joined = a + b + c + d >= 4 * level
            _lead(after, around, WAYS[int(joined), in_a + 2 * in_b + 4 * in_c + 8 * in_d])
            left_crossing = right_crossing
        top, upper, in_upper = bottom, lower, in_lower
    return x[:count], y[:count], after[:count], top


@compiled
def chains(after: Integers) -> tuple[Integers, Integers, int]:
    """Put crossings in the order of their lines.

    Args:
        after: The number of the crossing that follows each, or -1.

    Returns:
        The numbers, line by line; where each line starts among them, and one past the last; how many of the lines,
        the first ones, are open. All others are closed.
    """
    count = len(after)
    first = np.ones(count, dtype=np.bool_)
    for i in range(count):
        if after[i] >= 0:
            first[after[i]] = False
    order = np.empty(count, dtype=np.int32)
    starts = np.empty(count + 1, dtype=np.int32)
    done = np.zeros(count, dtype=np.bool_)
    lines, length, open_lines = 0, 0, 0
    for closed in (False, True):
        for i in range(count):
            if done[i] or not (closed or first[i]):
                continue
            starts[lines] = length
            lines += 1
            j = i
            while j >= 0 and not done[j]:
                order[length] = j
                done[j] = True
                length += 1
                j = after[j]
        if not closed:
            open_lines = lines
    starts[lines] = length
    return order, starts[: lines + 1], open_lines


@compiled
def _lead(after: Integers, around: Integers, ways: npt.NDArray[np.int8]) -> None:
    """Lead the lines through a cell, given the numbers of the crossings around it."""
    for edge in range(4):
        if ways[edge] >= 0:
            after[around[edge]] = around[ways[edge]]


@compiled
def _inside(row: npt.NDArray[np.float32], level: float) -> npt.NDArray[np.bool_]:
    """Which samples are not below the level, with one more on either side that is."""
    inside = np.zeros(len(row) + 2, dtype=np.bool_)
    for i in range(len(row)):
        inside[i + 1] = row[i] >= level
    return inside


@compiled
def _mixed(in_upper: npt.NDArray[np.bool_], in_lower: npt.NDArray[np.bool_]) -> Integers:
    """The cells between two rows whose corners are not all inside or all outside."""
    mixed = np.empty(len(in_upper), dtype=np.int32)
    count = 0
    for i in range(len(in_upper) - 1):
        corners = int(in_upper[i]) + in_upper[i + 1] + in_lower[i] + in_lower[i + 1]
        mixed[count] = i
        count += 0 < corners < 4
    return mixed[:count]


@compiled
def _known(value: float, low: float) -> float:
    return value if value >= 0 else low


@compiled
def _share(start: float, end: float, level: float) -> float:
    """Where between two samples, from 0 to 1, the level lies."""
    return min(max((level - start) / (end - start), SHY), 1 - SHY)


@compiled
def _longer(x: Floats, y: Floats, after: Integers) -> tuple[Floats, Floats, Integers]:
    """The same arrays with room for as much again."""
    more = len(x)
    return (
        np.concatenate((x, np.empty(more))),
        np.concatenate((y, np.empty(more))),
        np.concatenate((after, np.full(more, -1, dtype=np.int32))),
    )
