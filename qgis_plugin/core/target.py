# SPDX-License-Identifier: GPL-2.0-or-later
"""Where footprints are to go: a new temporary layer, a new GeoPackage, or a layer that is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProject,
    QgsVectorDataProvider,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QCoreApplication

from .footprint_layer import LayerError, new_geopackage, new_memory_layer, style


def tr(text: str) -> str:
    """Translate."""
    return QCoreApplication.translate("Target", text)


@dataclass(frozen=True)
class Target:
    """What the user has chosen."""

    kind: Literal["temporary", "file", "layer"] = "temporary"
    file: str = ""
    """The GeoPackage to create, where it is to be a file."""
    replace: bool = False
    """Whether the user has agreed that the file replaces another."""
    layer_id: str = ""
    """Of a layer of the project, where it is to be one."""

    def check(self, project: QgsProject) -> None:
        """See, before any work, that footprints can go there.

        Raises:
            LayerError: They cannot.
        """
        if self.kind == "layer":
            _check_layer(self._find(project))
        elif self.kind == "file":
            self._check_file(project)

    def crs(self, project: QgsProject, source: QgsCoordinateReferenceSystem) -> QgsCoordinateReferenceSystem:
        """The CRS that footprints must have there.

        Args:
            project: The open one.
            source: Of the raster, which a new layer shares.
        """
        layer = self._find(project) if self.kind == "layer" else None
        return layer.crs() if layer is not None else source

    def open(
        self, project: QgsProject, name: str, crs: QgsCoordinateReferenceSystem, provenance: str
    ) -> QgsVectorLayer:
        """The layer; a new one is made, styled and added to the project.

        Args:
            project: The open one.
            name: For a new layer.
            crs: For a new layer.
            provenance: For a new file.

        Raises:
            LayerError: It cannot be made, or is there no more.
        """
        layer = self._find(project) if self.kind == "layer" else None
        if layer is not None:
            _check_layer(layer)
            return layer
        if self.kind == "layer":
            raise LayerError(tr("expected the layer that was chosen for footprints, got none: it was removed"))
        if self.kind == "file":
            self._check_file(project)
            layer = new_geopackage(Path(self.file), name, crs, provenance=provenance)
        else:
            layer = new_memory_layer(name, crs)
        style(layer)
        project.addMapLayer(layer)
        return layer

    def _find(self, project: QgsProject) -> QgsVectorLayer | None:
        layer = project.mapLayer(self.layer_id)
        return layer if isinstance(layer, QgsVectorLayer) else None

    def _check_file(self, project: QgsProject) -> None:
        if not self.file:
            raise LayerError(tr("expected a file for footprints, got none; choose one"))
        path = Path(self.file)
        if path.suffix.lower() != ".gpkg":
            raise LayerError(tr("expected a file ending in .gpkg, got {}; choose another name").format(path.name))
        if not path.parent.is_dir():
            raise LayerError(tr("expected a folder {}, got none; choose another file").format(path.parent))
        if not os.access(path.parent, os.W_OK):
            raise LayerError(tr("expected a folder to write in, got {}; choose another file").format(path.parent))
        if any(str(path) == layer.source().split("|")[0] for layer in project.mapLayers().values()):
            raise LayerError(
                tr("expected a new file, got {}, which is open here; choose its layer instead").format(path.name)
            )
        if path.exists() and not self.replace:
            raise LayerError(tr("expected a new file, got {}, which exists; choose another name").format(path))


def _check_layer(layer: QgsVectorLayer | None) -> None:
    if layer is None:
        raise LayerError(tr("expected a layer for footprints, got none; choose one"))
    if not layer.isValid():
        raise LayerError(tr("expected a layer that QGIS can read, got {}; choose another").format(layer.name()))
    if layer.geometryType() != QgsWkbTypes.GeometryType.PolygonGeometry:
        raise LayerError(tr("expected a polygon layer, got {}; choose another").format(layer.name()))
    able = layer.dataProvider().capabilities() & QgsVectorDataProvider.Capability.AddFeatures
    if layer.readOnly() or not able:
        raise LayerError(
            tr("expected a layer that can be edited, got {}, which is read-only; choose another").format(layer.name())
        )
    if not layer.crs().isValid():
        raise LayerError(
            tr("expected a layer with a CRS, got {} without one; set it in its properties").format(layer.name())
        )
