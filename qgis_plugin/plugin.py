# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin: brings its Processing provider along and takes it away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsApplication

from .processing.provider import SamftProvider
from .worker.client import Worker

if TYPE_CHECKING:
    from qgis.gui import QgisInterface


class SamftPlugin:
    """What QGIS loads and unloads.

    Args:
        iface: The window; None in qgis_process.
    """

    def __init__(self, iface: QgisInterface | None) -> None:
        self.iface = iface
        self.provider: SamftProvider | None = None
        self.worker = Worker(kept=iface is not None)

    def initProcessing(self) -> None:
        """Register the provider; qgis_process calls this alone."""
        self.provider = SamftProvider(self.worker)
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:
        """Start in a window."""
        self.initProcessing()
        QgsApplication.instance().aboutToQuit.connect(self.worker.close)

    def unload(self) -> None:
        """Leave QGIS as it was."""
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        self.worker.close()
