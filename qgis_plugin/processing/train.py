# SPDX-License-Identifier: GPL-2.0-or-later
"""Chips in, a trained bundle out, on this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingOutputHtml,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..core.bundle import BundleError, read_bundle
from .models import DEFAULT, MODELS, PRESETS, assignments
from .toolkit_algorithm import Parameters, ToolkitAlgorithm


class Train(ToolkitAlgorithm):
    """`samft:train`."""

    CHIPS, MODEL, MODEL_FOLDER, PRESET = "CHIPS", "MODEL", "MODEL_FOLDER", "PRESET"
    EPOCHS, SETTINGS, DEVICE, OUTPUT, BUNDLE, REPORT = "EPOCHS", "SETTINGS", "DEVICE", "OUTPUT", "BUNDLE", "REPORT"

    def name(self) -> str:
        """The id, after the provider's."""
        return "train"

    def displayName(self) -> str:
        """What the toolbox shows."""
        return self.tr("Train on this computer")

    def group(self) -> str:
        """Where the toolbox shows it."""
        return self.tr("Training")

    def groupId(self) -> str:
        """The group's id."""
        return "training"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("buildings,fine-tune,training,deep learning,segment anything,sam").split(",")

    def shortDescription(self) -> str:
        """The tooltip."""
        return self.tr("Fine-tunes a Segment Anything Model on a chips folder.")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return self.tr(
            "Fine-tunes a Segment Anything Model on a folder that Prepare training chips has made. The bundle it "
            "leaves is what Segment raster takes.\n\n"
            "Models of the hub are downloaded once. samft-tiny is a small model that learns from nothing, in minutes "
            "without a GPU, for trying things out; facebook/sam-vit-base wants a GPU, or hours.\n\n"
            "A run that was cancelled or interrupted goes on where it was when it is started again with the same "
            "settings and the same run folder. Its page, report.html, can be looked at while it lasts."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Declare the parameters."""
        folder = QgsProcessingParameterFile.Behavior.Folder
        self.add(QgsProcessingParameterFile(self.CHIPS, self.tr("Chips folder"), folder))
        self.add(
            QgsProcessingParameterEnum(self.MODEL, self.tr("Model"), list(MODELS), False, MODELS[0], False, True),
            help=self.tr("What training starts from."),
        )
        self.add(
            QgsProcessingParameterEnum(
                self.PRESET, self.tr("Preset"), [DEFAULT, *PRESETS], False, DEFAULT, False, True
            ),
            help=self.tr("Settings for a kind of machine; epochs and further settings win over them."),
        )
        self.add(
            QgsProcessingParameterNumber(
                self.EPOCHS,
                self.tr("Epochs"),
                QgsProcessingParameterNumber.Type.Integer,
                None,
                optional=True,
                minValue=1,
            ),
            help=self.tr("Passes over the training chips; the preset's or the model's own number if empty."),
        )
        self.add(
            QgsProcessingParameterFile(self.MODEL_FOLDER, self.tr("Folder of another model"), folder, optional=True),
            help=self.tr("A Hugging Face SamModel to start from instead, such as samft export writes."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(
                self.SETTINGS, self.tr("Further settings"), None, multiLine=True, optional=True
            ),
            help=self.tr("One key=value a line, such as train=lora, learning_rate=0.0001 or batch_size=8."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(self.DEVICE, self.tr("Device"), "auto"),
            help=self.tr("auto (a GPU where there is one), cpu, cuda, cuda:1 or mps."),
            advanced=True,
        )
        self.add(QgsProcessingParameterFolderDestination(self.OUTPUT, self.tr("Run folder")))
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
        """Run `samft train`."""
        out = self.path(parameters, self.OUTPUT, context)
        model = self.path(parameters, self.MODEL_FOLDER, context) or self.parameterAsEnumString(
            parameters, self.MODEL, context
        )
        preset = self.parameterAsEnumString(parameters, self.PRESET, context)
        arguments = ["train", self.path(parameters, self.CHIPS, context), "--out", out, "--model", model]
        if preset != DEFAULT:
            arguments += ["--preset", preset]
        arguments += self.options(parameters, {self.DEVICE: "--device"}, context)
        arguments += assignments(self.parameterAsString(parameters, self.SETTINGS, context))
        if self.given(parameters, self.EPOCHS):
            arguments += ["--set", f"epochs={self.parameterAsInt(parameters, self.EPOCHS, context)}"]
        if self.run_verb(arguments, feedback) is None:
            return {}
        bundle = Path(out) / "bundle"
        return {self.OUTPUT: out, self.BUNDLE: str(bundle), **validation(bundle), self.REPORT: report_of(out)}


def validation(folder: Path) -> dict[str, float | None]:
    """The scores that a bundle's card tells of its val chips, and the threshold they chose.

    Raises:
        QgsProcessingException: It is no bundle.
    """
    try:
        bundle = read_bundle(folder)
    except BundleError as error:
        raise QgsProcessingException(str(error)) from error
    return {"IOU": bundle.val_iou, "F1": bundle.val_f1, "THRESHOLD": bundle.threshold}


def report_of(folder: str) -> str:
    """The page of a run."""
    return str(Path(folder) / "report.html")
