"""What a bundle and a user's settings make of a raster, before anything is computed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import rasterio
import shapely

from samft_core.bundle import Bundle, Recipe
from samft_core.errors import InputError
from samft_core.extent import Extent, whole, within_area, within_bounds
from samft_core.grid import Bounds, Grid
from samft_core.outline import Style
from samft_core.raster import Raster, open_raster
from samft_core.tiling import Lattice
from samft_core.version import VERSION

CACHE_MB = 128
"""How much of the raster GDAL keeps decoded: enough for the rows of a tile, whatever the machine."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is asked of a raster, beyond what the bundle pins."""

    bounds: Bounds | None = None
    """(left, bottom, right, top) to look in; all of the raster if None."""
    bounds_crs: str | None = None
    """The CRS of the bounds; the raster's own if None."""
    aoi: str | Path | None = None
    """A vector file whose polygons are looked in, instead of bounds."""
    nodata: float | None = None
    """The value that means no data, where nothing in the raster states what is valid."""
    threshold: float | None = None
    """A pixel is building where its probability is not below; the bundle's if None."""
    min_area_m2: float | None = None
    """Smaller footprints are left out; the bundle's if None."""
    min_hole_m2: float | None = None
    """Smaller holes are filled; as min_area_m2 if None."""
    regularize: bool = True
    """Whether outlines are straightened and squared."""
    as_is: bool = False
    """Whether the raster's pixels are the model's already."""

    def __post_init__(self) -> None:
        if self.bounds is not None and self.aoi is not None:
            raise InputError(
                expected="bounds or an area of interest",
                got="both",
                remedy="leave one out, or cut the area to the bounds",
            )
        if self.bounds is None and self.bounds_crs is not None:
            raise InputError(
                expected="bounds with their CRS",
                got=f"the CRS alone, {self.bounds_crs}",
                remedy="add --bounds, or leave --bounds-crs out",
            )


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What a recipe and settings make of probabilities."""

    style: Style
    """How outlines are drawn."""
    min_area_m2: float
    """Smaller footprints are left out."""

    @classmethod
    def of(cls, recipe: Recipe, settings: Settings) -> Drawing:
        """The settings', or else the recipe's."""
        smallest_m2 = recipe.min_area_m2 if settings.min_area_m2 is None else settings.min_area_m2
        style = Style(
            threshold=recipe.threshold if settings.threshold is None else settings.threshold,
            square=settings.regularize,
            min_hole_m2=smallest_m2 if settings.min_hole_m2 is None else settings.min_hole_m2,
        )
        return cls(style=style, min_area_m2=smallest_m2)

    def as_dict(self) -> dict[str, object]:
        """What footprints say about it."""
        return {
            "threshold": self.style.threshold,
            "min_area_m2": self.min_area_m2,
            "min_hole_m2": self.style.min_hole_m2,
            "regularized": self.style.square,
        }


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done with an open raster."""

    raster: Raster
    lattice: Lattice
    extent: Extent
    drawing: Drawing
    computing: dict[str, object]
    """What the probabilities depend on, as JSON values."""
    provenance: dict[str, object]
    """What the footprints say about where they come from; `job` is a digest of all that they depend on."""


@contextlib.contextmanager
def planned(bundle: Bundle, raster: str | Path, settings: Settings) -> Iterator[Plan]:
    """Open a raster and see what is to be done with it.

    Raises:
        InputError: The raster or the extent do not fit.
    """
    recipe = bundle.card.recipe
    drawing = Drawing.of(recipe, settings)
    with (
        rasterio.Env(GDAL_CACHEMAX=CACHE_MB),
        open_raster(raster, bands=recipe.bands, policy=recipe.stretch, nodata=settings.nodata) as source,
    ):
        grid = source.grid if settings.as_is else source.grid.rescaled(recipe.gsd_m)
        lattice = Lattice(grid=grid, tile_px=recipe.tile_px, overlap_px=recipe.overlap_px)
        extent = _extent(lattice.grid, settings)
        computing: dict[str, object] = {
            "bundle": bundle.card.hash,
            "raster": source.identity,
            "extent": extent.identity,
            "version": VERSION,
            **({"as_is": True} if settings.as_is else {}),
        }
        provenance: dict[str, object] = {
            "bundle": bundle.card.hash,
            "raster": source.name,
            "stretch": dataclasses.asdict(source.stretch),
            "version": VERSION,
            **drawing.as_dict(),
        }
        if extent.area is not None:
            on_it = shapely.intersection(extent.area, lattice.grid.window.box)
            provenance["extent"] = lattice.grid.to_map(on_it).wkt
        yield Plan(
            raster=source,
            lattice=lattice,
            extent=extent,
            drawing=drawing,
            computing=computing,
            provenance=signed(computing, provenance),
        )


def signed(computing: Mapping[str, object], provenance: Mapping[str, object]) -> dict[str, object]:
    """A provenance with `job`, a digest of all that footprints depend on."""
    told = {key: value for key, value in provenance.items() if key != "job"}
    content = json.dumps([computing, told], sort_keys=True).encode()
    return {**told, "job": hashlib.sha256(content).hexdigest()[:12]}


def _extent(grid: Grid, settings: Settings) -> Extent:
    if settings.bounds is not None:
        return within_bounds(grid, settings.bounds, settings.bounds_crs)
    return whole(grid) if settings.aoi is None else within_area(grid, settings.aoi)
