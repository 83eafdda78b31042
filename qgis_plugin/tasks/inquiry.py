# SPDX-License-Identifier: GPL-2.0-or-later
"""A question about this computer that takes seconds to answer."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from qgis.core import QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from ..worker.environment import ToolkitError


class Inquiry(QgsTask):
    """Asks it in the background; the answer comes on the main thread.

    Args:
        description: What QGIS's task manager shows.
        question: Given a function that says whether to stop; what it returns is the answer.
        log: Given what should not have happened.
    """

    answered = pyqtSignal(object)
    failed = pyqtSignal(str)
    """One line for the user."""

    def __init__(
        self, description: str, question: Callable[[Callable[[], bool]], Any], log: Callable[[str], None]
    ) -> None:
        super().__init__(description, QgsTask.Flag.CanCancel)
        self._question, self._log = question, log
        self._answer: Any = None
        self._problem = ""

    def run(self) -> bool:
        """Ask."""
        try:
            self._answer = self._question(self.isCanceled)
        except ToolkitError as error:
            self._problem = str(error)
        except Exception as error:  # noqa: BLE001 - PyQt ends QGIS on what leaves a thread
            self._log(traceback.format_exc())
            self._problem = f"expected an answer, got {error!r}; look into the worker's log"
        return not self._problem

    def finished(self, result: bool) -> None:
        """Pass the answer on."""
        if result:
            self.answered.emit(self._answer)
        else:
            self.failed.emit(self._problem)
