# SPDX-License-Identifier: GPL-2.0-or-later
"""A job on SageMaker in, its trained bundle out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingOutputHtml,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterString,
)

from .toolkit_algorithm import Parameters, ToolkitAlgorithm
from .train import report_of, validation


class FetchModel(ToolkitAlgorithm):
    """`samft:fetch_model`."""

    JOB, REGION, PROFILE, OVERWRITE = "JOB", "REGION", "PROFILE", "OVERWRITE"
    OUTPUT, BUNDLE, REPORT = "OUTPUT", "BUNDLE", "REPORT"

    def name(self) -> str:
        """The id, after the provider's."""
        return "fetch_model"

    def displayName(self) -> str:
        """What the toolbox shows."""
        return self.tr("Fetch trained model")

    def group(self) -> str:
        """Where the toolbox shows it."""
        return self.tr("SageMaker")

    def groupId(self) -> str:
        """The group's id."""
        return "sagemaker"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("aws,cloud,download,bundle,sam").split(",")

    def shortDescription(self) -> str:
        """The tooltip."""
        return self.tr("Brings the model of a SageMaker job that is done to this computer.")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return self.tr(
            "Brings the model of a training job that is done to this computer: a folder with the bundle, which Segment "
            "raster takes, and the report.\n\n"
            "A job that is still running is told so; ask again later. A download that was cut off is gone on with."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Declare the parameters."""
        self.add(
            QgsProcessingParameterString(self.JOB, self.tr("Name of the job")),
            help=self.tr("As Submit training to SageMaker gave it."),
        )
        self.add(
            QgsProcessingParameterString(self.REGION, self.tr("Region"), None, optional=True),
            help=self.tr("That of the AWS configuration if empty."),
        )
        self.add(
            QgsProcessingParameterString(self.PROFILE, self.tr("Profile"), None, optional=True),
            help=self.tr("A profile of the AWS configuration."),
        )
        self.add(
            QgsProcessingParameterBoolean(self.OVERWRITE, self.tr("Replace an older model (overwrite)"), False),
            advanced=True,
        )
        self.add(QgsProcessingParameterFolderDestination(self.OUTPUT, self.tr("Folder of the model")))
        self.addOutput(QgsProcessingOutputFolder(self.BUNDLE, self.tr("Bundle")))
        self.addOutput(QgsProcessingOutputHtml(self.REPORT, self.tr("Report")))
        self.add_numbers(
            {
                "IOU": self.tr("IoU of pixels on the val chips"),
                "F1": self.tr("F1 of buildings on the val chips"),
                "THRESHOLD": self.tr("Threshold"),
            }
        )

    def work(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run `samft jobs fetch`."""
        out = self.path(parameters, self.OUTPUT, context)
        job = self.parameterAsString(parameters, self.JOB, context).strip()
        arguments = ["jobs", "fetch", "--out", out]
        arguments += self.options(parameters, {self.REGION: "--region", self.PROFILE: "--profile"}, context)
        if self.parameterAsBoolean(parameters, self.OVERWRITE, context):
            arguments.append("--overwrite")
        if self.run_verb([*arguments, "--", job], feedback) is None:
            return {}
        bundle = Path(out) / "bundle"
        return {self.OUTPUT: out, self.BUNDLE: str(bundle), **validation(bundle), self.REPORT: report_of(out)}
