"""Rasters and labels to a chips folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import rasterio
import shapely
from rasterio.io import MemoryFile

from samft_core.errors import InputError, LabelError
from samft_core.grid import Geometries, Grid, Window, format_bounds, reproject
from samft_core.output import whole_folder
from samft_core.polygonize import parts, trace
from samft_core.progress import Progress, silent
from samft_core.raster import Pixels, Raster, open_raster
from samft_core.rasterize import rasterize
from samft_core.stretch import StretchPolicy
from samft_core.tiling import Tile
from samft_core.vectors import Labels, read_labels
from training.chips import BUILDINGS, IGNORE, LONLAT, MANIFEST, Chips, ChipsMeta, open_chips, write_meta
from training.scenes import Scene
from training.splits import assign_splits

FINEST_GSD_M = 0.3
"""Buildings need no finer pixels; coarser imagery is not enlarged here."""

LEAST_KNOWN = 0.05
"""A chip with a smaller share of pixels to learn from is left out."""


@dataclass(frozen=True, kw_only=True)
class PrepareSettings:
    """What shapes the chips."""

    gsd_m: float | None = None
    """Ground sampling distance; by default the coarsest scene's own, but not below 0.3 m."""
    size_px: int = 512
    """A chip's side."""
    bands: tuple[int, ...] | None = None
    """One or three band numbers; each raster's first three that are not alpha by default."""
    stretch: StretchPolicy = field(default_factory=StretchPolicy)
    seed: int = 0
    """Of the split."""

    def __post_init__(self) -> None:
        if self.size_px < 64 or self.size_px % 16:
            raise InputError(
                expected="a chip size of at least 64 pixels, in steps of 16",
                got=str(self.size_px),
                remedy="take 256, 512 or 1024",
            )
        if self.gsd_m is not None and not 0.01 <= self.gsd_m <= 100:
            raise InputError(
                expected="a ground sampling distance from 0.01 to 100 m", got=str(self.gsd_m), remedy="take 0.3"
            )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What was made."""

    chips: Chips
    dropped: int
    """Chips left out because almost nothing in them is known."""
    repaired: int
    """Label geometries that were invalid and were mended."""
    ignored: int
    """Label features that were no polygons."""


def prepare(
    scenes: Sequence[Scene],
    out: Path,
    *,
    aoi: str | None = None,
    settings: PrepareSettings | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Prepared:
    """Cut labelled scenes into chips at one ground sampling distance.

    Chips tile each scene's own lattice without overlap; those without a building are kept.

    Args:
        scenes: Rasters and their labels.
        out: The chips folder to appear.
        aoi: A vector file of the area in which labels are complete; outside it pixels are ignored.
        settings: Size, resolution, bands, stretch, seed.
        overwrite: Whether an existing folder is replaced.
        progress: Told about each chip.

    Raises:
        InputError: A file is missing or does not fit; nothing is written.
    """
    settings = settings or PrepareSettings()
    labels = {name: read_labels(name, may_be_empty=scene.may_be_empty) for scene in scenes for name in scene.labels}
    area = read_labels(aoi) if aoi else None
    gsd_m = settings.gsd_m or _common_gsd_m(scenes)
    with whole_folder(out, overwrite=overwrite) as folder:
        (folder / "images").mkdir()
        (folder / "masks").mkdir()
        rows: list[dict[str, Any]] = []
        outlines: list[dict[str, Any]] = []
        notes: list[dict[str, Any]] = []
        dropped = 0
        for number, scene in enumerate(scenes):
            with open_raster(scene.image, bands=settings.bands, policy=settings.stretch) as raster:
                truth = _Truth.of(raster, [labels[name] for name in scene.labels], area, scene.may_be_empty)
                lattice = raster.grid.rescaled(gsd_m)
                tiles = _chip_tiles(lattice, settings.size_px)
                for done, tile in enumerate(tiles):
                    progress(f"scene {number + 1} of {len(scenes)}", done, len(tiles))
                    chip = _cut(raster, lattice, tile, truth)
                    if chip.known_share < LEAST_KNOWN:
                        dropped += 1
                        continue
                    name = f"{number:04d}_{tile.row:04d}_{tile.col:04d}"
                    chip.write(folder, name)
                    rows.append({**chip.row(name), "scene": number, "row": tile.row, "col": tile.col})
                    outlines += [{"chip": name, "geometry": polygon} for polygon in chip.buildings_lonlat()]
                progress(f"scene {number + 1} of {len(scenes)}", len(tiles), len(tiles))
                notes.append(_scene_note(scene, raster, truth))
        if not rows:
            raise InputError(
                expected="at least one chip with labelled ground",
                got=f"{dropped} chips without any",
                remedy="check that rasters, labels and --aoi cover common ground",
            )
        manifest = geopandas.GeoDataFrame(rows, crs=LONLAT)
        manifest["split"] = assign_splits(
            manifest["scene"].to_numpy(),
            manifest["row"].to_numpy(),
            manifest["col"].to_numpy(),
            np.asarray(manifest.geometry.to_numpy(), dtype=object),
            manifest["building_share"].to_numpy(),
            seed=settings.seed,
        )
        manifest.to_parquet(folder / MANIFEST)
        buildings = geopandas.GeoDataFrame(outlines, columns=["chip", "geometry"], geometry="geometry", crs=LONLAT)
        buildings.to_parquet(folder / BUILDINGS)
        write_meta(
            ChipsMeta(
                gsd_m=gsd_m,
                size_px=settings.size_px,
                bands=settings.bands,
                stretch=settings.stretch,
                seed=settings.seed,
                scenes=tuple(notes),
            ),
            folder,
        )
    return Prepared(
        chips=open_chips(out),
        dropped=dropped,
        repaired=sum(label.repaired for label in labels.values()),
        ignored=sum(label.ignored for label in labels.values()),
    )


@dataclass(frozen=True, kw_only=True)
class _Truth:
    """A scene's buildings and the area in which they are complete, in the raster's CRS."""

    polygons: Geometries
    area: Geometries | None

    @classmethod
    def of(cls, raster: Raster, labels: Sequence[Labels], area: Labels | None, may_be_empty: bool) -> _Truth:
        footprint = raster.grid.footprint
        polygons: Geometries = np.concatenate([label.to_crs(raster.grid.crs) for label in labels])
        inside = polygons[shapely.intersects(polygons, footprint)]
        checked = area.to_crs(raster.grid.crs) if area else None
        if len(inside) == 0 and not may_be_empty and checked is None:
            extent = shapely.total_bounds(polygons)
            raise LabelError(
                expected=f"labels on {raster.name}, which covers {format_bounds(raster.grid.bounds)} "
                f"in {raster.grid.crs.name}",
                got=f"{len(polygons)} polygons, all within {format_bounds(tuple(extent))}",
                remedy="check the CRS of both, or say with --aoi where the labels are complete",
            )
        return cls(polygons=inside, area=checked)


@dataclass(frozen=True, kw_only=True)
class _Cut:
    """One chip before it is written."""

    grid: Grid
    pixels: Pixels
    mask: npt.NDArray[np.uint8]
    buildings: Geometries
    """In pixel coordinates."""

    @property
    def known_share(self) -> float:
        return float((self.mask != IGNORE).mean())

    def write(self, folder: Path, name: str) -> None:
        """Write image and mask as GeoTIFFs; the image carries its validity as an internal mask."""
        profile = {
            "driver": "GTiff",
            "dtype": "uint8",
            "height": self.grid.height,
            "width": self.grid.width,
            "crs": self.grid.crs.to_wkt(),
            "transform": self.grid.transform,
            "compress": "deflate",
        }
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as whole:
            # GDAL does not tell when the last bytes of a file no longer fit on the disk; Python does
            with whole.open(**profile, count=3, photometric="rgb") as image:
                image.write(self.pixels.image)
                if not self.pixels.valid.all():
                    image.write_mask(self.pixels.valid)
            (folder / "images" / f"{name}.tif").write_bytes(whole.getbuffer())
        with MemoryFile() as whole:
            with whole.open(**profile, count=1, nodata=IGNORE) as mask:
                mask.write(self.mask, 1)
            (folder / "masks" / f"{name}.tif").write_bytes(whole.getbuffer())

    def row(self, name: str) -> dict[str, Any]:
        """The chip's row in the manifest."""
        known = self.mask != IGNORE
        return {
            "chip": name,
            "image": f"images/{name}.tif",
            "mask": f"masks/{name}.tif",
            "building_share": float((self.mask[known] == 1).mean()) if known.any() else 0.0,
            "known_share": self.known_share,
            "buildings": len(self.buildings),
            "geometry": reproject(np.array([self.grid.footprint]), self.grid.crs, LONLAT)[0],
        }

    def buildings_lonlat(self) -> Geometries:
        """The chip's buildings in EPSG:4326."""
        return reproject(self.grid.to_map(self.buildings), self.grid.crs, LONLAT)


