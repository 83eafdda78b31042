# SPDX-License-Identifier: GPL-2.0-or-later
"""What has come of improving a bundle: both with their scores, side by side."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QCoreApplication, Qt, QUrl
from qgis.PyQt.QtWidgets import QHeaderView, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from ..tasks.improve import Improved, Scores, Submitted


class ImproveResult(QWidget):
    """Scores of the old and the new bundle, or the job that will make the new one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QLabel(objectName="samftImproveWords")
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.LinksAccessibleByMouse
        )
        self.words.setOpenExternalLinks(True)
        self.table = QTableWidget(3, 2, objectName="samftImproveScores")
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        column = QVBoxLayout(self)
        column.addWidget(self.words)
        column.addWidget(self.table)
        column.addStretch(1)

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("ImproveResult", text)

    def show_improved(self, found: Improved) -> None:
        """Show both bundles' scores."""
        verdict = self.tr("The new bundle is better.") if found.is_better else self.tr("The new bundle is no better.")
        if found.split == "test":
            basis = self.tr("Scores on {} chips of the checked area that neither training nor its choices saw.")
        else:
            basis = self.tr(
                "Scores on {} val chips, which the new bundle's threshold was chosen on, since the checked area is too "
                "small for test chips; they favour the new one."
            )
        pages = self.tr("Reports: {}, {}.").format(
            _link(found.old.report, self.tr("old")), _link(found.new.report, self.tr("new"))
        )
        self.words.setText(f"<b>{verdict}</b><p>{basis.format(found.chips)}</p><p>{pages}</p><p>{found.bundle}</p>")
        self.table.setHorizontalHeaderLabels([self.tr("Old"), self.tr("New")])
        self.table.setVerticalHeaderLabels(
            [self.tr("F1 of buildings"), self.tr("IoU of pixels"), self.tr("F1 of outlines")]
        )
        for at, scores in enumerate((found.old, found.new)):
            self._fill(at, scores)
        self.table.setVisible(True)

    def show_submitted(self, found: Submitted) -> None:
        """Tell how to go on with a job."""
        self.table.setVisible(False)
        self.words.setText(
            self.tr(
                "<b>Job {job} is submitted.</b><p>When it is done, the Processing algorithm <i>Fetch trained model</i> "
                "brings its bundle here (name of the job: {job}), and <i>Evaluate</i> scores it and the old one on the "
                "chips in {chips}.</p>"
            ).format(job=found.job, chips=found.chips)
        )

    def _fill(self, at: int, scores: Scores) -> None:
        for row, value in enumerate((scores.f1, scores.iou, scores.boundary_f1)):
            item = QTableWidgetItem("-" if value is None else f"{value:.3f}")
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
            self.table.setItem(row, at, item)


def _link(path: Path, text: str) -> str:
    return f'<a href="{QUrl.fromLocalFile(str(path)).toString()}">{text}</a>'
