# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws an area: a rectangle by dragging, or a polygon by its corners."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent

from .tools import DragTool


class AreaTool(DragTool):
    """Drag a rectangle; or click corners, and end with a double or a right click. Escape takes all back."""

    drawn = pyqtSignal(QgsGeometry)
    """The area, in the canvas's CRS."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._corners: list[QgsPointXY] = []
        self._ended = False

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Draw what there is so far, to the mouse."""
        if self._corners:
            self._draw([*self._corners, event.mapPoint()])
        else:
            super().canvasMoveEvent(event)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """A rectangle, a corner, or the end of a polygon."""
        if self._ended:  # the release that belongs to a double click
            self._ended = False
        elif event.button() == Qt.MouseButton.RightButton:
            self._end()
        elif event.button() == Qt.MouseButton.LeftButton and not self._corners and self.drags(event):
            rectangle = self.rectangle(event)
            self.clear()
            self.drawn.emit(rectangle)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._pressed = None
            self._corners.append(event.mapPoint())
            self._draw(self._corners)

    def canvasDoubleClickEvent(self, event: QgsMapMouseEvent) -> None:
        """The end of a polygon; its last corner came with the first click."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._ended = True
            self._end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take back the last corner, or all."""
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        elif event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete) and self._corners:
            self._corners.pop()
            self._draw(self._corners)
            event.accept()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._end()

    def clear(self) -> None:
        """Take back all that is drawn."""
        self._corners = []
        super().clear()

    def _end(self) -> None:
        corners = self._corners
        self.clear()
        area = QgsGeometry.fromPolygonXY([[*corners, corners[0]]]) if len(corners) > 2 else QgsGeometry()
        if not area.isNull() and area.area() > 0:
            self.drawn.emit(area if area.isGeosValid() else area.makeValid())

    def _draw(self, corners: list[QgsPointXY]) -> None:
        line = [*corners, corners[0]] if corners else []
        self.show(QgsGeometry.fromPolygonXY([line]), self.canvas().mapSettings().destinationCrs())
