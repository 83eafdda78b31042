"""A field of probabilities to building outlines, band by band of rows.

Contours are held until nothing near them can change any more; then they are cut to what is known and asked for, small
holes are filled, and regularization gives the outline to keep. All of it looks only so far around a contour that an
outline is the same whatever extent was asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.ahead import ahead
from samft_core.contours import Contours
from samft_core.cutting import unknown_near, within, without
from samft_core.field import ArrayField, Field
from samft_core.grid import Geometries, Grid, Window
from samft_core.mosaic import Band
from samft_core.nearness import Pieces, in_cells, near, pieces_of, pieces_through
from samft_core.regularize import Surroundings, regularize
from samft_core.zonal import zones

TOLERANCE_PX = 1.0
"""How far squaring may move an outline while simplifying it, in lattice pixels."""

PLAIN_TOLERANCE_PX = 0.25
"""The same without squaring: only what a straight edge's contour wavers by."""

REACH_PX = 5.0
"""How far an outline may leave its contour, in lattice pixels; only what lies within twice this matters to it."""

BAND_PX = 2**22
"""Bands are swept together while they have no more pixels: each sweep costs something, and this many take 40 MB."""

CHUNK_VERTICES = 50_000
"""So many vertices of contours are made outlines of at once: with all they are measured against, some 100 MB."""

THREADS = min(4, os.cpu_count() or 1)
"""So many chunks are made outlines of at the same time, each in its own memory."""

Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Style:
    """How outlines are drawn."""

    threshold: float
    """A pixel is building where its probability is not below."""
    square: bool = True
    """Whether corners are squared."""
    min_hole_m2: float = 0.0
    """Smaller holes are filled, unless there is a building in them or something is not known."""


def outline(field: Field, grid: Grid, style: Style, *, area: shapely.Geometry | None = None) -> Iterator[Geometries]:
    """Building outlines of a field.

    Args:
        field: Probabilities, read band by band.
        grid: The lattice that the field is a part of.
        style: How they are drawn.
        area: What is asked for, in pixels of the lattice; outlines are cut at its edge. All of the field if None.

    Yields:
        Valid polygons in pixels of the lattice, none of which overlap, from north to south.
    """
    sweep = Contours(
        style.threshold, first_row=field.window.row_px, first_col=field.window.col_px, width=field.window.width_px
    )
    held = np.array([], dtype=object)
    done = np.array([], dtype=np.bool_)
    for window in [*_joined(field.windows), None]:
        if window is None:
            closed, end_row = sweep.finish(), np.inf
        else:
            band = field.read(window)
            closed = sweep.add(np.where(band.valid, band.probability, np.float32(-1)))
            end_row = window.row_px + window.height_px
        contours = without(closed, *unknown_near(field, closed, 1))
        held = np.append(held, contours)
        done = np.append(done, np.zeros(len(contours), dtype=np.bool_))
        unsettled = _near_open_contours(held, sweep.open_pieces, end_row)
        ready = ~done & ~unsettled
        if ready.any():
            yield from _finish(field, grid, style, area, held, np.flatnonzero(ready))
            done |= ready
        keep = unsettled | ~done
        keep[~keep] = _near(held[~keep], pieces_of(held[~done]))
        held, done = held[keep], done[keep]


def outline_array(
    probability: npt.NDArray[np.float32],
    valid: Flags,
    grid: Grid,
    style: Style,
    *,
    area: shapely.Geometry | None = None,
) -> Geometries:
    """Building outlines of a field in memory.

    Args:
        probability: (height, width).
        valid: (height, width); no outline enters a pixel that is False.
        grid: Where it lies.
        style: How they are drawn.
        area: As for `outline`.

    Returns:
        Valid polygons in pixels of the grid, none of which overlap.
    """
    field = ArrayField(Band(window=grid.window, probability=probability, valid=valid))
    return np.concatenate([np.array([], dtype=object), *outline(field, grid, style, area=area)])


def _joined(windows: list[Window]) -> list[Window]:
    """Windows that follow each other from the top, joined where they are small."""
    joined: list[Window] = []
    for window in windows:
        last = joined[-1] if joined else None
        if last is not None and (last.height_px + window.height_px) * window.width_px <= BAND_PX:
            joined[-1] = replace(last, height_px=last.height_px + window.height_px)
        else:
            joined.append(window)
    return joined


