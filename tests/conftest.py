"""Synthetic rasters, written as real files with GDAL."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, settings
from rasterio.control import GroundControlPoint

from samft_core.errors import InputError
from samft_core.grid import Grid

settings.register_profile(
    "samft",
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("samft")

UTM = "EPSG:32611"
"""WGS 84 / UTM zone 11N: metres, with a scale of 0.9996 on its central meridian, 117 degrees west."""

UTM_HALF_METRE = Affine(0.5, 0.0, 500_000.0, 0.0, -0.5, 3_762_000.0)
"""Pixels of 0.5 m from a corner on the central meridian, at 34 degrees north."""


CACHE = tempfile.TemporaryDirectory(prefix="samft-embeddings-")
"""Where embeddings go, never to the user's own; in processes that tests start, too."""
os.environ["SAMFT_CACHE"] = CACHE.name


@pytest.fixture(scope="session", autouse=True)
def _cache_ends() -> Iterator[None]:
    yield
    CACHE.cleanup()


def write_raster(
    path: Path,
    array: np.ndarray,
    *,
    crs: str | None = UTM,
    transform: Affine | None = UTM_HALF_METRE,
    nodata: float | None = None,
    mask: np.ndarray | None = None,
    alpha: np.ndarray | None = None,
    gcps: Sequence[GroundControlPoint] = (),
    gcps_crs: str | None = None,
    **options: object,
) -> Path:
    """Write (bands, height, width) or (height, width) as a GeoTIFF.

    Args:
        path: Where to.
        array: The values; their dtype is the file's.
        crs: None for none.
        transform: None for none.
        nodata: The value that means no data, in every band.
        mask: (height, width), True where valid; written as an internal mask.
        alpha: (height, width), True where opaque; written as one more band.
        gcps: Ground control points, instead of crs and transform.
        gcps_crs: Their CRS.
        options: GDAL's creation options.
    """
    bands = array if array.ndim == 3 else array[None]
    if alpha is not None:
        bands = np.concatenate([bands, np.where(alpha, 255, 0).astype(bands.dtype)[None]])
        options["alpha"] = "yes"
    count, height, width = bands.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": bands.dtype.name}
    profile |= {"nodata": nodata, **options}
    if crs is not None:
        profile["crs"] = crs
    if transform is not None:
        profile["transform"] = transform
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as target:
        target.write(bands)
        if mask is not None:
            target.write_mask(mask.astype(bool))
        if gcps:
            target.gcps = (list(gcps), rasterio.crs.CRS.from_string(gcps_crs))
    return path


def make_grid(height: int, width: int, *, crs: str = UTM, transform: Affine = UTM_HALF_METRE) -> Grid:
    """A grid, in pixels of 0.5 m on UTM's central meridian by default."""
    return Grid(crs=pyproj.CRS(crs), transform=transform, height=height, width=width)


def assert_one_clear_line(error: InputError) -> None:
    """What every message about a user's mistake must be."""
    message = str(error)
    assert "\n" not in message
    assert message.startswith("expected ")
    assert ", got " in message
    assert error.expected
    assert error.got
    assert error.remedy
    assert message.endswith(f"; {error.remedy}")
    assert error.exit_code == 2
