"""Right angles: a building's outline as the straight sides, most of them square to each other, that fit it best."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import shapely

from samft_core.compiled import compiled
from samft_core.grid import Geometries
from samft_core.nearness import Numbers
from samft_core.sides import (
    FREE,
    Indices,
    Moments,
    Points,
    chain_costs,
    corners_between,
    cumulative_moments,
    fitted_direction,
    most_apart,
    nearest_ends,
    simplified,
)

SHORT_SIDE = 24
"""A corner is worth its price if it mends a strip as wide as the tolerance and this many times as long."""
FREE_PRICE, FIRST_FREE_PRICE = 3.0, 10.0
"""What a side that is not square to the others costs, where one that is costs 1; and while these are still guessed."""
SMALLEST_SHARE = 0.55
"""How much of an outline has to lie along or across the main direction."""
LONGEST_STEPS = 64
"""So many of the steps between breakpoints, the longest, are tried as the main direction."""
TRIM = 1.5
"""How much of a side's course at either end, in tolerances, belongs to a rounded corner and places no side."""


def square(contours: Geometries, *, tolerances: Numbers, reach: float) -> tuple[Geometries, Numbers]:
    """Square contours.

    Sides may end at the corners of the simplified contour, the breakpoints. Among all chains of sides between those,
    along the main direction, across it or, at a higher price, any other way, the cheapest is taken: a side costs its
    price and the squared distance of the contour's course from it, integrated along the course. Corners are where the
    sides' lines meet. So a side rests on all of the contour's points, not on two of them; what is not worth its corners
    goes; and a wall that is not square to the others stays as it is.

    Args:
        contours: The outlines as found (n,), with a vertex for every pixel they pass.
        tolerances: For each, that of the simplification, and the width of a strip that is not worth a corner, unless it
            is long (`SHORT_SIDE`), in the contours' units.
        reach: How far from its contour an outline may run, in the same; at least the tolerance.

    Returns:
        The squared outlines, which may be invalid, and how far from its contour each runs at most. A hole that cannot
        be squared is simplified. Where a building is not made of right angles, its contour, and infinity.
    """
    if len(contours) == 0:
        return contours, np.zeros(0)
    kind, points, (rings, shapes) = shapely.to_ragged_array(contours)
    corners, lengths, distances = _square_all(points, rings, shapes, tolerances, reach)
    squared = np.isfinite(distances)
    ring_ends, shape_ends = np.cumsum(lengths), np.cumsum(np.diff(shapes)[squared])
    outlines = contours.copy()
    outlines[squared] = shapely.from_ragged_array(kind, corners, (np.append(0, ring_ends), np.append(0, shape_ends)))
    return outlines, distances


class _Ring(NamedTuple):
    """A ring of n vertices, all it takes to fit sides to it."""

    vertices: Points
    """(n, 2), from the one farthest from the middle, as that is a corner."""
    middle: Points
    """Their mean (2,)."""
    laps: Points
    """Two laps around, about the middle (2n + 1, 2): a side may run over the ring's beginning."""
    moments: Moments
    """Of the two laps (2n + 1, 6)."""
    tolerance: float
    """In the unit of the vertices, as all lengths."""


@compiled
def _square_all(
    points: Points, rings: Indices, shapes: Indices, tolerances: Numbers, reach: float
) -> tuple[Points, Indices, Numbers]:
    """Square the rings of polygons.

    Args:
        points: The points of all rings, the first of each again at its end.
        rings: Where each ring begins, and the end of the last.
        shapes: Where the rings of each polygon (n,) begin, and the end of the last's.
        tolerances: For each polygon.
        reach: For all.

    Returns:
        Of the polygons that are squared, the corners of all rings, without the first at the end, and how many each ring
        has; of all polygons, how far they run from their contours at most, infinity where there is nothing.
    """
    corners, lengths = np.empty_like(points), np.zeros(len(rings), dtype=np.int64)
    distances = np.full(len(tolerances), np.inf)
    corner_count, ring_count = 0, 0
    for shape in range(len(tolerances)):
        place, farthest, direction = corner_count, 0.0, 0.0
        for number in range(shapes[shape], shapes[shape + 1]):
            is_hole = number > shapes[shape]
            ring = _ring(points[rings[number] : rings[number + 1] - 1], tolerances[shape])
            breakpoints = simplified(ring.laps, len(ring.vertices), ring.tolerance)
            if not is_hole:
                breakpoints, direction = _aligned(ring, breakpoints)
            squared, distance = _squared(ring, breakpoints, direction)
            if distance > reach and is_hole:
                squared, distance = _simplified(ring, breakpoints), reach
            farthest = max(farthest, distance)
            if farthest > reach:
                break
            for k in range(len(squared)):
                corners[place + k, 0], corners[place + k, 1] = squared[k, 0], squared[k, 1]
            lengths[ring_count + number - shapes[shape]] = len(squared)
            place += len(squared)
        if farthest <= reach:
            distances[shape] = farthest
            corner_count, ring_count = place, ring_count + shapes[shape + 1] - shapes[shape]
    return corners[:corner_count], lengths[:ring_count], distances


