# SPDX-License-Identifier: GPL-2.0-or-later
"""Footprints and labels in, scores out."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
)

from ..core.scratch import scratch_folder
from .toolkit_algorithm import Parameters, ToolkitAlgorithm


class Score(ToolkitAlgorithm):
    """`samft:score`."""

    FOOTPRINTS, LABELS, REPORT = "FOOTPRINTS", "LABELS", "REPORT"

    def name(self) -> str:
        """The id, after the provider's."""
        return "score"

    def displayName(self) -> str:
        """What the toolbox shows."""
        return self.tr("Score footprints")

    def group(self) -> str:
        """Where the toolbox shows it."""
        return self.tr("Scores")

    def groupId(self) -> str:
        """The group's id."""
        return "scores"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("buildings,accuracy,iou,f1,compare,quality").split(",")

    def shortDescription(self) -> str:
        """The tooltip."""
        return self.tr("Holds footprints against labels, building by building.")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return self.tr(
            "Holds any layer of footprints against any layer of true buildings, whatever their CRS.\n\n"
            "A footprint is right if it has an IoU of at least 0.5 with a building that no other footprint has taken "
            "(the SpaceNet metric). An outline is right where a true one lies within 1 m. Where footprints have the "
            "attribute score, those with a higher one choose first.\n\n"
            "Only what is selected, filtered or edited counts, as QGIS shows it."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Declare the parameters."""
        polygons = [QgsProcessing.SourceType.TypeVectorPolygon]
        self.add(QgsProcessingParameterFeatureSource(self.FOOTPRINTS, self.tr("Footprints"), polygons))
        self.add(QgsProcessingParameterFeatureSource(self.LABELS, self.tr("Labels"), polygons))
        self.add(
            QgsProcessingParameterFileDestination(
                self.REPORT, self.tr("Report"), self.tr("HTML files (*.html)"), None, True, False
            ),
            help=self.tr("A page with the scores, a curve, and the places where they are worst."),
        )
        self.add_numbers(
            {
                "F1": self.tr("F1 of buildings"),
                "PRECISION": self.tr("Precision of buildings"),
                "RECALL": self.tr("Recall of buildings"),
                "TP": self.tr("Footprints that are right"),
                "FP": self.tr("Footprints that are wrong"),
                "FN": self.tr("Buildings that are missed"),
                "MEAN_F1": self.tr("Mean F1 over IoU 0.5 to 0.95"),
                "BOUNDARY_F1": self.tr("F1 of outlines"),
                "BOUNDARY_PRECISION": self.tr("Precision of outlines"),
                "BOUNDARY_RECALL": self.tr("Recall of outlines"),
            }
        )

    def look(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Look at the layers; on the main thread, where they live."""
        self._footprints = self.polygons(parameters, self.FOOTPRINTS, context)
        self._labels = self.polygons(parameters, self.LABELS, context)

    def work(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run `samft score`."""
        report = self.path(parameters, self.REPORT, context)
        with scratch_folder() as folder:
            arguments = ["score"]
            arguments += [self.written(polygons, folder) for polygons in (self._footprints, self._labels) if polygons]
            scores = self.scores([*arguments, *(["--report", report] if report else [])], feedback)
        if scores is None:
            return {}
        buildings, outlines = scores["object"], scores["boundary"]
        numbers = {name.upper(): buildings[name] for name in ("f1", "precision", "recall", "tp", "fp", "fn", "mean_f1")}
        numbers |= {f"BOUNDARY_{name.upper()}": outlines[name] for name in ("f1", "precision", "recall")}
        return {**numbers, **({self.REPORT: report} if report else {})}
