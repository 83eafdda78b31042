# SPDX-License-Identifier: GPL-2.0-or-later
"""What is common to samft's map tools: a rubber band, and where the mouse is."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsPointXY, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QApplication

LINE = QColor(255, 159, 28)
FILL = QColor(255, 159, 28, 40)


class DrawingTool(QgsMapTool):
    """A map tool that draws a polygon over the map; the canvas's CRS is that of all it says."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        self.band.setStrokeColor(LINE)
        self.band.setFillColor(FILL)
        self.band.setWidth(2)

    def show(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Draw a polygon in any CRS."""
        self.band.setToGeometry(geometry, crs)

    def clear(self) -> None:
        """Take back all that is drawn."""
        self.band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)

    def deactivate(self) -> None:
        """Another tool is chosen."""
        self.clear()
        super().deactivate()

    def remove(self) -> None:
        """Leave the canvas as it was."""
        self.clear()
        self.canvas().unsetMapTool(self)
        self.canvas().scene().removeItem(self.band)


class DragTool(DrawingTool):
    """Follows the mouse from where it was pressed."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._pressed: QPoint | None = None
        self._pressed_at = QgsPointXY()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """A drag may begin."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._pressed_at = event.pos(), event.mapPoint()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Draw the rectangle."""
        if self.drags(event):
            self.show(self.rectangle(event), self.canvas().mapSettings().destinationCrs())

    def drags(self, event: QgsMapMouseEvent) -> bool:
        """Whether the mouse has gone far enough to mean a rectangle."""
        if self._pressed is None:
            return False
        return (event.pos() - self._pressed).manhattanLength() >= QApplication.startDragDistance()

    def rectangle(self, event: QgsMapMouseEvent) -> QgsGeometry:
        """From where the mouse was pressed to where it is."""
        return QgsGeometry.fromRect(QgsRectangle(self._pressed_at, event.mapPoint()))

    def clear(self) -> None:
        """Take back all that is drawn."""
        self._pressed = None
        super().clear()
