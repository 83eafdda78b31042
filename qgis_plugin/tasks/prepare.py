# SPDX-License-Identifier: GPL-2.0-or-later
"""Has a raster layer ready for the worker, beside QGIS's main thread."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from qgis.core import QgsTask
from qgis.PyQt.QtCore import QCoreApplication

from ..core.raster_source import Raster, RasterSource, SourceError
from ..worker.client import JobCancelledError


class PrepareTask(QgsTask):
    """Draws a rendered layer's picture, for questions about single buildings.

    Args:
        source: What to have ready.
        name: The layer's.
        done: Given the raster, on the main thread, or what went wrong; neither where it was cancelled.
        log: Given the traceback of what should not have happened.
    """

    def __init__(
        self,
        source: RasterSource,
        name: str,
        done: Callable[[Raster | None, str], None],
        log: Callable[[str], None],
    ) -> None:
        title = QCoreApplication.translate("PrepareTask", "Picture of {}").format(name)
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._source, self._done, self._log = source, done, log
        self._raster: Raster | None = None
        self._error = ""

    def run(self) -> bool:
        """What the thread does."""
        try:
            self._raster = self._source.ready(self._tell, self.isCanceled)
        except SourceError as error:
            self._error = str(error)
        except JobCancelledError:
            return False
        except Exception as error:  # noqa: BLE001 - PyQt ends QGIS on what leaves a thread
            self._log(traceback.format_exc())
            problem = QCoreApplication.translate("PrepareTask", "expected a picture of the layer, got {}; see the log")
            self._error = problem.format(repr(error))
        return self._raster is not None

    def finished(self, _: bool) -> None:
        """Back on the main thread."""
        self._done(self._raster, self._error)

    def _tell(self, _: str, done: int, total: int) -> None:
        self.setProgress(100 * done / max(1, total))
