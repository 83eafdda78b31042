# SPDX-License-Identifier: GPL-2.0-or-later
"""Layers as files, which is what the toolkit reads."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QCoreApplication

SCORE = "score"
"""The one attribute that the toolkit looks at, if there is one."""


class LayerFileError(Exception):
    """A layer cannot be given to the toolkit; one line for the user."""


def tr(text: str) -> str:
    """Translate."""
    return QCoreApplication.translate("LayerFiles", text)


@dataclass(frozen=True)
class Polygons:
    """Polygons of a layer as they were when this was made, on the main thread; any thread may write them."""

    name: str
    """The layer's, for the file."""
    file: str | None
    """A file that says the same, if there is one, as the toolkit names it."""
    crs: QgsCoordinateReferenceSystem
    features: Callable[[], Iterable[QgsFeature]]

    def written(self, folder: Path) -> str:
        """The file that says the same; a new GeoPackage in a folder, where there is none.

        Args:
            folder: Where it goes.

        Raises:
            LayerFileError: The layer has no CRS, or the file cannot be written.
        """
        if self.file is not None:
            return self.file
        if not self.crs.isValid():
            raise LayerFileError(
                tr("expected a CRS of layer {}, got none; set it in the layer's properties").format(self.name)
            )
        path = _free(folder, self.name)
        _write(path, self.features(), self.crs)
        return str(path)


def polygons_of(layer: QgsVectorLayer) -> Polygons:
    """A layer's polygons, with the edits that are not saved yet and without what its filter leaves out.

    Args:
        layer: On the main thread.
    """
    source = QgsVectorLayerFeatureSource(layer)
    return Polygons(
        name=layer.name(),
        file=None if layer.isModified() else file_of(layer),
        crs=layer.crs(),
        features=lambda: source.getFeatures(QgsFeatureRequest()),
    )


def polygons_in(extent: QgsRectangle, crs: QgsCoordinateReferenceSystem, name: str) -> Polygons:
    """A rectangle as polygons.

    Args:
        extent: In the CRS.
        crs: Its own.
        name: For the file.
    """
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromRect(extent))
    return Polygons(name=name, file=None, crs=crs, features=lambda: [feature])


def file_of(layer: QgsVectorLayer) -> str | None:
    """The file that says just what the layer does, if there is one; `FILE|layername=NAME` where it has several."""
    if layer.providerType() != "ogr" or layer.subsetString() or layer.crs() != layer.dataProvider().crs():
        return None
    parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
    path, table = parts.get("path"), parts.get("layerName")
    known = f"{path}|layername={table}" if table else path
    if not path or layer.source() != known or not os.path.exists(path):  # noqa: PTH110 - not Path("")
        return None
    return f"{Path(path).absolute()}|layername={table}" if table else str(Path(path).absolute())


def raster_of(layer: QgsRasterLayer) -> str:
    """The raster that a layer shows, as GDAL opens it.

    Raises:
        LayerFileError: It is rendered by a server, or otherwise no raster of GDAL's.
    """
    if layer.providerType() != "gdal":
        raise LayerFileError(
            tr("expected a raster file, got layer {} of type {}; export it to a GeoTIFF first").format(
                layer.name(), layer.providerType()
            )
        )
    source = re.split(r"\|(?:option|credential):", layer.source())[0]
    return str(Path(source).absolute()) if Path(source).exists() else source


def _write(path: Path, features: Iterable[QgsFeature], crs: QgsCoordinateReferenceSystem) -> None:
    """Write polygons and their scores to a GeoPackage."""
    rest, fields = iter(features), QgsFields()
    first = next(rest, None)
    at = -1 if first is None else first.fields().lookupField(SCORE)
    if first is not None and at >= 0 and first.fields().at(at).isNumeric():
        fields.append(first.fields().at(at))
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", path.stem
    writer = QgsVectorFileWriter.create(
        str(path), fields, QgsWkbTypes.Type.MultiPolygon, crs, QgsCoordinateTransformContext(), options
    )
    if writer.hasError() != QgsVectorFileWriter.WriterError.NoError:
        raise LayerFileError(
            tr("expected to write {}, got: {}; see whether the disk is full").format(path, writer.errorMessage())
        )
    for source in (*([] if first is None else [first]), *rest):
        feature = QgsFeature(fields)
        feature.setGeometry(_plain(source.geometry()))
        if fields.count():
            feature.setAttribute(0, source.attribute(fields.at(0).name()))
        if not writer.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            raise LayerFileError(
                tr("expected to write {}, got: {}; see whether the disk is full").format(path, writer.errorMessage())
            )
    del writer  # closes the file


def _plain(geometry: QgsGeometry) -> QgsGeometry:
    """The same in two dimensions, without arcs, in one geometry of many parts."""
    if geometry.isNull():
        return geometry
    plain = QgsGeometry(geometry.constGet().segmentize())
    plain.get().dropZValue()
    plain.get().dropMValue()
    plain.convertToMultiType()
    return plain


def _free(folder: Path, name: str) -> Path:
    """A name for a new file, after the layer's."""
    stem = re.sub(r"\W+", "_", name).strip("_")[:60] or "polygons"
    path, number = folder / f"{stem}.gpkg", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}_{number}.gpkg"
    return path
