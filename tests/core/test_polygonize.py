"""Pixels to polygons, against label counts, pixel counts and shapes known beforehand."""

import numpy as np
import pytest
import rasterio.features
import scipy.ndimage
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from samft_core.polygonize import contour, parts, trace, unknown_areas
from tests.conftest import make_grid
from tests.core.test_rasterize import centres

SIDES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
MASKS = hnp.arrays(bool, SIDES)
LEVELS = st.sampled_from([0.2, 0.35, 0.5, 0.65, 0.8])


@st.composite
def fields(draw) -> tuple[np.ndarray, np.ndarray]:
    """A probability field, noise or nearly hard, and what of it is valid."""
    shape = draw(SIDES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    field = rng.random(shape, dtype=np.float32)
    if draw(st.booleans()):
        field = np.where(field > 0.5, np.float32(1), np.float32(0))
    return field, rng.random(shape) < draw(st.sampled_from([0.3, 0.8, 0.95, 1.1]))


def drawn(shape: shapely.Geometry, height: int, width: int, *, supersample: int = 16) -> np.ndarray:
    """The share of each pixel that a shape covers, by counting points."""
    rows, cols = (np.mgrid[: height * supersample, : width * supersample] + 0.5) / supersample
    inside = shapely.contains_xy(shape, cols, rows)
    return inside.reshape(height, supersample, width, supersample).mean(axis=(1, 3)).astype(np.float32)


class TestTrace:
    @given(MASKS)
    def test_a_mask_by_its_labels_and_pixel_counts(self, mask):
        labels, count = scipy.ndimage.label(mask)  # connected by edges alone
        polygons = trace(mask)
        assert len(polygons) == count
        assert all(shapely.is_valid(polygons))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        assert sorted(shapely.area(polygons)) == sorted(sizes)

    @given(hnp.arrays(np.int32, SIDES, elements=st.integers(0, 3)))
    def test_labels_by_gdal_and_back_again(self, labels):
        polygons = trace(labels)
        expected = sorted(
            rasterio.features.shapes(labels, connectivity=4), key=lambda pair: str(pair[0]["coordinates"])
        )
        assert sum(value != 0 for _, value in expected) == len(polygons)
        points = centres(*labels.shape)
        for polygon in polygons:
            covered = shapely.contains(polygon, points)
            assert covered.sum() == polygon.area
            assert len(set(labels[covered])) == 1
        assert sum(polygon.area for polygon in polygons) == (labels != 0).sum()

    def test_a_ring_has_a_hole_with_an_island(self):
        mask = np.ones((7, 7), dtype=bool)
        mask[1:6, 1:6] = False
        mask[3, 3] = True
        ring, island = sorted(trace(mask), key=lambda polygon: -polygon.area)
        assert ring.equals(shapely.box(0, 0, 7, 7) - shapely.box(1, 1, 6, 6))
        assert island.equals(shapely.box(3, 3, 4, 4))

    def test_pixels_that_touch_at_a_corner_are_apart(self):
        assert len(trace(np.eye(3, dtype=bool))) == 3

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.int64])
    def test_labels_of_any_integer_type(self, dtype):
        labels = np.array([[1, 2, 2], [0, 250, 2]], dtype=dtype)
        assert sorted(shapely.area(trace(labels))) == [1, 1, 3]

    def test_area_on_the_map_is_the_pixels(self):
        grid = make_grid(6, 8, transform=Affine.translation(5e5, 4e6) * Affine.rotation(33) * Affine.scale(0.5, -0.4))
        mask = np.zeros((6, 8), dtype=bool)
        mask[1:4, 2:7] = True
        mask[2, 3] = False
        (polygon,) = grid.to_map(trace(mask))
        assert polygon.area == pytest.approx(14 * 0.5 * 0.4, rel=1e-7)
        assert polygon.covers(shapely.Point(grid.transform * (6.5, 2.5)))
        assert not polygon.covers(shapely.Point(grid.transform * (3.5, 2.5)))

    def test_nothing(self):
        assert len(trace(np.zeros((4, 4), dtype=bool))) == 0


