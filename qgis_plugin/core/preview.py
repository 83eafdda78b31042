# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of probabilities that the worker gives beside its footprints."""

from __future__ import annotations

import math
from dataclasses import dataclass

from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsPointXY
from qgis.PyQt.QtGui import QImage

CERTAIN = 254
"""The byte of a probability of 1."""
FOUND = 0x8C2EE6C5
"""The colour of what is building, as alpha, red, green and blue."""


@dataclass(frozen=True)
class Preview:
    """Shows at once what another threshold finds."""

    image: QImage
    """An index for each pixel: the probability in 254ths, or 255 where there is none."""
    corners: tuple[QgsPointXY, ...]
    """Its top left, top right and bottom left."""
    crs: QgsCoordinateReferenceSystem
    """Of the corners and the area."""
    area: QgsGeometry | None
    """What lies outside is not shown."""

    def at(self, threshold: float) -> QImage:
        """The same picture, coloured where the probability is not below a threshold."""
        first, image = math.ceil(threshold * CERTAIN), QImage(self.image)
        image.setColorTable([FOUND if first <= value <= CERTAIN else 0 for value in range(256)])
        return image


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
    corners = [QgsPointXY(*gdal.ApplyGeoTransform(affine, *at)) for at in ((0, 0), (width, 0), (0, height))]
    return Preview(image, tuple(corners), crs, area)
