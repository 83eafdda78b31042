"""What part of a raster is asked for."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyproj
import pyproj.exceptions
import rasterio.features
import shapely
from affine import Affine

from samft_core.errors import InputError, OutsideError
from samft_core.grid import Bounds, Geometries, Grid, Window
from samft_core.outline import REACH_PX
from samft_core.polygons import parts
from samft_core.vectors import AREA, read_labels

HALO_PX = math.ceil(2 * REACH_PX) + 4
"""How far around an extent the field is known too, so that outlines inside do not depend on where the extent ends."""

RIM_PX = 1e-6
"""What lies this near to the lattice's rim lies on it, but for rounding."""

BEYOND_PX = 1
"""How far an area that ends with the lattice goes on beyond it."""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """A part of a lattice."""

    lattice: Window
    """All of the lattice."""
    window: Window
    """The smallest window around what is asked for."""
    area: shapely.Geometry | None = None
    """What is asked for, in pixels of the lattice; all of it if None.

    Where it ends with the lattice it goes on a little beyond, so that nothing there is cut at its edge.
    """

    @property
    def identity(self) -> list[object]:
        """What tells it from other extents, as JSON values."""
        window = self.window
        place = [window.row_px, window.col_px, window.height_px, window.width_px]
        return [*place, None if self.area is None else shapely.to_wkb(self.area, hex=True)]

    @property
    def known(self) -> Window:
        """The window with a halo, as far as the lattice reaches."""
        if self.area is None:
            return self.window
        row, col = max(0, self.window.row_px - HALO_PX), max(0, self.window.col_px - HALO_PX)
        bottom = min(self.lattice.height_px, self.window.row_px + self.window.height_px + HALO_PX)
        right = min(self.lattice.width_px, self.window.col_px + self.window.width_px + HALO_PX)
        return Window(row_px=row, col_px=col, height_px=bottom - row, width_px=right - col)

    def touches(self, window: Window) -> bool:
        """Whether a window has any part in the extent or its halo."""
        if self.area is None:
            return True
        return bool(shapely.dwithin(self.area, window.box, HALO_PX))

    def covers(self, window: Window, *, halo: bool = False) -> npt.NDArray[np.bool_]:
        """Which pixels of a window have their centre in the extent, or in its halo."""
        if self.area is None:
            return np.ones((window.height_px, window.width_px), dtype=np.bool_)
        burned = rasterio.features.rasterize(
            [self._with_halo if halo else self.area],
            out_shape=(window.height_px, window.width_px),
            transform=Affine.translation(window.col_px, window.row_px),
            dtype=np.uint8,
        )
        return np.asarray(burned, dtype=np.bool_)

    @functools.cached_property
    def _with_halo(self) -> shapely.Geometry:
        return shapely.buffer(self.area, HALO_PX - 2, quad_segs=2)


def whole(grid: Grid) -> Extent:
    """All of a lattice."""
    return Extent(lattice=grid.window, window=grid.window)


def within_bounds(grid: Grid, bounds: Bounds, crs: str | None) -> Extent:
    """A box, out to whole pixels.

    Args:
        grid: The lattice's.
        bounds: (left, bottom, right, top).
        crs: The CRS of the bounds; the grid's own if None.

    Raises:
        InputError: The box is empty, or the CRS is unknown.
        OutsideError: It lies off the grid.
    """
    window = grid.window_of(bounds, parse_crs(crs) if crs else None)
    if window == grid.window:
        return whole(grid)
    (box,) = _boxes_beyond_rim(grid, np.array([window.box.bounds]))
    return Extent(lattice=grid.window, window=window, area=box)


def within_area(grid: Grid, aoi: str | Path) -> Extent:
    """The polygons of a vector file.

    Args:
        grid: The lattice's.
        aoi: A file of any OGR format and CRS.

    Raises:
        LabelError: There is no polygon in it.
        OutsideError: None touches the grid.
    """
    labels = read_labels(aoi, role=AREA)
    polygons = parts(shapely.make_valid(grid.nearby(labels.polygons, labels.crs)))
    area = _onto_rim(grid, shapely.intersection(grid.to_pixel(shapely.union_all(polygons)), grid.window.box))
    if shapely.area(area) == 0:
        raise OutsideError(
            expected="an area of interest that touches the raster",
            got=f"{aoi}, which lies off it",
            remedy="check that both cover the same place",
        )
    left, top, right, bottom = shapely.bounds(area)
    row, col = int(np.floor(top)), int(np.floor(left))
    height, width = int(np.ceil(bottom)) - row, int(np.ceil(right)) - col
    window = Window(row_px=row, col_px=col, height_px=max(1, height), width_px=max(1, width))
    inside = window.intersection(grid.window) or grid.window
    return Extent(lattice=grid.window, window=inside, area=_beyond_rim(grid, area))


def _onto_rim(grid: Grid, area: shapely.Geometry) -> shapely.Geometry:
    """An area in a lattice whose points next to its rim are put onto it."""
    size = np.array(grid.shape[::-1])

    def put(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(np.abs(points) < RIM_PX, 0, np.where(np.abs(points - size) < RIM_PX, size, points))

    moved = shapely.transform(area, put)
    if shapely.equals_exact(moved, area):
        return area
    return shapely.union_all(parts(shapely.make_valid(np.array([moved]))))


def _beyond_rim(grid: Grid, area: shapely.Geometry) -> shapely.Geometry:
    """An area in a lattice and, where it lies along the rim, the ground beyond."""
    corners = np.array([(0, 0), (grid.width, 0), (grid.width, grid.height), (0, grid.height)])
    sides = shapely.linestrings(np.stack((corners, np.roll(corners, -1, axis=0)), axis=1))
    common = shapely.get_parts(shapely.intersection(area, sides))
    common = common[shapely.length(common) > 0]
    if len(common) == 0:
        return area
    return shapely.union_all([area, *_boxes_beyond_rim(grid, shapely.bounds(common))])


def _boxes_beyond_rim(grid: Grid, bounds: npt.NDArray[np.float64]) -> Geometries:
    """Boxes (n, 4) in a lattice; the sides on its rim are moved beyond."""
    size = np.array(grid.shape[::-1])
    low = np.where(bounds[:, :2] == 0, -BEYOND_PX, bounds[:, :2])
    high = np.where(bounds[:, 2:] == size, size + BEYOND_PX, bounds[:, 2:])
    boxes: Geometries = shapely.box(*low.T, *high.T)
    return boxes


def parse_crs(name: str) -> pyproj.CRS:
    """A CRS by an authority's code or WKT.

    Raises:
        InputError: It is unknown.
    """
    try:
        return pyproj.CRS.from_user_input(name)
    except pyproj.exceptions.CRSError as error:
        raise InputError(
            expected="the CRS of the bounds, such as EPSG:4326", got=name, remedy="check --bounds-crs"
        ) from error
