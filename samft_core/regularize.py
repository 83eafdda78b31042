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
from samft_core.polygons import Nearness
from samft_core.square import square as square_contour

IOU_FLOOR = 0.9
"""A squared outline that agrees less with the contour is not used."""

SLIVER = 1e-9
"""Smaller areas and distances are rounding, in the units of the polygons."""

FINEST = 1e-2
"""Pieces of an outline that are shorter are looked at no closer, in the units of the polygons."""

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


def simplify(polygons: Geometries, tolerance: float | Numbers) -> Geometries:
    """Leave out the vertices that move an outline by less than a tolerance; invalid results are not used.

    Args:
        polygons: Valid polygons.
        tolerance: In the units of the polygons (Douglas-Peucker), for all or for each. Where a ring begins, it may
            count twice.
    """
    simple = shapely.simplify(polygons, tolerance, preserve_topology=True)
    keep = shapely.is_valid(simple) & (shapely.area(simple) > 0)
    return np.where(keep, simple, polygons)


def regularize(
    contours: Geometries, around: Surroundings, *, tolerance: float, reach: float, square: bool
) -> Geometries:
    """Simplify outlines and square their corners, where each building stays what it was and keeps to its place.

    Of each contour, its simplified outline and its squared one, the last is taken that is valid, agrees with the
    contour (by `IOU_FLOOR` if squared), leaves it by no more than the reach, enters nothing unknown, and stays,
    wherever it leaves the contour, nearer to it than to any neighbour's. So two outlines lie in two cells of a Voronoi
    diagram of the contours and cannot overlap, although each is decided on by itself, from its contour and what is
    within twice the reach of it.

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
    outlines: Geometries = shapely.normalize(contours)
    place = _Place(outlines, around)
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
    candidates, distances = contours.copy(), np.full(len(contours), np.inf)
    for i, (contour, tolerance) in enumerate(zip(contours, tolerances, strict=True)):
        found = square_contour(contour, tolerance=tolerance, reach=reach)
        if found is not None and found[0].is_valid:
            candidates[i], distances[i] = found
    # what lies between two outlines is a strip no wider than their distance: where that is little, they surely agree
    between = distances * (shapely.length(contours) + shapely.get_num_coordinates(candidates) * distances)
    unsure = np.flatnonzero(np.isfinite(distances) & (between > (1 - IOU_FLOOR) * shapely.area(contours)))
    common = shapely.area(shapely.intersection(candidates[unsure], contours[unsure]))
    either = shapely.area(candidates[unsure]) + shapely.area(contours[unsure]) - common
    distances[unsure[common < IOU_FLOOR * either]] = np.inf
    return candidates, distances


def _kept_out(polygons: Geometries, areas: Geometries) -> Flags:
    """Which polygons share no more than a border with any of the areas."""
    kept_out = np.ones(len(polygons), dtype=np.bool_)
    polygon, area = shapely.STRtree(areas).query(polygons, predicate="intersects")
    common = shapely.area(shapely.intersection(polygons[polygon], areas[area]))
    kept_out[polygon[common > SLIVER]] = False
    return kept_out


class _Place:
    """Where the outlines of some polygons may run.

    Args:
        contours: The polygons.
        around: What lies near them.
    """

    def __init__(self, contours: Geometries, around: Surroundings) -> None:
        self._contours, self._around = contours, around
        self._all = np.append(around.others, contours)
        self._contour_of = np.append(np.arange(len(around.others)), around.own)
        self._polygon_of = np.append(np.full(len(around.others), -1), np.arange(len(contours)))
        self._nearness = Nearness(self._all)

    def fits(self, candidates: Geometries, distances: Numbers, which: Indices) -> Flags:
        """Which candidates enter neither what is unknown nor a neighbour's ground, and stay in the area.

        Args:
            candidates: Outlines (n,).
            distances: How far each leaves its contour; it fits nowhere if that is infinite.
            which: For each, the number of its polygon.
        """
        contours, area = self._contours[which], self._around.area
        fits = np.isfinite(distances) & _kept_out(candidates, self._around.unknown)
        if area is not None:
            cut = shapely.dwithin(contours, shapely.boundary(area), SLIVER)
            fits[cut] &= shapely.area(shapely.difference(candidates[cut], area)) <= SLIVER
        candidate, near = self._nearness.pairs(contours, np.where(fits, 2 * distances, 0))
        foreign = self._foreign(which[candidate], near) & fits[candidate]
        candidate, near = candidate[foreign], near[foreign]
        vertices = shapely.get_point(shapely.get_exterior_ring(self._all[near]), 0)
        fits[candidate[shapely.covers(candidates[candidate], vertices)]] = False  # it would swallow a neighbour
        crowded = np.unique(candidate)
        fits[crowded] &= self._nearer(candidates[crowded], distances[crowded], which[crowded], near)
        return fits

    def _foreign(self, polygons: Indices, near: Indices) -> Flags:
        """Whether each of all contours and polygons is another building's, seen from a polygon.

        Of the contours, all are but the one it is or was cut out of; of the polygons, the other parts of that one.
        """
        is_part = self._polygon_of[near] >= 0
        same = self._contour_of[near] == self._around.own[polygons]
        foreign: Flags = np.where(is_part, same & (self._polygon_of[near] != polygons), ~same)
        return foreign

    def _nearer(self, candidates: Geometries, distances: Numbers, which: Indices, near: Indices) -> Flags:
        """Which candidates stay, wherever they leave their contour, nearer to it than to any neighbour's.

        From one point to another, the difference of the two distances changes by no more than twice their distance.
        So a straight piece of an outline is sure to be nearer if, at its middle, the difference exceeds the piece's
        length; pieces for which this cannot be said are halved.
        """
        outside = shapely.difference(shapely.boundary(candidates), self._contours[which])
        start, end, place = _segments(shapely.segmentize(outside, np.maximum(distances, FINEST)))
        lines = np.unique(np.append(near, which + len(self._around.others)))
        from_, to, line = _segments(shapely.boundary(self._all[lines]))
        tree = shapely.STRtree(shapely.linestrings(np.stack((from_, to), axis=1)))
        line = lines[line]
        nearer = np.ones(len(candidates), dtype=np.bool_)
        while len(place):
            middle, length = (start + end) / 2, np.hypot(*(end - start).T)
            points = shapely.points(middle)
            point, segment = tree.query(points, predicate="dwithin", distance=3 * distances[place])
            away = shapely.distance(points[point], tree.geometries[segment])
            polygon = which[place[point]]
            is_own, is_other = self._polygon_of[line[segment]] == polygon, self._foreign(polygon, line[segment])
            own, other = distances[place], 3 * distances[place]
            np.minimum.at(own, point[is_own], away[is_own])
            np.minimum.at(other, point[is_other], away[is_other])
            sure = other - own > length
            nearer[place[~sure & ((other <= own) | (length < FINEST))]] = False
            halved = ~sure & nearer[place]
            start, end = np.concatenate((start[halved], middle[halved])), np.concatenate((middle[halved], end[halved]))
            place = np.tile(place[halved], 2)
        return nearer


def _segments(lines: Geometries) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Indices]:
    """Where the straight pieces of lines, of one part or several, begin and end (n, 2), and each one's line."""
    parts, line = shapely.get_parts(lines, return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    joined = np.flatnonzero(part[1:] == part[:-1])
    return points[joined], points[joined + 1], line[part[joined]]
