# SPDX-License-Identifier: GPL-2.0-or-later
"""Chooses a model: one of the bundles in the user's folder, or any other."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsMapLayer, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QToolButton, QWidget

from .. import settings
from ..core.bundle import Bundle, BundleError, bundles_in, fit, read_bundle
from .outline_box import Outlines
from .target_box import narrow


class ModelBox(QWidget):
    """A list of bundles, with what the chosen one was trained on, how good it is, and whether it fits the layer.

    Args:
        parent: The widget it is in.
    """

    chosen = pyqtSignal()
    """Another bundle, or none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: QgsRasterLayer | None = None
        self._bundles: list[Bundle] = []
        self.list = QComboBox(objectName="samftModel")
        narrow(self.list)
        self.browse = QToolButton(objectName="samftBrowse")
        self.browse.setText(self.tr("Browse..."))
        self.browse.setToolTip(self.tr("Choose a bundle, the folder that training leaves, RUN/bundle."))
        self.about = QLabel(objectName="samftModelAbout")
        """For the panel to place."""
        self.about.setWordWrap(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.browse)
        self.list.currentIndexChanged.connect(self._choose)
        self.browse.clicked.connect(self._browse)

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("ModelBox", text)

    def bundle(self) -> Bundle | None:
        """What is chosen."""
        at = self.list.currentIndex()
        return self._bundles[at] if 0 <= at < len(self._bundles) else None

    def outlines(self) -> Outlines:
        """As the chosen bundle wants them."""
        bundle = self.bundle()
        return Outlines(0.5, 0.0, True) if bundle is None else Outlines(bundle.threshold, bundle.min_area_m2, True)

    def refresh(self) -> None:
        """Look for bundles again; what is chosen stays chosen."""
        latest = settings.text(settings.BUNDLE)
        found = bundles_in(settings.text(settings.BUNDLES)) if settings.text(settings.BUNDLES) else []
        if latest and all(str(bundle.path) != latest for bundle in found):
            try:
                found.append(read_bundle(latest))
            except BundleError:
                settings.set_text(settings.BUNDLE, "")  # it is there no more
        self._list(found, latest)

    def show_layer(self, layer: QgsMapLayer | None) -> None:
        """Say whether the bundle fits this layer."""
        self._layer = layer if isinstance(layer, QgsRasterLayer) else None
        self._describe()

    def choose(self, path: str) -> None:
        """Take a bundle, from wherever it is.

        Raises:
            BundleError: It is none.
        """
        bundle = read_bundle(path)
        settings.set_text(settings.BUNDLE, str(bundle.path))
        self.refresh()

    def _list(self, bundles: list[Bundle], chosen: str) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        self._bundles = bundles
        for bundle in bundles:
            self.list.addItem(bundle.name)
            self.list.setItemData(self.list.count() - 1, str(bundle.path), 3)
        paths = [str(bundle.path) for bundle in bundles]
        self.list.setCurrentIndex(paths.index(chosen) if chosen in paths else min(0, len(paths) - 1))
        self.list.blockSignals(False)
        self._describe()
        self.chosen.emit()

    def _choose(self) -> None:
        bundle = self.bundle()
        if bundle is not None:
            settings.set_text(settings.BUNDLE, str(bundle.path))
        self._describe()
        self.chosen.emit()

    def _browse(self) -> None:
        start = settings.text(settings.BUNDLES) or str(Path.home())
        path = QFileDialog.getExistingDirectory(self, self.tr("A bundle, as training leaves it"), start)
        if not path:
            return
        try:
            self.choose(path)
        except BundleError as error:
            self.about.setText(str(error))

    def _describe(self) -> None:
        bundle = self.bundle()
        if bundle is None:
            self.about.setText(
                self.tr("No model yet: browse for a bundle, or choose a folder of them in the settings.")
            )
            return
        lines = [bundle.about] + ([fit(bundle, self._layer)] if self._layer is not None else [])
        self.about.setText("\n".join(lines))
