# SPDX-License-Identifier: GPL-2.0-or-later
"""Points at the building that is meant, and away from what is not."""

from __future__ import annotations

from typing import NamedTuple

from qgis.core import QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsVertexMarker
from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QColor, QKeyEvent

from ..core.footprint_layer import CLASSES
from .tools import DrawingTool

REST_MS = 100
"""How long the mouse must rest before the outline under it is asked for."""
ON, OFF = (QColor(CLASSES[at][2]) for at in (-1, 0))
"""The colours of the surest footprints and of the least sure."""


class Point(NamedTuple):
    """A point in the canvas's CRS."""

    at: QgsPointXY
    building: bool
    """Whether it lies on the building, or off it."""


class PointsTool(DrawingTool):
    """Left: a point on the building; right: one off it. Enter or a double click keeps, Escape or Backspace clears."""

    asked = pyqtSignal()
    """Points have changed, or the mouse rests: `points` are to be outlined."""
    kept = pyqtSignal()
    """The outline is to be kept."""
    cleared = pyqtSignal()
    """Nothing is meant any more."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._placed: list[Point] = []
        self._markers: list[QgsVertexMarker] = []
        self._hover: QgsPointXY | None = None
        self._ended = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.asked)

    @property
    def hovers(self) -> bool:
        """Whether the mouse has only rested somewhere."""
        return not self._placed

    @property
    def points(self) -> tuple[Point, ...]:
        """Those that were placed; the one under the mouse where there is none."""
        if self._placed:
            return tuple(self._placed)
        return () if self._hover is None else (Point(self._hover, True),)

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Ask for a preview once the mouse rests."""
        if not self._placed:
            self._hover = event.mapPoint()
            self._rest.start()

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Place a point."""
        if self._ended:  # the release that belongs to a double click
            self._ended = False
        elif event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            self._place(Point(event.mapPoint(), event.button() == Qt.MouseButton.LeftButton))

    def canvasDoubleClickEvent(self, event: QgsMapMouseEvent) -> None:
        """Keep it; the point came with the first click."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._ended = True
            self.kept.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keep it, or take all points back."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.kept.emit()
        elif event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Backspace):
            self.clear()
            self.cleared.emit()
            event.accept()

    def clear(self) -> None:
        """Take back all that is drawn."""
        self._rest.stop()
        self._placed, self._hover = [], None
        for marker in self._markers:
            self.canvas().scene().removeItem(marker)
        self._markers = []
        super().clear()

    def deactivate(self) -> None:
        """Another tool is chosen."""
        super().deactivate()
        self.cleared.emit()

    def _place(self, point: Point) -> None:
        marker = QgsVertexMarker(self.canvas())
        marker.setIconType(QgsVertexMarker.IconType.ICON_CIRCLE)
        marker.setColor(QColor(0, 0, 0, 160))
        marker.setFillColor(ON if point.building else OFF)
        marker.setIconSize(11)
        marker.setPenWidth(2)
        marker.setCenter(point.at)
        self._markers.append(marker)
        self._rest.stop()
        self._placed.append(point)
        if any(each.building for each in self._placed):
            self.asked.emit()
