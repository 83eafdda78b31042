# SPDX-License-Identifier: GPL-2.0-or-later
"""A raster layer's picture, as the user sees it, into a GeoTIFF of a fixed grid."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsDataSourceUri,
    QgsRasterBlock,
    QgsRasterBlockFeedback,
    QgsRasterLayer,
    QgsRasterPipe,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QCoreApplication

from ..worker.client import JobCancelledError
from .map_grid import MapGrid, Pixels
from .network import Network, network_watched

BLOCK_PX = 256
"""A block has at least so many pixels a side, in whole strides of tiles."""
PAUSES_S = (1.0, 4.0)
"""Before a block is asked for again, where the server has failed."""
POLL_S = 0.1
"""How often it is asked whether to stop."""
PICTURES = ("wms", "arcgismapserver")
"""Providers that give a picture of any resolution; of others, the pixel at a place is drawn, and the mean is taken."""
FINER = 3
"""How many of those, in x and in y, make a pixel."""
FINER_TILES = 4
"""The same of map tiles, whose edges QGIS may move by up to a pixel that it draws."""
WORLD = 2 * math.pi * 6_378_137
"""The side of map tiles' square world, in their CRS."""
TILES_CRS = "EPSG:3857"
FINEST_LEVEL = 18
"""What QGIS takes where a layer does not say."""
SEEN = 128
"""A pixel is there if its alpha, of 255, is not below."""
Tell = Callable[[str, int, int], None]
"""Told a stage, and how many of how many steps of it are done."""
Cancelled = Callable[[], bool]


class RenderError(Exception):
    """The layer cannot be drawn; one line for the user."""


def tr(text: str) -> str:
    """Translate."""
    return QCoreApplication.translate("Rendering", text)


