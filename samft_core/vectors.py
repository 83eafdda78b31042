"""Reading building polygons from vector files of any OGR format."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import fiona
import fiona.errors
import geopandas
import numpy as np
import pyproj
import shapely
from shapely.geometry import shape

from samft_core.errors import LabelError
from samft_core.grid import Geometries, reproject
from samft_core.names import is_address
from samft_core.polygons import parts

Record = tuple[fiona.Geometry | shapely.Geometry | None, object]
"""A feature's geometry and its score."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """What the polygons of a file are for, as messages say it."""

    name: str
    those: str
    polygons: str


LABELS = Role(name="labels", those="the labels", polygons="building polygons")
AREA = Role(name="an area of interest", those="the area of interest", polygons="polygons of an area of interest")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The building polygons of a vector file."""

    source: str
    """Where they come from."""
    crs: pyproj.CRS
    polygons: Geometries
    """Valid single polygons in the CRS, without Z."""
    scores: tuple[float, ...] | None
    """The `score` attribute of each polygon, where the file has one."""
    repaired: int
    """How many geometries were invalid and were mended."""
    ignored: int
    """How many features were no polygons or had no geometry."""
    role: Role = LABELS

    def to_crs(self, crs: pyproj.CRS) -> Geometries:
        """The polygons in another CRS; what became invalid on the way is mended."""
        return self.reprojected(crs).polygons

    def reprojected(self, crs: pyproj.CRS) -> Labels:
        """The labels in another CRS; a polygon that falls apart on the way leaves its score to each of its parts."""
        moved = reproject(self.polygons, self.crs, crs)
        if len(moved) and not np.all(np.isfinite(shapely.total_bounds(moved))):
            raise LabelError(
                expected=f"{self.role.name} within the area where {crs.name} is defined",
                got=f"{self.source} in {self.crs.name}, which reaches beyond it",
                remedy=f"check the CRS of {self.role.those}",
            )
        polygons, counts = _explode(moved)
        scores = None if self.scores is None else _scores(list(self.scores), counts)
        return dataclasses.replace(self, crs=crs, polygons=polygons, scores=scores)


def read_labels(source: str | Path, *, may_be_empty: bool = False, role: Role = LABELS) -> Labels:
    """Read every polygon of a vector file.

    Multipolygons are taken apart and invalid geometries are mended; points and lines are counted and left out.

    Args:
        source: A file of any OGR format. Where several layers hold polygons, name one as QGIS does:
            `FILE|layername=NAME`.
        may_be_empty: Whether a file without features says that there are no buildings.
        role: What the polygons are for.

    Raises:
        LabelError: It is missing, unreadable, empty, without polygons, without CRS, or its layer is ambiguous.
    """
    path, _, layer = str(source).partition("|layername=")
    if not is_address(path) and not Path(path).exists():
        raise LabelError(expected="a vector file", got=f"no file {path}", remedy="check the path")
    try:
        crs, records = _read_geoparquet(path) if path.lower().endswith(".parquet") else _read_ogr(path, layer)
    except (fiona.errors.FionaError, ValueError) as error:
        raise LabelError(
            expected="a vector file that OGR can open", got=f"{path} ({error})", remedy="check it with ogrinfo"
        ) from error
    if not records and not may_be_empty:
        raise LabelError(
            expected=f"{role.name} in {path}",
            got="an empty file",
            remedy=f"check that the file holds the {role.polygons}",
        )
    return _labels(str(source), crs, records, role)


def _read_ogr(path: str, layer: str) -> tuple[pyproj.CRS, list[Record]]:
    with fiona.open(path, layer=layer or _only_layer(path)) as collection:
        crs = _crs(collection.crs_wkt, path)
        return crs, [(record.geometry, record.properties.get("score")) for record in collection]


def _read_geoparquet(path: str) -> tuple[pyproj.CRS, list[Record]]:
    """What GDAL reads only where it was built with Arrow, which fiona's wheels are not."""
    frame = geopandas.read_parquet(path)
    crs = _crs(frame.crs.to_wkt() if frame.crs else "", path)
    scores = frame["score"].tolist() if "score" in frame else [None] * len(frame)
    return crs, list(zip(frame.geometry, scores, strict=True))


def _labels(source: str, crs: pyproj.CRS, records: list[Record], role: Role) -> Labels:
    raw = np.array([shape(geometry) if geometry is not None else None for geometry, _ in records], dtype=object)
    raw = shapely.force_2d(raw)
    areal = np.isin(
        shapely.get_type_id(raw),
        [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON, shapely.GeometryType.GEOMETRYCOLLECTION],
    )
    broken = areal & ~shapely.is_valid(raw)
    polygons, counts = _explode(raw[areal])
    if records and not sum(counts):
        raise LabelError(
            expected=f"{role.polygons} in {source}",
            got=f"{len(records)} features without one",
            remedy="give the polygon layer, not points or lines",
        )
    scores = [records[i][1] for i in np.flatnonzero(areal)]
    return Labels(
        source=source,
        crs=crs,
        polygons=polygons,
        scores=_scores(scores, counts),
        repaired=int(broken.sum()),
        ignored=int((~areal).sum()) + counts.count(0),
        role=role,
    )


def _explode(geometries: Geometries) -> tuple[Geometries, list[int]]:
    """The valid single polygons of geometries, and how many each gave."""
    exploded = [parts(shapely.make_valid(geometries[i : i + 1])) for i in range(len(geometries))]
    return np.concatenate([np.array([], dtype=object), *exploded]), [len(polygons) for polygons in exploded]


def _scores(values: list[object], counts: list[int]) -> tuple[float, ...] | None:
    numbers = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    if len(numbers) != len(values):
        return None
    return tuple(float(number) for number, count in zip(numbers, counts, strict=True) for _ in range(count))


def _only_layer(path: str) -> str | None:
    """The layer to read where none was named: the only one that can hold polygons."""
    layers: list[str] = fiona.listlayers(path)
    if len(layers) <= 1:
        return None
    areal = []
    for name in layers:
        with fiona.open(path, layer=name) as collection:
            if "Polygon" in collection.schema["geometry"]:
                areal.append(str(name))
    if len(areal) == 1:
        return areal[0]
    raise LabelError(
        expected=f"one polygon layer in {path}",
        got=f"{len(areal)}: {', '.join(areal or layers)}",
        remedy=f"name one as {path}|layername=NAME",
    )


def _crs(wkt: str, path: str) -> pyproj.CRS:
    if not wkt:
        raise LabelError(
            expected=f"a coordinate reference system in {path}",
            got="none",
            remedy="assign it, for example with ogr2ogr -a_srs EPSG:CODE",
        )
    return pyproj.CRS.from_wkt(wkt)
