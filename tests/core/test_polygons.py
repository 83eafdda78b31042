"""Polygons out of any geometries, and which lie near others."""

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from samft_core.polygons import Nearness, parts


def test_parts_takes_everything_apart():
    box = shapely.box(0, 0, 1, 1)
    nested = shapely.GeometryCollection(
        [shapely.MultiPolygon([box, shapely.box(2, 0, 3, 2)]), shapely.Point(0, 0), shapely.GeometryCollection([box])]
    )
    mixed = np.array([nested, shapely.LineString([(0, 0), (1, 1)]), box, shapely.Polygon(), None], dtype=object)
    assert sorted(shapely.area(parts(mixed))) == [1, 1, 1, 2]


@given(st.integers(0, 2**32 - 1), st.floats(0, 8))
def test_nearness_of_outlines_by_shapely(seed, distance):
    rng = np.random.default_rng(seed)

    def some(count: int) -> np.ndarray:
        discs = shapely.buffer(shapely.points(rng.uniform(0, 60, (count, 2))), rng.uniform(0.5, 9, count), quad_segs=20)
        lines = shapely.linestrings(rng.uniform(0, 60, (2, 40, 2)))
        mixed = np.concatenate([discs, lines, shapely.points(rng.uniform(0, 60, (2, 2)))])
        mixed[0] = mixed[0].difference(mixed[0].centroid.buffer(0.3))
        return mixed

    one, other = some(6), some(9)
    reach = rng.uniform(0, max(distance, 0.01), len(one))
    edges = [np.where(shapely.get_dimensions(each) == 2, shapely.boundary(each), each) for each in (one, other)]
    expected = shapely.dwithin(edges[0][:, None], edges[1][None], reach[:, None])
    left, right = Nearness(other).pairs(one, reach)
    assert np.array_equal(np.argwhere(expected), np.column_stack((left, right)))


def test_nearness_of_nothing():
    none, some = np.array([], dtype=object), np.array([shapely.box(0, 0, 1, 1)])
    for others, geometries in ((none, some), (some, none), (none, none)):
        left, right = Nearness(others).pairs(geometries, 3.0)
        assert len(left) == len(right) == 0
