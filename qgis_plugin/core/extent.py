# SPDX-License-Identifier: GPL-2.0-or-later
"""What part of a raster layer is asked for, in the layer's CRS and cut to the layer."""

from __future__ import annotations

import math

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsGeometry,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QCoreApplication

POINTS_A_SIDE = 64
"""What is straight in one CRS is bent in another: sides are moved in so many pieces."""

NEAR = 1e-3
"""Of an area's size: what comes back so far off from another CRS was not on its ground."""

WIDE_DEG, WIDE_M = 20.0, 2e6
"""The side of a layer that is no place, but a part of the world."""


class ExtentError(Exception):
    """There is nothing to look at; one line for the user."""


def tr(text: str) -> str:
    """Translate."""
    return QCoreApplication.translate("Extent", text)


def extent_on(
    layer: QgsRasterLayer,
    extent: QgsRectangle,
    crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> QgsRectangle:
    """An extent, such as the map canvas's, in a layer's CRS.

    Args:
        layer: What is looked at.
        extent: The part of it that is asked for.
        crs: The extent's; one that is not valid means the layer's own, as where a project has none.
        context: How the project wants coordinates transformed.

    Raises:
        ExtentError: It is empty or off the layer, or the layer has no CRS.
    """
    if extent.isNull() or not _is_finite(extent) or extent.width() <= 0 or extent.height() <= 0:
        check_crs(layer)
        raise ExtentError(tr("expected an extent with some area, got an empty one; draw it again, or zoom the map"))
    return area_on(layer, QgsGeometry.fromRect(extent), crs, context).boundingBox()


def area_on(
    layer: QgsRasterLayer,
    area: QgsGeometry,
    crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> QgsGeometry:
    """A polygon, such as one that was drawn, in a layer's CRS.

    Args:
        layer: What is looked at.
        area: The part of it that is asked for.
        crs: The area's; one that is not valid means the layer's own.
        context: How the project wants coordinates transformed.

    Raises:
        ExtentError: It is empty or off the layer, or the layer has no CRS.
    """
    check_crs(layer)
    if area.isNull() or not _is_finite(area.boundingBox()) or not area.area() > 0:
        raise ExtentError(tr("expected an area to look in, got an empty one; draw it again"))
    whole = QgsGeometry.fromRect(layer.extent())
    area = QgsGeometry(area).makeValid()
    if crs.isValid() and crs != layer.crs():
        there = QgsCoordinateTransform(crs, layer.crs(), context)
        if not _is_wide(layer):  # a projection holds only near its own ground: what lies far from the layer is left out
            near = _moved(whole, there, back=True)
            area = area if near is None else area.intersection(near)
        moved = _moved(area, there)
        area = QgsGeometry() if moved is None else moved.makeValid()
    inside = area.intersection(whole)
    if inside.isNull() or not inside.area() > 0:
        raise ExtentError(
            tr("expected an extent that touches the layer {}, got one that lies off it; zoom to the layer").format(
                layer.name()
            )
        )
    return inside


def check_crs(layer: QgsRasterLayer) -> None:
    """Refuse a layer that nobody knows the place of.

    Raises:
        ExtentError: It has no CRS.
    """
    if not layer.crs().isValid():
        raise ExtentError(
            tr("expected a layer with a CRS, got {} without one; set it in the layer's properties, Source").format(
                layer.name()
            )
        )


def _moved(area: QgsGeometry, transform: QgsCoordinateTransform, *, back: bool = False) -> QgsGeometry | None:
    """An area in the other CRS; None where that is not defined all around it, so that there is no way back."""
    if area.isEmpty():
        return None
    box = area.boundingBox()
    size = max(box.width(), box.height())
    straight = area.densifyByDistance(size / POINTS_A_SIDE)
    moved, returned = QgsGeometry(straight), QgsGeometry()
    there, here = Qgis.TransformDirection.Forward, Qgis.TransformDirection.Reverse
    try:
        moved.transform(transform, here if back else there)
        returned = QgsGeometry(moved)
        returned.transform(transform, there if back else here)
    except QgsCsException:
        return None
    if not _is_finite(moved.boundingBox()):
        return None
    pairs = zip(straight.vertices(), returned.vertices())  # noqa: B905 - Python 3.9
    return moved if all(one.distance(other) < NEAR * size for one, other in pairs) else None


def _is_wide(layer: QgsRasterLayer) -> bool:
    """Whether a layer reaches so far, like a map of the world, that other CRSs do not hold all over it."""
    box = layer.extent()
    return max(box.width(), box.height()) > (WIDE_DEG if layer.crs().isGeographic() else WIDE_M)


def _is_finite(box: QgsRectangle) -> bool:
    return all(map(math.isfinite, (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum())))
