"""A mask or labels to polygons along the pixels' edges, as GDAL's polygonize does it, in pixel coordinates.

Once the corners are found and linked, all is work on them alone: outlines that touch themselves are taken apart, and
holes are given to the area they lie in, both exactly and without a geometric test.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine

from samft_core.compiled import compiled
from samft_core.corners import ASIDE, FOLLOWING, TWIN, Corners, Indices, X, Y, find_corners
from samft_core.grid import Geometries, Grid

Labels: TypeAlias = npt.NDArray[np.integer] | npt.NDArray[np.bool_]
"""(height, width); 0 or False lies outside of every area."""

PIXELS_AT_ONCE = 2**20
"""What is swept in one call; it passes through the processor's cache."""

POINTS_AT_ONCE = 2**18
"""What becomes shapely polygons in one call, so that coordinates exist twice for this many corners only."""


class _Rings(NamedTuple):
    """Closed outlines that touch neither themselves nor others except at single points, in the order they begin."""

    points: Indices
    """(corners, 2), the places of their corners, ring by ring."""
    start: Indices
    """(n + 1,), where each ring has its first point, which is its highest, and the leftmost of those."""
    label: npt.NDArray[np.int64]
    """(n,), the value of the area that each bounds."""
    shell: Indices
    """(n,), the ring that each is a hole in; its own number where it is a shell."""


def trace(labels: Labels, *, grid: Grid | None = None) -> tuple[Geometries, npt.NDArray[np.int64]]:
    """Outline the areas of equal, non-zero value along the pixels' edges.

    Pixels that touch at a corner alone are not connected. A hole may touch others and its shell at points.

    Args:
        labels: (height, width), a mask or integer labels.
        grid: Where the polygons are wanted on the map, the labels' place; the result is that of `Grid.to_map`.

    Returns:
        Valid polygons in pixel coordinates, or in the grid's CRS, with a vertex at each corner and nowhere else, holes
        included, in the order of their first pixels, row by row; and the label of each.
    """
    return trace_bands([labels], grid=grid)


def trace_bands(bands: Iterable[Labels], *, grid: Grid | None = None) -> tuple[Geometries, npt.NDArray[np.int64]]:
    """Outline areas as `trace` does, in a mask of which only some rows are in memory at a time.

    Args:
        bands: The rows from the top down, any number at a time, all of one width and type.
        grid: Where the polygons are wanted on the map, the place of all the rows together.

    Returns:
        What `trace` does for all the rows together.

    Raises:
        ValueError: The bands differ in width or type.
    """
    rings = _outlines(bands)  # the corners' memory is free again
    return _polygons(rings, grid.transform if grid else Affine.identity())


def _outlines(bands: Iterable[Labels]) -> _Rings:
    """The rings around all areas."""
    corners, values = find_corners(_framed(bands))
    _untie(corners)
    points, start, first, shell = _rings(corners)
    return _Rings(points=points, start=start, label=values[first].astype(np.int64), shell=shell)