def _cut(raster: Raster, lattice: Grid, tile: Tile, truth: _Truth) -> _Cut:
    """Read one chip and burn its labels; ignored is what has no data or lies outside the area of complete labels."""
    grid = lattice.crop(tile.window)
    pixels = raster.read(lattice, tile.window)
    nearby = truth.polygons[shapely.intersects(truth.polygons, grid.footprint)]
    mask = rasterize(nearby, grid).astype(np.uint8)
    known = pixels.valid if truth.area is None else pixels.valid & rasterize(truth.area, grid)
    mask[~known] = IGNORE
    within = shapely.intersection(grid.to_pixel(nearby), shapely.box(0, 0, grid.width, grid.height))
    if not known.all():
        within = shapely.difference(within, shapely.union_all(trace(~known)))
    return _Cut(grid=grid, pixels=pixels, mask=mask, buildings=parts(within))


def _chip_tiles(lattice: Grid, size_px: int) -> list[Tile]:
    """Squares side by side; the last ones reach beyond the raster, where pixels are ignored."""
    return [
        Tile(
            row=row,
            col=col,
            window=Window(row_px=row * size_px, col_px=col * size_px, height_px=size_px, width_px=size_px),
        )
        for row in range(math.ceil(lattice.height / size_px))
        for col in range(math.ceil(lattice.width / size_px))
    ]


def _common_gsd_m(scenes: Sequence[Scene]) -> float:
    """The coarsest scene's ground sampling distance, to the centimetre, but not below `FINEST_GSD_M`."""
    coarsest = FINEST_GSD_M
    for scene in scenes:
        with open_raster(scene.image) as raster:
            coarsest = max(coarsest, *raster.grid.gsd_m)
    return round(coarsest, 2)


def _scene_note(scene: Scene, raster: Raster, truth: _Truth) -> dict[str, Any]:
    """What chips.json says about a scene."""
    gsd_x_m, gsd_y_m = raster.grid.gsd_m
    return {
        "image": Path(scene.image).name,
        "labels": [Path(name).name for name in scene.labels],
        "crs": raster.grid.crs.to_string(),
        "gsd_m": [round(gsd_x_m, 4), round(gsd_y_m, 4)],
        "stretch": {"low": raster.stretch.low, "high": raster.stretch.high},
        "buildings": len(truth.polygons),
    }