@compiled
def _ring(points: Points, tolerance: float) -> _Ring:
    """Prepare a ring (n, 2), whose first vertex is not repeated."""
    count = len(points)
    middle = np.array([points[:, 0].sum() / count, points[:, 1].sum() / count])
    first, farthest = 0, -1.0
    for i in range(count):
        away = (points[i, 0] - middle[0]) ** 2 + (points[i, 1] - middle[1]) ** 2
        if away > farthest:
            first, farthest = i, away
    vertices, laps = np.empty((count, 2)), np.empty((2 * count + 1, 2))
    for i in range(count):
        at = first + i if first + i < count else first + i - count
        for axis in range(2):
            vertices[i, axis] = points[at, axis]
            laps[i, axis] = laps[count + i, axis] = points[at, axis] - middle[axis]
    laps[-1, 0], laps[-1, 1] = laps[0, 0], laps[0, 1]
    return _Ring(vertices, middle, laps, cumulative_moments(laps), tolerance)


@compiled
def _perimeter(ring: _Ring) -> float:
    return float(ring.moments[len(ring.vertices), 0])


@compiled
def _aligned(ring: _Ring, breakpoints: Indices) -> tuple[Indices, float]:
    """Find a ring's main direction, in radians, and begin its breakpoints at a corner that is sure to be one.

    Each of the two chains is better than what it is made from; what is free is decided on last.
    """
    direction = _longest_steps_direction(ring.laps, breakpoints)
    for free_price in (FIRST_FREE_PRICE, FREE_PRICE):
        ends, kinds = _chain(ring, breakpoints, direction, free_price)
        direction = fitted_direction(ring.moments, ends, kinds, direction, TRIM * ring.tolerance)
        breakpoints = _from_surest_corner(ring, breakpoints, ends)
    return breakpoints, direction


@compiled
def _chain(ring: _Ring, breakpoints: Indices, direction: float, free_price: float) -> tuple[Indices, Indices]:
    """The cheapest closed chain of sides: where these begin and end (m + 1,), and their kinds (m,).

    Args:
        ring: What they are fitted to.
        breakpoints: Vertices of its laps where sides may end, from one in the first lap, where one side begins, to the
            same in the second.
        direction: The main direction, in radians.
        free_price: What a free side costs, where one along or across the main direction costs 1.
    """
    price = ring.tolerance**2 * min(SHORT_SIDE * ring.tolerance, _perimeter(ring) / 8)
    cost, begins, before = chain_costs(ring.moments, breakpoints, direction, price, free_price * price)
    cheapest, first, kind = math.inf, 0, 0
    for one in range(3):
        for last in range(3):
            if cost[-1, one, last] < cheapest and (one != last or one == FREE):  # the last side meets the first
                cheapest, first, kind = cost[-1, one, last], one, last
    ends, kinds = np.empty(len(breakpoints), dtype=np.int64), np.empty(len(breakpoints), dtype=np.int64)
    end, place = len(breakpoints) - 1, len(breakpoints) - 1  # filled from behind
    ends[place] = breakpoints[end]
    while end > 0:
        kinds[place] = kind
        end, kind = begins[end, first, kind], before[end, first, kind]
        place -= 1
        ends[place] = breakpoints[end]
    return ends[place:], kinds[place + 1 :]


