# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin: brings its Processing provider along and takes it away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsApplication, QgsMessageLog, QgsProject

from .processing.provider import SamftProvider
from .worker.client import Worker

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .gui.improve_dialog import ImproveDialog
    from .gui.window import Window


class SamftPlugin:
    """What QGIS loads and unloads.

    Args:
        iface: The window; None in qgis_process.
    """

    def __init__(self, iface: QgisInterface | None) -> None:
        self.iface = iface
        self.provider: SamftProvider | None = None
        self.worker = Worker(kept=iface is not None)
        self.window: Window | None = None
        self.improving: ImproveDialog | None = None

    def initProcessing(self) -> None:
        """Register the provider; qgis_process calls this alone."""
        self.provider = SamftProvider(self.worker, self._log)
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:
        """Start in a window."""
        self.initProcessing()
        from .gui.window import Window  # its widgets need a window; qgis_process has none

        QgsApplication.instance().aboutToQuit.connect(self.worker.close)
        self.window = Window(
            self.iface, self.worker, self._log, open_settings=self._open_settings, improve=self._improve
        )
        self.window.show()

    def unload(self) -> None:
        """Leave QGIS as it was."""
        if self.improving is not None:
            self.improving.stop()
            self.improving.deleteLater()
            self.improving = None
        if self.window is not None:
            self.window.remove()
            self.window = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        self.worker.close()

    def _log(self, text: str) -> None:
        QgsMessageLog.logMessage(text, "samft", Qgis.MessageLevel.Warning)

    def _open_settings(self) -> None:
        self.iface.showOptionsDialog(currentPage="samftOptions")

    def _improve(self) -> None:
        """Open the dialog that trains a better model, with what is chosen in the panel."""
        from .gui.improve_dialog import ImproveDialog

        assert self.window is not None
        dock = self.window.dock
        if self.improving is None:
            self.improving = ImproveDialog(self.iface, self._log, self.iface.mainWindow())
            self.improving.chosen.connect(dock.model.choose)
        filled = QgsProject.instance().mapLayer(dock.target.target().layer_id) or self.iface.activeLayer()
        bundle = dock.model.bundle()
        self.improving.begin(dock.raster.currentLayer(), filled, str(bundle.path) if bundle else "")
