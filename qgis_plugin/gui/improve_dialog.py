# SPDX-License-Identifier: GPL-2.0-or-later
"""From corrections to a better bundle: asks, shows how far it is, and offers the new bundle beside the old one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsMapLayer, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QCoreApplication, pyqtSignal
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..core.adopt import adopt
from ..core.bundle import BundleError
from ..core.extent import ExtentError
from ..core.layer_files import LayerFileError
from ..core.raster_source import SourceError
from ..tasks.improve import Improved, ImproveTask, Submitted
from .improve_form import ImproveForm
from .improve_result import ImproveResult

FORM, WORK, RESULT = range(3)
MARGINS_PX = 110
"""About what is around the form, buttons included."""


class ImproveDialog(QDialog):
    """Not modal; closing it hides it, and what it has begun goes on in the background.

    Args:
        iface: QGIS's window.
        log: Given each line that the toolkit writes to stderr, on another thread.
        parent: The window it belongs to.
    """

    chosen = pyqtSignal(str)
    """The folder of the new bundle, which the user wants to use."""

    def __init__(self, iface: QgisInterface, log: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._iface, self._log = iface, log
        self._task: ImproveTask | None = None
        self._found: Improved | None = None
        self.setObjectName("samftImproveDialog")
        self.setWindowTitle(self.tr("Improve the model"))
        self.setWindowIcon(QIcon(str(Path(__file__).parents[1] / "icons" / "improve.svg")))
        self.form, self.result = ImproveForm(iface), ImproveResult()
        self.stage, self.bar = QLabel(objectName="samftImproveStage"), QProgressBar()
        self.stage.setWordWrap(True)
        self.problem = QLabel(objectName="samftImproveProblem")
        self.problem.setWordWrap(True)
        self.pages = QStackedWidget()
        for page in (self.form, self._work_page(), self.result):
            self.pages.addWidget(page)
        self.buttons = QDialogButtonBox()
        self.start_button = self._button(self.tr("Start"), "samftImproveStart", self.start)
        self.stop_button = self._button(self.tr("Cancel"), "samftImproveCancel", self.stop)
        self.use_button = self._button(self.tr("Use the new one"), "samftImproveUse", self.use)
        self.again_button = self._button(self.tr("Improve again"), "samftImproveAgain", self.again)
        self.buttons.addButton(QDialogButtonBox.StandardButton.Close).clicked.connect(self.hide)
        column = QVBoxLayout(self)
        for widget in (self.pages, self.problem, self.buttons):
            column.addWidget(widget)
        self.form.place.currentIndexChanged.connect(self._grow)
        self._grow()
        self._show(FORM)

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("ImproveDialog", text)

    def begin(self, raster: QgsMapLayer | None, footprints: QgsMapLayer | None, bundle: str) -> None:
        """Open with these chosen; a task that is running is shown instead.

        Args:
            raster: The image, if one is known.
            footprints: The layer that was checked, if one is known; any other layer is left alone.
            bundle: The folder of the bundle in use; empty if there is none.
        """
        if self._task is None and self.pages.currentIndex() == FORM:
            if raster is not None:
                self.form.raster.setLayer(raster)
            if isinstance(footprints, QgsVectorLayer):
                self.form.footprints.setLayer(footprints)
            if bundle:
                self.form.bundle.setFilePath(bundle)
            self.form.suggest()
        self.show()
        self.raise_()

    def start(self) -> None:
        """Begin in the background."""
        try:
            plan = self.form.plan()
        except (BundleError, ExtentError, LayerFileError, SourceError) as error:
            self._complain(str(error))
            return
        self._task = ImproveTask(plan, self._log)
        self._task.stage.connect(self.stage.setText)
        self._task.progressChanged.connect(lambda percent: self.bar.setValue(round(percent)))
        self._task.succeeded.connect(self._succeed)
        self._task.failed.connect(self._fail)
        self.stage.setText(self.tr("starting the toolkit"))
        self.bar.setValue(0)
        self._show(WORK)
        QgsApplication.taskManager().addTask(self._task)

    def stop(self) -> None:
        """Have what is running stop; the plugin calls it too when it is unloaded."""
        if self._task is not None:
            self.stage.setText(self.tr("stopping"))
            self._task.cancel()

    def use(self) -> None:
        """Put the new bundle where bundles are chosen from, and say so."""
        if self._found is None:
            return
        bundle, bundles = self._found.bundle, settings.text(settings.BUNDLES)
        if bundles and Path(bundles) not in bundle.parents:
            try:
                bundle = adopt(bundle, Path(bundles), bundle.parent.name)
            except OSError as error:
                self._complain(self.tr("expected to copy the bundle to {}, got: {}").format(bundles, error))
                return
        self.use_button.setEnabled(False)
        self.chosen.emit(str(bundle))

    def again(self) -> None:
        """Back to the form."""
        self._found = None
        self.form.suggest()
        self._show(FORM)

    def _succeed(self, found: Improved | Submitted) -> None:
        self._task = None
        if isinstance(found, Improved):
            self._found = found
            self.result.show_improved(found)
        else:
            self.result.show_submitted(found)
        self._show(RESULT)
        if not self.isVisible():
            text = self.tr("The improved bundle is there: open Improve the model to see its scores.")
            self._iface.messageBar().pushMessage("samft", text, Qgis.MessageLevel.Success)

    def _fail(self, problem: str) -> None:
        self._task = None
        self._show(FORM)
        if problem:
            self._complain(problem)
        else:
            self.problem.setText(
                self.tr(
                    "Cancelled. Started again with the same output folder, training goes on from its last snapshot."
                )
            )

    def _complain(self, problem: str) -> None:
        """One line, here and in QGIS's message bar if this is hidden."""
        self.problem.setText(problem)
        if not self.isVisible():
            self._iface.messageBar().pushMessage("samft", problem, Qgis.MessageLevel.Warning)

    def _show(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        self.problem.setText("")
        self.start_button.setVisible(page == FORM)
        self.stop_button.setVisible(page == WORK)
        self.again_button.setVisible(page == RESULT)
        self.use_button.setVisible(page == RESULT and self._found is not None)
        self.use_button.setEnabled(True)

    def _grow(self) -> None:
        """As large as the form needs; never smaller than it is."""
        width = max(self.width(), 600)
        lines = self.form.layout().heightForWidth(width - MARGINS_PX)
        self.resize(width, max(self.height(), lines + MARGINS_PX))

    def _work_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        words = QLabel(
            self.tr("This window can be closed: the work goes on, and the task manager shows how far it is.")
        )
        words.setWordWrap(True)
        for widget in (words, self.stage, self.bar):
            column.addWidget(widget)
        column.addStretch(1)
        return page

    def _button(self, text: str, name: str, clicked: Callable[[], None]) -> QPushButton:
        button = QPushButton(text, objectName=name)
        button.clicked.connect(clicked)
        self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        return button