@dataclass(frozen=True)
class Picture:
    """A layer's, taken on the main thread, to be drawn on another."""

    name: str
    """The layer's."""
    crs_wkt: str
    """The layer's."""
    pipe: QgsRasterPipe
    """Draws it; a copy, which goes its own way."""
    finer: int
    """How many pixels, in x and in y, are to be drawn for one."""

    @classmethod
    def of(cls, layer: QgsRasterLayer, pixel: float) -> Picture:
        """Take a layer's.

        Args:
            layer: The layer.
            pixel: A pixel's side in the layer's CRS.
        """
        pipe = QgsRasterPipe()
        for number in range(layer.pipe().size()):
            pipe.insert(number, layer.pipe().at(number).clone())
            pipe.setOn(number, layer.pipe().at(number).on())
        if pipe.renderer() is not None:
            pipe.renderer().setOpacity(1.0)
        finer = 1 if layer.providerType() in PICTURES else FINER
        tiles = _tiles(layer, pixel)
        if tiles is not None:
            pipe.set(tiles.dataProvider().clone())
            finer = FINER_TILES
        return cls(layer.name(), layer.crs().toWkt(), pipe, finer)

    def write(self, path: Path, grid: MapGrid, pixels: Pixels, *, tell: Tell, cancelled: Cancelled) -> None:
        """Draw it into a GeoTIFF of red, green, blue and alpha, which is 255 where there is a picture, else 0.

        Args:
            path: The file; it appears whole or not at all.
            grid: What pixels are counted in.
            pixels: Which of them.
            tell: Told about each block.
            cancelled: Asked several times a second whether to stop.

        Raises:
            RenderError: A server fails again and again, there is no picture at all, or the disk is full.
            JobCancelledError: It was to stop.
        """
        part = path.with_suffix(".part")
        blocks = list(_blocks(pixels, grid.stride_px))
        with _writing(path):
            target = self._create(part, grid, pixels)
        seen = False
        with network_watched() as network, _cancelling(cancelled) as feedback:
            for done, block in enumerate(blocks):
                tell("rendering", done, len(blocks))
                image = self._draw(grid, block, feedback, network, cancelled)
                seen = seen or bool(image[3].any())
                with _writing(path):
                    _write(target, image, block, pixels)
        with _writing(path):
            target.FlushCache()
            del target
        if not seen:
            raise RenderError(
                tr("expected a picture of {}, got empty ground{}; zoom to where the layer has one").format(
                    self.name, f" ({network.absent})" if network.absent else ""
                )
            )
        part.replace(path)
        tell("rendering", len(blocks), len(blocks))

    def _create(self, path: Path, grid: MapGrid, pixels: Pixels) -> gdal.Dataset:
        options = ["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "PHOTOMETRIC=RGB", "ALPHA=YES", "BIGTIFF=IF_SAFER"]
        driver = gdal.GetDriverByName("GTiff")
        target = driver.Create(str(path), pixels.width, pixels.height, 4, gdal.GDT_Byte, options)
        if target is not None:
            bounds = grid.bounds(pixels)
            target.SetGeoTransform((bounds.xMinimum(), grid.width, 0.0, bounds.yMaximum(), 0.0, -grid.height))
            target.SetProjection(self.crs_wkt)
        return target

    def _draw(
        self,
        grid: MapGrid,
        block: Pixels,
        feedback: QgsRasterBlockFeedback,
        network: Network,
        cancelled: Cancelled,
    ) -> np.ndarray:
        """Draw a block, again where the server fails.

        It is drawn in squares, since QGIS places map tiles by the width of a pixel alone.
        """
        side, corner = min(grid.width, grid.height) / self.finer, grid.bounds(block)
        width, height = (
            math.ceil(count * length / side - 1e-9)
            for count, length in ((block.width, grid.width), (block.height, grid.height))
        )
        left, top = corner.xMinimum(), corner.yMaximum()
        bounds = QgsRectangle(left, top - height * side, left + width * side, top)
        for pause_s in (*PAUSES_S, None):
            network.failure, known = "", len(feedback.errors())
            drawn = self.pipe.last().block(1, bounds, width, height, feedback)
            if feedback.isCanceled():
                raise JobCancelledError
            problem = network.failure or "; ".join(feedback.errors()[known:])
            if not problem:
                image = _colours(drawn, height, width)
                image = _averaged(image, block.width, grid.width / side)
                return _averaged(image.swapaxes(1, 2), block.height, grid.height / side).swapaxes(1, 2)
            if pause_s is not None:
                _wait(pause_s, cancelled)
        raise RenderError(
            tr("expected a picture of {}, got from its server: {}; check the connection, or try again later").format(
                self.name, " ".join(problem.split())[:300]
            )
        )


def _tiles(layer: QgsRasterLayer, pixel: float) -> QgsRasterLayer | None:
    """A layer of map tiles that knows no finer ones than pixels of a size need; None if it has none.

    So it can be drawn in finer pixels without asking its server for finer tiles.
    """
    if layer.providerType() != "wms" or layer.crs().authid() != TILES_CRS:
        return None
    address = QgsDataSourceUri()
    address.setEncodedUri(layer.source())
    if address.param("type") != "xyz":
        return None
    try:
        side = 256 * max(1.0, float(address.param("tilePixelRatio") or 1))
        coarsest, finest = int(address.param("zmin") or 0), int(address.param("zmax") or FINEST_LEVEL)
    except ValueError:
        return None
    level = max(coarsest, min(finest, math.ceil(math.log2(WORLD / side / pixel) - 1e-6)))
    others = [part for part in layer.source().split("&") if not part.startswith("zmax=")]  # as they are, to the letter
    tiles = QgsRasterLayer("&".join([*others, f"zmax={level}"]), layer.name(), "wms")
    return tiles if tiles.isValid() else None


@contextlib.contextmanager
def _cancelling(cancelled: Cancelled) -> Iterator[QgsRasterBlockFeedback]:
    """A feedback that is cancelled as soon as `cancelled` says so, even while a server is waited for."""
    feedback, over = QgsRasterBlockFeedback(), threading.Event()

    def watch() -> None:
        while not over.wait(POLL_S):
            if cancelled():
                feedback.cancel()
                return

    thread = threading.Thread(target=watch, name="samft rendering", daemon=True)
    thread.start()
    try:
        yield feedback
    finally:
        over.set()
        thread.join()


def _blocks(pixels: Pixels, stride_px: int) -> Iterator[Pixels]:
    """Squares of the fixed grid that touch some pixels, row by row; whole ones, whatever is asked for.

    So every pixel is always drawn as part of the same picture: what a server or a renderer makes of it may depend on
    the picture's bounds.
    """
    side = stride_px * math.ceil(BLOCK_PX / stride_px)
    for row in range(pixels.row // side * side, pixels.row + pixels.height, side):
        for col in range(pixels.col // side * side, pixels.col + pixels.width, side):
            yield Pixels(col, row, side, side)


def _colours(drawn: QgsRasterBlock, height: int, width: int) -> np.ndarray:
    """(4, height, width) of what was drawn: red, green, blue and alpha; nothing drawn is empty ground."""
    if not drawn.isValid() or drawn.width() != width or drawn.height() != height:
        return np.zeros((4, height, width), np.uint8)
    premultiplied = drawn.dataType() == Qgis.DataType.ARGB32_Premultiplied
    pixels = np.frombuffer(bytes(drawn.data()), "<u4").reshape(height, width)
    channels = [(pixels >> shift & 255).astype(np.uint16) for shift in (16, 8, 0)]
    alpha = (pixels >> 24).astype(np.uint16)
    known = alpha >= SEEN
    if premultiplied and not (alpha[known] == 255).all():
        least = np.maximum(alpha, 1)
        channels = [np.minimum((channel * 255 + least // 2) // least, 255) for channel in channels]
    return np.stack([*(channel * known for channel in channels), known * 255]).astype(np.uint8)


def _averaged(image: np.ndarray, count: int, step: float) -> np.ndarray:
    """An image (4, height, width) with `count` columns, each the mean of the `step` that it covers.

    A pixel is there if all that it covers is.
    """
    if step == 1:
        return image[:, :, :count]
    if math.isclose(step, round(step), rel_tol=1e-9):
        parts = image[:, :, : count * round(step)].reshape(*image.shape[:2], count, round(step))
        return _known(np.round(parts.mean(axis=-1, dtype=np.float32)).astype(np.uint8))
    edges, columns = np.arange(count + 1) * step, np.arange(image.shape[2])
    ends = np.minimum(edges[1:], columns[:, None] + 1)
    share = np.maximum(0, ends - np.maximum(edges[:-1], columns[:, None])) / step
    return _known(np.round(image.astype(np.float32) @ share.astype(np.float32)).astype(np.uint8))


def _known(mean: np.ndarray) -> np.ndarray:
    """Means with those alone that nothing is missing from."""
    known = mean[3] == 255
    return np.stack([*(mean[:3] * known), known * np.uint8(255)])


def _write(target: gdal.Dataset, image: np.ndarray, block: Pixels, pixels: Pixels) -> None:
    """Write the part of a block that is wanted."""
    top, left = max(block.row, pixels.row), max(block.col, pixels.col)
    bottom = min(block.row + block.height, pixels.row + pixels.height)
    right = min(block.col + block.width, pixels.col + pixels.width)
    rows, columns = slice(top - block.row, bottom - block.row), slice(left - block.col, right - block.col)
    part = image[:, rows, columns]
    width, height = right - left, bottom - top
    values = np.ascontiguousarray(part).tobytes()
    place = (left - pixels.col, top - pixels.row, width, height)
    target.WriteRaster(*place, values, width, height, gdal.GDT_Byte, [1, 2, 3, 4])


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn GDAL's failures, which may or may not be exceptions, into one line."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    gdal.ErrorReset()
    said = ""
    try:
        yield
    except RuntimeError as error:
        said = str(error)
    finally:
        gdal.PopErrorHandler()
    if not said and gdal.GetLastErrorType() >= gdal.CE_Failure:
        said = gdal.GetLastErrorMsg()
    if said:
        raise RenderError(
            tr("expected to write {}, got: {}; free some disk space").format(path, " ".join(said.split()))
        )


def _wait(seconds: float, cancelled: Cancelled) -> None:
    """Wait, unless it is cancelled."""
    pause = threading.Event()
    for _ in range(math.ceil(seconds / POLL_S)):
        if cancelled():
            raise JobCancelledError
        pause.wait(POLL_S)
