# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixed pixels that maps are rendered on: they depend on the CRS, the place and the model, not on the extent."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qgis.core import QgsCoordinateReferenceSystem, QgsPointXY, QgsRectangle, QgsUnitTypes
from qgis.PyQt.QtCore import QCoreApplication

from .bundle import Bundle
from .extent import ExtentError
from .ground import step_m

HALO_PX = 14
"""How far around an extent the toolkit looks, so that outlines do not depend on where the extent ends."""
CELL_M = 50_000.0
CELL_DEG = 0.5
"""The CRS is divided into cells of such a side; pixels have the same size all over a cell."""
SQUARE = 1.02
"""Sides that differ by less, as on an ellipsoid in Web Mercator, are made the same."""
SNAP_PX = 1e-6
"""An edge on a pixel's border, but for rounding, takes no further pixel."""


@dataclass(frozen=True)
class Pixels:
    """A rectangle of a grid's pixels, rows counted downwards from y = 0."""

    col: int
    row: int
    width: int
    height: int


@dataclass(frozen=True)
class MapGrid:
    """Pixels of the model's size over a CRS, the corner of one at (0, 0), and square tiles of them."""

    width: float
    """Of a pixel, in the CRS's units."""
    height: float
    tile_px: int
    overlap_px: int

    @property
    def stride_px(self) -> int:
        """From tile to tile; a tile begins at (0, 0)."""
        return self.tile_px - self.overlap_px

    def around(self, extent: QgsRectangle) -> Pixels:
        """All tiles that touch an extent or its halo."""
        col, width = self._tiles(extent.xMinimum() / self.width, extent.xMaximum() / self.width)
        row, height = self._tiles(-extent.yMaximum() / self.height, -extent.yMinimum() / self.height)
        return Pixels(col, row, width, height)

    def bounds(self, pixels: Pixels) -> QgsRectangle:
        """Where pixels lie, in the CRS."""
        return QgsRectangle(
            pixels.col * self.width,
            -(pixels.row + pixels.height) * self.height,
            (pixels.col + pixels.width) * self.width,
            -pixels.row * self.height,
        )

    def _tiles(self, start: float, end: float) -> tuple[int, int]:
        """The first pixel and the number of pixels of the tiles between two places on an axis."""
        first_px = math.floor(start + SNAP_PX) - HALO_PX
        end_px = math.ceil(end - SNAP_PX) + HALO_PX
        first = (first_px - self.tile_px) // self.stride_px + 1
        last = -(-end_px // self.stride_px) - 1
        return first * self.stride_px, (last - first) * self.stride_px + self.tile_px


def map_grid(crs: QgsCoordinateReferenceSystem, place: QgsPointXY, bundle: Bundle) -> MapGrid:
    """The grid around a place.

    Raises:
        ExtentError: The CRS has no ground there.
    """
    degrees = crs.isGeographic()
    unit_m = (
        1.0 if degrees else QgsUnitTypes.fromUnitToUnitFactor(crs.mapUnits(), QgsUnitTypes.DistanceUnit.DistanceMeters)
    )
    cell = CELL_DEG if degrees else CELL_M / unit_m
    step = cell / 100
    centre = QgsPointXY(*((math.floor(value / cell) + 0.5) * cell for value in (place.x(), place.y())))
    lengths_m = step_m(crs, centre, step, step)
    if lengths_m is None:
        text = QCoreApplication.translate(
            "MapGrid", "expected an extent on the Earth, got ({:g}, {:g}) in {}; zoom to the layer"
        )
        raise ExtentError(text.format(place.x(), place.y(), crs.authid() or crs.description()))
    width, height = (step * bundle.gsd_m / length_m for length_m in lengths_m)
    if max(width, height) < SQUARE * min(width, height):
        width = height = math.sqrt(width * height)
    return MapGrid(width, height, bundle.tile_px, bundle.overlap_px)
