"""What lies near what: the same as shapely says of all pairs, whatever the cells."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from samft_core.nearness import FINEST, in_cells, near, pieces_of, pieces_through, stay_nearer

SIDES = st.sampled_from([0.3, 2.0, 7.0, 100.0])
SEEDS = st.integers(0, 2**32 - 1)


def discs(rng: np.random.Generator, count: int, *, within: float = 60) -> np.ndarray:
    """Discs, some of which overlap, the first with a hole."""
    places = shapely.points(rng.uniform(0, within, (count, 2)))
    found = shapely.buffer(places, rng.uniform(0.5, 9, count), quad_segs=rng.integers(1, 20))
    found[0] = found[0].difference(found[0].centroid.buffer(0.3))
    return found


@given(SEEDS, st.floats(0, 8), SIDES)
def test_all_within_a_distance_are_near_and_none_with_boxes_farther(seed, distance, side):
    rng = np.random.default_rng(seed)
    shapes, courses = discs(rng, 6), [*rng.uniform(0, 60, (9, 2, 2)), *rng.uniform(0, 60, (3, 1, 2))]
    ends = [course[[0, -1]] for course in courses]
    boxes = shapely.box(*np.min(ends, axis=1).T, *np.max(ends, axis=1).T)
    may = []
    for shape in shapes:
        rings = map(shapely.get_coordinates, shapely.get_rings(shape))
        start, end = np.concatenate([np.stack((ring[:-1], ring[1:])) for ring in rings], axis=1)
        low, high = np.minimum(start, end) - distance, np.maximum(start, end) + distance
        may.append(shapely.intersects(shapely.box(*low.T, *high.T)[:, None], boxes).any())
    found = near(in_cells(pieces_through(courses), side), pieces_of(shapes), len(shapes), distance)
    assert not (found & ~np.array(may)).any()
    lines = np.array([shapely.LineString(course[[0, -1]]) for course in courses])
    assert found[shapely.dwithin(shapely.boundary(shapes)[:, None], lines, distance).any(axis=1)].all()


def test_near_nothing():
    nothing, some = pieces_of(np.array([], dtype=object)), pieces_of(np.array([shapely.box(0, 0, 1, 1)]))
    for others, pieces, count in ((nothing, some, 1), (some, nothing, 0), (nothing, nothing, 0)):
        assert not near(in_cells(others, 1.0), pieces, count, 3.0).any()


@pytest.mark.parametrize("side", [0.1, 1.0, 50.0])
def test_a_long_piece_passes_through_all_its_cells(side):
    long = pieces_through([np.array([(0.0, 0.0), (300.0, 40.0)])])
    for at in np.linspace(0, 1, 20):
        beside = np.array([(300 * at, 40 * at + 0.05), (300 * at, 40 * at + 0.06)])
        assert near(in_cells(long, side), pieces_through([beside]), 1, 0.1).all()


@given(SEEDS, st.floats(0.02, 3), SIDES)
@settings(max_examples=40)
def test_outlines_stay_nearer_where_distances_say_so(seed, distance, side):
    """Outlines that waver about lines, of which some are parts of one contour, measured from point to point."""
    rng = np.random.default_rng(seed)
    lines = discs(rng, 7, within=30)
    building = np.array([0, 1, 2, 3, 0, 3, 3])
    outlines = []
    for line in lines:
        points = shapely.get_coordinates(shapely.get_exterior_ring(line.simplify(0.2)))[:-1]
        turn, by = rng.uniform(0, 2 * np.pi, len(points)), rng.uniform(0, distance, len(points))
        outlines.append(shapely.LinearRing(points + np.column_stack((np.cos(turn), np.sin(turn))) * by[:, None]))
    distances = np.array([shapely.hausdorff_distance(*pair, 0.02) for pair in zip(outlines, lines, strict=True)]) + 0.01
    own = np.arange(len(lines))
    found = stay_nearer(in_cells(pieces_of(lines), side), building, pieces_of(np.array(outlines)), own, distances)
    boundaries = shapely.boundary(lines)
    for i, outline in enumerate(outlines):
        is_contour, is_same = building == own, building == building[i]
        others = boundaries[(is_contour != is_same) & (own != i)]
        points = shapely.points(shapely.get_coordinates(shapely.segmentize(outline, 0.02)))
        away = shapely.distance(points[:, None], others).min(axis=1) - shapely.distance(points, boundaries[i])
        assert away.min() > 0 if found[i] else away.min() < 3 * FINEST
