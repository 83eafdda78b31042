"""From contour to the outline a mapper would draw: fewer corners, right angles.

What becomes of a contour depends on itself and on what lies near it, never on what becomes of others: so an extent
gives the outlines that the whole raster gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.grid import Geometries
from samft_core.nearness import Pieces, in_cells, pieces_of, stay_nearer
from samft_core.simplify import simplify
from samft_core.square import square as square_contours

IOU_FLOOR = 0.9
"""A squared outline that agrees less with the contour is not used."""

SLIVER = 1e-9
"""Smaller areas and distances are rounding, in the units of the polygons."""

SMALL = 1 / 8
"""No tolerance is larger than this share of a polygon's size, the root of its area."""

UNSQUARED = 1 / 4
"""The share of the tolerance by which what cannot be squared is simplified."""

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the outlines of some polygons must respect."""

    others: Geometries
    """Contours of all buildings around, each part that unknown ground leaves of one by itself, valid and disjoint; the
    polygons' own are among them."""
    own: Indices
    """For each polygon (n,), which of the others it is, or was cut out of: that one is no neighbour of it. Several cut
    out of one are each other's neighbours."""
    unknown: Geometries = field(default_factory=lambda: np.array([], dtype=object))
    """Areas near the polygons that no outline enters."""
    area: shapely.Geometry | None = None
    """Polygons that were cut at the edge of this stay inside; those that lie clear of the edge may reach over it."""

    def __post_init__(self) -> None:
        assert np.all((self.own >= 0) & (self.own < len(self.others))), "each polygon has its contour among the others"


def regularize(
    contours: Geometries, around: Surroundings, *, tolerance: float, reach: float, square: bool
) -> Geometries:
    """Simplify outlines and square their corners, where each building stays what it was and keeps to its place.

    Of each contour, its simplified outline and its squared one, the last is taken that is valid, agrees with the
    contour (by `IOU_FLOOR` if squared), leaves it by no more than the reach, enters nothing unknown, and stays,
    wherever it leaves the contour, nearer to it than to any neighbour's. So two outlines lie in two cells of a Voronoi
    diagram of the contours and cannot overlap, although each is decided on by itself, from its contour and what is
    within twice the reach of it, or a centimetre more (`nearness.FINEST`).

    Args:
        contours: Valid polygons that overlap neither each other nor what is unknown, in units as long in x as in y.
            No result depends on where their rings begin.
        around: What lies near them.
        tolerance: How far an outline may move for a vertex less, in those units.
        reach: How far it may leave its contour at all, at least twice the tolerance.
        square: Whether to square corners. An outline that cannot be is simplified by `UNSQUARED` of the tolerance.

    Returns:
        As many polygons, in the same order.
    """
    assert reach >= 2 * tolerance, "simplification reaches as far as twice its tolerance"
    if len(contours) == 0:
        return contours
    outlines: Geometries = shapely.normalize(contours)
    place = _Place(outlines, around, reach)
    result = outlines.copy()
    left = np.arange(len(outlines))
    fine = np.minimum(tolerance, SMALL * np.sqrt(shapely.area(outlines)))
    if square:
        candidates, distances = _squared(outlines, fine, reach)
        fits = place.fits(candidates, distances, left)
        result[fits] = candidates[fits]
        left, fine = left[~fits], UNSQUARED * fine
    candidates = simplify(outlines[left], fine[left])
    fits = place.fits(candidates, 2 * fine[left], left)
    result[left[fits]] = candidates[fits]
    return result


def _squared(contours: Geometries, tolerances: Numbers, reach: float) -> tuple[Geometries, Numbers]:
    """Squared outlines, and how far they leave their contours; infinitely far where there is none of use."""
    candidates, distances = square_contours(contours, tolerances=tolerances, reach=reach)
    found = np.flatnonzero(np.isfinite(distances))
    distances[found[~shapely.is_valid(candidates[found])]] = np.inf
    # what lies between two outlines is a strip no wider than their distance: where that is little, they surely agree
    between = distances * (shapely.length(contours) + shapely.get_num_coordinates(candidates) * distances)
    unsure = np.flatnonzero(np.isfinite(distances) & (between > (1 - IOU_FLOOR) * shapely.area(contours)))
    common = shapely.area(shapely.intersection(candidates[unsure], contours[unsure]))
    either = shapely.area(candidates[unsure]) + shapely.area(contours[unsure]) - common
    distances[unsure[common < IOU_FLOOR * either]] = np.inf
    return candidates, distances


