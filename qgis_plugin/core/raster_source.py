# SPDX-License-Identifier: GPL-2.0-or-later
"""What the worker is given for a raster layer: a file's name, or a temporary file with the layer's picture."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QCoreApplication

from ..worker.client import JobCancelledError
from ..worker.protocol import Bounds
from .bundle import Bundle
from .extent import check_crs
from .map_grid import MapGrid, map_grid
from .rendering import Cancelled, Picture, RenderError, Tell

LIMIT_PX = 12_000 * 12_000
"""A rendered layer's picture has so many pixels at most; it takes minutes to get it from a server."""
_SUFFIXES = re.compile(r"\|(?:option|credential|layername|layerid):.*$", re.DOTALL)
"""What QGIS adds to a name that GDAL opens."""
_GDALS = re.compile(r"<|/vsi|[A-Za-z][\w.+-]+:")
"""How names begin that the file system does not know; one letter before a colon is a drive."""
_IN_MEMORY = "/vsimem/"


class SourceError(Exception):
    """There is nothing that the worker could be given; one line for the user."""


def tr(text: str) -> str:
    """Translate."""
    return QCoreApplication.translate("RasterSource", text)


@dataclass(frozen=True)
class Raster:
    """What a `Segment` or an `Ask` is told."""

    name: str
    bounds: Bounds | None
    """Where to look; all of it if None."""
    bounds_crs: str | None
    """None: the raster's own, which is the layer's."""
    as_is: bool
    """Whether its pixels are the model's already."""


class RasterSource:
    """A layer for the worker; make it on the main thread. Use it as a context, or close it.

    Args:
        layer: The layer.
        bundle: The model that is to look at it.
        extent: Where to look, in the layer's CRS (see `core.extent`); all of the layer if None.

    Raises:
        SourceError: The layer's file is gone, or its picture would be too large.
        ExtentError: The layer has no CRS.
    """

    def __init__(self, layer: QgsRasterLayer, bundle: Bundle, extent: QgsRectangle | None) -> None:
        self.is_rendered = layer.providerType() != "gdal"
        """Whether the worker is given a picture, which `ready` has to make first."""
        self._extent, self._lock, self._closed = extent, threading.Lock(), False
        self._folder: Path | None = None
        self._raster: Raster | None = None
        if self.is_rendered:
            check_crs(layer)
            self._plan(layer, bundle, layer.extent() if extent is None else extent)
        else:
            self._find(layer)
            check_crs(layer)

    def __enter__(self) -> RasterSource:  # noqa: PYI034 - Self came with Python 3.11
        """Use it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def ready(self, tell: Tell, cancelled: Cancelled) -> Raster:
        """Have the worker's raster ready; a picture is drawn the first time. Not for the main thread.

        Args:
            tell: Told of the stage `rendering`, and how many of its steps are done.
            cancelled: Asked several times a second whether to stop.

        Raises:
            SourceError: It cannot be drawn.
            JobCancelledError: It was to stop.
        """
        with self._lock:
            if self._raster is None:
                try:
                    self._raster = self._make(tell, lambda: self._closed or cancelled())
                except RenderError as error:
                    raise SourceError(str(error)) from error
                finally:
                    if self._raster is None or self._closed:
                        self._delete()
            if self._closed:
                raise JobCancelledError
            return self._raster

    def close(self) -> None:
        """Delete what was made for the worker; drawing that is under way stops."""
        self._closed = True
        if self._lock.acquire(blocking=False):  # else who has it deletes
            try:
                self._delete()
            finally:
                self._lock.release()

    def _find(self, layer: QgsRasterLayer) -> None:
        """Take a file by its name."""
        self._name = name = _SUFFIXES.sub("", layer.source())
        if not name or (_GDALS.match(name) is None and not Path(name).exists()):
            raise SourceError(tr("expected a raster, got no file {}; check the path").format(name))
        provider = layer.dataProvider()
        own = provider.crs() if provider is not None else layer.crs()
        self._assigned_wkt = layer.crs().toWkt() if own != layer.crs() else ""

    def _plan(self, layer: QgsRasterLayer, bundle: Bundle, extent: QgsRectangle) -> None:
        """See which pixels of the fixed grid a picture takes."""
        self._name = layer.name()
        self._grid: MapGrid = map_grid(layer.crs(), extent.center(), bundle)
        self._picture = Picture.of(layer, min(self._grid.width, self._grid.height))
        self._pixels = self._grid.around(extent)
        self._asked = extent
        if self._pixels.width * self._pixels.height > LIMIT_PX:
            text = tr(
                "expected an area of up to {:.0f} million pixels of {:g} m to render {}, got {} x {} "
                "({:,.1f} x {:,.1f} km); zoom in, or draw a smaller area"
            )
            size = self._pixels.width, self._pixels.height
            size_km = [side * bundle.gsd_m / 1000 for side in size]
            raise SourceError(text.format(LIMIT_PX / 1e6, bundle.gsd_m, self._name, *size, *size_km))

    def _make(self, tell: Tell, cancelled: Cancelled) -> Raster:
        if self.is_rendered:
            path = self._temporary() / "picture.tif"
            self._picture.write(path, self._grid, self._pixels, tell=tell, cancelled=cancelled)
            return Raster(str(path), _bounds(self._asked), None, as_is=True)
        name = self._name
        if self._assigned_wkt or name.startswith(_IN_MEMORY):
            name = self._translated(name)
        return Raster(name, _bounds(self._extent) if self._extent is not None else None, None, as_is=False)

    def _translated(self, name: str) -> str:
        """The same pixels with the CRS that the user has given the layer, or out of QGIS's memory."""
        memory = name.startswith(_IN_MEMORY)
        path = self._temporary() / ("raster.tif" if memory else "raster.vrt")
        gdal.ErrorReset()
        made = gdal.Translate(
            str(path), name, format="GTiff" if memory else "VRT", outputSRS=self._assigned_wkt or None
        )
        if made is None:
            raise SourceError(
                tr("expected a raster that can be read, {}, got: {}; check the file").format(
                    name, gdal.GetLastErrorMsg()
                )
            )
        made.FlushCache()
        return str(path)

    def _temporary(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="samft-"))
            self._at_last = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def _delete(self) -> None:
        self._raster = None
        if self._folder is not None:
            self._at_last()
            self._folder = None


def _bounds(extent: QgsRectangle) -> Bounds:
    return extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()
