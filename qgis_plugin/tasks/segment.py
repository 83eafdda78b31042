# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the buildings of an extent beside QGIS's main thread."""

from __future__ import annotations

import shutil
import tempfile
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransformContext, QgsGeometry, QgsTask
from qgis.PyQt.QtCore import QCoreApplication, pyqtSignal

from ..core.footprint_layer import LayerError
from ..core.footprints import Footprints, read_footprints
from ..core.preview import Preview, read_preview
from ..core.raster_source import RasterSource, SourceError
from ..worker.client import JobCancelledError, Worker
from ..worker.environment import ToolkitError
from ..worker.protocol import Result, Segment


@dataclass(frozen=True)
class Order:
    """What is to be found, and how it is to be drawn."""

    source: RasterSource
    layer: str
    """The raster layer's name."""
    crs: QgsCoordinateReferenceSystem
    """Of the raster layer, and so of what the worker finds."""
    bundle: str
    """The folder."""
    area: QgsGeometry | None
    """In that CRS; what lies outside is cut away."""
    threshold: float
    min_area_m2: float
    regularize: bool
    target_crs: QgsCoordinateReferenceSystem
    """Of the layer that footprints go to."""
    context: QgsCoordinateTransformContext
    """How the project wants coordinates transformed."""
    preview: bool = True
    """Whether a picture of the probabilities is wanted too."""


@dataclass(frozen=True)
class Found:
    """What became of an order."""

    order: Order
    footprints: Footprints | None = None
    """None where nothing came of it."""
    complete: bool = True
    preview: Preview | None = None
    """Where it was wanted, and is there."""
    error: str = ""
    """One line, where it failed."""


class SegmentTask(QgsTask):
    """Talks to the worker in the background; tells of it on the main thread.

    Args:
        worker: Finds the buildings.
        order: What to find.
        done: Given what became of it, on the main thread.
        log: Given the traceback of what should not have happened.
    """

    stage = pyqtSignal(str)
    """What is being done, as the worker calls it."""

    def __init__(self, worker: Worker, order: Order, done: Callable[[Found], None], log: Callable[[str], None]) -> None:
        title = QCoreApplication.translate("SegmentTask", "Buildings in {}").format(order.layer)
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._worker, self._order, self._done, self._log = worker, order, done, log
        self._found = Found(order)
        self._stop = False

    def stop(self) -> None:
        """End it soon, with what is there."""
        self._stop = True

    def forget(self) -> None:
        """Tell nobody of what becomes of it."""
        self._done = lambda _: None

    def run(self) -> bool:
        """What the thread does."""
        try:
            self._found = self._find()
        except (ToolkitError, LayerError, SourceError) as error:
            self._found = Found(self._order, error=str(error))
        except JobCancelledError:
            return False
        except Exception as error:  # noqa: BLE001 - PyQt ends QGIS on what leaves a thread
            self._log(traceback.format_exc())
            problem = QCoreApplication.translate("SegmentTask", "expected to find buildings, got {}; see the log")
            self._found = Found(self._order, error=problem.format(repr(error)))
        return not self._found.error

    def finished(self, _: bool) -> None:
        """Back on the main thread."""
        self._done(self._found)

    def _find(self) -> Found:
        order = self._order
        raster = order.source.ready(self._tell, self.isCanceled)
        folder = tempfile.mkdtemp(prefix="samft-")
        try:
            out, picture = (str(Path(folder) / name) for name in ("footprints.fgb", "preview.tif"))
            job = Segment(
                id=uuid.uuid4().hex,
                bundle=order.bundle,
                raster=raster.name,
                out=out,
                bounds=raster.bounds,
                bounds_crs=raster.bounds_crs,
                threshold=order.threshold,
                min_area_m2=order.min_area_m2,
                regularize=order.regularize,
                as_is=raster.as_is,
                preview=picture if order.preview else None,
            )
            result: Result = self._worker.do(
                job,
                progress=lambda progress: self._tell(progress.stage, progress.done, progress.total),
                cancelled=lambda: self.isCanceled() or self._stop,
                keep=lambda: not self.isCanceled(),
            )
            found = read_footprints(out, raster=order.layer, crs=order.crs, provenance=result.provenance)
            preview = read_preview(picture, order.crs, order.area) if order.preview and result.complete else None
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # on Windows a file that is still open somewhere outlives it
        if order.area is not None:
            found = found.within(order.area, order.min_area_m2)
        found = found.to(order.target_crs, order.context)
        return Found(order, found, complete=result.complete, preview=preview)

    def _tell(self, stage: str, done: int, total: int) -> None:
        self.stage.emit(stage)
        self.setProgress(100 * done / max(1, total))
