# SPDX-License-Identifier: GPL-2.0-or-later
"""Chips in, a training job on SageMaker out."""

from __future__ import annotations

import json
import re
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QCoreApplication

from .models import DEFAULT, JOB_PRESETS, MODELS, assignments
from .toolkit_algorithm import Parameters, ToolkitAlgorithm


class SubmitTraining(ToolkitAlgorithm):
    """`samft:submit_training`."""

    CHIPS, TO, ROLE, MODEL, MODEL_FOLDER = "CHIPS", "TO", "ROLE", "MODEL", "MODEL_FOLDER"
    PRESET, INSTANCE_TYPE, SPOT, MAX_HOURS = "PRESET", "INSTANCE_TYPE", "SPOT", "MAX_HOURS"
    REGION, PROFILE, SETTINGS, DRY_RUN = "REGION", "PROFILE", "SETTINGS", "DRY_RUN"
    JOB, REQUEST = "JOB", "REQUEST"

    def name(self) -> str:
        """The id, after the provider's."""
        return "submit_training"

    def displayName(self) -> str:
        """What the toolbox shows."""
        return self.tr("Submit training to SageMaker")

    def group(self) -> str:
        """Where the toolbox shows it."""
        return self.tr("SageMaker")

    def groupId(self) -> str:
        """The group's id."""
        return "sagemaker"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("buildings,aws,cloud,gpu,training,deep learning,sam").split(",")

    def shortDescription(self) -> str:
        """The tooltip."""
        return self.tr("Sends chips to AWS and starts a training job there. It costs money.")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return self.tr(
            "Sends a chips folder to S3 and starts a training job on Amazon SageMaker, which costs money. A dry run, "
            "which is the default, sends nothing: it shows the request, the uploads and the longest time that is paid "
            "for.\n\n"
            "Credentials are those of the AWS configuration (a profile, or environment variables); the toolkit needs "
            "its extra aws. The job's name is what Fetch trained model takes."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Declare the parameters."""
        folder = QgsProcessingParameterFile.Behavior.Folder
        self.add(QgsProcessingParameterFile(self.CHIPS, self.tr("Chips folder"), folder))
        self.add(
            QgsProcessingParameterString(self.TO, self.tr("Place on S3")),
            help=self.tr("s3://BUCKET/PREFIX, for chips, code, checkpoints and models."),
        )
        self.add(
            QgsProcessingParameterString(self.ROLE, self.tr("Role (ARN)")),
            help=self.tr("The role that the job runs as."),
        )
        self.add(
            QgsProcessingParameterEnum(
                self.PRESET, self.tr("Preset"), [DEFAULT, *JOB_PRESETS], False, DEFAULT, False, True
            ),
            help=self.tr("Model, machine and settings for a size of model; all others win over them."),
        )
        self.add(
            QgsProcessingParameterEnum(self.MODEL, self.tr("Model"), [DEFAULT, *MODELS], False, DEFAULT, False, True),
            help=self.tr("What training starts from; the preset's, or facebook/sam-vit-base, by default."),
        )
        self.add(
            QgsProcessingParameterString(self.INSTANCE_TYPE, self.tr("Type of machine"), None, optional=True),
            help=self.tr("Such as ml.g5.xlarge, which is the default; the preset's if empty."),
        )
        self.add(
            QgsProcessingParameterBoolean(self.SPOT, self.tr("On Spot, which is cheaper and may be interrupted"), True)
        )
        self.add(
            QgsProcessingParameterNumber(
                self.MAX_HOURS,
                self.tr("Longest time that is paid for (hours)"),
                QgsProcessingParameterNumber.Type.Double,
                None,
                optional=True,
                minValue=0.1,
            ),
            help=self.tr("The preset's, or 24, if empty."),
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
            QgsProcessingParameterFile(self.MODEL_FOLDER, self.tr("Folder of another model"), folder, optional=True),
            help=self.tr("A Hugging Face SamModel to start from instead, such as samft export writes."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(
                self.SETTINGS, self.tr("Further settings"), None, multiLine=True, optional=True
            ),
            help=self.tr("One key=value a line, such as epochs=20, learning_rate=0.0001 or batch_size=8."),
            advanced=True,
        )
        self.add(QgsProcessingParameterBoolean(self.DRY_RUN, self.tr("Dry run: send nothing, only describe it"), True))
        self.addOutput(QgsProcessingOutputString(self.JOB, self.tr("Name of the job")))
        self.addOutput(QgsProcessingOutputString(self.REQUEST, self.tr("What a dry run would ask for, as JSON")))

    def work(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run `samft submit`."""
        dry = self.parameterAsBoolean(parameters, self.DRY_RUN, context)
        said = self.run_verb(self._arguments(parameters, context, dry=dry), feedback)
        if said is None:
            return {}
        return {self.REQUEST: said, self.JOB: _planned(said)} if dry else {self.JOB: submitted(said)}

    def _arguments(self, parameters: Parameters, context: QgsProcessingContext, *, dry: bool) -> list[str]:
        names = {self.TO: "--to", self.ROLE: "--role", self.INSTANCE_TYPE: "--instance-type"}
        names |= {self.REGION: "--region", self.PROFILE: "--profile"}
        arguments = ["submit", self.path(parameters, self.CHIPS, context)]
        arguments += self.options(parameters, names, context)
        for name, option in ((self.PRESET, "--preset"), (self.MODEL, "--model")):
            value = self.parameterAsEnumString(parameters, name, context)
            if name == self.MODEL and self.given(parameters, self.MODEL_FOLDER):
                value = self.path(parameters, self.MODEL_FOLDER, context)
            arguments += [option, value] if value != DEFAULT else []
        if self.given(parameters, self.MAX_HOURS):
            hours = self.parameterAsDouble(parameters, self.MAX_HOURS, context)
            arguments += ["--max-runtime-s", str(round(hours * 3600))]
        arguments.append("--spot" if self.parameterAsBoolean(parameters, self.SPOT, context) else "--no-spot")
        arguments += assignments(self.parameterAsString(parameters, self.SETTINGS, context))
        return [*arguments, "--dry-run"] if dry else arguments


def submitted(said: str) -> str:
    """The name of the job that `samft submit` has started.

    Raises:
        QgsProcessingException: It does not say.
    """
    found = re.search(r"^job (\S+) is submitted", said, re.MULTILINE)
    if found is None:
        text = QCoreApplication.translate("SubmitTraining", "expected the name of a job, got: {}; see samft jobs list")
        raise QgsProcessingException(text.format(said))
    return found.group(1)


def _planned(said: str) -> str:
    """The name of the job that a dry run describes."""
    return str(json.loads(said)["request"]["TrainingJobName"])
