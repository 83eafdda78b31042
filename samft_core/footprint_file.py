"""Writing footprints: GeoPackage, FlatGeobuf, GeoJSON or GeoParquet, as a stream of batches."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import geopandas
import pyarrow
import pyarrow.parquet
import pyogrio
import pyogrio.errors

from samft_core.errors import OutputError
from samft_core.output import whole_file

DRIVERS = {".gpkg": "GPKG", ".fgb": "FlatGeobuf", ".geojson": "GeoJSON", ".json": "GeoJSON", ".parquet": "Parquet"}
"""The formats footprints are written in, by suffix."""

LAYER = "footprints"
"""The name of the layer in formats that have one."""

OGR_ERRORS = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.FieldError,
)
"""What pyogrio raises where the disk is full, among others."""

Batches = Iterator[geopandas.GeoDataFrame]


def write_footprints(
    footprints: geopandas.GeoDataFrame | Iterable[geopandas.GeoDataFrame],
    path: Path,
    *,
    provenance: Mapping[str, object],
    overwrite: bool,
) -> None:
    """Write footprints whole or not at all, with where they come from in the file's metadata.

    GeoPackage, FlatGeobuf and GeoJSON carry the provenance as JSON in the layer's description, GeoParquet under the
    key `samft` of its schema.

    Args:
        footprints: Polygons with their attributes, at once or in batches, at least one, of the same CRS and columns.
        path: A name ending in one of `DRIVERS`.
        provenance: What the file says about itself; JSON values.
        overwrite: Whether an existing file is replaced.

    Raises:
        OutputError: The suffix is unknown, the file exists, or it cannot be written.
    """
    driver = check_format(path)
    description = json.dumps(dict(provenance), sort_keys=True)
    batches = iter([footprints] if isinstance(footprints, geopandas.GeoDataFrame) else footprints)
    with whole_file(path, overwrite=overwrite) as temporary:
        try:
            if driver == "Parquet":
                _write_geoparquet(batches, temporary, description)
            else:
                _write_ogr(batches, temporary, driver, description)
        except (*OGR_ERRORS, pyarrow.ArrowException) as error:
            raise OSError(f"{driver} driver: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a file of footprints says about itself."""

    job: str | None
    """The digest of the job that wrote it; None if it is another's."""
    footprints: int
    area_m2: float


def read_summary(path: Path) -> Summary:
    """Read a GeoPackage, FlatGeobuf or GeoJSON; a file that is none of samft's has no job."""
    try:
        description = pyogrio.read_info(path)["layer_metadata"]["DESCRIPTION"]
        job = json.loads(description)["job"]
        areas = pyogrio.read_dataframe(path, columns=["area_m2"], read_geometry=False)["area_m2"]
    except (*OGR_ERRORS, ValueError, TypeError, KeyError):
        return Summary(job=None, footprints=0, area_m2=0.0)
    return Summary(job=str(job), footprints=len(areas), area_m2=float(areas.sum()))


def check_format(path: Path) -> str:
    """The driver for a file's suffix.

    Raises:
        OutputError: There is none.
    """
    driver = DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise OutputError(
            expected=f"an output ending in {', '.join(DRIVERS)}",
            got=path.name,
            remedy="rename the output; a folder needs no ending",
        )
    return driver


def _write_ogr(batches: Batches, path: Path, driver: str, description: str) -> None:
    layer_options = {"DESCRIPTION": description}
    if driver == "GeoJSON":  # RFC 7946 wants EPSG:4326 and anticlockwise shells
        batches = (batch.to_crs("EPSG:4326") for batch in batches)
        layer_options["RFC7946"] = "YES"
    first = next(batches)
    schema = pyarrow.table(first.to_arrow(index=False)).schema
    written = 0

    def records() -> Iterator[pyarrow.RecordBatch]:
        nonlocal written
        for batch in itertools.chain([first], batches):
            written += len(batch)
            yield from pyarrow.table(batch.to_arrow(index=False)).cast(schema).to_batches()

    pyogrio.write_arrow(
        pyarrow.RecordBatchReader.from_batches(schema, records()),
        path,
        driver=driver,
        layer=LAYER,
        geometry_name="geometry",
        geometry_type="Polygon",
        crs=first.crs.to_wkt(),
        layer_options=layer_options,
    )
    _check_whole(path, driver, written)


def _check_whole(path: Path, driver: str, count: int) -> None:
    """GDAL does not always tell when the last bytes of a file no longer fit on the disk: read it back."""
    with pyogrio.open_arrow(path, use_pyarrow=True) as (_, reader):
        found = sum(len(batch) for batch in reader)
    if found != count:
        raise OSError(f"only {found} of {count} footprints fitted into the file")
    if driver != "GeoJSON" and count and not pyogrio.read_info(path)["capabilities"]["fast_spatial_filter"]:
        raise OSError("the spatial index did not fit into the file")


def _write_geoparquet(batches: Batches, path: Path, description: str) -> None:
    writer: pyarrow.parquet.ParquetWriter | None = None
    try:
        for batch in batches:
            whole = io.BytesIO()
            batch.to_parquet(whole, write_covering_bbox=True)
            table = pyarrow.parquet.read_table(whole)
            if writer is None:
                schema = table.schema.with_metadata(_metadata(table.schema.metadata, description))
                writer = pyarrow.parquet.ParquetWriter(path, schema)
            writer.write_table(table.replace_schema_metadata(schema.metadata).cast(schema))
    finally:
        if writer is not None:
            writer.close()


def _metadata(metadata: Mapping[bytes, bytes], description: str) -> dict[bytes, bytes]:
    """The metadata of the first batch, for all of them: without its own bounds, with the provenance."""
    geo = json.loads(metadata[b"geo"])
    for column in geo["columns"].values():
        column.pop("bbox", None)
    return {b"geo": json.dumps(geo).encode(), b"samft": description.encode()}
