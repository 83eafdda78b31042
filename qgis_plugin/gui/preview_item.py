# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows on the map, while outlines are being drawn anew, what the threshold finds."""

from __future__ import annotations

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsGeometry, QgsProject
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QPointF, QRectF
from qgis.PyQt.QtGui import QImage, QPainter, QPainterPath, QTransform

from ..core.preview import Preview

ABOVE_MAP = -5
"""Where it lies among the canvas's items: the map is at -10, the map tools' bands and markers are at 0."""


class PreviewItem(QgsMapCanvasItem):
    """Nothing, until `show_at`; the canvas owns it.

    Args:
        canvas: The map.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._preview: Preview | None = None
        self._image = QImage()
        self._leaving = False
        self.setZValue(ABOVE_MAP)
        self.hide()
        canvas.mapCanvasRefreshed.connect(self._painted)

    @property
    def is_shown(self) -> bool:
        """Whether it shows something."""
        return self._preview is not None

    def show_at(self, preview: Preview, threshold: float) -> None:
        """Show what lies not below a threshold."""
        self._preview, self._image, self._leaving = preview, preview.at(threshold), False
        self.show()
        self.update()

    def leave(self) -> None:
        """Go once the map is painted again."""
        self._leaving = True
        if self._canvas.isFrozen() or not self._canvas.renderFlag():
            self._painted()
        else:
            self._canvas.refresh()  # which a layer that is not on the map would not ask for

    def forget(self) -> None:
        """Go."""
        self._preview, self._image, self._leaving = None, QImage(), False
        self.hide()

    def remove(self) -> None:
        """Leave the canvas as it was."""
        self._canvas.mapCanvasRefreshed.disconnect(self._painted)
        self._canvas.scene().removeItem(self)

    def boundingRect(self) -> QRectF:
        """All of the canvas."""
        return QRectF(self._canvas.rect())

    def updatePosition(self) -> None:
        """The map shows another part."""
        self.update()

    def paint(self, painter: QPainter, *_: object) -> None:
        """Draw what the map shows of it; small as that is, it is only moved, scaled and turned there."""
        preview = self._preview
        if preview is None:
            return
        settings, context = self._canvas.mapSettings(), QgsProject.instance().transformContext()
        there = QgsCoordinateTransform(preview.crs, settings.destinationCrs(), context)
        back = QgsCoordinateTransform(settings.destinationCrs(), preview.crs, context)
        try:
            part = preview.part(back.transformBoundingBox(settings.visibleExtent()))
            first, right, down = (self.toCanvasCoordinates(there.transform(at)) for at in preview.places(part))
            clip = None if preview.area is None else self._clip(preview.area, there)
        except QgsCsException:  # the map shows where the layer's CRS does not reach
            return
        if part.isEmpty():
            return
        across, along = (right - first) / part.width(), (down - first) / part.height()
        painter.save()
        if clip is not None:
            painter.setClipPath(clip)
        painter.setTransform(
            QTransform(across.x(), across.y(), along.x(), along.y(), first.x(), first.y()), combine=True
        )
        painter.drawImage(QPointF(0, 0), self._image, part)
        painter.restore()

    def _clip(self, area: QgsGeometry, transform: QgsCoordinateTransform) -> QPainterPath:
        """The area in the canvas's pixels."""
        moved, path = QgsGeometry(area), QPainterPath()
        moved.transform(transform)
        moved.mapToPixel(self._canvas.getCoordinateTransform())
        for part in moved.asGeometryCollection():
            path.addPolygon(part.asQPolygonF())
        return path

    def _painted(self) -> None:
        if self._leaving:
            self.forget()
