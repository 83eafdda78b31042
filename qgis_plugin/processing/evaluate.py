# SPDX-License-Identifier: GPL-2.0-or-later
"""A bundle and chips in, scores out."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
)

from .toolkit_algorithm import Parameters, ToolkitAlgorithm

SPLITS = ("test", "val", "train")


class Evaluate(ToolkitAlgorithm):
    """`samft:evaluate`."""

    BUNDLE, CHIPS, SPLIT, DEVICE, REPORT = "BUNDLE", "CHIPS", "SPLIT", "DEVICE", "REPORT"

    def name(self) -> str:
        """The id, after the provider's."""
        return "evaluate"

    def displayName(self) -> str:
        """What the toolbox shows."""
        return self.tr("Evaluate")

    def group(self) -> str:
        """Where the toolbox shows it."""
        return self.tr("Scores")

    def groupId(self) -> str:
        """The group's id."""
        return "scores"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("buildings,accuracy,iou,f1,validation,sam").split(",")

    def shortDescription(self) -> str:
        """The tooltip."""
        return self.tr("Scores a bundle on chips that it has not learned from.")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return self.tr(
            "Scores a bundle on a split of a chips folder.\n\n"
            "Pixel scores are pooled over all pixels whose truth is known. A building is right if it has an IoU of at "
            "least 0.5 with a true one (the SpaceNet metric). An outline is right where a true one lies within 1 m.\n\n"
            "The report shows curves, and panels of truth, probability and mask."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Declare the parameters."""
        folder = QgsProcessingParameterFile.Behavior.Folder
        self.add(QgsProcessingParameterFile(self.BUNDLE, self.tr("Bundle"), folder))
        self.add(QgsProcessingParameterFile(self.CHIPS, self.tr("Chips folder"), folder))
        self.add(QgsProcessingParameterEnum(self.SPLIT, self.tr("Split"), list(SPLITS), False, SPLITS[0], False, True))
        self.add(
            QgsProcessingParameterString(self.DEVICE, self.tr("Device"), "auto"),
            help=self.tr("auto (a GPU where there is one), cpu, cuda, cuda:1 or mps."),
            advanced=True,
        )
        self.add(QgsProcessingParameterFileDestination(self.REPORT, self.tr("Report"), self.tr("HTML files (*.html)")))
        self.add_numbers(
            {
                "IOU": self.tr("IoU of pixels"),
                "PIXEL_F1": self.tr("F1 of pixels"),
                "F1": self.tr("F1 of buildings"),
                "PRECISION": self.tr("Precision of buildings"),
                "RECALL": self.tr("Recall of buildings"),
                "BOUNDARY_F1": self.tr("F1 of outlines"),
            }
        )

    def work(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run `samft evaluate`."""
        report = self.path(parameters, self.REPORT, context)
        arguments = ["evaluate", self.path(parameters, self.BUNDLE, context)]
        arguments += [self.path(parameters, self.CHIPS, context), "--report", report]
        arguments += ["--split", self.parameterAsEnumString(parameters, self.SPLIT, context)]
        arguments += self.options(parameters, {self.DEVICE: "--device"}, context)
        scores = self.scores(arguments, feedback)
        if scores is None:
            return {}
        return {
            self.REPORT: report,
            "IOU": scores["pixel"]["iou"],
            "PIXEL_F1": scores["pixel"]["f1"],
            "F1": scores["object"]["f1"],
            "PRECISION": scores["object"]["precision"],
            "RECALL": scores["object"]["recall"],
            "BOUNDARY_F1": scores["boundary"]["f1"],
        }
