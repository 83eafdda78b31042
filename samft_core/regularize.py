"""From contour to the outline a mapper would draw: fewer corners, right angles."""

from __future__ import annotations

import numpy as np
import shapely

from samft_core.grid import Geometries
from samft_core.square import square

IOU_FLOOR = 0.9
"""A regularized outline that agrees less with the contour is not used."""


def simplify(polygons: Geometries, tolerance: float) -> Geometries:
    """Leave out the vertices that move an outline by less than a tolerance; invalid results are not used.

    Args:
        polygons: Valid polygons.
        tolerance: In the units of the polygons (Douglas-Peucker).
    """
    simple = shapely.simplify(polygons, tolerance, preserve_topology=True)
    keep = shapely.is_valid(simple) & (shapely.area(simple) > 0)
    return np.where(keep, simple, polygons)


def straighten(polygons: Geometries, *, tolerance: float, forbidden: Geometries) -> Geometries:
    """Simplify outlines where that makes none overlap a neighbour or reach into a forbidden area.

    Args:
        polygons: Valid polygons that overlap neither each other nor a forbidden area.
        tolerance: In the units of the polygons.
        forbidden: Areas that no outline may enter.
    """
    return _without_conflicts(polygons, [simplify(polygons, tolerance)], forbidden)


def regularize(polygons: Geometries, *, tolerance_m: float, forbidden: Geometries) -> Geometries:
    """Straighten outlines and square their corners, where the building stays what it was.

    A polygon keeps its simplified contour where its regularized outline would agree with it by an IoU below
    `IOU_FLOOR`, would overlap a neighbour, or would reach into a forbidden area.

    Args:
        polygons: Valid polygons in metres that overlap neither each other nor a forbidden area.
        tolerance_m: How far an outline may move while it is simplified.
        forbidden: Areas in the same metres that no outline may enter.

    Returns:
        As many polygons, in the same order.
    """
    if len(polygons) == 0:
        return polygons
    simple = simplify(polygons, tolerance_m)
    candidate = simple.copy()
    for i, (contour, coarse) in enumerate(zip(polygons, simple, strict=True)):
        squared = square(contour, coarse, tolerance_m) if len(contour.interiors) == len(coarse.interiors) else None
        if squared is not None and squared.is_valid and squared.area > 0:
            candidate[i] = squared
    overlap = shapely.area(shapely.intersection(candidate, polygons))
    iou = overlap / (shapely.area(candidate) + shapely.area(polygons) - overlap)
    kept = np.where(iou >= IOU_FLOOR, candidate, simple)
    return _without_conflicts(polygons, [simple, kept], forbidden)


def _without_conflicts(contours: Geometries, steps: list[Geometries], forbidden: Geometries) -> Geometries:
    """The last step of each polygon that conflicts with nothing; the contours themselves never do."""
    ladder = [contours, *steps]
    level = np.full(len(contours), len(ladder) - 1)
    while True:
        chosen = np.choose(level, ladder)
        blamed = _overlapping(chosen, chosen) | _overlapping(chosen, forbidden)
        blamed &= level > 0
        if not blamed.any():
            return chosen
        level[blamed] -= 1


def _overlapping(polygons: Geometries, others: Geometries) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which polygons share more than a border with one of the others (but for themselves)."""
    blamed = np.zeros(len(polygons), dtype=np.bool_)
    if len(others) == 0:
        return blamed
    left, right = shapely.STRtree(others).query(polygons, predicate="intersects")
    if polygons is others:
        left, right = left[left != right], right[left != right]
    area = shapely.area(shapely.intersection(polygons[left], others[right]))
    blamed[left[area > 1e-9]] = True
    return blamed
