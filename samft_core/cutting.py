"""Polygons cut to what is known and to what is asked for."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.field import Field, crop
from samft_core.grid import Geometries, Window
from samft_core.polygons import parts
from samft_core.tracing import trace

Owners = npt.NDArray[np.int64]
"""The number of what each geometry belongs to."""


def unknown_near(field: Field, polygons: Geometries, distance_px: float) -> tuple[Geometries, Owners]:
    """The outlines of pixels that are not known, as far as they lie near polygons.

    Args:
        field: The field; nothing is known beyond it.
        polygons: Polygons in pixels of its lattice.
        distance_px: How near.

    Returns:
        The outlines, and the number of the polygon that each lies near to.
    """
    areas, near = [], []
    boxes = shapely.bounds(polygons) + np.array([-1, -1, 1, 1]) * distance_px
    for part in field.windows:
        beside = np.flatnonzero((boxes[:, 1] < part.row_px + part.height_px) & (boxes[:, 3] > part.row_px))
        if len(beside) == 0 or (band := field.read(part)).valid.all():
            continue
        for i in beside:
            common = _around(boxes[i]).intersection(part)
            if common is not None and not (valid := crop(band, common).valid).all():
                traced, _ = trace(~valid)
                areas += list(_moved(traced, common))
                near += [i] * len(traced)
    beyond = _frame(field.window, math.ceil(distance_px))
    outside, side = shapely.STRtree(beyond).query(shapely.box(*boxes.T), predicate="intersects")
    return np.append(np.array(areas, dtype=object), beyond[side]), np.append(np.array(near, dtype=np.int64), outside)


def _around(bounds: npt.NDArray[np.float64]) -> Window:
    """The pixels that a box (left, top, right, bottom) touches."""
    col, row = math.floor(bounds[0]), math.floor(bounds[1])
    return Window(row_px=row, col_px=col, height_px=math.ceil(bounds[3]) - row, width_px=math.ceil(bounds[2]) - col)


def _moved(polygons: Geometries, window: Window) -> Geometries:
    """Polygons of a window in the pixels that the window is counted in."""
    moved: Geometries = shapely.transform(polygons, lambda points: points + np.array([window.col_px, window.row_px]))
    return moved


def _frame(window: Window, width_px: int) -> Geometries:
    """Four boxes around a window."""
    top, left = window.row_px, window.col_px
    bottom, right = top + window.height_px, left + window.width_px
    x0, y0, x1, y1 = left - width_px, top - width_px, right + width_px, bottom + width_px
    boxes: Geometries = shapely.box(
        [x0, x0, x0, right], [y0, bottom, top, top], [x1, x1, left, x1], [top, y1, bottom, bottom]
    )
    return boxes


def without(polygons: Geometries, areas: Geometries, near: Owners) -> Geometries:
    """What is left of polygons, each in parts if need be, without the areas near them.

    Args:
        polygons: Any polygons.
        areas: What to leave out.
        near: The number of the polygon that each lies near to; no other is cut by it.
    """
    shapely.prepare(polygons[near])  # a large one may have thousands of areas in it
    meets = np.flatnonzero(shapely.intersects(polygons[near], areas))
    shapely.destroy_prepared(polygons[near])  # which takes more memory than the polygon itself
    meets = meets[np.argsort(near[meets], kind="stable")]
    touched, first = np.unique(near[meets], return_index=True)
    of_each = np.split(areas[meets], first)[1:]
    cut = [shapely.difference(polygons[i], shapely.union_all(few)) for i, few in zip(touched, of_each, strict=True)]
    return np.append(np.delete(polygons, touched), parts(np.array(cut, dtype=object)))


def within(polygons: Geometries, owners: Owners, area: shapely.Geometry) -> tuple[Geometries, Owners]:
    """Polygons as far as they lie in an area, in parts if need be, and the owner of each."""
    shapely.prepare(area)
    whole = shapely.contains_properly(area, polygons)
    pieces = [parts(shapely.intersection(polygons[i : i + 1], area)) for i in np.flatnonzero(~whole)]
    counts = [len(of_one) for of_one in pieces]
    return (
        np.concatenate([polygons[whole], *pieces]),
        np.concatenate([owners[whole], np.repeat(owners[~whole], counts)]),
    )
