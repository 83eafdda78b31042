# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin: brings its Processing provider along and takes it away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsApplication, QgsMessageLog

from .processing.provider import SamftProvider
from .worker.client import Worker
from .worker.log import WorkerLog
from .worker.venv import profile_folder

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .gui.settings_page import SettingsPageFactory


class SamftPlugin:
    """What QGIS loads and unloads.

    Args:
        iface: The window; None in qgis_process.
    """

    def __init__(self, iface: QgisInterface | None) -> None:
        self.iface = iface
        self.provider: SamftProvider | None = None
        self.log = WorkerLog(profile_folder() / "worker.log", tell=_tell)
        self.worker = Worker(self.log, kept=iface is not None)
        self.settings_page: SettingsPageFactory | None = None

    def initProcessing(self) -> None:
        """Register the provider; qgis_process calls this alone."""
        self.provider = SamftProvider(self.worker)
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:
        """Start in a window."""
        self.initProcessing()
        from .gui.settings_page import SettingsPageFactory  # its widgets need a window; qgis_process has none

        self.settings_page = SettingsPageFactory(self.log, changed=self.worker.close)
        self.iface.registerOptionsWidgetFactory(self.settings_page)
        QgsApplication.instance().aboutToQuit.connect(self.worker.close)

    def unload(self) -> None:
        """Leave QGIS as it was."""
        if self.settings_page is not None:
            self.iface.unregisterOptionsWidgetFactory(self.settings_page)
            self.settings_page = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        self.worker.close()
        self.log.close()


def _tell(line: str) -> None:
    """Show a line in QGIS's log panel."""
    QgsMessageLog.logMessage(line, "samft", Qgis.MessageLevel.Warning)
