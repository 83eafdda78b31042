"""Raster to footprints: tile, predict, blend, outline, measure."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import numpy.typing as npt
import pandas

from samft_core.bundle import Bundle
from samft_core.extent import Extent
from samft_core.field import StoredField, goes_with, resume_field, temporary_folder
from samft_core.grid import Bounds, Geometries, Grid, Window
from samft_core.mosaic import Band
from samft_core.outline import Style, outline
from samft_core.plan import Drawing, Settings, planned, signed
from samft_core.predict import Segmenter, predict
from samft_core.progress import Progress, silent
from samft_core.zonal import zones


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
    computing: dict[str, object]
    """What the probabilities depend on, as JSON values."""
    provenance: dict[str, object]
    """Where the footprints come from: bundle, raster, version, settings."""
    complete: bool = True
    """Whether every tile was looked at; what was not is not valid."""

    @property
    def grid(self) -> Grid:
        """The pixels of `probability` and `valid`."""
        return self.lattice.crop(self.extent.window)

    @property
    def probability(self) -> npt.NDArray[np.float32]:
        """(height, width), 0 to 1; 0 where not valid. All of it is read into memory."""
        return self.read(self.extent.window).probability

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """(height, width), True where the raster has data and the extent reaches."""
        return self.read(self.extent.window).valid

    def read(self, window: Window) -> Band:
        """A window of what was asked for; elsewhere nothing is valid, and probabilities are 0."""
        band, asked = self.field.read(window), self.extent.covers(window)
        return Band(window=window, probability=band.probability * asked, valid=band.valid & asked)

    @functools.cached_property
    def footprints(self) -> geopandas.GeoDataFrame:
        """Polygons in the raster's CRS with id, score, area_m2, bundle and threshold."""
        return geopandas.GeoDataFrame(pandas.concat(self.batches(), ignore_index=True), crs=self.lattice.crs)

    def restyled(
        self,
        *,
        threshold: float | None = None,
        min_area_m2: float | None = None,
        min_hole_m2: float | None = None,
        regularize: bool = True,
    ) -> Segmentation:
        """The same probabilities, outlined in another way; the arguments are those of `segment`."""
        settings = Settings(
            threshold=threshold, min_area_m2=min_area_m2, min_hole_m2=min_hole_m2, regularize=regularize
        )
        drawing = Drawing.of(self.bundle.card.recipe, settings)
        return dataclasses.replace(
            self,
            style=drawing.style,
            min_area_m2=drawing.min_area_m2,
            provenance=signed(self.computing, {**self.provenance, **drawing.as_dict()}),
        )

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
    as_is: bool = False,
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
        as_is: Whether the raster's pixels are the model's already, as where a map was rendered for it.
        folder: Where the probabilities are kept, to go on from after an interruption; a temporary folder, which goes
            with the result, if None.
        segmenter: A loaded model, to use it for several rasters; loaded from the bundle if None.
        device: Where to compute, if the model is loaded here.
        progress: Told about each tile; `Enough` raised in it ends the work with what is there.

    Raises:
        InputError: The raster, the extent or the bundle do not fit; nothing is written.
        Enough: It was raised before there was anything.
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
        as_is=as_is,
    )
    with planned(bundle, raster, settings) as plan:
        grid, extent = plan.lattice.grid, plan.extent
        field = resume_field(folder or temporary_folder(), grid=grid, window=extent.known, job=plan.computing)
        if folder is None:
            goes_with(field)
        model = segmenter or bundle.segmenter(device)
        field, complete = predict(plan.raster, plan.lattice, extent, field, model, progress)
        return Segmentation(
            bundle=bundle,
            name=plan.raster.short_name,
            lattice=grid,
            extent=extent,
            field=field,
            style=plan.drawing.style,
            min_area_m2=plan.drawing.min_area_m2,
            computing=plan.computing,
            provenance=plan.provenance if complete else {**plan.provenance, "complete": False},
            complete=complete,
        )


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
