# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin: brings its Processing provider along and takes it away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsApplication, QgsMessageLog, QgsProject

from .processing.provider import SamftProvider
from .translation import Translation
from .worker.client import Worker
from .worker.log import WorkerLog
from .worker.venv import profile_folder

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .gui.improve_dialog import ImproveDialog
    from .gui.settings_page import SettingsPageFactory
    from .gui.window import Window


class SamftPlugin:
    """What QGIS loads and unloads.

    Args:
        iface: The window; None in qgis_process.
    """

    def __init__(self, iface: QgisInterface | None) -> None:
        self.iface = iface
        self.provider: SamftProvider | None = None
        self.translation = Translation()
        self.log = WorkerLog(profile_folder() / "worker.log", tell=_tell)
        self.worker = Worker(self.log, kept=iface is not None)
        self.settings_page: SettingsPageFactory | None = None
        self.window: Window | None = None
        self.improving: ImproveDialog | None = None

    def initProcessing(self) -> None:
        """Register the provider; qgis_process calls this alone."""
        self.translation.install()
        self.provider = SamftProvider(self.worker, self.log)
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:
        """Start in a window."""
        self.initProcessing()
        from .gui.settings_page import SettingsPageFactory  # widgets need a window; qgis_process has none
        from .gui.window import Window

        self.settings_page = SettingsPageFactory(self.log, changed=self.worker.close)
        self.iface.registerOptionsWidgetFactory(self.settings_page)
        QgsApplication.instance().aboutToQuit.connect(self.worker.close)
        self.window = Window(
            self.iface, self.worker, self.log, open_settings=self._open_settings, improve=self._improve
        )
        self.window.show()

    def unload(self) -> None:
        """Leave QGIS as it was."""
        if self.settings_page is not None:
            self.iface.unregisterOptionsWidgetFactory(self.settings_page)
            self.settings_page = None
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
        self.log.close()
        self.translation.remove()

    def _open_settings(self) -> None:
        from .gui.settings_page import PAGE

        self.iface.showOptionsDialog(currentPage=PAGE)

    def _improve(self) -> None:
        """Open the dialog that trains a better model, with what is chosen in the panel."""
        from .gui.improve_dialog import ImproveDialog

        if self.window is None:
            return
        dock = self.window.dock
        if self.improving is None:
            self.improving = ImproveDialog(self.iface, self.log, self.iface.mainWindow())
            self.improving.chosen.connect(dock.model.choose)
        filled = QgsProject.instance().mapLayer(dock.target.target().layer_id) or self.iface.activeLayer()
        bundle = dock.model.bundle()
        self.improving.begin(dock.raster.currentLayer(), filled, str(bundle.path) if bundle else "")


def _tell(line: str) -> None:
    """Show a line in QGIS's log panel."""
    QgsMessageLog.logMessage(line, "samft", Qgis.MessageLevel.Warning)
