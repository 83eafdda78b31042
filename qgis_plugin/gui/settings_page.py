# SPDX-License-Identifier: GPL-2.0-or-later
"""The page samft in Settings > Options: which toolkit, whether it works, where bundles lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsApplication
from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtCore import QCoreApplication, Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..tasks.inquiry import Inquiry
from ..worker import toolkits
from ..worker.environment import ToolkitError, find_executable
from ..worker.log import WorkerLog
from ..worker.protocol import Toolkit
from .setup_dialog import SetupDialog

PAGE = "samftOptions"
"""The page's object name, which `iface.showOptionsDialog(currentPage=PAGE)` takes."""
ICON = str(Path(__file__).parents[1] / "icon.svg")


class SettingsPageFactory(QgsOptionsWidgetFactory):
    """Gives QGIS a page each time it opens its options.

    Args:
        log: The worker's.
        changed: Called when another toolkit was chosen.
    """

    def __init__(self, log: WorkerLog, changed: Callable[[], None]) -> None:
        super().__init__("samft", QIcon(ICON))
        self._log, self._changed = log, changed

    def createWidget(self, parent: QWidget | None = None) -> SettingsPage:
        """Make the page."""
        return SettingsPage(self._log, self._changed, parent)


class SettingsPage(QgsOptionsPageWidget):
    """The page itself.

    Args:
        log: The worker's.
        changed: Called when another toolkit was chosen.
    """

    def __init__(self, log: WorkerLog, changed: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(PAGE)
        self._log, self._changed = log, changed
        self._inquiry: Inquiry | None = None
        self.executable = _file_widget(QgsFileWidget.StorageMode.GetFile, settings.text(settings.EXECUTABLE))
        self.found = QComboBox()
        self.bundles = _file_widget(QgsFileWidget.StorageMode.GetDirectory, settings.text(settings.BUNDLES))
        self.find = QPushButton(self.tr("Find"))
        self.test = QPushButton(self.tr("Test"))
        self.set_up = QPushButton(self.tr("Set up the toolkit..."))
        self.open_log = QPushButton(self.tr("Open log"))
        self.verdict = QLabel()
        self._lay_out()
        self.find.clicked.connect(self._find)
        self.found.activated.connect(self._take_found)
        self.test.clicked.connect(self._test)
        self.set_up.clicked.connect(self._set_up)
        self.open_log.clicked.connect(self._open_log)
        self.executable.fileChanged.connect(self._say_what_is_used)
        self._say_what_is_used()

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("SettingsPage", text)

    def apply(self) -> None:
        """Keep what was chosen; QGIS calls this on OK."""
        before = settings.text(settings.EXECUTABLE)
        settings.set_text(settings.EXECUTABLE, self.executable.filePath().strip())
        settings.set_text(settings.BUNDLES, self.bundles.filePath().strip())
        if settings.text(settings.EXECUTABLE) != before:
            self._changed()

    def hideEvent(self, event: object) -> None:
        """Nobody waits for an answer any more."""
        if self._inquiry is not None:
            self._inquiry.cancel()
        super().hideEvent(event)

    def _lay_out(self) -> None:
        self.executable.setObjectName("samftExecutable")
        self.executable.lineEdit().setPlaceholderText(self.tr("Empty: look for it"))
        self.executable.setToolTip(self.tr("The samft command of an installed toolkit, such as .venv/bin/samft."))
        self.bundles.setObjectName("samftBundles")
        self.bundles.setToolTip(self.tr("Models in this folder, and in the runs in it, can be chosen in the panel."))
        for button, name in ((self.find, "samftFind"), (self.test, "samftTest"), (self.set_up, "samftSetUp")):
            button.setObjectName(name)
        self.open_log.setObjectName("samftOpenLog")
        self.verdict.setObjectName("samftVerdict")
        self.verdict.setWordWrap(True)
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.found.hide()
        path = QHBoxLayout()
        path.addWidget(self.executable, 1)
        path.addWidget(self.find)
        path.addWidget(self.test)
        buttons = QHBoxLayout()
        buttons.addWidget(self.set_up)
        buttons.addWidget(self.open_log)
        buttons.addStretch()
        toolkit = QGroupBox(self.tr("Toolkit"))
        form = QFormLayout(toolkit)
        form.addRow(self.tr("samft command"), path)
        form.addRow(self.found)
        form.addRow(self.verdict)
        form.addRow(buttons)
        models = QGroupBox(self.tr("Models"))
        QFormLayout(models).addRow(self.tr("Folder of bundles"), self.bundles)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for group in (toolkit, models):
            layout.addWidget(group)
        layout.addStretch()

    def _say_what_is_used(self) -> None:
        """Without starting anything."""
        chosen = self.executable.filePath().strip()
        if chosen:
            self._say(self.tr("Not tested yet."))
            return
        try:
            self._say(self.tr("Not tested yet: {}").format(find_executable(chosen="")))
        except ToolkitError as error:
            self._say(str(error))

    def _find(self) -> None:
        """List what is on this computer, each with its version."""

        def look(cancelled: Callable[[], bool]) -> list[tuple[str, str]]:
            found = []
            for path in toolkits.candidates():
                if cancelled():
                    break
                try:
                    found.append((path, toolkits.version_of(path, self._log, cancelled=cancelled)))
                except ToolkitError as error:
                    self._log(str(error))
            return found

        self._ask(self.tr("Look for samft toolkits"), self.tr("Looking..."), look, self._show_found)

    def _show_found(self, found: list[tuple[str, str]]) -> None:
        self.found.clear()
        for path, version in found:
            self.found.addItem(self.tr("samft {}: {}").format(version, path), path)
        self.found.setVisible(bool(found))
        if found:
            self._take_found()
            self._say(self.tr("{} found; choose one, then test it.").format(len(found)))
        else:
            self._say(self.tr("No toolkit found. Choose its samft command by hand, or set the toolkit up."))

    def _take_found(self) -> None:
        self.executable.setFilePath(self.found.currentData())

    def _test(self) -> None:
        """Start the toolkit and ask it what it is."""
        try:
            executable = find_executable(chosen=self.executable.filePath().strip())
        except ToolkitError as error:
            self._say(str(error), good=False)
            return
        self._ask(
            self.tr("Test the samft toolkit"),
            self.tr("Testing {}; the first time takes a minute or two...").format(executable),
            lambda cancelled: toolkits.examine(executable, self._log, cancelled=cancelled),
            self._show_tested,
        )

    def _show_tested(self, toolkit: Toolkit) -> None:
        text = self.tr("It works: samft {} on Python {}, torch {}. Models run on: {}.")
        self._say(text.format(toolkit.version, toolkit.python, toolkit.torch, toolkit.device), good=True)

    def _set_up(self) -> None:
        dialog = SetupDialog(self._log, self)
        dialog.exec()
        if dialog.executable:
            self.executable.setFilePath(dialog.executable)
            self._test()

    def _open_log(self) -> None:
        self._log("the log was opened")
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log.path)))

    def _ask(
        self, title: str, meanwhile: str, question: Callable[[Callable[[], bool]], object], show: Callable
    ) -> None:
        self._say(meanwhile)
        self._set_busy(busy=True)
        inquiry = self._inquiry = Inquiry(title, question, self._log)
        inquiry.answered.connect(show)
        inquiry.failed.connect(self._show_failure)
        inquiry.taskCompleted.connect(self._set_idle)
        inquiry.taskTerminated.connect(self._set_idle)
        QgsApplication.taskManager().addTask(inquiry)

    def _show_failure(self, problem: str) -> None:
        self._say(problem, good=False)

    def _set_idle(self) -> None:
        self._inquiry = None
        self._set_busy(busy=False)

    def _set_busy(self, *, busy: bool) -> None:
        for button in (self.find, self.test, self.set_up):
            button.setEnabled(not busy)

    def _say(self, text: str, *, good: bool | None = None) -> None:
        self.verdict.setText(text)
        colours = {True: "#1a7f37", False: "#b42318", None: ""}
        self.verdict.setStyleSheet(f"color: {colours[good]}" if colours[good] else "")


def _file_widget(mode: QgsFileWidget.StorageMode, path: str) -> QgsFileWidget:
    widget = QgsFileWidget()
    widget.setStorageMode(mode)
    widget.setFilePath(path)
    return widget