def _framed(bands: Iterable[Labels]) -> Iterator[npt.NDArray[Any]]:
    """Cut bands into pieces, each with the row above it, and with zeros around all of them; bool becomes uint8.

    A piece is valid until the next one is asked for.
    """
    rows, width, dtype = np.zeros((2, 2), dtype=np.uint8), 0, None
    for band in bands:
        if dtype is None:
            width, dtype = band.shape[1], band.dtype
            shape = (1 + max(1, PIXELS_AT_ONCE // (width + 2)), width + 2)
            rows = np.zeros(shape, dtype=np.uint8 if dtype == np.bool_ else dtype.newbyteorder("="))
        if band.shape[1] != width or band.dtype != dtype:
            raise ValueError(f"expected bands of {width} {dtype}, got one of {band.shape[1]} {band.dtype}")
        most = len(rows) - 1
        for begin in range(0, len(band), most):
            piece = rows[: 1 + len(band[begin : begin + most])]
            piece[1:, 1:-1] = band[begin : begin + most]
            yield piece
            rows[0] = piece[-1]
    rows[1] = 0
    yield rows[:2]


def _polygons(rings: _Rings, transform: Affine) -> tuple[Geometries, npt.NDArray[np.int64]]:
    """The polygons that rings make, moved, and their labels."""
    order = np.argsort(rings.shell, kind="stable")  # a shell begins before its holes
    shells = np.flatnonzero(np.diff(rings.shell[order], prepend=-1))
    ring_ends = np.append(shells, len(order))
    points = np.append(0, np.cumsum(np.diff(rings.start)[order] + 1, dtype=np.int64))  # a ring's last one is its first
    enough = np.arange(0, points[-1], POINTS_AT_ONCE)
    cuts = np.unique(np.append(np.searchsorted(points[ring_ends], enough), len(shells)))
    polygons: Geometries = np.empty(len(shells), dtype=object)
    for begin, end in itertools.pairwise(cuts):
        ends = ring_ends[begin : end + 1]
        places = points[ends[0] : ends[-1] + 1] - points[ends[0]]
        coordinates = _closed(rings.points, rings.start, order[ends[0] : ends[-1]], places, tuple(transform)[:6])
        polygons[begin:end] = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, coordinates, (places, ends - ends[0])
        )
    return polygons, rings.label[order[shells]]


@compiled
def _untie(corners: Corners) -> None:
    """Split outlines that pass a point twice into rings, by exchanging what follows the two corners there."""
    outline = np.full(len(corners), -1, dtype=corners.dtype)
    for first in range(len(corners)):
        if corners[first, TWIN] < 0:
            continue
        corner = first
        while outline[corner] < 0:
            outline[corner] = first
            after, twin = corners[corner, FOLLOWING], corners[corner, TWIN]
            if twin >= 0 and outline[twin] == first:
                corners[corner, FOLLOWING], corners[twin, FOLLOWING] = corners[twin, FOLLOWING], after
            corner = after


@compiled
def _rings(corners: Corners) -> tuple[Indices, Indices, Indices, Indices]:
    """Follow all rings and find the shell of each.

    A ring that begins where no hole may begin is a shell. To the left of where a hole begins, the same area is bounded
    by a ring that began earlier, whose shell is known already (after Suzuki and Abe 1985, "Topological structural
    analysis of digitized binary images by border following").

    Returns:
        What `_Rings` calls points and start; the corner that each ring begins with; and its shell.
    """
    most = len(corners) // 4
    ring = np.full(len(corners), -1, dtype=corners.dtype)
    points = np.empty((len(corners), 2), dtype=corners.dtype)
    first, shell = np.empty(most, dtype=corners.dtype), np.empty(most, dtype=corners.dtype)
    start = np.zeros(most + 1, dtype=corners.dtype)
    count = place = 0
    for begin in range(len(corners)):
        if ring[begin] >= 0:
            continue
        corner, aside = begin, corners[begin, ASIDE]
        first[count], shell[count] = begin, count if aside < 0 else shell[ring[aside]]
        while ring[corner] < 0:
            ring[corner] = count
            points[place, 0], points[place, 1] = corners[corner, X], corners[corner, Y]
            place += 1
            corner = corners[corner, FOLLOWING]
        count += 1
        start[count] = place
    return points, start[: count + 1], first[:count], shell[:count]


@compiled
def _closed(
    points: Indices,
    start: Indices,
    rings: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    transform: tuple[float, ...],
) -> npt.NDArray[np.float64]:
    """The points of some rings, moved, each ring from its own place on and with its first point again at the end."""
    a, b, c, d, e, f = transform
    closed = np.empty((places[-1], 2))
    for ring, place in zip(rings, places):  # noqa: B905  numba knows no strict
        length = start[ring + 1] - start[ring]
        for step in range(length + 1):
            point = start[ring] + (step if step < length else 0)
            x, y = float(points[point, 0]), float(points[point, 1])
            closed[place + step, 0], closed[place + step, 1] = a * x + b * y + c, d * x + e * y + f
    return closed
