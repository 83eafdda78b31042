# SPDX-License-Identifier: GPL-2.0-or-later
"""Sets the toolkit up in a virtual environment, when the user asks for it, and shows all that is done."""

from __future__ import annotations

import contextlib
from pathlib import Path

from qgis.core import QgsApplication
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import QCoreApplication, QUrl
from qgis.PyQt.QtGui import QCloseEvent, QDesktopServices
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from ..tasks.inquiry import Inquiry
from ..worker import pythons
from ..worker.environment import ToolkitError
from ..worker.log import WorkerLog
from ..worker.setup import Plan, Setup
from ..worker.toolkits import examine
from ..worker.venv import ToolkitVenv, next_venv, profile_folder

LOG_NAME = "setup.log"


class SetupDialog(QDialog):
    """Nothing happens before *Set up* is clicked; `executable` is the new samft command afterwards, else empty.

    Args:
        log: The worker's.
    """

    def __init__(self, log: WorkerLog, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Set up the samft toolkit"))
        self.resize(760, 560)
        self.executable = ""
        self._log = log
        self._setup: Setup | None = None
        self._inquiry: Inquiry | None = None
        self._venv = next_venv()
        self._make_fields()
        self._lay_out()
        self._choices_changed()
        self._find_pythons()

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("SetupDialog", text)

    def plan(self) -> Plan:
        """What the fields say."""
        return Plan(
            python=self.python.currentText().strip(),
            venv=ToolkitVenv(Path(self.folder.filePath().strip())),
            wheels=self.wheels.filePath().strip() if self.from_wheels.isChecked() else None,
            extra_index=self.extra_index.text().strip(),
            extras=("aws",) if self.aws.isChecked() else (),
        )

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop what is running; what was begun is removed."""
        self._stop()
        super().closeEvent(event)

    def reject(self) -> None:
        """Close."""
        self._stop()
        super().reject()

    def _make_fields(self) -> None:
        self.python = QComboBox()
        self.python.setEditable(True)
        self.browse = QPushButton(self.tr("Browse..."))
        self.folder = QgsFileWidget()
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.setFilePath(str(self._venv.folder))
        self.from_index = QRadioButton(self.tr("the Python package index"))
        self.from_wheels = QRadioButton(self.tr("a folder of wheels, without the Internet"))
        self.from_index.setChecked(True)
        self.wheels = QgsFileWidget()
        self.wheels.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.extra_index = QLineEdit()
        self.extra_index.setPlaceholderText(self.tr("optional, https://..."))
        self.extra_index.setToolTip(
            self.tr(
                "Without a GPU: PyTorch's index for CPUs, as its installation page names it; a tenth of the download."
            )
        )
        self.aws = QCheckBox(self.tr("for training on Amazon SageMaker"))
        self.output = QPlainTextEdit()
        self.output.setReadOnly(True)
        self.bar = QProgressBar()
        self.bar.hide()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.start = QPushButton(self.tr("Set up"))
        self.cancel = QPushButton(self.tr("Cancel"))
        self.cancel.setEnabled(False)
        self.open_log = QPushButton(self.tr("Open log"))
        for name in ("python", "folder", "wheels", "output", "status", "start", "cancel"):
            getattr(self, name).setObjectName(f"samftSetup{name.title()}")
        self.browse.clicked.connect(self._browse)
        self.from_wheels.toggled.connect(self._choices_changed)
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(self._stop)
        self.open_log.clicked.connect(self._open_log)

    def _lay_out(self) -> None:
        about = QLabel(
            self.tr(
                "Makes a virtual environment and installs samft and what it needs in it, torch above all: 1 to 5 GB. "
                "QGIS's own Python is left alone. QGIS's proxy settings are used."
            )
        )
        about.setWordWrap(True)
        python = QHBoxLayout()
        python.addWidget(self.python, 1)
        python.addWidget(self.browse)
        self.fields = QWidget()
        form = QFormLayout(self.fields)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(self.tr("Python 3.10 or newer"), python)
        form.addRow(self.tr("Folder"), self.folder)
        form.addRow(self.tr("Packages from"), self.from_index)
        form.addRow("", self.from_wheels)
        form.addRow("", self.wheels)
        form.addRow(self.tr("Further index"), self.extra_index)
        form.addRow(self.tr("Options"), self.aws)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.start, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.open_log, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (about, self.fields):
            layout.addWidget(widget)
        layout.addWidget(self.output, 1)
        for widget in (self.bar, self.status, buttons):
            layout.addWidget(widget)

    def _choices_changed(self) -> None:
        self.wheels.setEnabled(self.from_wheels.isChecked())
        self.extra_index.setEnabled(self.from_index.isChecked())

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Choose a Python"))
        if path:
            self.python.setEditText(path)

    def _find_pythons(self) -> None:
        """List the Pythons that will do; one that the user has typed meanwhile stays."""
        self.python.lineEdit().setPlaceholderText(self.tr("Looking..."))
        self._inquiry = Inquiry(self.tr("Look for Pythons"), pythons.usable, self._log)
        self._inquiry.answered.connect(self._show_pythons)
        QgsApplication.taskManager().addTask(self._inquiry)

    def _show_pythons(self, found: list[str]) -> None:
        typed = self.python.currentText()
        self.python.lineEdit().setPlaceholderText("")
        self.python.addItems(found)
        if typed:
            self.python.setEditText(typed)
        elif not found:
            self._say(self.tr("No Python found; install one from python.org or your system's packages."))

    def _start(self) -> None:
        """Check what was chosen, then begin."""
        plan = self.plan()
        try:
            plan.check()
        except ToolkitError as error:
            self._say(str(error))
            return
        self.output.clear()
        self._set_busy(busy=True)
        setup = self._setup = Setup(plan, profile_folder() / LOG_NAME, self)
        setup.said.connect(self.output.appendPlainText)
        setup.stage.connect(self._show_stage)
        setup.ended.connect(self._ended)
        setup.start()

    def _show_stage(self, done: int, total: int) -> None:
        stages = (
            self.tr("Looking at the Python..."),
            self.tr("Making the virtual environment..."),
            self.tr("Installing; this may take many minutes..."),
            self.tr("Testing; the first time takes a minute or two..."),
        )
        self.bar.setFormat(self.tr("step {} of {}").format(done + 1, total + 1))
        self._say(stages[done])

    def _ended(self, good: bool, problem: str) -> None:
        plan, self._setup = self._setup.plan, None
        if not good:
            self._set_busy(busy=False)
            self._say(problem or self.tr("Cancelled; nothing was left behind."))
            return
        samft = str(plan.venv.samft)
        inquiry = self._inquiry = Inquiry(
            self.tr("Test the samft toolkit"),
            lambda cancelled: examine(samft, self._log, cancelled=cancelled),
            self._log,
        )
        inquiry.answered.connect(lambda _: self._tested(plan.venv))
        inquiry.failed.connect(lambda message: self._test_failed(plan.venv, message))
        QgsApplication.taskManager().addTask(inquiry)

    def _tested(self, venv: ToolkitVenv) -> None:
        venv.complete()
        self._set_busy(busy=False)
        self.executable = str(venv.samft)
        self._say(self.tr("It works; {} is chosen.").format(venv.samft))

    def _test_failed(self, venv: ToolkitVenv, problem: str) -> None:
        with contextlib.suppress(OSError):  # what is in use is removed by the next one
            venv.remove()
        self._set_busy(busy=False)
        self._say(problem)

    def _open_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(profile_folder() / LOG_NAME)))

    def _stop(self) -> None:
        if self._inquiry is not None:
            self._inquiry.cancel()
        if self._setup is not None:
            self._setup.close()

    def _set_busy(self, *, busy: bool) -> None:
        self.fields.setEnabled(not busy)
        self.start.setEnabled(not busy)
        self.cancel.setEnabled(busy)
        self.bar.setVisible(busy)
        self.bar.setRange(0, 0 if busy else 1)

    def _say(self, text: str) -> None:
        self.status.setText(text)
