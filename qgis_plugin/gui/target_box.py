# SPDX-License-Identifier: GPL-2.0-or-later
"""Where footprints go, as the user chooses it."""

from __future__ import annotations

from qgis.core import QgsMapLayer, QgsMapLayerProxyModel, QgsVectorLayer
from qgis.gui import QgsFileWidget, QgsMapLayerComboBox
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import QComboBox, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from ..core.target import Target

TEMPORARY, FILE, LAYER = range(3)


def narrow(box: QComboBox) -> None:
    """Let a list of layers be narrower than the longest name."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)


class TargetBox(QWidget):
    """A new temporary layer, a new GeoPackage, or a polygon layer of the project.

    Args:
        parent: The widget it is in.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = QComboBox(objectName="samftTarget")
        self.kind.addItems(
            [self.tr("New temporary layer"), self.tr("New GeoPackage"), self.tr("Layer of this project")]
        )
        self.file = QgsFileWidget(objectName="samftTargetFile")
        self.file.setStorageMode(QgsFileWidget.StorageMode.SaveFile)
        self.file.setFilter(self.tr("GeoPackage") + " (*.gpkg)")
        self.file.setDialogTitle(self.tr("A new GeoPackage for footprints"))
        self.layer = QgsMapLayerComboBox(objectName="samftTargetLayer")
        self.layer.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        narrow(self.layer)
        self._pages = QStackedWidget()
        for page in (QWidget(), self.file, self.layer):
            self._pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.kind)
        layout.addWidget(self._pages)
        self.kind.currentIndexChanged.connect(self._show_page)
        self._show_page(TEMPORARY)

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("TargetBox", text)

    def target(self) -> Target:
        """What is chosen."""
        kind = self.kind.currentIndex()
        if kind == FILE:
            path = self.file.filePath()
            path = path if not path or path.lower().endswith(".gpkg") else f"{path}.gpkg"
            return Target(kind="file", file=path)
        if kind == LAYER:
            layer = self.layer.currentLayer()
            return Target(kind="layer", layer_id=layer.id() if layer is not None else "")
        return Target()

    def choose(self, layer: QgsMapLayer) -> None:
        """Let what comes next go to this layer too."""
        if isinstance(layer, QgsVectorLayer):
            self.kind.setCurrentIndex(LAYER)
            self.layer.setLayer(layer)

    def _show_page(self, kind: int) -> None:
        self._pages.setCurrentIndex(kind)
        self._pages.setVisible(kind != TEMPORARY)
