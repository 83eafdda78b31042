"""One chip, cut from a raster and its labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import rasterio.features
import shapely
from rasterio.io import MemoryFile
from shapely import Polygon

from samft_core.errors import LabelError
from samft_core.grid import Geometries, Grid, format_bounds, reproject
from samft_core.polygons import parts
from samft_core.raster import Pixels, Raster
from samft_core.rasterize import rasterize
from samft_core.tiling import Tile
from samft_core.tracing import trace
from training.chips import IGNORE, LONLAT


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A scene's buildings and the area in which they are complete, in the raster's CRS."""

    polygons: Geometries
    """The buildings that touch the raster."""
    area: Geometries | None
    """Where they are complete; everywhere if None."""

    @classmethod
    def of(cls, raster: Raster, polygons: Geometries, area: Geometries | None) -> Truth:
        """What is known of a raster's ground.

        Args:
            raster: The raster.
            polygons: All buildings of its label files, in its CRS.
            area: Where they are complete, in its CRS.

        Raises:
            LabelError: There are labels, none lies on the raster, and no area says that this is right.
        """
        inside = polygons[shapely.intersects(polygons, raster.grid.footprint)]
        if len(inside) == 0 and len(polygons) > 0 and area is None:
            extent = shapely.total_bounds(polygons)
            raise LabelError(
                expected=f"labels on {raster.name}, which covers {format_bounds(raster.grid.bounds)} "
                f"in {raster.grid.crs.name}",
                got=f"{len(polygons)} polygons, all within {format_bounds(tuple(extent))}",
                remedy="check the CRS of both, or say with --aoi where the labels are complete",
            )
        return cls(polygons=inside, area=area)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One chip before it is written."""

    tile: Tile
    """Its place in the scene."""
    grid: Grid
    ground: Polygon
    """What it shows of its scene, in the grid's CRS."""
    pixels: Pixels
    mask: npt.NDArray[np.uint8]
    """(size, size): 0 background, 1 building, 255 ignore."""
    buildings: Geometries
    """In pixel coordinates."""

    @property
    def known_share(self) -> float:
        """The share of pixels there is something to learn from."""
        return _shares(self.mask)["known_share"]

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
        image = {**profile, "count": 3, "photometric": "rgb"}
        valid = None if self.pixels.valid.all() else self.pixels.valid
        _write_geotiff(folder / "images" / f"{name}.tif", image, self.pixels.image, valid=valid)
        mask = {**profile, "count": 1, "nodata": IGNORE}
        _write_geotiff(folder / "masks" / f"{name}.tif", mask, self.mask[None])

    def row(self, name: str) -> dict[str, Any]:
        """The chip's row in the manifest."""
        return {
            "chip": name,
            "image": f"images/{name}.tif",
            "mask": f"masks/{name}.tif",
            **_shares(self.mask),
            "buildings": len(self.buildings),
            "geometry": reproject(np.array([self.grid.footprint]), self.grid.crs, LONLAT)[0],
        }

    def ground_lonlat(self) -> Polygon:
        """What the chip shows of its scene, in EPSG:4326."""
        return reproject(np.array([self.ground]), self.grid.crs, LONLAT)[0]

    def buildings_lonlat(self) -> Geometries:
        """The chip's buildings in EPSG:4326."""
        return reproject(self.grid.to_map(self.buildings), self.grid.crs, LONLAT)


def cut(raster: Raster, lattice: Grid, tile: Tile, truth: Truth) -> Cut:
    """Read one chip and burn its labels; ignored is what has no data or lies outside the area of complete labels."""
    grid = lattice.crop(tile.window)
    pixels = raster.read(lattice, tile.window)
    nearby = truth.polygons[shapely.intersects(truth.polygons, grid.footprint)]
    mask = rasterize(nearby, grid).astype(np.uint8)
    known = pixels.valid if truth.area is None else pixels.valid & rasterize(truth.area, grid)
    mask[~known] = IGNORE
    within = shapely.intersection(grid.to_pixel(nearby), shapely.box(0, 0, grid.width, grid.height))
    if not known.all():
        within = shapely.difference(within, shapely.union_all(trace(~known)[0]))
    ground = shapely.intersection(grid.footprint, lattice.footprint)
    return Cut(tile=tile, grid=grid, ground=ground, pixels=pixels, mask=mask, buildings=parts(within))


def keep_out(folder: Path, name: str, ground: shapely.Geometry) -> dict[str, float]:
    """Ignore a written chip's pixels that touch some ground.

    Args:
        folder: The chips folder.
        name: The chip.
        ground: The area to leave alone, in EPSG:4326.

    Returns:
        What changes in the chip's row of the manifest.
    """
    path = folder / "masks" / f"{name}.tif"
    with rasterio.open(path) as source:
        mask, profile = source.read(1), source.profile
    area = reproject(np.array([ground]), LONLAT, pyproj.CRS.from_wkt(profile["crs"].to_wkt()))
    touched = rasterio.features.rasterize(
        area, out_shape=mask.shape, transform=profile["transform"], all_touched=True, dtype=np.uint8
    )
    mask[touched > 0] = IGNORE
    _write_geotiff(path, profile, mask[None])
    return _shares(mask)


def _shares(mask: npt.NDArray[np.uint8]) -> dict[str, float]:
    """The share of a mask's pixels that is known, and the share of buildings among those."""
    known = mask != IGNORE
    building_share = float((mask[known] == 1).mean()) if known.any() else 0.0
    return {"known_share": float(known.mean()), "building_share": building_share}


def _write_geotiff(
    path: Path,
    profile: Mapping[str, Any],
    bands: npt.NDArray[np.uint8],
    *,
    valid: npt.NDArray[np.bool_] | None = None,
) -> None:
    """Write (bands, height, width), with an internal mask where some pixels are not valid.

    By way of memory: GDAL does not tell when the last bytes of a file no longer fit on the disk; Python does.
    """
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as whole:
        with whole.open(**profile) as target:
            target.write(bands)
            if valid is not None:
                target.write_mask(valid)
        path.write_bytes(whole.getbuffer())
