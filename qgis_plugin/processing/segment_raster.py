# SPDX-License-Identifier: GPL-2.0-or-later
"""Raster layer in, building footprints out."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication

from ..worker.client import JobCancelledError, Worker
from ..worker.environment import ToolkitError
from ..worker.protocol import Progress, Segment

FIELDS = ("id", "score", "area_m2", "bundle", "threshold")


class SegmentRaster(QgsProcessingAlgorithm):
    """`samft:segment_raster`.

    Args:
        worker: Finds the buildings.
    """

    INPUT, BUNDLE, EXTENT, THRESHOLD, OUTPUT = "INPUT", "BUNDLE", "EXTENT", "THRESHOLD", "OUTPUT"

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
            "the raster's CRS.\n\n"
            "Bundle: the folder that samft train leaves, RUN/bundle.\n"
            "Extent: look only in here. Probabilities are those of the whole raster; outlines are cut at the extent.\n"
            "Threshold: a pixel is building where its probability is not below; the bundle's own if empty.\n\n"
            "Every footprint has a score (its mean probability), its geodesic area in m2, the bundle's hash and the "
            "threshold.\n\n"
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
        for parameter in (
            QgsProcessingParameterRasterLayer(self.INPUT, self.tr("Raster")),
            QgsProcessingParameterFile(self.BUNDLE, self.tr("Bundle"), folder),
            QgsProcessingParameterExtent(self.EXTENT, self.tr("Extent"), optional=True),
            threshold,
            QgsProcessingParameterFeatureSink(self.OUTPUT, self.tr("Footprints"), polygons),
        ):
            self.addParameter(parameter)

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        """Ask the layer what the work needs to know of it; on the main thread, where layers live."""
        layer = self.parameterAsRasterLayer(parameters, self.INPUT, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, self.INPUT))
        self._kind, self._source = layer.providerType(), layer.source()
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Have the worker write a file, then copy it to wherever the output is to go."""
        if self._kind != "gdal":
            raise QgsProcessingException(
                self.tr("expected a raster file, got a layer of type {}; export it to a GeoTIFF first").format(
                    self._kind
                )
            )
        with _scratch_folder() as folder:
            job = self._job(parameters, context, folder / "footprints.gpkg")
            try:
                self._worker.do(job, progress=_Reporter(feedback), cancelled=feedback.isCanceled)
            except ToolkitError as error:
                raise QgsProcessingException(str(error)) from error
            except JobCancelledError:
                return {}
            return {self.OUTPUT: self._copy(job.out, parameters, context, feedback)}

    def _job(self, parameters: dict[str, Any], context: QgsProcessingContext, out: Path) -> Segment:
        extent = self.parameterAsExtent(parameters, self.EXTENT, context)
        limited = not extent.isNull()
        given = parameters.get(self.THRESHOLD) not in (None, NULL)
        return Segment(
            id=uuid.uuid4().hex,
            bundle=self.parameterAsFile(parameters, self.BUNDLE, context),
            raster=re.split(r"\|(?:option|credential):", self._source)[0],
            out=str(out),
            bounds=(extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()) if limited else None,
            bounds_crs=_crs_text(self.parameterAsExtentCrs(parameters, self.EXTENT, context)) if limited else None,
            threshold=self.parameterAsDouble(parameters, self.THRESHOLD, context) if given else None,
        )

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
    """Passes the worker's progress on."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._stage = ""

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._feedback.setProgressText(progress.stage)
        self._feedback.setProgress(100 * progress.done / max(1, progress.total))


def _crs_text(crs: QgsCoordinateReferenceSystem) -> str | None:
    """A CRS for the worker, which knows EPSG's codes but not QGIS's own; None where QGIS does not know it either."""
    if not crs.isValid():
        return None
    if crs.authid().startswith("EPSG:"):
        return crs.authid()
    return crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED)


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A folder for the worker's output; on Windows a file that is still open somewhere outlives it."""
    folder = tempfile.mkdtemp(prefix="samft-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
