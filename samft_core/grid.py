"""Georeferenced pixels: `Grid` places an array on the ground, `Window` cuts a part out of it."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from affine import Affine
from shapely import Polygon

from samft_core.errors import InputError, OutsideError

Bounds = tuple[float, float, float, float]
"""(left, bottom, right, top) in the units of a CRS."""

Geometries = npt.NDArray[np.object_]
"""A one-dimensional array of shapely geometries."""

POLE_DEG = 90 - 1e-9
"""A latitude a tenth of a millimetre short of the pole."""

Shape = TypeVar("Shape", bound=Any)


@dataclass(frozen=True, kw_only=True)
class Window:
    """A rectangle of pixels; it may reach beyond the grid it refers to."""

    row_px: int
    """First row."""
    col_px: int
    """First column."""
    height_px: int
    width_px: int

    def __post_init__(self) -> None:
        if self.height_px < 1 or self.width_px < 1:
            raise InputError(
                expected="a window of at least one pixel",
                got=f"{self.height_px} x {self.width_px}",
                remedy="ask for an extent that touches the raster",
            )

    @property
    def rows(self) -> slice:
        """The rows, as an index into an array."""
        return slice(self.row_px, self.row_px + self.height_px)

    @property
    def cols(self) -> slice:
        """The columns, as an index into an array."""
        return slice(self.col_px, self.col_px + self.width_px)

    @property
    def box(self) -> Polygon:
        """Its outline, in the pixels it is counted in."""
        return shapely.box(self.col_px, self.row_px, self.col_px + self.width_px, self.row_px + self.height_px)

    def intersection(self, other: Window) -> Window | None:
        """The pixels the two share, or None."""
        row, col = max(self.row_px, other.row_px), max(self.col_px, other.col_px)
        height = min(self.row_px + self.height_px, other.row_px + other.height_px) - row
        width = min(self.col_px + self.width_px, other.col_px + other.width_px) - col
        if height < 1 or width < 1:
            return None
        return Window(row_px=row, col_px=col, height_px=height, width_px=width)

    def part(self, row_px: int, height_px: int) -> Window:
        """Some of its rows, the first counted from its own first."""
        return Window(row_px=self.row_px + row_px, col_px=self.col_px, height_px=height_px, width_px=self.width_px)

    def in_parts(self, height_px: int) -> Iterator[Window]:
        """So many of its rows after the other; the last part may have fewer."""
        for row in range(0, self.height_px, height_px):
            yield self.part(row, min(height_px, self.height_px - row))

    def relative_to(self, origin: Window) -> Window:
        """The same pixels, counted from another window's first one."""
        return Window(
            row_px=self.row_px - origin.row_px,
            col_px=self.col_px - origin.col_px,
            height_px=self.height_px,
            width_px=self.width_px,
        )


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The pixels of a raster, or of a model's lattice over it, placed on the ground.

    Pixel coordinates are (x, y) = (column, row), with (0, 0) the outer corner of the first pixel and (0.5, 0.5)
    its centre. The affine transform leads from there to the CRS; it may rotate, mirror or stretch.
    """

    crs: pyproj.CRS
    transform: Affine
    """Pixel (x, y) to map (x, y), as GDAL's geotransform."""
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise InputError(
                expected="a grid of at least one pixel",
                got=f"{self.height} x {self.width}",
                remedy="check the raster's size",
            )
        if self.transform.is_degenerate:
            raise InputError(
                expected="an affine transform that can be inverted",
                got=str(tuple(self.transform)[:6]),
                remedy="check the raster's georeference",
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

    @property
    def window(self) -> Window:
        """All of the grid."""
        return Window(row_px=0, col_px=0, height_px=self.height, width_px=self.width)

    @property
    def footprint(self) -> Polygon:
        """The outline on the map, in the CRS."""
        return self.to_map(self.window.box)

    @property
    def bounds(self) -> Bounds:
        """The outline's box in the CRS; larger than the outline where the grid is rotated."""
        left, bottom, right, top = self.footprint.bounds
        return left, bottom, right, top

    @functools.cached_property
    def gsd_m(self) -> tuple[float, float]:
        """Ground sampling distance (x, y) in metres: the geodesic length of one pixel step at the centre.

        Measured on the CRS's own ellipsoid, so that a degree, a foot and a pixel of Web Mercator all come out as
        what they are on the ground.
        """
        x, y = self.width / 2, self.height / 2
        ends = np.array([(x - 0.5, y), (x + 0.5, y), (x, y - 0.5), (x, y + 0.5)])
        lon, lat = self._to_lonlat(_affine(self.transform, ends))
        _, _, lengths = _geod(self.crs).inv(lon[::2], lat[::2], lon[1::2], lat[1::2])
        if not np.all(np.isfinite(lengths)) or np.any(np.asarray(lengths) <= 0):
            raise InputError(
                expected="a georeference on the Earth",
                got=f"centre {tuple(_affine(self.transform, np.array([(x, y)]))[0])} in {self.crs.name}",
                remedy="check the raster's CRS and transform",
            )
        return float(lengths[0]), float(lengths[1])

    def rescaled(self, gsd_m: float) -> Grid:
        """The same ground in pixels of `gsd_m` metres, in x and in y.

        The outline stays exactly what it was. The pixel counts are rounded, so that the pixel size is `gsd_m` to
        within half a pixel over the whole width (or height).
        """
        if not (gsd_m > 0 and math.isfinite(gsd_m)):
            raise InputError(
                expected="a ground sampling distance above 0 m",
                got=str(gsd_m),
                remedy="give metres per pixel, such as 0.3",
            )
        gsd_x_m, gsd_y_m = self.gsd_m
        width = max(1, round(self.width * gsd_x_m / gsd_m))
        height = max(1, round(self.height * gsd_y_m / gsd_m))
        scale = Affine.scale(self.width / width, self.height / height)
        return Grid(crs=self.crs, transform=self.transform @ scale, height=height, width=width)

    def crop(self, window: Window) -> Grid:
        """The part of the grid under a window, which may reach beyond it."""
        transform = self.transform @ Affine.translation(window.col_px, window.row_px)
        return Grid(crs=self.crs, transform=transform, height=window.height_px, width=window.width_px)

    def to_map(self, geometry: Shape) -> Shape:
        """Pixel coordinates to the CRS, for a geometry or an array of them."""
        return _move(geometry, functools.partial(_affine, self.transform))

    def to_pixel(self, geometry: Shape) -> Shape:
        """Coordinates in the CRS to pixel coordinates, for a geometry or an array of them."""
        return _move(geometry, functools.partial(_affine, ~self.transform))

    def to_metres(self, geometry: Shape) -> Shape:
        """Pixel coordinates to metres on the ground at the grid's centre, keeping rows and columns as axes."""
        return _move(geometry, lambda points: points * self.gsd_m)

    def from_metres(self, geometry: Shape) -> Shape:
        """The inverse of `to_metres`."""
        return _move(geometry, lambda points: points / self.gsd_m)

    def window_of(self, bounds: Bounds, crs: pyproj.CRS | None = None) -> Window:
        """The smallest window of whole pixels over a box, cut to the grid.

        Args:
            bounds: The box (left, bottom, right, top).
            crs: The box's CRS; the grid's own if None.

        Raises:
            InputError: The box is empty or not finite.
            OutsideError: It lies off the grid.
        """
        left, bottom, right, top = bounds
        if not all(map(math.isfinite, bounds)):
            raise InputError(
                expected="bounds as left bottom right top, all finite",
                got=" ".join(map(str, bounds)),
                remedy="give four numbers",
            )
        if not (left < right and bottom < top):
            raise InputError(
                expected="bounds as left bottom right top with left < right and bottom < top",
                got=" ".join(map(str, bounds)),
                remedy="swap the values that are in the wrong order",
            )
        mapped = self.nearby(np.array([shapely.box(*bounds)]), crs or self.crs)
        snap = 1e-6  # an edge on a pixel's border, but for rounding, takes no further pixel
        wanted = None
        if len(mapped):
            x0, y0, x1, y1 = shapely.total_bounds(self.to_pixel(mapped))
            row, col = math.floor(y0 + snap), math.floor(x0 + snap)
            height, width = math.ceil(y1 - snap) - row, math.ceil(x1 - snap) - col
            wanted = Window(row_px=row, col_px=col, height_px=max(1, height), width_px=max(1, width))
        inside = wanted.intersection(self.window) if wanted else None
        if inside is None:
            raise OutsideError(
                expected=f"bounds that touch the raster, which covers {format_bounds(self.bounds)} in {self.crs.name}",
                got=f"{format_bounds(bounds)} in {(crs or self.crs).name}",
                remedy="check the bounds and --bounds-crs",
            )
        return inside

    def nearby(self, geometries: Geometries, crs: pyproj.CRS) -> Geometries:
        """The parts of polygons in another CRS that lie on the grid or near it, united, in the grid's CRS.

        A projection holds only near its own ground, and bends what is straight in another one: what lies far away is
        left out, and long edges are moved in pieces. Polygons in the grid's own CRS stay as they are.
        """
        if crs == self.crs:
            return geometries
        box = self._box_in(crs)
        if box is None:
            return np.array([], dtype=object)
        turns_deg = (0, -360, 360) if crs.is_geographic else (0,)  # for what lies across the 180th meridian
        turned = [_move(geometries, functools.partial(np.add, (turn, 0))) if turn else geometries for turn in turns_deg]
        near = shapely.get_parts(shapely.union_all(shapely.intersection(np.concatenate(turned), box)))
        left, bottom, right, top = box.bounds
        near = reproject(shapely.segmentize(near, max(right - left, top - bottom) / 64), crs, self.crs)
        told: Geometries = near[np.isfinite(shapely.bounds(near)).all(axis=1)]  # what is empty has no bounds
        return told

    def _box_in(self, crs: pyproj.CRS) -> Polygon | None:
        """A box in another CRS that holds the grid with room to spare; None where that CRS is not defined."""
        steps = np.linspace(0, 1, 65)
        x, y = np.meshgrid(steps * self.width, steps * self.height)
        ground = _affine(self.transform, np.column_stack((x.ravel(), y.ravel())))
        points = np.column_stack(transformer(self.crs, crs).transform(ground[:, 0], ground[:, 1]))
        points = points[np.isfinite(points).all(axis=1)]
        if len(points) == 0:
            return None
        middle_deg = round(float(points[len(points) // 2, 0]))
        if crs.is_geographic:
            points[:, 0] = middle_deg + (points[:, 0] - middle_deg + 180) % 360 - 180
        low, high = points.min(axis=0), points.max(axis=0)
        room = (high - low).max() / 10
        low, high = low - room, high + room
        if crs.is_geographic:  # once around, and short of the poles, which Mercator's projection cannot tell
            low = np.maximum(low, (middle_deg - 180, -POLE_DEG))
            high = np.minimum(high, (middle_deg + 180, POLE_DEG))
        return shapely.box(*low, *high)

    def areas_m2(self, polygons: Sequence[Polygon] | Geometries) -> npt.NDArray[np.float64]:
        """Geodesic areas of polygons in the CRS, holes left out.

        Polygon edges are taken as geodesics, after Karney (2013), "Algorithms for geodesics".
        """
        rings, owner = shapely.get_rings(np.asarray(polygons, dtype=object), return_index=True)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        lon, lat = self._to_lonlat(points)
        ends, geod = np.searchsorted(ring, np.arange(len(rings) + 1)), _geod(self.crs)
        areas = [abs(geod.polygon_area_perimeter(lon[i:j], lat[i:j])[0]) for i, j in itertools.pairwise(ends)]
        is_hole = np.append(False, owner[1:] == owner[:-1])[: len(owner)]  # a polygon's first ring is its shell
        signed = np.where(is_hole, -1.0, 1.0) * np.array(areas, dtype=np.float64)
        return np.bincount(owner, signed, minlength=len(polygons)).astype(np.float64)

    def _to_lonlat(self, points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        geodetic = self.crs.geodetic_crs
        if geodetic is None:
            raise InputError(
                expected="a CRS that is tied to the Earth",
                got=self.crs.name,
                remedy="assign the raster's real CRS",
            )
        lon, lat = transformer(self.crs, geodetic).transform(points[:, 0], points[:, 1])
        return lon, lat


def _move(geometry: Shape, convert: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Shape:
    """Convert every vertex of a geometry or of an array of them."""
    moved: Shape = shapely.transform(geometry, convert)
    return moved


def format_bounds(bounds: Bounds) -> str:
    """(left, bottom, right, top) for a message, with as many digits as the size calls for."""
    digits = 6 if max(map(abs, bounds)) <= 360 else 1
    return "(" + ", ".join(f"{value:.{digits}f}" for value in bounds) + ")"


@functools.lru_cache(maxsize=64)
def transformer(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    """From one CRS to another, always in the order x (east), y (north)."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def reproject(geometries: Geometries, source: pyproj.CRS, target: pyproj.CRS) -> Geometries:
    """Geometries in another CRS, vertex by vertex."""
    if source == target:
        return geometries
    convert = transformer(source, target)
    return _move(geometries, lambda points: np.column_stack(convert.transform(points[:, 0], points[:, 1])))


def _affine(transform: Affine, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Apply an affine transform to points of shape (n, 2)."""
    x, y = points[:, 0], points[:, 1]
    return np.column_stack(
        (transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f)
    )


@functools.lru_cache(maxsize=64)
def _geod(crs: pyproj.CRS) -> pyproj.Geod:
    geod = crs.get_geod()
    if geod is None:
        raise InputError(
            expected="a CRS that is tied to the Earth",
            got=crs.name,
            remedy="assign the raster's real CRS",
        )
    return geod