@compiled
def _squared(ring: _Ring, breakpoints: Indices, direction: float) -> tuple[Points, float]:
    """A ring's squared corners (m, 2), and how far the two run from each other at most.

    That is infinitely far where the ring is not made of right angles.
    """
    ends, kinds = _chain(ring, breakpoints, direction, FREE_PRICE)
    square = 0.0
    for k in range(len(kinds)):
        if kinds[k] != FREE:
            square += ring.moments[ends[k + 1], 0] - ring.moments[ends[k], 0]
    if len(kinds) < 3 or square < SMALLEST_SHARE * _perimeter(ring):
        return ring.vertices, math.inf
    trim = TRIM * ring.tolerance
    corners = corners_between(ring.laps, ring.moments, ends, kinds, direction, trim)
    for _ in range(2):  # a breakpoint is a guess of where a side ends, a corner is a better one
        ends = nearest_ends(ring.laps, ends, corners)
        corners = corners_between(ring.laps, ring.moments, ends, kinds, direction, trim)
    distance = most_apart(ring.laps, ends, corners)
    for k in range(len(corners)):
        corners[k, 0] += ring.middle[0]
        corners[k, 1] += ring.middle[1]
    return corners, distance


@compiled
def _simplified(ring: _Ring, breakpoints: Indices) -> Points:
    """The vertices that are breakpoints; all of them where these are no more than two."""
    count = len(breakpoints) - 1
    if count < 3:
        return ring.vertices
    corners = np.empty((count, 2))
    for k in range(count):
        corners[k, 0], corners[k, 1] = ring.vertices[breakpoints[k], 0], ring.vertices[breakpoints[k], 1]
    return corners


@compiled
def _longest_steps_direction(laps: Points, breakpoints: Indices) -> float:
    """The direction, modulo a right angle, that long steps between breakpoints (m,) run near, in radians.

    The angles times four have a density, with a von Mises kernel; the result is the circular mean around its mode.
    """
    count = len(breakpoints) - 1
    x, y, weights = np.empty(count), np.empty(count), np.empty(count)
    for i in range(count):
        dx = laps[breakpoints[i + 1], 0] - laps[breakpoints[i], 0]
        dy = laps[breakpoints[i + 1], 1] - laps[breakpoints[i], 1]
        angle = 4 * math.atan2(dy, dx)
        x[i], y[i] = math.cos(angle), math.sin(angle)
        weights[i] = dx * dx + dy * dy  # the longer, the less a pixel's wavering turns it
    densest, mean = -math.inf, 0.0
    left = weights.copy()
    for _ in range(min(count, LONGEST_STEPS)):
        k = 0
        for i in range(count):
            if left[i] > left[k]:
                k = i
        left[k] = -1.0
        density, mean_x, mean_y = 0.0, 0.0, 0.0
        for i in range(count):
            near = weights[i] * math.exp(8 * (x[i] * x[k] + y[i] * y[k] - 1))  # half the weight where 6 degrees away
            density, mean_x, mean_y = density + near, mean_x + near * x[i], mean_y + near * y[i]
        if density > densest:
            densest, mean = density, math.atan2(mean_y, mean_x) / 4
    return mean


@compiled
def _from_surest_corner(ring: _Ring, breakpoints: Indices, ends: Indices) -> Indices:
    """The breakpoints from the corner whose shorter side is the longest: it stays, whatever becomes of the rest."""
    longest, surest = -1.0, ends[0]
    before = ring.moments[ends[-1], 0] - ring.moments[ends[-2], 0]
    for k in range(len(ends) - 1):
        after = ring.moments[ends[k + 1], 0] - ring.moments[ends[k], 0]
        if min(before, after) > longest:
            longest, surest = min(before, after), ends[k]
        before = after
    count, lap, first = len(breakpoints) - 1, len(ring.vertices), 0
    while first < count and breakpoints[first] < surest:
        first += 1
    back = lap if breakpoints[first] >= lap else 0
    anew = np.empty(count + 1, dtype=np.int64)
    for k in range(count + 1):
        over = first + k >= count
        anew[k] = breakpoints[first + k - count if over else first + k] + (lap if over else 0) - back
    return anew
