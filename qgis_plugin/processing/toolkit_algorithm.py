# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms share that run a verb of the toolkit's command line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsFeatureRequest,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from ..core.layer_files import LayerFileError, Polygons, file_of
from ..core.scratch import scratch_folder
from ..worker.client import JobCancelledError
from ..worker.environment import ToolkitError
from ..worker.protocol import Progress
from ..worker.verbs import Verbs

ICONS = Path(__file__).parents[1] / "icons"

AS_THEY_ARE = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
"""The toolkit mends geometries itself."""

SECONDS_BETWEEN_NOTES = 5.0

Parameters = dict[str, Any]


class ToolkitAlgorithm(QgsProcessingAlgorithm):
    """Runs one verb in a worker of its own, so that segmenting need not wait for it.

    Args:
        log: Given each line that the toolkit writes to stderr, on another thread.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__()
        self._log, self._problem = log, ""

    def createInstance(self) -> ToolkitAlgorithm:
        """A fresh one for every run."""
        return type(self)(self._log)

    def icon(self) -> QIcon:
        """The algorithm's icon."""
        return QIcon(str(ICONS / f"{self.name()}.svg"))

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate(type(self).__name__, text)

    def add(
        self,
        parameter: QgsProcessingParameterDefinition,
        *,
        help: str = "",  # noqa: A002
        advanced: bool = False,
    ) -> None:
        """Declare a parameter.

        Args:
            parameter: What it is.
            help: Shown beside it.
            advanced: Whether it is hidden at first.
        """
        parameter.setHelp(help)
        if advanced:
            parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(parameter)

    def add_numbers(self, numbers: Mapping[str, str]) -> None:
        """Declare outputs that are numbers, by their names and descriptions."""
        for name, description in numbers.items():
            self.addOutput(QgsProcessingOutputNumber(name, description))

    def prepareAlgorithm(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        """Look at the layers; what is wrong with them is told later, since Processing keeps an error here to itself."""
        try:
            self.look(parameters, context)
        except QgsProcessingException as error:
            self._problem = str(error)
        return True

    def processAlgorithm(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do the work, if the layers are fine."""
        if self._problem:
            raise QgsProcessingException(self._problem)
        return self.work(parameters, context, feedback)

    def look(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Ask the layers what the work needs to know of them; on the main thread, where they live."""

    def work(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the verb, on any thread; gives the outputs, none if it was cancelled."""
        raise NotImplementedError

    def given(self, parameters: Parameters, name: str) -> bool:
        """Whether an optional parameter has a value."""
        return parameters.get(name) not in (None, NULL, "")

    def path(self, parameters: Parameters, name: str, context: QgsProcessingContext) -> str:
        """The file or folder of a parameter, wherever the toolkit runs."""
        value = self.parameterDefinition(name)
        text = (
            self.parameterAsFile(parameters, name, context)
            if isinstance(value, QgsProcessingParameterFile)
            else self.parameterAsFileOutput(parameters, name, context)
        )
        return str(Path(text).absolute()) if text else ""

    def options(self, parameters: Parameters, names: Mapping[str, str], context: QgsProcessingContext) -> list[str]:
        """What the command line takes for parameters that are given.

        Args:
            parameters: The values.
            names: The option of each parameter, such as `{"GSD": "--gsd"}`.
            context: The run's.
        """
        found = []
        for name, option in names.items():
            if self.given(parameters, name):
                text = self.parameterAsString(parameters, name, context).strip()
                found += [option, text] if text else []
        return found

    def polygons(self, parameters: Parameters, name: str, context: QgsProcessingContext) -> Polygons | None:
        """What a parameter that is a source of polygons gives; None where it is not given. On the main thread."""
        if not self.given(parameters, name):
            return None
        source = self.parameterAsSource(parameters, name, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, name))
        layer = self.parameterAsVectorLayer(parameters, name, context)
        whole = layer is not None and not layer.isModified() and _is_whole(parameters[name])
        return Polygons(
            name=source.sourceName(),
            file=file_of(layer) if whole else None,
            crs=source.sourceCrs(),
            features=lambda: source.getFeatures(QgsFeatureRequest(), AS_THEY_ARE),
        )

    def written(self, polygons: Polygons, folder: Path) -> str:
        """The polygons as a file; `Polygons.written` with an error that Processing shows."""
        try:
            return polygons.written(folder)
        except LayerFileError as error:
            raise QgsProcessingException(str(error)) from error

    def run_verb(self, arguments: Sequence[str], feedback: QgsProcessingFeedback) -> str | None:
        """Run a verb of the toolkit.

        Args:
            arguments: The verb, then what it takes.
            feedback: Told how far it is and what it says.

        Returns:
            What it printed; None if it was cancelled.
        """
        with Verbs(
            self._log, line=feedback.pushConsoleInfo, progress=Reporter(feedback), cancelled=feedback.isCanceled
        ) as verbs:
            try:
                said = verbs.run(*arguments)
            except ToolkitError as error:
                raise QgsProcessingException(str(error)) from error
            except JobCancelledError:
                return None
        for line in said.splitlines():
            feedback.pushInfo(line)
        return said

    def scores(self, arguments: Sequence[str], feedback: QgsProcessingFeedback) -> dict[str, Any] | None:
        """Run a verb that scores, and give its scores; None if it was cancelled."""
        with scratch_folder() as folder:
            file = folder / "scores.json"
            if self.run_verb([*arguments, "--json", str(file)], feedback) is None:
                return None
            return dict(json.loads(file.read_text(encoding="utf-8")))


class Reporter:
    """Passes a verb's progress on: stages as texts; notes, such as the loss, as information now and then.

    Args:
        feedback: Is told.
    """

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._stage, self._noted_s = "", 0.0

    def __call__(self, progress: Progress) -> None:
        """Tell the next thing."""
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._feedback.setProgressText(progress.stage)
        if progress.note and time.monotonic() - self._noted_s >= SECONDS_BETWEEN_NOTES:
            self._noted_s = time.monotonic()
            self._feedback.pushInfo(f"{progress.stage}: {progress.note}")
        self._feedback.setProgress(100 * progress.done / max(1, progress.total))


def _is_whole(value: object) -> bool:
    """Whether a parameter means all of a layer."""
    if not isinstance(value, QgsProcessingFeatureSourceDefinition):
        return True
    return not (
        value.selectedFeaturesOnly
        or getattr(value, "featureLimit", -1) != -1
        or getattr(value, "filterExpression", "")  # since QGIS 3.32
    )
