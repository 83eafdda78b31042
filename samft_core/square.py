"""Right angles: an outline whose sides all run along its main direction or across it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon

Points = npt.NDArray[np.float64]
"""Coordinates (n, 2); a ring's last is its first."""


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One side of a squared ring, in coordinates turned to the main direction."""

    axis: int
    """What it runs along: 0 for x, 1 for y."""
    place: float
    """Its coordinate on the other axis."""
    length: float
    start: Points
    """The corner it begins at, (2,)."""


def square(contour: Polygon, simple: Polygon, tolerance: float) -> Polygon | None:
    """Square a contour.

    Each side of the simplified outline is laid along the main direction or across it, at the mean place of the
    contour's own course between its two corners; sides in line are merged, and corners are where sides meet. So a
    side rests on all of the contour's points, not on two of them.

    Args:
        contour: The outline as found, with a vertex for every pixel it passes.
        simple: The same, simplified; its vertices are vertices of the contour.
        tolerance: Sides in line within twice this distance are one side.

    Returns:
        The squared outline, or None where a ring has no area left. It may be invalid.
    """
    turn = _main_direction(shapely.get_coordinates(contour.exterior))
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    rings = []
    for fine, coarse in zip([contour.exterior, *contour.interiors], [simple.exterior, *simple.interiors], strict=True):
        course = shapely.get_coordinates(fine) @ rotation.T
        sides = _merge(_sides(course, shapely.get_coordinates(coarse) @ rotation.T), 2 * tolerance)
        if len(sides) < 4:
            return None
        rings.append(_corners(sides) @ rotation)
    return Polygon(rings[0], rings[1:])


def _main_direction(ring: Points) -> float:
    """The mean direction of a ring's segments in radians, modulo a right angle, weighted by their lengths."""
    steps = np.diff(ring, axis=0)
    angles = np.arctan2(steps[:, 1], steps[:, 0])
    return float(np.angle((np.hypot(*steps.T) * np.exp(4j * angles)).sum()) / 4)


def _sides(course: Points, corners: Points) -> list[_Side]:
    """The sides between consecutive corners, each placed by the course it stands for."""
    points = course[:-1]
    at = [int(np.argmin(np.hypot(*(points - corner).T))) for corner in corners[:-1]]
    sides = []
    for first, last, corner, end in zip(at, [*at[1:], at[0]], corners, corners[1:], strict=False):
        count = (last - first) % len(points) or len(points)
        part = points[np.arange(first, first + count + 1) % len(points)]
        steps, middles = np.abs(np.diff(part, axis=0)), (part[1:] + part[:-1]) / 2
        axis = int(np.argmax(np.abs(end - corner)))
        weights = np.hypot(*steps.T) * (steps[:, axis] >= steps[:, 1 - axis])
        if weights.sum() > 0:
            place = float(np.average(middles[:, 1 - axis], weights=weights))
            sides.append(_Side(axis=axis, place=place, length=float(abs(end - corner)[axis]), start=corner))
    return sides


def _merge(sides: list[_Side], reach: float) -> list[_Side]:
    """Make consecutive sides along the same axis one, where they lie within reach of each other."""
    merged = list(sides)
    while len(merged) > 4:
        for i, side in enumerate(merged):
            following = merged[(i + 1) % len(merged)]
            if side.axis == following.axis and abs(side.place - following.place) < reach:
                length = side.length + following.length
                place = (side.place * side.length + following.place * following.length) / length
                merged[i] = _Side(axis=side.axis, place=place, length=length, start=side.start)
                del merged[(i + 1) % len(merged)]
                break
        else:
            break
    return merged


def _corners(sides: list[_Side]) -> Points:
    """Where each side meets the next; parallel neighbours are joined by a step at the corner they share."""
    corners = []
    for side, following in itertools.pairwise([*sides, sides[0]]):
        turns = [following.place] if side.axis != following.axis else [following.start[side.axis]] * 2
        for along, across in zip(turns, (side.place, following.place), strict=False):
            corners.append((along, across) if side.axis == 0 else (across, along))
    return np.array(corners)
