# SPDX-License-Identifier: GPL-2.0-or-later
"""What the worker has found, on its way from its file into a layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsGeometry,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QByteArray, QCoreApplication

from ..worker.protocol import Answer
from .footprint_layer import FIELDS, LayerError


@dataclass(frozen=True)
class Footprint:
    """A building."""

    geometry: QgsGeometry
    attributes: dict[str, Any]
    """By the names of `FIELDS`."""


@dataclass(frozen=True)
class Footprints:
    """What was found, in one CRS."""

    items: tuple[Footprint, ...]
    crs: QgsCoordinateReferenceSystem
    provenance: str
    """Where they come from, as JSON."""

    def to(self, crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext) -> Footprints:
        """The same in another CRS.

        Raises:
            LayerError: Some of it has no place there.
        """
        if crs == self.crs or not crs.isValid():
            return self
        transform = QgsCoordinateTransform(self.crs, crs, context)
        moved = []
        for item in self.items:
            geometry = QgsGeometry(item.geometry)
            try:
                geometry.transform(transform)
            except QgsCsException as error:
                raise LayerError(
                    QCoreApplication.translate(
                        "Footprints", "expected footprints that have a place in {}, got: {}; choose another layer"
                    ).format(crs.authid(), " ".join(str(error).split()))
                ) from error
            moved.append(Footprint(geometry, item.attributes))
        return dataclasses.replace(self, items=tuple(moved), crs=crs)

    def within(self, area: QgsGeometry, smallest_m2: float) -> Footprints:
        """Cut at the border of an area, as the toolkit cuts at an extent's.

        Args:
            area: A polygon in the same CRS.
            smallest_m2: Smaller pieces are left out.
        """
        engine = QgsGeometry.createGeometryEngine(area.constGet())
        engine.prepareGeometry()
        kept = []
        for item in self.items:
            if engine.contains(item.geometry.constGet()):
                kept.append(item)
            elif engine.intersects(item.geometry.constGet()):
                kept.extend(_cut(item, area, smallest_m2))
        items = tuple(Footprint(item.geometry, {**item.attributes, "id": at}) for at, item in enumerate(kept, start=1))
        return dataclasses.replace(self, items=items)


def _cut(item: Footprint, area: QgsGeometry, smallest_m2: float) -> Iterable[Footprint]:
    whole = item.geometry.area()
    pieces = item.geometry.intersection(area)
    for piece in pieces.asGeometryCollection() if pieces.isMultipart() else [pieces]:
        area_m2 = round(item.attributes["area_m2"] * piece.area() / whole, 2)  # one scale all over a building
        if piece.area() > 0 and area_m2 >= smallest_m2:
            yield Footprint(piece, {**item.attributes, "area_m2": area_m2})


def read_footprints(path: str, *, raster: str, crs: QgsCoordinateReferenceSystem, provenance: str) -> Footprints:
    """What lies in the worker's file; may be called on any thread.

    Args:
        path: The file.
        raster: The name of the layer that was segmented.
        crs: Of that layer, in whose coordinates the footprints are; QGIS may have been told another than the file has.
        provenance: As the worker gave it.

    Raises:
        LayerError: It cannot be read.
    """
    layer = QgsVectorLayer(path, "found", "ogr", QgsVectorLayer.LayerOptions(False))
    if not layer.isValid():
        raise LayerError(
            QCoreApplication.translate(
                "Footprints", "expected footprints in {}, got a file QGIS cannot read; run it again"
            ).format(path)
        )
    names = [name for name in FIELDS if name != "raster"]
    items = tuple(
        Footprint(QgsGeometry(feature.geometry()), {**{name: feature[name] for name in names}, "raster": raster})
        for feature in layer.getFeatures()
    )
    return Footprints(items, crs, provenance)


def from_answer(answer: Answer, *, raster: str, crs: QgsCoordinateReferenceSystem) -> Footprints:
    """The one building that was asked for, or none."""
    if answer.geometry is None:
        return Footprints((), crs, answer.provenance)
    geometry = QgsGeometry()
    geometry.fromWkb(QByteArray.fromHex(answer.geometry.encode()))
    attributes = {
        "id": 1,
        "score": answer.score,
        "area_m2": answer.area_m2,
        "bundle": answer.bundle,
        "threshold": answer.threshold,
        "raster": raster,
    }
    return Footprints((Footprint(geometry, attributes),), crs, answer.provenance)