class TestContour:
    @pytest.mark.parametrize("centre", [(20, 20), (20.3, 19.6), (19.75, 20.5)])
    @pytest.mark.parametrize("radius", [10, 12.3, 17])
    def test_a_disc(self, centre, radius):
        # Chords cut arcs of a pixel's length, which takes 0.3 / radius^2 of the area away.
        disc = shapely.Point(centre).buffer(radius, quad_segs=64)
        (found,) = contour(drawn(disc, 40, 40), 0.5)
        assert found.area == pytest.approx(disc.area, rel=0.01)
        assert found.centroid.distance(disc.centroid) < 0.05
        assert max(shapely.distance(shapely.points(shapely.get_coordinates(found)), disc.exterior)) < 0.1

    @pytest.mark.parametrize("angle_deg", [0, 17, 45, 80])
    def test_a_turned_rectangle(self, angle_deg):
        rectangle = shapely.affinity.rotate(shapely.box(10.25, 12.5, 30, 26), angle_deg)
        (found,) = contour(drawn(rectangle, 40, 40), 0.5)
        assert found.area == pytest.approx(rectangle.area, rel=0.01)
        assert found.centroid.distance(rectangle.centroid) < 0.1
        corners = shapely.MultiPoint(rectangle.exterior.coords).buffer(1.5)
        sides = found.exterior - corners  # the corners themselves are rounded by the pixels' own size
        assert max(shapely.distance(shapely.points(shapely.get_coordinates(sides)), rectangle.exterior)) < 0.1

    @pytest.mark.parametrize("threshold", [0.2, 0.35, 0.5, 0.65, 0.8])
    def test_a_ramp_is_cut_where_it_reaches_the_threshold(self, threshold):
        ramp = np.broadcast_to(((np.arange(10) + 0.5) / 10).astype(np.float32), (6, 10))  # x / 10 at x
        (found,) = contour(ramp, threshold)
        inner = found.intersection(shapely.box(0, 1, 10, 5))
        assert inner.bounds[0] == pytest.approx(10 * threshold, abs=1e-5)
        assert found.bounds[2] <= 10

    @given(fields(), LEVELS)
    def test_centres_are_inside_where_the_field_is_above(self, field, threshold):
        probability, valid = field
        polygons = contour(probability, threshold, valid=valid)
        assert all(shapely.is_valid(polygons))
        points = centres(*probability.shape)
        inside = np.zeros(probability.shape, dtype=int)
        for polygon in polygons:
            inside += shapely.contains(polygon, points)
        clear = np.abs(probability - threshold) > 1e-6
        assert np.array_equal(inside[clear], ((probability > threshold) & valid)[clear])

    @given(fields(), LEVELS)
    def test_never_enters_what_is_not_valid_nor_leaves_the_array(self, field, threshold):
        probability, valid = field
        height, width = probability.shape
        unknown = [shapely.box(col, row, col + 1, row + 1) for row, col in zip(*np.nonzero(~valid), strict=True)]
        outside = shapely.union_all(unknown)
        array = shapely.box(0, 0, width, height)
        for polygon in contour(probability, threshold, valid=valid):
            assert polygon.intersection(outside).area < 1e-9
            assert polygon.difference(array).area < 1e-9

    @given(fields(), LEVELS)
    def test_polygons_do_not_overlap(self, field, threshold):
        probability, valid = field
        polygons = contour(probability, threshold, valid=valid)
        assert shapely.union_all(polygons).area == pytest.approx(sum(shapely.area(polygons)), abs=1e-9)

    def test_a_sure_mask_reaches_the_rim_and_no_further(self):
        (found,) = contour(np.ones((5, 8), dtype=np.float32), 0.5)
        assert found.difference(shapely.box(0, 0, 8, 5)).area == 0
        assert found.bounds == (0, 0, 8, 5)
        assert found.area == pytest.approx(40, abs=4 * 0.125)  # the corners alone are cut

    def test_a_courtyard_is_a_hole(self):
        field = np.ones((20, 20), dtype=np.float32)
        field[6:14, 7:13] = 0
        (found,) = contour(field, 0.5)
        assert len(found.interiors) == 1
        assert shapely.Polygon(found.interiors[0]).area == pytest.approx(48, abs=4 * 0.125)

    @pytest.mark.parametrize("field", [np.zeros((5, 5)), np.full((5, 5), 0.49)], ids=["0", "0.49"])
    def test_nothing_above(self, field):
        assert len(contour(field.astype(np.float32), 0.5)) == 0

    def test_nothing_valid(self):
        assert len(contour(np.ones((5, 5), dtype=np.float32), 0.5, valid=np.zeros((5, 5), dtype=bool))) == 0

    def test_a_single_pixel(self):
        field = np.zeros((5, 5), dtype=np.float32)
        field[2, 3] = 1
        (found,) = contour(field, 0.5)
        diamond = shapely.Polygon([(3, 2.5), (3.5, 2), (4, 2.5), (3.5, 3)])  # half way to each neighbour
        assert found.symmetric_difference(diamond).area == pytest.approx(0, abs=1e-9)


def test_parts_takes_everything_apart():
    box = shapely.box(0, 0, 1, 1)
    nested = shapely.GeometryCollection(
        [shapely.MultiPolygon([box, shapely.box(2, 0, 3, 2)]), shapely.Point(0, 0), shapely.GeometryCollection([box])]
    )
    mixed = np.array([nested, shapely.LineString([(0, 0), (1, 1)]), box, shapely.Polygon(), None], dtype=object)
    assert sorted(shapely.area(parts(mixed))) == [1, 1, 1, 2]


@given(MASKS)
def test_unknown_areas_are_what_is_not_valid_and_all_around(valid):
    height, width = valid.shape
    areas = unknown_areas(valid)
    union = shapely.union_all(areas)
    assert union.area == pytest.approx(sum(shapely.area(areas)))  # without overlaps
    array = shapely.box(0, 0, width, height)
    assert union.intersection(array).area == pytest.approx((~valid).sum())
    assert union.covers(array.buffer(max(height, width), join_style="mitre") - array)
