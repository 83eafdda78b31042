"""Straight sides fitted to a ring, compiled: what chains of them cost, least-squares lines, where these meet.

Sides are fitted to the ring's course, the curve itself, not to its vertices: all sums are integrals along it. All
functions speak of `laps`, the vertices of two laps of the ring (2v + 1, 2), as a side may run over its beginning; of
their `moments`; of the vertices where n sides begin and end, `ends` (n + 1,); of what the sides are to the main
direction, `kinds` (n,); and of that `direction`, an angle in radians from x towards y. Lengths are in any unit.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from samft_core.compiled import compiled

Points = npt.NDArray[np.float64]
"""Coordinates (n, 2)."""
Moments = npt.NDArray[np.float64]
"""Length and the integrals of x, y, x^2, xy, y^2 along a line, from its start up to each vertex (n, 6)."""
Indices = npt.NDArray[np.int64]
"""Places among the vertices of two laps, or kinds of sides."""

ALONG, ACROSS, FREE = 0, 1, 2
"""What a side is to the main direction."""

LONGEST_SPAN = 64
"""So many stretches between breakpoints can one side span."""
NEARLY_PARALLEL = 0.2
"""Two lines meet in a corner if the sine of the angle between them is larger."""
TINY = 1e-300
"""Stands in for a length of 0 that is divided by."""


@compiled
def cumulative_moments(line: Points) -> Moments:
    """Sum up the moments of a line (n, 2), so that those of any stretch are a difference (Perez and Vidal 1994)."""
    moments = np.zeros((len(line), 6))
    for i in range(1, len(line)):
        x, y = (line[i, 0] + line[i - 1, 0]) / 2, (line[i, 1] + line[i - 1, 1]) / 2
        dx, dy = line[i, 0] - line[i - 1, 0], line[i, 1] - line[i - 1, 1]
        length = math.hypot(dx, dy)
        moments[i, 0] = moments[i - 1, 0] + length
        moments[i, 1] = moments[i - 1, 1] + length * x
        moments[i, 2] = moments[i - 1, 2] + length * y
        moments[i, 3] = moments[i - 1, 3] + length * (x * x + dx * dx / 12)
        moments[i, 4] = moments[i - 1, 4] + length * (x * y + dx * dy / 12)
        moments[i, 5] = moments[i - 1, 5] + length * (y * y + dy * dy / 12)
    return moments


@compiled
def simplified(line: Points, last: int, tolerance: float) -> Indices:
    """Which vertices of a line (n, 2), up to a last one, stay when it is simplified (Douglas and Peucker 1973)."""
    stay, goals = np.zeros(last + 1, dtype=np.int64), np.empty(last + 1, dtype=np.int64)
    goals[0] = last  # the ends of the pieces still to look at, the next one last
    waiting, count, first = 1, 1, 0
    while waiting > 0:
        last = goals[waiting - 1]
        place, away = farthest(line, first, last)
        if away <= tolerance * tolerance:
            stay[count] = first = last
            count += 1
            waiting -= 1
        else:
            goals[waiting] = place
            waiting += 1
    return stay[:count]


@compiled
def farthest(line: Points, first: int, last: int) -> tuple[int, float]:
    """The vertex between two of a line (n, 2) that is farthest from their chord, and the square of its distance.

    Without any between, that is below 0.
    """
    place, most = -1, -1.0
    for i in range(first + 1, last):
        away = square_distance(line[i], line[first], line[last])
        if away > most:
            place, most = i, away
    return place, most


@compiled
def chain_costs(
    moments: Moments, breakpoints: Indices, direction: float, price: float, free_price: float
) -> tuple[npt.NDArray[np.float64], Indices, Indices]:
    """Put sides up to each breakpoint as cheaply as can be, by dynamic programming (Bellman 1961).

    Sides may end at `breakpoints` (m,), and the first begins at the first of them. A side costs its price, a length to
    the power of three, and the squared distance of its course from the least-squares line of its kind, integrated along
    the course. No two along the main direction follow each other, nor do two across it.

    No side begins any more where it would be cheaper to begin it at a later breakpoint, whatever comes (Killick et al.
    2012, "Optimal detection of changepoints with a linear computational cost").

    Returns:
        By number of the breakpoint, kind of the first side and kind of the last (m, 3, 3): what the sides cost, the
        number of the breakpoint where the last begins, and the kind of the one before it.
    """
    cos, sin = math.cos(direction), math.sin(direction)
    prices = np.array([price, price, free_price])
    shape = (len(breakpoints), 3, 3)
    cost, begins, before = np.full(shape, np.inf), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    # what it costs to be ready for a side of the last kind, and the kind of the side before it
    ready, kinds = np.full(shape, np.inf), np.zeros(shape, dtype=np.int64)
    for kind in range(3):
        ready[0, kind, kind] = 0.0
    open_, count = np.zeros(len(breakpoints), dtype=np.int64), 1  # where a side may begin
    stray = np.empty((len(breakpoints), 3))
    for end in range(1, len(breakpoints)):
        for i in range(count):
            begin = open_[i]
            _, _, xx, xy, yy = _scatter(moments, breakpoints[begin], breakpoints[end])
            stray[i, ALONG] = sin * sin * xx - 2 * sin * cos * xy + cos * cos * yy
            stray[i, ACROSS] = cos * cos * xx + 2 * sin * cos * xy + sin * sin * yy
            stray[i, FREE] = (xx + yy - math.hypot(xx - yy, 2 * xy)) / 2  # the smaller eigenvalue
            for first in range(3):
                for kind in range(3):
                    total = ready[begin, first, kind] + (prices[kind] + stray[i, kind])
                    if total < cost[end, first, kind]:
                        cost[end, first, kind] = total
                        begins[end, first, kind], before[end, first, kind] = begin, kinds[begin, first, kind]
        _get_ready(cost[end], ready[end], kinds[end])
        left = 0
        for i in range(count):
            if end - open_[i] < LONGEST_SPAN and _is_worth_a_side(ready[open_[i]], stray[i], ready[end]):
                open_[left] = open_[i]
                left += 1
        open_[left] = end
        count = left + 1
    return cost, begins, before


@compiled
def _get_ready(cost: npt.NDArray[np.float64], ready: npt.NDArray[np.float64], kinds: Indices) -> None:
    """By kind of the first side and kind of the next (3, 3): what the sides before cost, and the kind of their last."""
    for first in range(3):
        for kind in range(3):
            for last in range(3):
                if cost[first, last] < ready[first, kind] and (last != kind or kind == FREE):
                    ready[first, kind], kinds[first, kind] = cost[first, last], last


@compiled
def _is_worth_a_side(
    ready: npt.NDArray[np.float64], stray: npt.NDArray[np.float64], later: npt.NDArray[np.float64]
) -> bool:
    """Whether a side that began at a breakpoint might still be cheaper than one that begins at a later one.

    Two parts of a course stray from a line each no more than all of it does from one. So it is not if, for all kinds,
    it is cheaper to be ready at the later one than to be ready at the first and to have strayed up to the later one.
    """
    for first in range(3):
        for kind in range(3):
            if ready[first, kind] < math.inf and ready[first, kind] + stray[kind] <= later[first, kind]:
                return True
    return False


@compiled
def fitted_direction(moments: Moments, ends: Indices, kinds: Indices, direction: float, trim: float) -> float:
    """The main direction that fits all sides along and across best, without a length `trim` at either end of each.

    It is the principal axis of their scatter, sides across turned by a right angle; the direction as it was if there is
    none.
    """
    cosine, sine = 0.0, 0.0
    for k in range(len(kinds)):
        if kinds[k] != FREE:
            start, stop = _trimmed(moments, ends[k], ends[k + 1], trim)
            _, _, xx, xy, yy = _scatter(moments, start, stop)
            sign = 1 if kinds[k] == ALONG else -1
            cosine += sign * (xx - yy)
            sine += sign * 2 * xy
    return math.atan2(sine, cosine) / 2 if math.hypot(sine, cosine) > 0 else direction


@compiled
def corners_between(
    laps: Points, moments: Moments, ends: Indices, kinds: Indices, direction: float, trim: float
) -> Points:
    """Where the least-squares line of each side meets that of the next (n, 2).

    The lines leave out a length `trim` at either end of a side; those of free sides minimize orthogonal distances
    (Pearson 1901). Where two are nearly parallel, the corner is the point of one of them nearest to the side's end.
    """
    count = len(kinds)
    points, ways, corners = np.empty((count, 2)), np.empty((count, 2)), np.empty((count, 2))
    for k in range(count):
        start, stop = _trimmed(moments, ends[k], ends[k + 1], trim)
        points[k, 0], points[k, 1], xx, xy, yy = _scatter(moments, start, stop)
        angle = math.atan2(2 * xy, xx - yy) / 2 if kinds[k] == FREE else direction + kinds[k] * math.pi / 2
        ways[k, 0], ways[k, 1] = math.cos(angle), math.sin(angle)
    for k in range(count):
        line, other = k, (k + 1) % count
        cross = ways[k, 0] * ways[other, 1] - ways[k, 1] * ways[other, 0]
        if abs(cross) > NEARLY_PARALLEL:
            dx, dy = points[other, 0] - points[k, 0], points[other, 1] - points[k, 1]
            along = (dx * ways[other, 1] - dy * ways[other, 0]) / cross
        else:
            line = other if kinds[k] == FREE else k
            dx, dy = laps[ends[k + 1], 0] - points[line, 0], laps[ends[k + 1], 1] - points[line, 1]
            along = dx * ways[line, 0] + dy * ways[line, 1]
        corners[k, 0] = points[line, 0] + along * ways[line, 0]
        corners[k, 1] = points[line, 1] + along * ways[line, 1]
    return corners


@compiled
def nearest_ends(laps: Points, ends: Indices, corners: Points) -> Indices:
    """Where sides end (n + 1,) if at each corner (n, 2) the nearest vertex from mid-side to mid-side is taken."""
    count, lap = len(corners), len(laps) // 2
    nearest = np.empty(count + 1, dtype=np.int64)
    for k in range(count):
        following = ends[k + 2] if k + 2 <= count else ends[1] + lap
        smallest = math.inf
        for i in range((ends[k] + ends[k + 1] + 1) // 2, (ends[k + 1] + following + 1) // 2):
            distance = math.hypot(laps[i % lap, 0] - corners[k, 0], laps[i % lap, 1] - corners[k, 1])
            if distance < smallest:
                smallest = distance
                nearest[k + 1] = i
    nearest[0] = nearest[count] - lap
    nearest -= nearest[0] // lap * lap
    return nearest


@compiled
def most_apart(laps: Points, ends: Indices, corners: Points) -> float:
    """An upper bound of the Hausdorff distance between the outline through the corners (n, 2) and its ring.

    Beside all of a side lies its course, but for what is beyond the course's ends, up to the corners.
    """
    most = 0.0
    for k in range(len(corners)):
        for i in range(ends[k], ends[k + 1] + 1):
            most = max(most, square_distance(laps[i], corners[k - 1], corners[k]))
        end = laps[ends[k + 1]]
        most = max(most, (end[0] - corners[k, 0]) ** 2 + (end[1] - corners[k, 1]) ** 2)
    return math.sqrt(most)


@compiled
def square_distance(point: Points, start: Points, end: Points) -> float:
    """The square of the distance of a point (2,) from the straight piece between two others."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    x, y = point[0] - start[0], point[1] - start[1]
    square = dx * dx + dy * dy
    share = min(max((x * dx + y * dy) / square, 0.0), 1.0) if square > 0 else 0.0
    x, y = x - share * dx, y - share * dy
    return float(x * x + y * y)


@compiled
def _scatter(moments: Moments, first: int, last: int) -> tuple[float, float, float, float, float]:
    """The centroid x, y of the stretch between two vertices, and its scatter matrix xx, xy, yy about that."""
    length = max(moments[last, 0] - moments[first, 0], TINY)
    x, y = (moments[last, 1] - moments[first, 1]) / length, (moments[last, 2] - moments[first, 2]) / length
    xx = moments[last, 3] - moments[first, 3] - length * x * x
    xy = moments[last, 4] - moments[first, 4] - length * x * y
    yy = moments[last, 5] - moments[first, 5] - length * y * y
    return x, y, xx, xy, yy


@compiled
def _trimmed(moments: Moments, first: int, last: int, trim: float) -> tuple[int, int]:
    """The first and last vertex of a stretch without a length at either end, or with it if little would be left."""
    start, stop = first, last
    if moments[last, 0] - moments[first, 0] > 4 * trim:
        while moments[start, 0] - moments[first, 0] < trim:
            start += 1
        while moments[last, 0] - moments[stop, 0] < trim:
            stop -= 1
    return (start, stop) if start < stop else (first, last)
