"""Right angles: a building's outline as the straight sides, most of them square to each other, that fit it best."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely import LinearRing, Polygon

from samft_core.sides import (
    ACROSS,
    ALONG,
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
FREE_PRICE, FIRST_FREE_PRICE = 3, 10
"""What a side that is not square to the others costs, where one that is costs 1; and while these are still guessed."""
SMALLEST_SHARE = 0.55
"""How much of an outline has to lie along or across the main direction."""
LONGEST_STEPS = 64
"""So many of the steps between breakpoints, the longest, are tried as the main direction."""
TRIM = 1.5
"""How much of a side's course at either end, in tolerances, belongs to a rounded corner and places no side."""


def square(contour: Polygon, *, tolerance: float, reach: float) -> tuple[Polygon, float] | None:
    """Square a contour.

    Sides may end at the corners of the simplified contour, the breakpoints. Among all chains of sides between those,
    along the main direction, across it or, at a higher price, any other way, the cheapest is taken: a side costs its
    price and the squared distance of the contour's course from it, integrated along the course. Corners are where the
    sides' lines meet. So a side rests on all of the contour's points, not on two of them; what is not worth its corners
    goes; and a wall that is not square to the others stays as it is.

    Args:
        contour: The outline as found, with a vertex for every pixel it passes.
        tolerance: Of the simplification, and the width of a strip that is not worth a corner, unless it is long
            (`SHORT_SIDE`), in the contour's units.
        reach: How far from the contour the outline may run, in the same; at least the tolerance.

    Returns:
        The squared outline, which may be invalid, and how far from the contour it runs at most. A hole that cannot be
        squared is simplified. None where the building is not made of right angles.
    """
    ring = _ring(contour.exterior, tolerance)
    ring, direction = _aligned(ring)
    squared = _squared(ring, direction, reach)
    if squared is None:
        return None
    exterior, farthest = squared
    holes: list[Points | LinearRing] = []
    for line in contour.interiors:
        ring = _ring(line, tolerance)
        squared = _squared(ring, direction, reach)
        if squared is None:
            squared = ring.vertices[ring.breakpoints[:-1]], reach
        hole, distance = squared
        holes.append(hole if len(hole) > 2 else line)
        farthest = max(farthest, distance)
    return Polygon(exterior, holes), farthest


@dataclass(frozen=True, kw_only=True)
class _Ring:
    """A ring of n vertices, all it takes to fit sides to it."""

    vertices: Points
    """(n, 2), from the one farthest from the middle, as that is a corner."""
    middle: Points
    """Their mean (2,)."""
    laps: Points
    """Two laps around, about the middle (2n + 1, 2): a side may run over the ring's beginning."""
    moments: Moments
    """Of the two laps (2n + 1, 6)."""
    breakpoints: Indices
    """Vertices of the laps where sides may end, from one in the first lap to the same in the second."""
    tolerance: float
    """In the unit of the vertices, as all lengths."""

    @property
    def perimeter(self) -> float:
        return float(self.moments[len(self.vertices), 0])

    @property
    def trim(self) -> float:
        """How much of a side's course at either end places no side."""
        return TRIM * self.tolerance


def _ring(line: LinearRing, tolerance: float) -> _Ring:
    """Prepare a ring; the tolerance is that of its simplification."""
    vertices = shapely.get_coordinates(line)[:-1]
    middle = vertices.mean(axis=0)
    farthest = int(np.argmax(((vertices - middle) ** 2).sum(axis=1)))
    vertices = np.concatenate((vertices[farthest:], vertices[:farthest]))
    laps = np.concatenate((vertices, vertices, vertices[:1])) - middle
    return _Ring(
        vertices=vertices,
        middle=middle,
        laps=laps,
        moments=cumulative_moments(laps),
        breakpoints=np.flatnonzero(simplified(laps[: len(vertices) + 1], tolerance)),
        tolerance=tolerance,
    )


