# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of probabilities that the worker gives beside its footprints."""

from __future__ import annotations

import math
from dataclasses import dataclass

from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsPointXY, QgsRectangle
from qgis.PyQt.QtCore import QRectF
from qgis.PyQt.QtGui import QImage

from .footprint_layer import CLASSES

CERTAIN = 254
"""The byte of a probability of 1."""
FOUND = 0x8C << 24 | int(CLASSES[-1][2][1:], 16)
"""The colour of what is building, as alpha, red, green and blue: that of the surest footprints."""


@dataclass(frozen=True)
class Preview:
    """Shows at once what another threshold finds."""

    image: QImage
    """An index for each pixel: the probability in 254ths, or 255 where there is none."""
    affine: tuple[float, ...]
    """From its pixels to the CRS, as GDAL's geotransform."""
    crs: QgsCoordinateReferenceSystem
    """Of the affine and the area."""
    area: QgsGeometry | None
    """What lies outside is not shown."""

    def at(self, threshold: float) -> QImage:
        """The same picture, coloured where the probability is not below a threshold."""
        first, image = math.ceil(threshold * CERTAIN), QImage(self.image)
        image.setColorTable([FOUND if first <= value <= CERTAIN else 0 for value in range(256)])
        return image

    def places(self, part: QRectF) -> list[QgsPointXY]:
        """Where the top left, top right and bottom left of a part of its pixels lie."""
        corners = (part.topLeft(), part.topRight(), part.bottomLeft())
        return [QgsPointXY(*gdal.ApplyGeoTransform(self.affine, at.x(), at.y())) for at in corners]

    def part(self, extent: QgsRectangle) -> QRectF:
        """The part of its pixels that an extent in its CRS reaches; an empty one where it reaches none."""
        inverse = gdal.InvGeoTransform(self.affine)
        ends = [(x, y) for x in (extent.xMinimum(), extent.xMaximum()) for y in (extent.yMinimum(), extent.yMaximum())]
        places = [gdal.ApplyGeoTransform(inverse, x, y) for x, y in ends]
        left, top = (math.floor(max(0.0, min(place[axis] for place in places))) for axis in (0, 1))
        size = (self.image.width(), self.image.height())
        right, bottom = (math.ceil(min(size[axis], max(place[axis] for place in places))) for axis in (0, 1))
        return QRectF(left, top, right - left, bottom - top)


def read_preview(path: str, crs: QgsCoordinateReferenceSystem, area: QgsGeometry | None) -> Preview | None:
    """What lies in the worker's file; None where it cannot be read. May be called on any thread.

    Args:
        path: The file.
        crs: Of the raster layer; QGIS may have been told another than the file has.
        area: In that CRS; all of the picture if None.
    """
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        source = gdal.Open(path)
        values = source and source.ReadRaster()
    except RuntimeError:
        return None
    finally:
        gdal.PopErrorHandler()
    if not values:
        return None
    width, height, affine = source.RasterXSize, source.RasterYSize, source.GetGeoTransform()
    image = QImage(bytes(values), width, height, width, QImage.Format.Format_Indexed8).copy()  # which owns its pixels
    return Preview(image, affine, crs, area)
