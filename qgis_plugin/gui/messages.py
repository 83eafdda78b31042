# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user is told, one line each."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import Qgis
from qgis.gui import QgsMessageBar, QgsMessageBarItem
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QCoreApplication, QTimer
from qgis.PyQt.QtWidgets import QProgressBar, QPushButton

from ..worker.environment import ToolkitError

TITLE = "samft"
SECONDS = 8
"""How long good news stay; an error stays until it is closed."""


class Messages:
    """Lines in QGIS's message bar.

    Args:
        bar: The message bar.
        open_settings: Opens the plugin's settings.
    """

    def __init__(self, bar: QgsMessageBar, open_settings: Callable[[], object]) -> None:
        self._bar, self._open_settings = bar, open_settings
        self._item: QgsMessageBarItem | None = None

    def show_progress(self, text: str, percent: float | None, cancel: Callable[[], object]) -> None:
        """What is being done; the line stays until `hide_progress`.

        Args:
            text: In words.
            percent: How far it is; None where that is not known.
            cancel: Called when the user has seen enough.
        """
        if self._item is None or sip.isdeleted(self._item):
            self._item = self._bar.createMessage(TITLE, text)
            bar = QProgressBar(self._item)
            bar.setMaximumWidth(200)
            button = QPushButton(QCoreApplication.translate("Messages", "Cancel"), self._item)
            button.clicked.connect(lambda _: cancel())
            for widget in (bar, button):
                self._item.layout().addWidget(widget)
            self._bar.pushWidget(self._item, Qgis.MessageLevel.Info, 0)
        self._item.setText(text)
        bar = self._item.findChild(QProgressBar)
        bar.setRange(0, 0 if percent is None else 100)
        bar.setValue(round(percent or 0))

    def hide_progress(self) -> None:
        """Nothing is being done any more."""
        if self._item is not None and not sip.isdeleted(self._item):
            self._bar.popWidget(self._item)
        self._item = None

    def tell(self, text: str) -> None:
        """Good news."""
        # a moment later, so that QGIS's own word that a task is complete does not cover it
        QTimer.singleShot(0, lambda: self._bar.pushMessage(TITLE, text, Qgis.MessageLevel.Success, SECONDS))

    def note(self, text: str) -> None:
        """Something worth knowing."""
        self._bar.pushMessage(TITLE, text, Qgis.MessageLevel.Info, SECONDS)

    def error(self, text: str) -> None:
        """Something that came to nothing."""
        self._bar.pushMessage(TITLE, _capital(text), Qgis.MessageLevel.Warning, 0)

    def failure(self, problem: Exception) -> None:
        """The same; where there is no toolkit, offers the settings."""
        if not isinstance(problem, ToolkitError):
            self.error(str(problem))
            return
        item = self._bar.createMessage(TITLE, _capital(str(problem)))
        button = QPushButton(QCoreApplication.translate("Messages", "Set up the toolkit..."), item)
        button.setObjectName("samftSetUp")
        button.clicked.connect(lambda _: self._open_settings())
        item.layout().addWidget(button)
        self._bar.pushWidget(item, Qgis.MessageLevel.Warning, 0)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
