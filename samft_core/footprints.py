"""Raster to footprints: tile, predict, blend, outline, measure."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import geopandas
import numpy as np
import numpy.typing as npt
import pandas

from samft_core.ahead import ahead
from samft_core.bundle import Bundle
from samft_core.extent import Extent
from samft_core.field import StoredField, resume_field
from samft_core.grid import Bounds, Geometries, Grid
from samft_core.mosaic import Prediction, blend
from samft_core.outline import Style, outline
from samft_core.plan import Settings, planned
from samft_core.progress import Progress, silent
from samft_core.raster import Pixels, Raster
from samft_core.tiling import Lattice
from samft_core.zonal import zones


class Segmenter(Protocol):
    """Turns a tile's pixels into building probabilities: a trained SAM, or a stand-in for tests."""

    def predict(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Probabilities (tile_px, tile_px), 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """What was found in one raster: probabilities on disk, and the footprints that follow from them."""

    bundle: Bundle
    name: str
    """The raster's, without its folder."""
    lattice: Grid
    """The raster's pixels at the bundle's resolution."""
    extent: Extent
    """The part of the lattice that was asked for."""
    field: StoredField
    """The probabilities there, with a halo."""
    style: Style
    """How outlines are drawn."""
    min_area_m2: float
    """Smaller footprints are left out."""
    provenance: dict[str, object]
    """Where the footprints come from: bundle, raster, version, settings."""

    @property
    def grid(self) -> Grid:
        """The pixels of `probability` and `valid`."""
        return self.lattice.crop(self.extent.window)

    @property
    def probability(self) -> npt.NDArray[np.float32]:
        """(height, width), 0 to 1; 0 where not valid. All of it is read into memory."""
        return self.field.read(self.extent.window).probability * self.extent.covers(self.extent.window)

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """(height, width), True where the raster has data and the extent reaches."""
        return self.field.read(self.extent.window).valid & self.extent.covers(self.extent.window)

    @functools.cached_property
    def footprints(self) -> geopandas.GeoDataFrame:
        """Polygons in the raster's CRS with id, score, area_m2, bundle and threshold."""
        return geopandas.GeoDataFrame(pandas.concat(self.batches(), ignore_index=True), crs=self.lattice.crs)

    def batches(self, progress: Progress = silent) -> Iterator[geopandas.GeoDataFrame]:
        """The footprints, some rows of the raster at a time; at least one batch, which may be empty."""
        count, rows = 0, self.field.window.height_px
        progress("outlining", 0, rows)
        for polygons in outline(self.field, self.lattice, self.style, area=self.extent.area):
            footprints = _describe(polygons, self, first_id=count + 1)
            count += len(footprints)
            last = int(polygons[-1].bounds[3]) - self.field.window.row_px if len(polygons) else 0
            progress("outlining", max(0, min(last, rows - 1)), rows)
            yield footprints
        if count == 0:
            yield _describe(np.array([], dtype=object), self, first_id=1)
        progress("outlining", rows, rows)


def segment(
    bundle: Bundle,
    raster: str | Path,
    *,
    bounds: Bounds | None = None,
    bounds_crs: str | None = None,
    aoi: str | Path | None = None,
    nodata: float | None = None,
    threshold: float | None = None,
    min_area_m2: float | None = None,
    min_hole_m2: float | None = None,
    regularize: bool = True,
    folder: Path | None = None,
    segmenter: Segmenter | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Segmentation:
    """Find the buildings in a raster.

    Args:
        bundle: The trained model and its recipe.
        raster: Any raster GDAL opens, georeferenced; or files of bands, as `B04.tif,B03.tif,B02.tif`.
        bounds: (left, bottom, right, top) to look in; all of the raster if None.
        bounds_crs: The CRS of the bounds; the raster's own if None.
        aoi: A vector file whose polygons are looked in, instead of bounds.
        nodata: The value that means no data, where nothing in the raster states what is valid.
        threshold: A pixel is building where its probability is not below; the bundle's if None.
        min_area_m2: Smaller footprints are left out; the bundle's if None.
        min_hole_m2: Smaller holes are filled; as min_area_m2 if None.
        regularize: Whether outlines are straightened and squared.
        folder: Where the probabilities are kept, to go on from after an interruption; a temporary folder, which goes
            with the result, if None.
        segmenter: A loaded model, to use it for several rasters; loaded from the bundle if None.
        device: Where to compute, if the model is loaded here.
        progress: Told about each tile.

    Raises:
        InputError: The raster, the extent or the bundle do not fit; nothing is written.
    """
    settings = Settings(
        bounds=bounds,
        bounds_crs=bounds_crs,
        aoi=aoi,
        nodata=nodata,
        threshold=threshold,
        min_area_m2=min_area_m2,
        min_hole_m2=min_hole_m2,
        regularize=regularize,
    )
    with planned(bundle, raster, settings) as plan:
        grid, extent = plan.lattice.grid, plan.extent
        field = resume_field(folder or _temporary_folder(), grid=grid, window=extent.known, job=plan.computing)
        if folder is None:
            weakref.finalize(field, shutil.rmtree, field.folder, ignore_errors=True)
        predict(plan.raster, plan.lattice, extent, field, segmenter or bundle.segmenter(device), progress)
        return Segmentation(
            bundle=bundle,
            name=plan.raster.short_name,
            lattice=grid,
            extent=extent,
            field=field,
            style=plan.style,
            min_area_m2=plan.min_area_m2,
            provenance=plan.provenance,
        )


def predict(
    raster: Raster, lattice: Lattice, extent: Extent, field: StoredField, model: Segmenter, progress: Progress = silent
) -> None:
    """Predict every tile that touches an extent, blend them, and keep the rows that the field does not have yet."""
    missing = field.missing
    if missing is None:
        return
    wanted = [tile for tile in lattice.tiles(extent.known) if extent.touches(tile.window)]
    tiles = [tile for tile in wanted if tile.window.intersection(missing)]
    every = len(wanted)

    def predictions() -> Iterator[Prediction]:
        progress("segmenting", every - len(tiles), every)
        pixels = ahead(lambda tile: raster.read(lattice.grid, tile.window), tiles)
        for done, (tile, seen) in enumerate(zip(tiles, pixels, strict=True), start=every - len(tiles) + 1):
            # a tile without data is not shown to the model
            probability = model.predict(seen) if seen.valid.any() else np.zeros(seen.valid.shape, np.float32)
            yield Prediction(tile=tile, probability=probability, valid=seen.valid)
            progress("segmenting", done, every)

    for band in blend(predictions(), lattice, missing):
        known = band.valid & extent.covers(band.window, halo=True)
        field.append(dataclasses.replace(band, valid=known))


def _describe(polygons: Geometries, found: Segmentation, *, first_id: int) -> geopandas.GeoDataFrame:
    """Footprints with their attributes, those below the minimum area left out.

    `score` is the mean probability of the pixels whose centre lies inside; `area_m2` is geodesic.
    """
    mapped = found.lattice.to_map(polygons)
    areas = found.lattice.areas_m2(mapped)
    keep = areas >= found.min_area_m2
    return geopandas.GeoDataFrame(
        {
            "id": np.arange(first_id, first_id + keep.sum()),
            "score": zones(found.field, polygons[keep]).mean.round(4),
            "area_m2": areas[keep].round(2),
            "bundle": texts(found.bundle.card.hash, keep.sum()),
            "threshold": np.full(keep.sum(), found.style.threshold),
        },
        geometry=mapped[keep],
        crs=found.lattice.crs,
    )


def texts(text: str, count: int) -> pandas.api.extensions.ExtensionArray:
    """A column of the same text, which is one of texts even where it is empty."""
    return pandas.array([text] * count, dtype="string")


def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="samft-"))
