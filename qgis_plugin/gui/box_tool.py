# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws a box around the building that is meant."""

from __future__ import annotations

from qgis.core import QgsRectangle
from qgis.gui import QgsMapMouseEvent
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent

from .tools import DragTool


class BoxTool(DragTool):
    """Drag a box around one building. Escape takes it back."""

    drawn = pyqtSignal(QgsRectangle)
    """The box, in the canvas's CRS; it stays drawn until `clear`."""

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """The box is drawn."""
        if event.button() == Qt.MouseButton.LeftButton and self.drags(event):
            box = self.rectangle(event)
            self._pressed = None
            self.show(box, self.canvas().mapSettings().destinationCrs())
            self.drawn.emit(box.boundingBox())
        elif event.button() == Qt.MouseButton.LeftButton:
            self.clear()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take it back."""
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