def _aligned(ring: _Ring) -> tuple[_Ring, float]:
    """Find a ring's main direction, in radians, and begin its breakpoints at a corner that is sure to be one.

    Each of the two chains is better than what it is made from; what is free is decided on last.
    """
    direction = _longest_steps_direction(ring.laps[ring.breakpoints])
    for free_price in (FIRST_FREE_PRICE, FREE_PRICE):
        ends, kinds = _chain(ring, direction, free_price)
        direction = fitted_direction(ring.moments, ends, kinds, direction, ring.trim)
        ring = replace(ring, breakpoints=_from_surest_corner(ring, ends))
    return ring, direction


def _chain(ring: _Ring, direction: float, free_price: float) -> tuple[Indices, Indices]:
    """The cheapest closed chain of sides: where these begin and end (m + 1,), and their kinds (m,).

    Args:
        ring: What they are fitted to; one of them begins at its first breakpoint.
        direction: The main direction, in radians.
        free_price: What a free side costs, where one along or across the main direction costs 1.
    """
    price = ring.tolerance**2 * min(SHORT_SIDE * ring.tolerance, ring.perimeter / 8)
    cost, begins, before = chain_costs(ring.moments, ring.breakpoints, direction, price, free_price * price)
    closed = cost[-1]
    closed[ALONG, ALONG] = closed[ACROSS, ACROSS] = np.inf  # the last side meets the first
    first, kind = divmod(int(np.argmin(closed)), 3)
    ends, kinds = [len(ring.breakpoints) - 1], []
    while ends[-1] > 0:
        kinds.append(kind)
        state = ends[-1], first, kind
        ends.append(int(begins[state]))
        kind = int(before[state])
    return ring.breakpoints[ends[::-1]], np.array(kinds[::-1])


def _squared(ring: _Ring, direction: float, reach: float) -> tuple[Points, float] | None:
    """A ring's squared corners (m, 2), and how far the two run from each other at most.

    None where that is farther than the reach, or where the ring is not made of right angles.
    """
    ends, kinds = _chain(ring, direction, FREE_PRICE)
    lengths = np.diff(ring.moments[ends, 0])
    if len(kinds) < 3 or lengths[kinds != FREE].sum() < SMALLEST_SHARE * ring.perimeter:
        return None
    corners = corners_between(ring.laps, ring.moments, ends, kinds, direction, ring.trim)
    for _ in range(2):  # a breakpoint is a guess of where a side ends, a corner is a better one
        ends = nearest_ends(ring.laps, ends, corners)
        corners = corners_between(ring.laps, ring.moments, ends, kinds, direction, ring.trim)
    distance = most_apart(ring.laps, ends, corners)
    return (corners + ring.middle, distance) if distance <= reach else None


def _longest_steps_direction(breakpoints: Points) -> float:
    """The direction, modulo a right angle, that long steps between breakpoints (m, 2) run near, in radians.

    The angles times four have a density, with a von Mises kernel; the result is the circular mean around its mode.
    """
    steps = np.diff(breakpoints, axis=0)
    angles = 4 * np.arctan2(steps[:, 1], steps[:, 0])
    weights = (steps**2).sum(axis=1)  # the longer, the less a pixel's wavering turns it
    off = angles - angles[np.argsort(-weights, kind="stable")[:LONGEST_STEPS], None]
    near = weights * np.exp(8 * (np.cos(off) - 1))  # half the weight where 6 degrees away
    mode = int(np.argmax(near.sum(axis=1)))
    mean = np.angle((near[mode] * np.exp(1j * angles)).sum())
    return float(mean) / 4


def _from_surest_corner(ring: _Ring, ends: Indices) -> Indices:
    """The breakpoints from the corner whose shorter side is the longest: it stays, whatever becomes of the rest."""
    lengths = np.diff(ring.moments[ends, 0])
    surest = ends[np.argmax(np.minimum(lengths, np.roll(lengths, 1)))]
    first = int(np.searchsorted(ring.breakpoints, surest))
    lap = len(ring.vertices)
    anew: Indices = np.append(ring.breakpoints[first:-1], ring.breakpoints[: first + 1] + lap)
    return anew - lap if anew[0] >= lap else anew
