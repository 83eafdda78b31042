# SPDX-License-Identifier: GPL-2.0-or-later
"""Layers of footprints: made, named, styled by score, and what they say about where their footprints come from."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from osgeo import gdal, ogr, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsRendererRange,
    QgsSimpleFillSymbolLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication

FIELDS = {
    "id": "integer",
    "score": "double",
    "area_m2": "double",
    "bundle": "string",
    "threshold": "double",
    "raster": "string",
}
"""What a footprint says about itself, and of which type."""

_OGR_TYPES = {"integer": ogr.OFTInteger, "double": ogr.OFTReal, "string": ogr.OFTString}

CLASSES = ((0.0, 0.6, "#ff4d6d"), (0.6, 0.75, "#ff9f1c"), (0.75, 0.9, "#ffe14d"), (0.9, 1.0, "#2ee6c5"))
"""From which score to which a footprint has which colour: warm where it is worth a look, told apart over imagery and by
most colour-blind people."""

LINE_MM = 0.25
"""A pixel of a usual screen (96, 100 dpi). Qt paints wider ones several times more slowly; hence some side by side."""
LINES = ((1.0, "0,0,0,220"), (0.4, ""), (-0.4, ""))
"""How far to the lower right each lies, in lines' widths, and its colour, the score's if empty: a shadow under two."""


class LayerError(Exception):
    """A layer of footprints cannot be made or filled; one line for the user."""


def tr(text: str) -> str:
    """Translate."""
    return QCoreApplication.translate("FootprintLayer", text)


def new_memory_layer(name: str, crs: QgsCoordinateReferenceSystem) -> QgsVectorLayer:
    """An empty temporary layer."""
    fields = "&".join(f"field={field}:{kind}" for field, kind in FIELDS.items())
    layer = QgsVectorLayer(f"Polygon?{fields}", name, "memory")
    layer.setCrs(crs)
    return layer


def new_geopackage(path: Path, name: str, crs: QgsCoordinateReferenceSystem, *, provenance: str) -> QgsVectorLayer:
    """Create a GeoPackage with one empty layer, and open it; an existing file is replaced, whole or not at all.

    Args:
        path: Where; its stem names the table.
        name: What the layer is called in QGIS.
        crs: Of the geometries.
        provenance: Kept as the table's description, as the toolkit does.

    Raises:
        LayerError: It cannot be written.
    """
    with _gdal_errors():
        try:
            with tempfile.TemporaryDirectory(prefix=".samft-", dir=path.parent) as folder:
                made = Path(folder) / path.name
                _write_empty(made, path.stem, crs, provenance)
                made.replace(path)
        except (OSError, RuntimeError) as error:
            raise LayerError(
                tr("expected to create {}, got: {}; choose another file").format(path, " ".join(str(error).split()))
            ) from error
    layer = QgsVectorLayer(f"{path}|layername={path.stem}", name, "ogr")
    if not layer.isValid():
        raise LayerError(tr("expected to open {}, got a file QGIS cannot read; choose another file").format(path))
    return layer


def _write_empty(path: Path, table: str, crs: QgsCoordinateReferenceSystem, provenance: str) -> None:
    reference = osr.SpatialReference()
    reference.ImportFromWkt(crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED))
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = source.CreateLayer(table, reference, ogr.wkbPolygon, options=[f"DESCRIPTION={provenance}"])
    for field, kind in FIELDS.items():
        layer.CreateField(ogr.FieldDefn(field, _OGR_TYPES[kind]))
    del layer, source  # closes the file


@contextlib.contextmanager
def _gdal_errors() -> Iterator[None]:
    """Have osgeo raise, here and not in the rest of QGIS."""
    before = {module: module.GetUseExceptions() for module in (gdal, ogr, osr)}
    for module in before:
        module.UseExceptions()
    try:
        yield
    finally:
        for module, used in reversed(list(before.items())):
            if not used:
                module.DontUseExceptions()


def style(layer: QgsVectorLayer) -> None:
    """Colour footprints by their score: an outline with a dark shadow, to be seen on any ground, and a hint of fill."""
    ranges = []
    for low, high, colour in CLASSES:
        label = tr("score below {}").format(high) if low == 0 else tr("score {} to {}").format(low, high)
        ranges.append(QgsRendererRange(low, high, _symbol(colour), label))
    renderer = QgsGraduatedSymbolRenderer("score", ranges)
    renderer.setSourceSymbol(_symbol(CLASSES[-1][2]))
    layer.setRenderer(renderer)
    layer.triggerRepaint()


def _symbol(colour: str) -> QgsFillSymbol:
    red, green, blue = bytes.fromhex(colour[1:])
    fill = {"color": f"{red},{green},{blue},56", "outline_style": "no"}
    symbol = QgsFillSymbol.createSimple(fill)
    for away, own in LINES:
        symbol.appendSymbolLayer(_line(own or f"{red},{green},{blue},255", away * LINE_MM))
    return symbol


def _line(colour: str, away_mm: float) -> QgsSimpleFillSymbolLayer:
    """Along the outline, moved to the lower right."""
    return QgsSimpleFillSymbolLayer.create(
        {
            "style": "no",
            "outline_color": colour,
            "outline_width": str(LINE_MM),
            "joinstyle": "miter",
            "offset": f"{away_mm},{away_mm}",
        }
    )


def add_provenance(layer: QgsVectorLayer, provenance: str, *, instead_of: str | None = None) -> None:
    """Write into the layer's metadata where its footprints come from: in words, and to the letter in the history.

    Args:
        layer: Of footprints; what its metadata say beside this stays.
        provenance: JSON, as the worker gives it.
        instead_of: What was written before for the same footprints.
    """
    metadata = layer.metadata()
    if provenance in metadata.history():
        return
    sentences = metadata.abstract().splitlines()
    if instead_of is not None:
        metadata.setHistory([item for item in metadata.history() if item != instead_of])
        sentences = [sentence for sentence in sentences if sentence != _sentence(instead_of)]
    if _sentence(provenance) not in sentences:
        sentences.append(_sentence(provenance))
    metadata.setType("dataset")
    metadata.setTitle(metadata.title() or layer.name())
    metadata.setAbstract("\n".join(sentences))
    bundle = f"bundle {json.loads(provenance).get('bundle', '?')}"
    metadata.addKeywords("samft", sorted({*metadata.keywords().get("samft", []), bundle}))
    metadata.addHistoryItem(provenance)
    layer.setMetadata(metadata)


def _sentence(provenance: str) -> str:
    facts = json.loads(provenance)
    return tr("Building footprints in {}, found by samft {} with bundle {} at threshold {}.").format(
        *(facts.get(name, "?") for name in ("raster", "version", "bundle", "threshold"))
    )
