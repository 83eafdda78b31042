"""Raster to footprints: tile, predict, blend, outline, regularize, measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import geopandas
import numpy as np
import numpy.typing as npt
import pyproj
import pyproj.exceptions
import rasterio.features
import shapely
from rasterio.io import MemoryFile

from samft_core import regularize as outlines
from samft_core.bundle import Bundle
from samft_core.errors import InputError
from samft_core.grid import Bounds, Geometries, Grid, Window
from samft_core.mosaic import Band, Prediction, blend
from samft_core.output import whole_file
from samft_core.polygonize import contour, unknown_areas
from samft_core.progress import Progress, silent
from samft_core.raster import Pixels, Raster, open_raster
from samft_core.tiling import Lattice
from samft_core.version import VERSION

TOLERANCE_PX = 1.0
"""How far regularization may move an outline while simplifying it, in lattice pixels."""

PLAIN_TOLERANCE_PX = 0.25
"""The same without regularization: only what a straight edge's contour wavers by."""


class Segmenter(Protocol):
    """Turns a tile's pixels into building probabilities: a trained SAM, or a stand-in for tests."""

    def predict(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Probabilities (tile_px, tile_px), 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """What was found in one raster."""

    grid: Grid
    """The pixels of the probability field."""
    probability: npt.NDArray[np.float32]
    """(height, width), 0 to 1; 0 where the raster has no data."""
    valid: npt.NDArray[np.bool_]
    """(height, width), True where the raster has data."""
    footprints: geopandas.GeoDataFrame
    """Polygons in the raster's CRS with id, score, area_m2, bundle and threshold."""
    provenance: dict[str, object]
    """Where the footprints come from: bundle, raster, version, settings."""


def segment(
    bundle: Bundle,
    raster: str | Path,
    *,
    bounds: Bounds | None = None,
    bounds_crs: str | None = None,
    threshold: float | None = None,
    min_area_m2: float | None = None,
    regularize: bool = True,
    segmenter: Segmenter | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Segmentation:
    """Find the buildings in a raster.

    Args:
        bundle: The trained model and its recipe.
        raster: Any raster GDAL opens, georeferenced.
        bounds: (left, bottom, right, top) to look in; all of the raster if None.
        bounds_crs: The CRS of the bounds; the raster's own if None.
        threshold: A pixel is building where its probability is not below; the bundle's if None.
        min_area_m2: Smaller footprints are left out; the bundle's if None.
        regularize: Whether outlines are straightened and squared.
        segmenter: A loaded model, to use it for several rasters; loaded from the bundle if None.
        device: Where to compute, if the model is loaded here.
        progress: Told about each tile.

    Raises:
        InputError: The raster, the bounds or the bundle do not fit; nothing is written.
    """
    recipe = bundle.card.recipe
    level = recipe.threshold if threshold is None else threshold
    smallest_m2 = recipe.min_area_m2 if min_area_m2 is None else min_area_m2
    with open_raster(raster, bands=recipe.bands, policy=recipe.stretch) as source:
        lattice = Lattice(grid=source.grid.rescaled(recipe.gsd_m), tile_px=recipe.tile_px, overlap_px=recipe.overlap_px)
        crs = _parse_crs(bounds_crs) if bounds_crs else None
        window = lattice.grid.window_of(bounds, crs) if bounds else lattice.grid.window
        model = segmenter or bundle.segmenter(device)
        predictions = predict_tiles(source, lattice, window, model, progress)
        probability, valid = _assemble(blend(predictions, window))
        name = source.name
    grid = lattice.grid.crop(window)
    polygons = outline(
        probability, valid, grid, threshold=level, tolerance_px=_tolerance(regularize), square=regularize
    )
    footprints = describe(polygons, probability, grid, bundle=bundle, threshold=level, min_area_m2=smallest_m2)
    provenance: dict[str, object] = {
        "bundle": bundle.card.hash,
        "raster": name,
        "version": VERSION,
        "threshold": level,
        "min_area_m2": smallest_m2,
        "regularized": regularize,
    }
    return Segmentation(grid=grid, probability=probability, valid=valid, footprints=footprints, provenance=provenance)


def predict_tiles(
    raster: Raster, lattice: Lattice, window: Window, model: Segmenter, progress: Progress = silent
) -> Iterator[Prediction]:
    """Predict every tile that touches a window, row by row; tiles without data are not given to the model."""
    tiles = list(lattice.tiles(window))
    for done, tile in enumerate(tiles):
        progress("segmenting", done, len(tiles))
        pixels = raster.read(lattice.grid, tile.window)
        probability = model.predict(pixels) if pixels.valid.any() else np.zeros(pixels.valid.shape, np.float32)
        yield Prediction(tile=tile, probability=probability, valid=pixels.valid)
    progress("segmenting", len(tiles), len(tiles))


def outline(
    probability: npt.NDArray[np.float32],
    valid: npt.NDArray[np.bool_],
    grid: Grid,
    *,
    threshold: float,
    tolerance_px: float = PLAIN_TOLERANCE_PX,
    square: bool = False,
) -> Geometries:
    """Building outlines of a probability field, in pixel coordinates of the grid.

    Args:
        probability: (height, width).
        valid: (height, width); no outline enters a pixel that is False.
        grid: Where the field lies.
        threshold: The level of the outline.
        tolerance_px: How far simplification may move it.
        square: Whether to straighten and square it as well.
    """
    contours = contour(probability, threshold, valid=valid)
    if not square:
        return outlines.straighten(contours, tolerance=tolerance_px, forbidden=unknown_areas(valid))
    squared = outlines.regularize(
        grid.to_metres(contours),
        tolerance_m=tolerance_px * float(np.mean(grid.gsd_m)),
        forbidden=grid.to_metres(unknown_areas(valid)),
    )
    return grid.from_metres(squared)


def describe(
    polygons: Geometries,
    probability: npt.NDArray[np.float32],
    grid: Grid,
    *,
    bundle: Bundle,
    threshold: float,
    min_area_m2: float,
) -> geopandas.GeoDataFrame:
    """Footprints with their attributes, those below the minimum area left out.

    `score` is the mean probability of the pixels whose centre lies inside; `area_m2` is geodesic.
    """
    mapped = grid.to_map(polygons)
    areas = grid.areas_m2(mapped)
    keep = areas >= min_area_m2
    return geopandas.GeoDataFrame(
        {
            "id": np.arange(1, keep.sum() + 1),
            "score": _mean_inside(polygons[keep], probability).round(4),
            "area_m2": areas[keep].round(2),
            "bundle": bundle.card.hash,
            "threshold": threshold,
        },
        geometry=mapped[keep],
        crs=grid.crs,
    )


def write_probability(segmentation: Segmentation, path: Path, *, overwrite: bool) -> None:
    """Write the probability field as a tiled, compressed GeoTIFF of float32; -1 marks what has no data."""
    grid = segmentation.grid
    values = np.where(segmentation.valid, segmentation.probability, np.float32(-1))
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "nodata": -1, "tiled": True, "compress": "deflate"}
    with whole_file(path, overwrite=overwrite) as temporary, MemoryFile() as whole:
        # GDAL does not tell when the last bytes of a file no longer fit on the disk; Python does
        with whole.open(
            **profile,
            predictor=3,
            height=grid.height,
            width=grid.width,
            transform=grid.transform,
            crs=grid.crs.to_wkt(),
            BIGTIFF="IF_SAFER",
        ) as target:
            target.write(values, 1)
            target.update_tags(**{key: str(value) for key, value in segmentation.provenance.items()})
        temporary.write_bytes(whole.getbuffer())


def _parse_crs(name: str) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(name)
    except pyproj.exceptions.CRSError as error:
        raise InputError(
            expected="the CRS of the bounds, such as EPSG:4326", got=name, remedy="check --bounds-crs"
        ) from error


def _tolerance(regularize: bool) -> float:
    return TOLERANCE_PX if regularize else PLAIN_TOLERANCE_PX


def _assemble(bands: Iterator[Band]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    rows = list(bands)
    return np.concatenate([band.probability for band in rows]), np.concatenate([band.valid for band in rows])


def _mean_inside(polygons: Geometries, probability: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The mean of the field over each polygon's pixels; over the nearest pixel where it covers no centre."""
    if len(polygons) == 0:
        return np.zeros(0)
    numbers = rasterio.features.rasterize(
        zip(polygons, range(1, len(polygons) + 1), strict=True), out_shape=probability.shape, dtype=np.int32
    )
    sums = np.bincount(numbers.ravel(), weights=probability.ravel(), minlength=len(polygons) + 1)[1:]
    counts = np.bincount(numbers.ravel(), minlength=len(polygons) + 1)[1:]
    inside = shapely.get_coordinates(shapely.point_on_surface(polygons)).astype(np.int64)
    nearest = probability[
        np.clip(inside[:, 1], 0, probability.shape[0] - 1), np.clip(inside[:, 0], 0, probability.shape[1] - 1)
    ]
    return np.where(counts > 0, sums / np.maximum(counts, 1), nearest)
