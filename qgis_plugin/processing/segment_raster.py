# SPDX-License-Identifier: GPL-2.0-or-later
"""Raster layer in, building footprints out."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from ..core.bundle import BundleError, read_bundle
from ..core.extent import ExtentError, extent_on
from ..core.raster_source import Raster, RasterSource, SourceError
from ..worker.client import JobCancelledError, Worker
from ..worker.environment import ToolkitError
from ..worker.protocol import Progress, Result, Segment

ICON = str(Path(__file__).parents[1] / "icon.svg")
FIELDS = ("id", "score", "area_m2", "bundle", "threshold")


class SegmentRaster(QgsProcessingAlgorithm):
    """`samft:segment_raster`.

    Args:
        worker: Finds the buildings.
    """

    INPUT, BUNDLE, EXTENT, THRESHOLD, OUTPUT = "INPUT", "BUNDLE", "EXTENT", "THRESHOLD", "OUTPUT"
    MIN_AREA, REGULARIZE = "MIN_AREA", "REGULARIZE"
    COUNT, PROVENANCE = "COUNT", "PROVENANCE"

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def createInstance(self) -> SegmentRaster:
        """A fresh one for every run."""
        return SegmentRaster(self._worker)

    def name(self) -> str:
        """The id, after the provider's."""
        return "segment_raster"

    def displayName(self) -> str:
        """What the toolbox shows."""
        return self.tr("Segment raster")

    def icon(self) -> QIcon:
        """The plugin's."""
        return QIcon(ICON)

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("buildings,footprints,segmentation,extract,segment anything,deep learning,sam").split(",")

    def shortDescription(self) -> str:
        """The tooltip."""
        return self.tr("Finds the buildings in a raster layer with a trained samft bundle.")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return self.tr(
            "Finds the buildings in a raster layer with a bundle that samft has trained, and gives their footprints in "
            "the layer's CRS.\n\n"
            "Raster: any raster layer. Files are read as they are; other layers (WMS, XYZ, WCS, ArcGIS and more) are "
            "rendered at the bundle's resolution, as they look on the map, and need an extent.\n"
            "Bundle: the folder that samft train leaves, RUN/bundle.\n"
            "Extent: look only in here. Probabilities are those of the whole raster, so that footprints do not depend "
            "on the extent; outlines are cut at it.\n"
            "Threshold: a pixel is building where its probability is not below; the bundle's own if empty.\n"
            "Minimum area: smaller footprints are left out, in m2; the bundle's own if empty.\n"
            "Straighten outlines: whether outlines are made simpler and squarer.\n\n"
            "Every footprint has a score (its mean probability), its geodesic area in m2, the bundle's hash and the "
            "threshold. COUNT is the number of footprints; PROVENANCE tells, as JSON, what they were made from.\n\n"
            "The work is done by the samft toolkit, installed in a Python of its own, in a process beside QGIS."
        )

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("SegmentRaster", text)

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Declare the parameters."""
        number, polygons = QgsProcessingParameterNumber.Type.Double, QgsProcessing.SourceType.TypeVectorPolygon
        folder = QgsProcessingParameterFile.Behavior.Folder
        threshold = QgsProcessingParameterNumber(
            self.THRESHOLD, self.tr("Threshold"), number, None, optional=True, minValue=0.001, maxValue=0.999
        )
        min_area = QgsProcessingParameterNumber(
            self.MIN_AREA, self.tr("Minimum area (m2)"), number, None, optional=True, minValue=0.0
        )
        for parameter in (
            QgsProcessingParameterRasterLayer(self.INPUT, self.tr("Raster")),
            QgsProcessingParameterFile(self.BUNDLE, self.tr("Bundle"), folder),
            QgsProcessingParameterExtent(self.EXTENT, self.tr("Extent"), optional=True),
            threshold,
            min_area,
            QgsProcessingParameterBoolean(self.REGULARIZE, self.tr("Straighten outlines"), defaultValue=True),
            QgsProcessingParameterFeatureSink(self.OUTPUT, self.tr("Footprints"), polygons),
        ):
            self.addParameter(parameter)
        self.addOutput(QgsProcessingOutputNumber(self.COUNT, self.tr("Number of footprints")))
        self.addOutput(QgsProcessingOutputString(self.PROVENANCE, self.tr("Provenance")))

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        """Take from the layer what the work needs of it; on the main thread, where layers live."""
        layer = self.parameterAsRasterLayer(parameters, self.INPUT, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, self.INPUT))
        self._layer_name, self._problem = layer.name(), ""
        try:
            self._bundle = read_bundle(self.parameterAsFile(parameters, self.BUNDLE, context))
            self._source = self._source_of(layer, parameters, context)
        except (BundleError, ExtentError, SourceError) as error:
            self._problem = str(error)  # what is raised from here reaches the log alone
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Have the worker write a file, then copy it to wherever the output is to go."""
        if self._problem:
            raise QgsProcessingException(self._problem)
        reporter = _Reporter(feedback)
        with self._source as source, _scratch_folder() as folder:
            try:
                raster = source.ready(reporter.tell, feedback.isCanceled)
                job = self._job(raster, parameters, context, folder / "footprints.gpkg")
                result = self._worker.do(job, progress=reporter, cancelled=feedback.isCanceled)
            except (ToolkitError, SourceError) as error:
                raise QgsProcessingException(str(error)) from error
            except JobCancelledError:
                return {}
            return {
                self.OUTPUT: self._copy(job.out, parameters, context, feedback),
                self.COUNT: result.footprints,
                self.PROVENANCE: self._provenance(result),
            }

    def _source_of(
        self, layer: QgsRasterLayer, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> RasterSource:
        given = parameters.get(self.EXTENT) not in (None, NULL, "")
        extent = self.parameterAsExtent(parameters, self.EXTENT, context)
        if given:
            crs = self.parameterAsExtentCrs(parameters, self.EXTENT, context)
            extent = extent_on(layer, extent, crs, context.transformContext())
        return RasterSource(layer, self._bundle, extent if given else None)

    def _job(self, raster: Raster, parameters: dict[str, Any], context: QgsProcessingContext, out: Path) -> Segment:
        def number(name: str) -> float | None:
            given = parameters.get(name) not in (None, NULL)
            return self.parameterAsDouble(parameters, name, context) if given else None

        return Segment(
            id=uuid.uuid4().hex,
            bundle=str(self._bundle.path),
            raster=raster.name,
            out=str(out),
            bounds=raster.bounds,
            bounds_crs=raster.bounds_crs,
            threshold=number(self.THRESHOLD),
            min_area_m2=number(self.MIN_AREA),
            regularize=self.parameterAsBoolean(parameters, self.REGULARIZE, context),
            as_is=raster.as_is,
        )

    def _provenance(self, result: Result) -> str:
        """As the worker tells it; of a picture, which is gone by then, with the layer's name."""
        told = json.loads(result.provenance)
        return json.dumps({**told, "raster": self._layer_name} if self._source.is_rendered else told)

    def _copy(
        self, path: str, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> str:
        """Copy the footprints into the output; gives its id."""
        found = QgsVectorLayer(path, "footprints", "ogr")
        if not found.isValid():
            raise QgsProcessingException(
                self.tr("expected footprints in {}, got a file QGIS cannot read; run it again").format(path)
            )
        fields = QgsFields()
        for name in FIELDS:
            fields.append(found.fields().field(name))
        sink, destination = self.parameterAsSink(
            parameters, self.OUTPUT, context, fields, found.wkbType(), found.sourceCrs()
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, self.OUTPUT))
        for source in found.getFeatures():
            feature = QgsFeature(fields)
            feature.setGeometry(source.geometry())
            feature.setAttributes([source[name] for name in FIELDS])
            if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(self.writeFeatureError(sink, parameters, self.OUTPUT))
        feedback.pushInfo(self.tr("{} footprints").format(found.featureCount()))
        return destination


class _Reporter:
    """Passes progress on."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._stage = ""

    def __call__(self, progress: Progress) -> None:
        self.tell(progress.stage, progress.done, progress.total)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Pass on how far a stage is."""
        if stage != self._stage:
            self._stage = stage
            self._feedback.setProgressText(stage)
        self._feedback.setProgress(100 * done / max(1, total))


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A folder for the worker's output; on Windows a file that is still open somewhere outlives it."""
    folder = tempfile.mkdtemp(prefix="samft-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
