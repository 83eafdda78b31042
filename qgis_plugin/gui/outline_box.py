# SPDX-License-Identifier: GPL-2.0-or-later
"""How probabilities become outlines: threshold, smallest area, square corners."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.PyQt.QtCore import QCoreApplication, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QDoubleSpinBox, QGridLayout, QLabel, QSlider, QToolButton, QWidget

STEPS = 1000
"""Of the slider, from 0 to 1."""


@dataclass(frozen=True)
class Outlines:
    """What the user wants outlines to be."""

    threshold: float
    min_area_m2: float
    regularize: bool


class OutlineBox(QWidget):
    """Shows and asks for `Outlines`.

    Args:
        parent: The widget it is in.
    """

    changed = pyqtSignal()
    """By the user, or as another model was chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._usual = Outlines(0.5, 0.0, True)
        self.slider = QSlider(Qt.Orientation.Horizontal, objectName="samftThresholdSlider")
        self.slider.setRange(1, STEPS - 1)
        self.slider.setPageStep(STEPS // 20)
        self.threshold = QDoubleSpinBox(objectName="samftThreshold")
        self.threshold.setDecimals(3)
        self.threshold.setRange(1 / STEPS, 1 - 1 / STEPS)
        self.threshold.setSingleStep(0.01)
        self.smallest = QDoubleSpinBox(objectName="samftMinimumArea")
        self.smallest.setRange(0, 100_000)
        self.smallest.setDecimals(1)
        self.smallest.setSuffix(" m²")
        self.square = QCheckBox(self.tr("Square corners"), objectName="samftSquareCorners")
        self.reset = QToolButton(objectName="samftResetOutlines")
        self.reset.setText(self.tr("As the model says"))
        self._lay_out()
        self._set_hints()
        self.show_values(self._usual)
        self.slider.valueChanged.connect(lambda value: self.threshold.setValue(value / STEPS))
        self.threshold.valueChanged.connect(self._follow)
        self.smallest.valueChanged.connect(self.changed)
        self.square.toggled.connect(self.changed)
        self.reset.clicked.connect(lambda: self.show_values(self._usual))

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("OutlineBox", text)

    def outlines(self) -> Outlines:
        """What is wanted; where it reads as the model's own, it is the model's own to the last digit."""
        threshold, smallest = self.threshold.value(), self.smallest.value()
        if abs(threshold - self._usual.threshold) <= 0.5 / STEPS:
            threshold = self._usual.threshold
        if abs(smallest - self._usual.min_area_m2) <= 0.05:
            smallest = self._usual.min_area_m2
        return Outlines(threshold, smallest, self.square.isChecked())

    def set_usual(self, outlines: Outlines) -> None:
        """Show what another model says, if it says something else."""
        if outlines != self._usual:
            self._usual = outlines
            self.show_values(outlines)

    def show_values(self, outlines: Outlines) -> None:
        """Show these."""
        self.threshold.setValue(outlines.threshold)
        self.slider.setValue(round(outlines.threshold * STEPS))
        self.smallest.setValue(outlines.min_area_m2)
        self.square.setChecked(outlines.regularize)

    def _follow(self, threshold: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(threshold * STEPS))
        self.slider.blockSignals(False)
        self.changed.emit()

    def _lay_out(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel(self.tr("Threshold")), 0, 0)
        layout.addWidget(self.threshold, 0, 1)
        layout.addWidget(self.slider, 1, 0, 1, 2)
        layout.addWidget(QLabel(self.tr("Smallest area")), 2, 0)
        layout.addWidget(self.smallest, 2, 1)
        layout.addWidget(self.square, 3, 0)
        layout.addWidget(self.reset, 3, 1)
        layout.setColumnStretch(0, 1)

    def _set_hints(self) -> None:
        threshold = self.tr("A pixel is building where its probability is not below. Higher: fewer, surer footprints.")
        for widget, hint in (
            (self.slider, threshold),
            (self.threshold, threshold),
            (self.smallest, self.tr("Smaller footprints are left out.")),
            (self.square, self.tr("Straighten and square outlines where the building stays what it is.")),
            (self.reset, self.tr("The threshold and smallest area that suited the model best when it was trained.")),
        ):
            widget.setToolTip(hint)
