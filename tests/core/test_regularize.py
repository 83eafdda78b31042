"""Outlines straightened and squared: rectangles come back, neighbours and forbidden ground stay free."""

import numpy as np
import pytest
import scipy.ndimage
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from samft_core.polygonize import contour, unknown_areas
from samft_core.regularize import IOU_FLOOR, regularize, simplify
from tests.core.test_polygonize import drawn

NOWHERE = np.array([], dtype=object)


def angles_deg(polygon: shapely.Polygon) -> np.ndarray:
    """The inner angles of a ring."""
    ring = np.array(polygon.exterior.coords)[:-1]
    before, after = np.roll(ring, 1, axis=0) - ring, np.roll(ring, -1, axis=0) - ring
    cosines = (before * after).sum(axis=1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def iou(one: shapely.Polygon, other: shapely.Polygon) -> float:
    return one.intersection(other).area / one.union(other).area


@st.composite
def blobs(draw) -> tuple[np.ndarray, np.ndarray]:
    """A soft random field with buildings of all kinds, and holes in what is known of it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    field = scipy.ndimage.gaussian_filter(rng.random((40, 40)), draw(st.sampled_from([1.0, 1.5, 2.5])))
    field = (field - field.min()) / (field.max() - field.min())
    valid = scipy.ndimage.gaussian_filter(rng.random((40, 40)), 3)
    return field.astype(np.float32), valid > np.quantile(valid, draw(st.sampled_from([0, 0.15, 0.4])))


class TestSimplify:
    def test_a_straight_edge_loses_its_vertices(self):
        steps = shapely.Polygon([(0, 0), (3, 0.1), (6, -0.1), (10, 0), (10, 5), (0, 5)])
        (simple,) = simplify(np.array([steps]), 0.25)
        assert simple.equals(shapely.box(0, 0, 10, 5))

    @given(blobs())
    @settings(max_examples=10)
    def test_outlines_move_by_little_more_than_the_tolerance(self, blob):
        polygons = contour(blob[0], 0.5)
        for before, after in zip(polygons, simplify(polygons, 0.25), strict=True):
            assert after.is_valid
            assert after.area > 0
            vertices = shapely.points(shapely.get_coordinates(before))
            # GEOS takes a ring's first vertex out in a second step, which may add the tolerance once more
            assert max(shapely.distance(vertices, after.boundary)) <= 2 * 0.25


class TestRegularize:
    @pytest.mark.parametrize("angle_deg", [0, 12, 30, 45, 77])
    def test_a_rectangle_comes_back(self, angle_deg):
        rectangle = shapely.affinity.rotate(shapely.box(10, 14, 34, 28), angle_deg)
        outline = contour(drawn(rectangle, 44, 44), 0.5)
        (found,) = regularize(outline, tolerance_m=1.0, forbidden=NOWHERE)
        assert len(found.exterior.coords) - 1 == 4
        assert angles_deg(found) == pytest.approx([90] * 4, abs=1)
        assert iou(found, rectangle) > 0.95

    def test_an_l_keeps_its_corners(self):
        shape = shapely.Polygon([(8, 8), (32, 8), (32, 18), (20, 18), (20, 34), (8, 34)])
        (found,) = regularize(contour(drawn(shape, 44, 44), 0.5), tolerance_m=1.0, forbidden=NOWHERE)
        assert len(found.exterior.coords) - 1 == 6
        assert sorted(angles_deg(found)) == pytest.approx([90] * 6, abs=1)
        assert iou(found, shape) > 0.95

    @pytest.mark.parametrize("gap_px", [1.5, 2, 3])
    def test_close_neighbours_stay_apart(self, gap_px):
        left = shapely.affinity.rotate(shapely.box(6, 8, 19, 34), 8, origin=(20, 20))
        right = shapely.affinity.rotate(shapely.box(19 + gap_px, 8, 36, 34), 8, origin=(20, 20))
        outlines = contour(drawn(shapely.union(left, right), 44, 44), 0.5)
        assert len(outlines) == 2
        one, other = regularize(outlines, tolerance_m=1.0, forbidden=NOWHERE)
        assert one.intersection(other).area < 1e-6
        assert {len(one.exterior.coords), len(other.exterior.coords)} == {5}

    @given(blobs())
    @settings(max_examples=20)
    def test_any_outlines(self, blob):
        field, valid = blob
        outlines = contour(field, 0.5, valid=valid)
        forbidden = unknown_areas(valid)
        found = regularize(outlines, tolerance_m=1.0, forbidden=forbidden)
        assert len(found) == len(outlines)
        assert all(shapely.is_valid(found))
        assert set(shapely.get_type_id(found)) <= {shapely.GeometryType.POLYGON}
        assert shapely.union_all(found).area == pytest.approx(sum(shapely.area(found)), abs=1e-6)
        assert max(shapely.area(shapely.intersection(found, shapely.union_all(forbidden))), default=0) < 1e-6
        simple = simplify(outlines, 1.0)
        for before, simplified, after in zip(outlines, simple, found, strict=True):
            same = after.equals(before) or after.equals(simplified)
            assert same or iou(before, after) >= IOU_FLOOR

    def test_none(self):
        assert len(regularize(NOWHERE, tolerance_m=1.0, forbidden=NOWHERE)) == 0

    def test_forbidden_ground_is_not_entered(self):
        rectangle = shapely.box(10, 10, 34, 30)
        bite = shapely.box(24, 8, 40, 14)  # what squaring would fill again
        outline = np.array([rectangle - bite.buffer(0.2, join_style="mitre") - shapely.box(28, 14, 36, 16)])
        forbidden = np.array([bite])
        (found,) = regularize(outline, tolerance_m=3.0, forbidden=forbidden)
        assert found.intersection(bite).area < 1e-9
