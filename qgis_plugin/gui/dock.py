# SPDX-License-Identifier: GPL-2.0-or-later
"""The panel: what to look at, with which model, how to draw it, where to put it, and what is happening."""

from __future__ import annotations

from qgis.core import QgsMapLayer, QgsMapLayerProxyModel, QgsRasterLayer
from qgis.gui import QgsDockWidget, QgsMapLayerComboBox
from qgis.PyQt.QtCore import QCoreApplication, QSize, Qt
from qgis.PyQt.QtWidgets import (
    QAction,
    QFrame,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .model_box import ModelBox
from .outline_box import OutlineBox
from .target_box import TargetBox, narrow


class Dock(QgsDockWidget):
    """The panel; it shows and asks, and does nothing itself.

    Args:
        actions: What its buttons do, two in a row.
        parent: QGIS's window.
    """

    def __init__(self, actions: list[QAction], parent: QWidget | None = None) -> None:
        super().__init__(self.tr("samft: building footprints"), parent)
        self.setObjectName("samftDock")
        self.raster = QgsMapLayerComboBox(objectName="samftRaster")
        self.raster.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        narrow(self.raster)
        self.model = ModelBox()
        self.outlines = OutlineBox()
        self.target = TargetBox()
        self.improve = QPushButton(self.tr("Improve the model..."), objectName="samftImprove")
        self.improve.setToolTip(self.tr("Train a better model from footprints that you have checked and corrected."))
        self.status = QLabel(objectName="samftStatus")
        self.status.setWordWrap(True)
        self.progress = QProgressBar(objectName="samftProgress")
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(8)
        self.cancel = QPushButton(self.tr("Cancel"), objectName="samftCancel")
        self.keep = QPushButton(self.tr("Stop and keep what is there"), objectName="samftKeep")
        self._lay_out(actions)
        self.show_idle("")
        self.raster.layerChanged.connect(self.model.show_layer)
        self.model.chosen.connect(lambda: self.outlines.set_usual(self.model.outlines()))

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("Dock", text)

    def refresh(self) -> None:
        """Look for models again."""
        self.model.refresh()
        self.model.show_layer(self.raster.currentLayer())

    def follow(self, layer: QgsMapLayer | None) -> None:
        """Choose the layer that was made active, if it is a raster."""
        if isinstance(layer, QgsRasterLayer):
            self.raster.setLayer(layer)

    def show_busy(self, text: str, percent: float | None, *, stoppable: bool) -> None:
        """Say what is happening.

        Args:
            text: In words.
            percent: How far it is; None where that is not known.
            stoppable: Whether what is there already can be kept.
        """
        self.status.setText(text)
        self.progress.setRange(0, 0 if percent is None else 100)
        if percent is not None:
            self.progress.setValue(round(percent))
        for widget in (self.progress, self.cancel):
            widget.setVisible(True)
        self.keep.setVisible(stoppable)

    def show_idle(self, text: str) -> None:
        """Say what has happened, or nothing."""
        self.status.setText(text or self.tr("Ready."))
        for widget in (self.progress, self.cancel, self.keep):
            widget.setVisible(False)

    def _lay_out(self, actions: list[QAction]) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(8, 8, 8, 8)
        source = QGroupBox(self.tr("Image and model"))
        grid = QGridLayout(source)
        for row, (label, widget) in enumerate(((self.tr("Raster"), self.raster), (self.tr("Model"), self.model))):
            grid.addWidget(QLabel(label), row, 0)
            grid.addWidget(widget, row, 1)
        grid.addWidget(self.model.about, 2, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        find = QGroupBox(self.tr("Find buildings"))
        buttons = QGridLayout(find)
        for at, action in enumerate(actions):
            buttons.addWidget(_button(action), at // 2, at % 2)
        column.addWidget(source)
        column.addWidget(find)
        column.addWidget(_around(QGroupBox(self.tr("Outlines")), self.outlines))
        column.addWidget(_around(QGroupBox(self.tr("Footprints go to")), self.target))
        column.addWidget(self.improve)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        bar_px = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(body.minimumSizeHint().width() + bar_px)  # whatever the language
        whole = QWidget()
        rows = QVBoxLayout(whole)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(scroll, 1)
        rows.addWidget(self._foot())
        self.setWidget(whole)

    def _foot(self) -> QWidget:
        """What is happening stays in sight, however far the rest is scrolled."""
        foot = QFrame()
        foot.setFrameShape(QFrame.Shape.StyledPanel)
        rows = QVBoxLayout(foot)
        rows.setContentsMargins(8, 6, 8, 6)
        rows.addWidget(self.status)
        rows.addWidget(self.progress)
        buttons = QHBoxLayout()
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.keep)
        buttons.addStretch(1)
        rows.addLayout(buttons)
        return foot


def _around(group: QGroupBox, widget: QWidget) -> QGroupBox:
    QVBoxLayout(group).addWidget(widget)
    return group


def _button(action: QAction) -> QToolButton:
    button = QToolButton(objectName=f"{action.objectName()}Button")
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setIconSize(QSize(20, 20))
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return button
