"""Writing a probability field as a cloud-optimized GeoTIFF."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import rasterio.windows
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, DatasetWriter

from samft_core.footprints import Segmentation
from samft_core.output import whole_file

ROWS = 512
"""Rows that are held at a time."""

CACHE_MB = 64
"""How much GDAL holds of them, whatever the machine: it would take a twentieth of all memory."""


def write_probability(found: Segmentation, path: Path, *, overwrite: bool) -> None:
    """Write the probabilities as a tiled, compressed GeoTIFF of float32 with overviews (COG), whole or not at all.

    -1 marks what has no data or was not asked for. The provenance stands in the file's tags.

    Args:
        found: What was found.
        path: The file to appear.
        overwrite: Whether an existing file is replaced.

    Raises:
        OutputError: It exists already, or cannot be written.
    """
    grid = found.grid
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "nodata": -1,
        "height": grid.height,
        "width": grid.width,
        "crs": grid.crs.to_wkt(),
        "transform": grid.transform,
        "tiled": True,
        "compress": "zstd",
        "predictor": 3,
        "BIGTIFF": "IF_SAFER",
    }
    with whole_file(path, overwrite=overwrite) as temporary, rasterio.Env(GDAL_CACHEMAX=CACHE_MB):
        plain = temporary.with_name(f"{temporary.name}.plain.tif")
        try:
            with rasterio.open(plain, "w", **profile) as target:
                _copy(found, target)
                target.update_tags(**{key: _text(value) for key, value in found.provenance.items()})
            options = {"compress": "DEFLATE", "predictor": "YES", "overview_resampling": "AVERAGE"}
            rasterio.shutil.copy(plain, temporary, driver="COG", bigtiff="IF_SAFER", **options)
            _check_whole(temporary)
        except RasterioError as error:
            raise OSError(f"GeoTIFF driver: {error}") from error


def picture_job(path: Path) -> str | None:
    """The digest of the job that wrote a GeoTIFF of probabilities; None if there is no such file or it has none."""
    if not path.is_file():
        return None
    try:
        with rasterio.open(path) as source:
            job: str | None = source.tags().get("job")
    except RasterioError:
        return None
    return job


def _copy(found: Segmentation, target: DatasetWriter) -> None:
    window = found.extent.window
    for rows in window.in_parts(ROWS):
        band, place = found.read(rows), rows.relative_to(window)
        where = rasterio.windows.Window(place.col_px, place.row_px, place.width_px, place.height_px)
        target.write(np.where(band.valid, band.probability, np.float32(-1)), 1, window=where)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _check_whole(path: Path) -> None:
    """GDAL does not tell when the last bytes of a file no longer fit on the disk: read the last block of each level."""
    with rasterio.open(path) as source:
        levels = range(len(source.overviews(1)))
        _read_last_block(source)
    for level in levels:
        with rasterio.open(path, overview_level=level) as source:
            _read_last_block(source)


def _read_last_block(source: DatasetReader) -> None:
    height, width = source.block_shapes[0]
    row, col = (source.height - 1) // height * height, (source.width - 1) // width * width
    source.read(1, window=rasterio.windows.Window(col, row, source.width - col, source.height - row))