def _near_open_contours(contours: Geometries, pieces: list[npt.NDArray[np.float64]], end_row: float) -> Flags:
    """Which contours may have a neighbour whose course is not known yet."""
    below = shapely.bounds(contours)[:, 3] + 2 * REACH_PX + 1 > end_row if len(contours) else np.zeros(0, np.bool_)
    return np.asarray(below | _near(contours, pieces_through(pieces)))


def _near(contours: Geometries, others: Pieces) -> Flags:
    """Which contours may matter to what becomes of others."""
    distance = 2 * REACH_PX + 1
    return near(in_cells(others, distance), pieces_of(contours), len(contours), distance)


def _finish(
    field: Field,
    grid: Grid,
    style: Style,
    area: shapely.Geometry | None,
    contours: Geometries,
    chosen: Indices,
) -> Iterator[Geometries]:
    """What becomes of some contours, given all others near them, in chunks."""
    unknown = grid.to_metres(unknown_near(field, contours[chosen], REACH_PX)[0])
    polygons, own = (contours[chosen], chosen) if area is None else within(contours[chosen], chosen, area)
    polygons = grid.to_metres(_without_small_holes(field, grid, style, polygons))
    others = grid.to_metres(contours)
    metre_px = float(np.mean(grid.gsd_m))
    others_tree, unknown_tree = shapely.STRtree(others), shapely.STRtree(unknown)
    area_m = None if area is None else grid.to_metres(area)

    def outlines(chunk: slice) -> Geometries:
        matter = _in_reach(others_tree, polygons[chunk], 2 * REACH_PX * metre_px)
        around = Surroundings(
            others=others[matter],
            own=np.searchsorted(matter, own[chunk]),
            unknown=unknown[_in_reach(unknown_tree, polygons[chunk], REACH_PX * metre_px)],
            area=area_m,
        )
        regular = regularize(
            polygons[chunk],
            around,
            tolerance=(TOLERANCE_PX if style.square else PLAIN_TOLERANCE_PX) * metre_px,
            reach=REACH_PX * metre_px,
            square=style.square,
        )
        return grid.from_metres(regular)

    yield from ahead(outlines, _chunks(polygons, own), threads=THREADS)


def _chunks(polygons: Geometries, own: Indices) -> Iterator[slice]:
    """Slices of polygons of no more than `CHUNK_VERTICES`, where one polygon or contour does not have more.

    Parts of one contour, which follow each other, stay together: they are each other's neighbours.
    """
    ends = np.cumsum(shapely.get_num_coordinates(polygons))
    first = 0
    while first < len(polygons):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + CHUNK_VERTICES, side="right")))
        while last < len(polygons) and own[last] == own[last - 1]:
            last += 1
        yield slice(first, last)
        first = last


def _in_reach(tree: shapely.STRtree, polygons: Geometries, distance: float) -> Indices:
    """Which geometries of a tree have a box that meets any of the polygons' boxes, grown by a distance and a bit."""
    boxes = shapely.bounds(polygons) + np.array([-1, -1, 1, 1]) * 1.01 * distance
    matter: Indices = np.unique(tree.query(shapely.box(*boxes.T))[1])
    return matter


def _without_small_holes(field: Field, grid: Grid, style: Style, polygons: Geometries) -> Geometries:
    """Polygons whose small holes are filled, where there is neither a building in them nor anything unknown."""
    shells = np.flatnonzero(shapely.get_num_interior_rings(polygons) > 0)
    if len(shells) == 0 or style.min_hole_m2 <= 0:
        return polygons
    rings, owner = shapely.get_rings(polygons[shells], return_index=True)
    inner = np.append(False, owner[1:] == owner[:-1])  # a polygon's first ring is its shell
    holes, owner = shapely.polygons(rings[inner]), owner[inner]
    inside = zones(field, holes)
    small = shapely.area(grid.to_metres(holes)) < style.min_hole_m2
    filled = small & ~inside.unknown & (inside.highest < style.threshold)
    result = polygons.copy()
    for i in np.unique(owner[filled]):
        kept = rings[inner][(owner == i) & ~filled]
        result[shells[i]] = shapely.Polygon(shapely.get_exterior_ring(polygons[shells[i]]), list(kept))
    return result
