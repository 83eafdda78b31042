# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user is told, one line each."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import Qgis
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import QPushButton

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

    def tell(self, text: str) -> None:
        """Good news."""
        self._bar.pushMessage(TITLE, text, Qgis.MessageLevel.Success, SECONDS)

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
