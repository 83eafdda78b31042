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

MARGIN = 1e-6
"""What is measured out to a distance is looked for a little farther, by this share of it, as rounding may deceive."""

POINTS = 4096
"""So many points are measured at once: in a crowd, each is near hundreds of segments, all of which take memory."""

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
    """

    def __init__(self, contours: Geometries, around: Surroundings) -> None:
        self._contours, self._around = contours, around
        self._all = np.append(around.others, contours)
        self._contour_of = np.append(np.arange(len(around.others)), around.own)
        self._polygon_of = np.append(np.full(len(around.others), -1), np.arange(len(contours)))
        is_part = np.bincount(around.own, minlength=len(around.others))[self._contour_of] > 1
        self._neighbours = np.flatnonzero((self._polygon_of < 0) | is_part)  # a whole contour is among the others
        self._nearness = Nearness(self._all[self._neighbours])

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
        left = np.flatnonzero(fits)
        candidate, near = self._nearness.pairs(contours[left], 2 * distances[left])
        candidate, near = left[candidate], self._neighbours[near]
        foreign = self._foreign(which[candidate], near)
        candidate, near = candidate[foreign], near[foreign]
        crowded, pair = np.unique(candidate, return_inverse=True)
        neighbours, place = np.unique(near, return_inverse=True)
        vertices = shapely.get_point(shapely.get_exterior_ring(self._all[neighbours]), 0)
        shapely.prepare(candidates[crowded])
        swallows = shapely.covers(candidates[candidate], vertices[place])
        shapely.destroy_prepared(candidates[crowded])  # which takes more memory than the outline itself
        fits[candidate[swallows]] = False
        fits[crowded] &= self._nearer(candidates[crowded], distances[crowded], which[crowded], (pair, near))
        return fits

    def _foreign(self, polygons: Indices, near: Indices) -> Flags:
        """Whether each of all contours and polygons is another building's, seen from a polygon.

        Of the contours, all are but the one it is or was cut out of; of the polygons, the other parts of that one.
        """
        is_part = self._polygon_of[near] >= 0
        same = self._contour_of[near] == self._around.own[polygons]
        foreign: Flags = np.where(is_part, same & (self._polygon_of[near] != polygons), ~same)
        return foreign

    def _nearer(
        self, candidates: Geometries, distances: Numbers, which: Indices, pairs: tuple[Indices, Indices]
    ) -> Flags:
        """Which candidates stay, wherever they leave their contour, nearer to it than to any neighbour's.

        From one point to another, the difference of the two distances changes by no more than twice their distance.
        So a straight piece of an outline is sure to be nearer if, at its middle, the difference exceeds the piece's
        length; pieces for which this cannot be said are halved. As its own contour is no farther than the candidate's
        distance, neighbours farther than that and the piece's length leave nothing to be unsure of.

        Args:
            candidates: Outlines (n,).
            distances: How far each leaves its contour.
            which: For each, the number of its polygon.
            pairs: Candidates, and which of all contours and polygons are neighbours of them.
        """
        outside = shapely.difference(shapely.boundary(candidates), self._contours[which])
        start, end, place = _segments(shapely.segmentize(outside, np.maximum(distances, FINEST)))
        lines = np.unique(np.append(pairs[1], which + len(self._around.others)))
        from_, to, line = _segments(shapely.boundary(self._all[lines]))
        if len(place):  # of a neighbour that is large, most is far from here
            low, high = np.minimum(start, end).min(axis=0), np.maximum(start, end).max(axis=0)
            reach = 3 * distances.max()
            close = np.all((np.maximum(from_, to) >= low - reach) & (np.minimum(from_, to) <= high + reach), axis=1)
            from_, to, line = from_[close], to[close], line[close]
        tree = shapely.STRtree(shapely.linestrings(np.stack((from_, to), axis=1)))
        line = lines[line]
        neighbours = np.unique(pairs[0] * len(self._all) + pairs[1])
        nearer = np.ones(len(candidates), dtype=np.bool_)
        while len(place):
            middle, length = (start + end) / 2, np.hypot(*(end - start).T)
            own, other = distances[place], 3 * distances[place]
            radius = np.minimum(other, (1 + MARGIN) * (own + length))
            for few in _slices(len(place), POINTS):
                box = shapely.box(*(middle[few] - radius[few, None]).T, *(middle[few] + radius[few, None]).T)
                point, segment = tree.query(box)
                point += few.start
                away = _distances(middle[point], from_[segment], to[segment])
                close = away <= radius[point]
                point, segment, away = point[close], segment[close], away[close]
                candidate = place[point]
                is_own = self._polygon_of[line[segment]] == which[candidate]
                is_other = np.isin(candidate * len(self._all) + line[segment], neighbours)
                np.minimum.at(own, point[is_own], away[is_own])
                np.minimum.at(other, point[is_other], away[is_other])
            sure = other - own > length
            nearer[place[~sure & ((other <= own) | (length < FINEST))]] = False
            halved = ~sure & nearer[place]
            start, end = np.concatenate((start[halved], middle[halved])), np.concatenate((middle[halved], end[halved]))
            place = np.tile(place[halved], 2)
        return nearer


def _slices(count: int, longest: int) -> list[slice]:
    """Slices of so many, no longer than that, that cover a count."""
    return [slice(first, min(first + longest, count)) for first in range(0, count, longest)]


def _distances(points: Numbers, start: Numbers, end: Numbers) -> Numbers:
    """The distance of each point from a straight piece that is not a point itself, all (n, 2)."""
    x, y = (end - start).T
    to_x, to_y = (points - start).T
    square = x * x + y * y
    share = np.clip((to_x * x + to_y * y) / square, 0, 1)
    beside = np.abs(to_x * y - to_y * x) / square * np.sqrt(square)
    from_end = points - np.where(share > 0, 1, 0)[:, None] * (end - start) - start
    at_end = np.hypot(*from_end.T)
    distances: Numbers = np.where((share > 0) & (share < 1), beside, at_end)
    return distances


def _segments(lines: Geometries) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Indices]:
    """Where the straight pieces of lines, of one part or several, begin and end (n, 2), and each one's line."""
    parts, line = shapely.get_parts(lines, return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    joined = np.flatnonzero(part[1:] == part[:-1])
    return points[joined], points[joined + 1], line[part[joined]]
