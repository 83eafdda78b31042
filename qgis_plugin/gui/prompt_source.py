# SPDX-License-Identifier: GPL-2.0-or-later
"""The raster that questions are put to: a file at once, a rendered layer's picture when it is drawn."""

from __future__ import annotations

import functools
from collections.abc import Callable

from qgis.core import QgsProject, QgsRectangle
from qgis.gui import QgsMapCanvas

from ..core.extent import extent_on
from ..core.raster_source import Raster, RasterSource
from ..tasks.prepare import PrepareTask
from ..tasks.running import Running
from .choices import Choices


class PromptSource:
    """Keeps a picture of what the map showed, as long as questions lie in it.

    Args:
        done: Told when a picture is there, with what went wrong, if anything.
        log: Given the traceback of what should not have happened.
    """

    def __init__(self, done: Callable[[str], None], log: Callable[[str], None]) -> None:
        self._done, self._log = done, log
        self._running = Running()
        self._source: RasterSource | None = None
        self._raster: Raster | None = None
        self._key: object = None
        self._within = QgsRectangle()
        self._task: PrepareTask | None = None

    def raster(self, choices: Choices, place: QgsRectangle, canvas: QgsMapCanvas) -> Raster | None:
        """What to ask about a place; None where it is being drawn, and `done` is told later.

        Args:
            choices: The layer and the model.
            place: In the canvas's CRS.
            canvas: What it shows is drawn.

        Raises:
            SourceError: The layer's file is gone, or the map shows too much of it.
            ExtentError: The place is off the layer.
        """
        crs, context = canvas.mapSettings().destinationCrs(), QgsProject.instance().transformContext()
        key = (choices.layer.id(), choices.layer.source(), choices.bundle.path, crs.toWkt())
        if self._raster is not None and key == self._key and self._within.contains(place):
            return self._raster
        self.close()
        shown = QgsRectangle(canvas.extent())
        shown.combineExtentWith(place)
        source = RasterSource(choices.layer, choices.bundle, extent_on(choices.layer, shown, crs, context))
        self._source, self._key = source, key
        self._within = shown
        if not source.is_rendered:
            self._raster = source.ready(lambda *_: None, lambda: False)
            return self._raster
        self._task = PrepareTask(source, choices.name, functools.partial(self._ready, source), self._log)
        self._running.add(self._task)
        return None

    def close(self) -> None:
        """Let go of the picture."""
        if self._task is not None:
            self._task.cancel()
        if self._source is not None:
            self._source.close()
        self._source = self._raster = self._task = None

    def _ready(self, source: RasterSource, raster: Raster | None, problem: str) -> None:
        if source is not self._source:
            return  # nobody wants it any more
        self._raster, self._task = raster, None
        self._done(problem)
