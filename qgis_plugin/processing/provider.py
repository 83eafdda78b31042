# SPDX-License-Identifier: GPL-2.0-or-later
"""The group of samft's algorithms in the toolbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..worker.client import Worker
from .evaluate import Evaluate
from .fetch_model import FetchModel
from .prepare_chips import PrepareChips
from .score import Score
from .segment_raster import SegmentRaster
from .submit_training import SubmitTraining
from .train import Train

ICON = str(Path(__file__).parents[1] / "icon.svg")


class SamftProvider(QgsProcessingProvider):
    """`samft:` in algorithm ids.

    Args:
        worker: Segments; the verbs have workers of their own.
        log: Given each line that those write to stderr, on another thread.
    """

    def __init__(self, worker: Worker, log: Callable[[str], None]) -> None:
        super().__init__()
        self._worker, self._log = worker, log

    def loadAlgorithms(self) -> None:
        """Add the algorithms."""
        self.addAlgorithm(SegmentRaster(self._worker))
        for verb in (PrepareChips, Train, SubmitTraining, FetchModel, Evaluate, Score):
            self.addAlgorithm(verb(self._log))

    def id(self) -> str:
        """The prefix of the algorithms' ids."""
        return "samft"

    def name(self) -> str:
        """What the toolbox shows."""
        return "samft"

    def icon(self) -> QIcon:
        """The plugin's icon."""
        return QIcon(ICON)
