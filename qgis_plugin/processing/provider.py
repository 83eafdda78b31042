# SPDX-License-Identifier: GPL-2.0-or-later
"""The group of samft's algorithms in the toolbox."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..worker.client import Worker
from .segment_raster import SegmentRaster

ICON = str(Path(__file__).parents[1] / "icon.svg")


class SamftProvider(QgsProcessingProvider):
    """`samft:` in algorithm ids.

    Args:
        worker: Does what the algorithms need of the toolkit.
    """

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def loadAlgorithms(self) -> None:
        """Add the algorithms."""
        self.addAlgorithm(SegmentRaster(self._worker))

    def id(self) -> str:
        """The prefix of the algorithms' ids."""
        return "samft"

    def name(self) -> str:
        """What the toolbox shows."""
        return "samft"

    def icon(self) -> QIcon:
        """The plugin's icon."""
        return QIcon(ICON)
