# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin's texts in the language of QGIS."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

FOLDER = Path(__file__).parent / "i18n"


class Translation:
    """Installed while the plugin is loaded; English where there is no other."""

    def __init__(self) -> None:
        self._translator = QTranslator()
        self._loaded = False

    def install(self) -> None:
        """Load the language that QGIS is set to, or the one that a dialect belongs to (de for de_CH)."""
        language = QgsApplication.instance().locale() or "en"
        self._loaded = any(
            (FOLDER / f"samft_{name}.qm").exists() and self._translator.load(str(FOLDER / f"samft_{name}.qm"))
            for name in (language, language.partition("_")[0])
        )
        if self._loaded:
            QCoreApplication.installTranslator(self._translator)

    def remove(self) -> None:
        """Take it away again."""
        if self._loaded:
            QCoreApplication.removeTranslator(self._translator)
            self._loaded = False