def _kept_out(polygons: Geometries, areas: Geometries) -> Flags:
    """Which polygons share no more than a border with the areas: a `SLIVER` with all of them together.

    One overlay per polygon, however many areas there are: a large building may have thousands of unknown pixels in it.
    """
    kept_out = np.ones(len(polygons), dtype=np.bool_)
    polygon, area = shapely.STRtree(areas).query(polygons, predicate="intersects")
    order = np.lexsort((area, polygon))
    touched, first = np.unique(polygon[order], return_index=True)
    unions = [shapely.union_all(areas[few]) for few in np.split(area[order], first[1:])] if len(touched) else []
    common = shapely.area(shapely.intersection(polygons[touched], np.array(unions, dtype=object)))
    kept_out[touched[common > SLIVER]] = False
    return kept_out


class _Place:
    """Where the outlines of some polygons may run.

    Args:
        contours: The polygons.
        around: What lies near them.
        reach: How far outlines may leave them.
    """

    def __init__(self, contours: Geometries, around: Surroundings, reach: float) -> None:
        self._contours, self._around = contours, around
        lines = np.append(around.others, contours)
        self._building = np.append(np.arange(len(around.others)), around.own)
        self._own = np.arange(len(around.others), len(lines))
        box = shapely.total_bounds(contours) + 3 * reach * np.array([-1, -1, 1, 1])  # of a large neighbour, most is far
        self._cells = in_cells(pieces_of(lines), reach, box=box)
        self._points = shapely.STRtree(shapely.get_point(shapely.get_exterior_ring(lines), 0))

    def fits(self, candidates: Geometries, distances: Numbers, which: Indices) -> Flags:
        """Which candidates enter neither what is unknown nor a neighbour's ground, and stay in the area.

        Args:
            candidates: Outlines (n,).
            distances: How far each leaves its contour; it fits nowhere if that is infinite.
            which: For each, the number of its polygon.
        """
        fits = np.isfinite(distances)
        fits[fits] = _kept_out(candidates[fits], self._around.unknown)
        fits[fits] = self._in_area(candidates[fits], which[fits])
        fits[fits] = ~self._swallow(candidates[fits], which[fits])
        fits[fits] = self._nearer(candidates[fits], distances[fits], which[fits])
        return fits

    def _in_area(self, candidates: Geometries, which: Indices) -> Flags:
        """Which candidates stay in the area, or have a polygon that lies clear of its edge."""
        inside, area = np.ones(len(candidates), dtype=np.bool_), self._around.area
        if area is not None:
            cut = shapely.dwithin(self._contours[which], shapely.boundary(area), SLIVER)
            inside[cut] = shapely.area(shapely.difference(candidates[cut], area)) <= SLIVER
        return inside

    def _swallow(self, candidates: Geometries, which: Indices) -> Flags:
        """Which candidates have a neighbour in them: one's first vertex, as the outlines of the two do not cross."""
        swallow = np.zeros(len(candidates), dtype=np.bool_)
        candidate, line = self._points.query(candidates, predicate="covers")
        building, own = self._building[line], self._own[which[candidate]]
        is_contour, is_same = building == line, building == self._building[own]
        swallow[candidate[(is_contour != is_same) & (line != own)]] = True
        return swallow

    def _nearer(self, candidates: Geometries, distances: Numbers, which: Indices) -> Flags:
        """Which candidates stay, wherever they leave their contour, nearer to it than to any neighbour's.

        Inside it they are anyway, but may be too close to both to be sure of: so where an outline is not sure to be
        nearer as a whole, what lies outside is looked at by itself.
        """
        nearer = self._surely_nearer(pieces_of(candidates), distances, which)
        unsure = np.flatnonzero(~nearer)
        outside = shapely.difference(shapely.boundary(candidates[unsure]), self._contours[which[unsure]])
        nearer[unsure] = self._surely_nearer(pieces_of(outside), distances[unsure], which[unsure])
        return nearer

    def _surely_nearer(self, outlines: Pieces, distances: Numbers, which: Indices) -> Flags:
        return stay_nearer(self._cells, self._building, outlines, self._own[which], distances)
