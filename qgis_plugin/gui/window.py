# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin adds to QGIS's window: a toolbar, a menu, a panel, map tools; and the wires between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsGeometry, QgsProject
from qgis.gui import QgsMapTool
from qgis.PyQt.QtCore import QCoreApplication, QObject, Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction, QMessageBox, QToolBar

from ..core.extent import ExtentError, area_on
from ..core.footprint_layer import LayerError
from ..core.raster_source import RasterSource, SourceError
from ..tasks.segment import Order
from ..worker.client import Worker
from ..worker.environment import ToolkitError
from .area_tool import AreaTool
from .choices import Choices, read_choices, settle
from .dock import Dock
from .messages import Messages
from .prompting import Prompting
from .segmenting import Segmenting

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

ICONS = Path(__file__).parents[1] / "icons"
PATIENCE_S = 1.0
"""After so long, what is being done is told in the message bar too."""


class Window(QObject):
    """Lives from initGui to unload.

    Args:
        iface: QGIS's window.
        worker: The plugin's.
        log: Given what should not have happened.
        open_settings: Opens the plugin's settings.
        improve: Opens the dialog that trains a better model.
    """

    def __init__(
        self,
        iface: QgisInterface,
        worker: Worker,
        log: Callable[[str], None],
        *,
        open_settings: Callable[[], object],
        improve: Callable[[], object],
    ) -> None:
        super().__init__()
        self._iface, self._canvas = iface, iface.mapCanvas()
        self._messages = Messages(iface.messageBar(), open_settings)
        self._segmenting = Segmenting(worker, self._canvas, self._messages, log, self)
        self._prompting = Prompting(worker, self._canvas, self._choices, self._agree, self._messages, log, self)
        self._area = AreaTool(self._canvas)
        self.visible = self._action(
            "samftSegmentVisible",
            "segment_visible.svg",
            self.tr("Segment visible extent"),
            self.tr("Visible extent"),
            self.tr("Find all buildings in what the map shows."),
        )
        self.area = self._action(
            "samftSegmentArea",
            "segment_area.svg",
            self.tr("Segment drawn area"),
            self.tr("Drawn area"),
            self.tr("Find all buildings in an area: drag a rectangle, or click corners and end with a double click."),
            self._area,
        )
        self.box = self._action(
            "samftPromptBox",
            "prompt_box.svg",
            self.tr("Prompt by box"),
            self.tr("By box"),
            self.tr("Drag a box around one building to outline it."),
            self._prompting.box,
        )
        self.points = self._action(
            "samftPromptPoints",
            "prompt_points.svg",
            self.tr("Prompt by points"),
            self.tr("By points"),
            self.tr("Rest on a building to see its outline. Left: on it, right: off it, Enter keeps, Escape clears."),
            self._prompting.points,
        )
        self.dock = Dock([self.visible, self.area, self.box, self.points], iface.mainWindow())
        self.panel = self.dock.toggleViewAction()
        self.panel.setObjectName("samftPanel")
        self.panel.setIcon(QIcon(str(ICONS / "panel.svg")))
        self.panel.setText(self.tr("samft panel"))
        self.panel.setToolTip(self.tr("Show or hide the panel of samft."))
        self.panel.setStatusTip(self.panel.toolTip())
        self._actions = [self.visible, self.area, self.box, self.points, self.panel]
        self._toolbar = QToolBar("samft", iface.mainWindow())
        self._improve = improve

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("Window", text)

    def show(self) -> None:
        """Add all of it to QGIS."""
        self._toolbar.setObjectName("samftToolBar")
        self._iface.addToolBar(self._toolbar)
        for action in self._actions:
            self._toolbar.addAction(action)
            self._iface.addPluginToRasterMenu("samft", action)
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.visible.triggered.connect(self._segment_visible)
        self._area.drawn.connect(self._segment_area)
        for part in (self._segmenting, self._prompting):
            part.changed.connect(self._show_state)
            part.filled.connect(self.dock.target.choose)
        self.dock.outlines.changed.connect(lambda: self._segmenting.draw_anew(self.dock.outlines.outlines()))
        self.dock.cancel.clicked.connect(self._segmenting.cancel)
        self.dock.keep.clicked.connect(self._segmenting.stop)
        self.dock.improve.clicked.connect(self._improve)
        self._iface.currentLayerChanged.connect(self.dock.follow)
        QgsProject.instance().cleared.connect(self._forget)
        self.dock.follow(self._iface.activeLayer())
        self.dock.refresh()

    def remove(self) -> None:
        """Leave QGIS as it was."""
        self._forget()
        self._iface.currentLayerChanged.disconnect(self.dock.follow)
        QgsProject.instance().cleared.disconnect(self._forget)
        self._area.remove()
        self._segmenting.remove()
        self._prompting.remove()
        for action in self._actions:
            self._iface.removePluginRasterMenu("samft", action)
        self._iface.removeDockWidget(self.dock)
        self._iface.mainWindow().removeToolBar(self._toolbar)
        for thing in (self.dock, self._toolbar, *self._actions, self):
            thing.deleteLater()

    def _action(self, name: str, icon: str, text: str, short: str, tip: str, tool: QgsMapTool | None = None) -> QAction:
        action = QAction(QIcon(str(ICONS / icon)), text, self._iface.mainWindow())
        action.setObjectName(name)
        action.setIconText(short)
        action.setToolTip(f"{text}: {tip}")
        action.setStatusTip(tip)
        if tool is not None:
            action.setCheckable(True)
            tool.setAction(action)
            action.triggered.connect(lambda: self._canvas.setMapTool(tool))
        return action

    def _choices(self) -> Choices:
        return read_choices(self.dock)

    def _agree(self, question: str) -> bool:
        answer = QMessageBox.question(self._iface.mainWindow(), "samft", question)
        return answer == QMessageBox.StandardButton.Yes

    def _segment_visible(self) -> None:
        self._segment(QgsGeometry.fromRect(self._canvas.extent()), cut=False)

    def _segment_area(self, area: QgsGeometry) -> None:
        self._segment(area, cut=True)

    def _segment(self, area: QgsGeometry, *, cut: bool) -> None:
        """Find the buildings in a part of the map.

        Args:
            area: In the canvas's CRS.
            cut: Whether buildings are cut at its border, rather than at that of its bounds in the layer's CRS.
        """
        project = QgsProject.instance()
        crs = self._canvas.mapSettings().destinationCrs()
        try:
            choices = settle(self._choices(), project, self._agree)
            area = area_on(choices.layer, area, crs, project.transformContext())
            source = RasterSource(choices.layer, choices.bundle, area.boundingBox())
        except (ToolkitError, LayerError, ExtentError, SourceError) as error:
            self._messages.failure(error)
            return
        order = Order(
            source=source,
            layer=choices.name,
            crs=choices.crs,
            bundle=str(choices.bundle.path),
            area=area if cut else None,
            threshold=choices.outlines.threshold,
            min_area_m2=choices.outlines.min_area_m2,
            regularize=choices.outlines.regularize,
            target_crs=choices.target.crs(project, choices.crs),
            context=project.transformContext(),
        )
        self.dock.show()
        self._segmenting.start(order, choices.target, choices.title)

    def _show_state(self) -> None:
        busy = self._segmenting.busy
        if busy is not None:
            self.dock.show_busy(busy.text, busy.percent, stoppable=busy.stoppable)
            if time.monotonic() - busy.since_s > PATIENCE_S:
                self._messages.show_progress(busy.text, busy.percent, self._segmenting.cancel)
        else:
            self._messages.hide_progress()
            self.dock.show_idle(self.sender().said if self.sender() is not None else "")

    def _forget(self) -> None:
        """The project is gone, and with it what jobs were for."""
        self._segmenting.forget()
        self._prompting.release()
