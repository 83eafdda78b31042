# SPDX-License-Identifier: GPL-2.0-or-later
"""Tasks that QGIS runs."""

from __future__ import annotations

from qgis.core import QgsApplication, QgsTask


class Running:
    """Hands tasks to QGIS, and keeps Python's side of them until they are over."""

    def __init__(self) -> None:
        self._tasks: list[QgsTask] = []

    def add(self, task: QgsTask) -> None:
        """Have a task run."""
        self._tasks.append(task)
        for over in (task.taskCompleted, task.taskTerminated):
            over.connect(lambda: self._drop(task))
        QgsApplication.taskManager().addTask(task)

    def _drop(self, task: QgsTask) -> None:
        if task in self._tasks:
            self._tasks.remove(task)
