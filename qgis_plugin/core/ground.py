# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a step on the map is on the ground."""

from __future__ import annotations

import math

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsPointXY,
    QgsRasterLayer,
)

WGS84 = "EPSG:7030"


def step_m(
    crs: QgsCoordinateReferenceSystem, centre: QgsPointXY, width: float, height: float
) -> tuple[float, float] | None:
    """The geodesic lengths of a step in x and of one in y, around a place; None where they are not defined.

    Args:
        crs: What the others are in.
        centre: The middle of both steps.
        width: The step in x.
        height: The step in y.

    Returns:
        Metres.
    """
    if not crs.isValid():
        return None
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, QgsCoordinateTransformContext())
    measure.setEllipsoid(crs.ellipsoidAcronym() or WGS84)
    x, y = centre.x(), centre.y()
    try:
        lengths = (
            measure.measureLine(QgsPointXY(x - width / 2, y), QgsPointXY(x + width / 2, y)),
            measure.measureLine(QgsPointXY(x, y - height / 2), QgsPointXY(x, y + height / 2)),
        )
    except QgsCsException:
        return None
    return lengths if all(math.isfinite(length) and length > 0 for length in lengths) else None


def pixel_size_m(layer: QgsRasterLayer) -> float | None:
    """The larger side of a layer's pixels at its centre; None where that is not defined."""
    width, height = layer.rasterUnitsPerPixelX(), layer.rasterUnitsPerPixelY()
    sides = step_m(layer.crs(), layer.extent().center(), width, height)
    return None if sides is None else max(sides)
