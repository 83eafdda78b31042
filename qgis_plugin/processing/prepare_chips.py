# SPDX-License-Identifier: GPL-2.0-or-later
"""Raster layers and building polygons in, chips to train on out."""

from __future__ import annotations

import re
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..core.layer_files import LayerFileError, polygons_of, raster_of
from ..core.scratch import scratch_folder
from .toolkit_algorithm import Parameters, ToolkitAlgorithm


class PrepareChips(ToolkitAlgorithm):
    """`samft:prepare_chips`."""

    IMAGES, LABELS, AOI, OUTPUT = "IMAGES", "LABELS", "AOI", "OUTPUT"
    GSD, SIZE, BANDS, NODATA, SEED, OVERWRITE = "GSD", "SIZE", "BANDS", "NODATA", "SEED", "OVERWRITE"

    def name(self) -> str:
        """The id, after the provider's."""
        return "prepare_chips"

    def displayName(self) -> str:
        """What the toolbox shows."""
        return self.tr("Prepare training chips")

    def group(self) -> str:
        """Where the toolbox shows it."""
        return self.tr("Training")

    def groupId(self) -> str:
        """The group's id."""
        return "training"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("buildings,labels,tiles,dataset,training,deep learning,sam").split(",")

    def shortDescription(self) -> str:
        """The tooltip."""
        return self.tr("Cuts labelled raster layers into chips that a model learns from.")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return self.tr(
            "Cuts raster layers and the buildings outlined in them into chips at one resolution, and divides these "
            "into train, val and test by blocks of ground.\n\n"
            "Building polygons may be in any CRS. They must be complete: what is not outlined counts as no building. "
            "Where they are complete in a part of the image only, give that part as the checked area.\n\n"
            "The folder holds an image and a mask per chip and is what Train on this computer, Submit training and "
            "Evaluate take."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Declare the parameters."""
        rasters, polygons = QgsProcessing.SourceType.TypeRaster, QgsProcessing.SourceType.TypeVectorPolygon
        real, whole = QgsProcessingParameterNumber.Type.Double, QgsProcessingParameterNumber.Type.Integer
        self.add(QgsProcessingParameterMultipleLayers(self.IMAGES, self.tr("Images"), rasters))
        self.add(QgsProcessingParameterMultipleLayers(self.LABELS, self.tr("Building polygons"), polygons))
        self.add(
            QgsProcessingParameterFeatureSource(self.AOI, self.tr("Checked area"), [polygons], optional=True),
            help=self.tr("Where the building polygons are complete; the rest is ignored. All of the images if empty."),
        )
        self.add(
            QgsProcessingParameterNumber(
                self.GSD, self.tr("Resolution (metres per pixel)"), real, None, True, minValue=0.01, maxValue=100
            ),
            help=self.tr("The coarsest image's if empty, but not below 0.3 m."),
        )
        self.add(
            QgsProcessingParameterNumber(self.SIZE, self.tr("Chip size (pixels)"), whole, 512, minValue=64),
            help=self.tr("In steps of 16. SAM sees a chip enlarged to 1024: smaller chips give finer outlines."),
        )
        self.add(
            QgsProcessingParameterString(self.BANDS, self.tr("Bands"), None, optional=True),
            help=self.tr("One or three band numbers, such as 3,2,1; the first three if empty."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(self.NODATA, self.tr("Value that means no data"), real, None, True),
            help=self.tr("For images that do not say themselves where they know nothing."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(self.SEED, self.tr("Seed of the division"), whole, 0, minValue=0),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean(self.OVERWRITE, self.tr("Replace older chips (overwrite)"), False),
            advanced=True,
        )
        self.add(QgsProcessingParameterFolderDestination(self.OUTPUT, self.tr("Chips folder")))
        self.add_numbers(
            {
                "CHIPS": self.tr("Number of chips"),
                "TRAIN": self.tr("Chips to learn from"),
                "VAL": self.tr("Chips for validation"),
                "TEST": self.tr("Chips for testing"),
            }
        )

    def look(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Ask the layers what the work needs to know of them; on the main thread, where layers live."""
        images = self._layers(parameters, self.IMAGES, QgsRasterLayer, context)
        labels = self._layers(parameters, self.LABELS, QgsVectorLayer, context)
        try:
            self._images = [raster_of(layer) for layer in images]
        except LayerFileError as error:
            raise QgsProcessingException(str(error)) from error
        self._labels = [polygons_of(layer) for layer in labels]
        self._area = self.polygons(parameters, self.AOI, context)

    def _layers(self, parameters: Parameters, name: str, kind: type, context: QgsProcessingContext) -> list[Any]:
        """The layers of a parameter, which may lie in the project without their files."""
        found = self.parameterAsLayerList(parameters, name, context)
        unfit = [layer.name() for layer in found if not (isinstance(layer, kind) and layer.isValid())]
        if unfit or not found:
            what = self.parameterDefinition(name).description()
            raise QgsProcessingException(
                self.tr("expected layers that QGIS can read under {}, got {}; check their sources").format(
                    what, ", ".join(unfit) or self.tr("none")
                )
            )
        return found

    def work(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run `samft prepare`."""
        out = self.path(parameters, self.OUTPUT, context)
        names = {self.GSD: "--gsd", self.SIZE: "--size", self.BANDS: "--bands"}
        names |= {self.NODATA: "--nodata", self.SEED: "--seed"}
        with scratch_folder() as folder:
            arguments = ["prepare", *self._images, "--out", out]
            for polygons in self._labels:
                arguments += ["--labels", self.written(polygons, folder)]
            if self._area is not None:
                arguments += ["--aoi", self.written(self._area, folder)]
            arguments += self.options(parameters, names, context)
            if self.parameterAsBoolean(parameters, self.OVERWRITE, context):
                arguments.append("--overwrite")
            said = self.run_verb(arguments, feedback)
        return {} if said is None else {self.OUTPUT: out, **counts(said)}


def counts(said: str) -> dict[str, int]:
    """How many chips `samft prepare` says that it has made, and of which kinds."""
    total, _, kinds = said.partition("\n")[0].partition(" chips of ")
    found = {kind: int(count) for count, kind in re.findall(r"(\d+) (train|val|test)\b", kinds)}
    return {"CHIPS": int(total), **{kind.upper(): count for kind, count in found.items()}}
