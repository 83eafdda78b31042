"""Contours, against shapes known beforehand, contourpy, and the same field cut into bands of rows."""

import contourpy
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from samft_core.contours import Contours, contour
from tests.core.test_rasterize import centres

SIDES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
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


def in_bands(field: np.ndarray, level: float, cuts: list[int], *, row: int = 0, col: int = 0) -> np.ndarray:
    """The contours of a field that comes in bands, which begin at the cuts."""
    sweep = Contours(level, first_row=row, first_col=col, width=field.shape[1])
    bands = np.split(field, sorted(set(cuts) - {0, len(field)}))
    polygons = [sweep.add(band) for band in bands]
    polygons.append(sweep.finish())
    assert not sweep.open_pieces
    return np.concatenate(polygons)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether polygons have the same vertices, to the bit, whatever their order and their rings' first points."""
    left, right = (sorted(shapely.to_wkb(shapely.normalize(polygons))) for polygons in (one, other))
    return left == right


class TestBands:
    @given(fields(), LEVELS, st.data())
    def test_any_bands_give_the_same_polygons_bit_for_bit(self, field, level, data):
        values = np.where(field[1], field[0], np.float32(-1))
        cuts = data.draw(st.lists(st.integers(1, max(1, len(values) - 1)), max_size=6))
        assert same(in_bands(values, level, cuts), in_bands(values, level, []))

    @pytest.mark.parametrize("seam", range(1, 30))
    def test_every_seam_position(self, seam):
        """A building with a courtyard and an island in it, a neighbour and a courtyard open to the rim."""
        building = shapely.Polygon([(3.2, 4.1), (24.3, 2.2), (26.8, 23.4), (5.1, 25.9)]) - shapely.box(9, 9, 20, 19)
        shapes = [
            building,
            shapely.box(12.4, 11.2, 16.7, 15.3),
            shapely.box(29, 0, 33, 30) - shapely.box(30.5, 8, 33, 20),
        ]
        field = drawn(shapely.union_all(shapes), 30, 34)
        whole, cut = in_bands(field, 0.5, []), in_bands(field, 0.5, [seam])
        assert len(whole) == 3
        assert same(whole, cut)
        on_the_seam = shapely.LineString(
            [(-1, seam - 0.5), (35, seam - 0.5)]
        )  # an edge there would be a trace of the bands
        for polygon in cut:
            assert polygon.boundary.intersection(on_the_seam).length < 1e-9

    def test_a_polygon_comes_once_its_rows_are_there_and_no_sooner(self):
        field = np.zeros((20, 20), dtype=np.float32)
        field[2:5, 2:5] = field[3:14, 8:12] = 1
        sweep = Contours(0.5, first_row=0, first_col=0, width=20)
        assert len(sweep.add(field[:5])) == 0  # the next row may go on with it
        assert len(sweep.add(field[5:9])) == 1
        assert max(piece[:, 1].max() for piece in sweep.open_pieces) > 8
        assert len(sweep.add(field[9:])) == 1
        assert len(sweep.finish()) == 0

    @given(fields(), LEVELS, st.integers(-3, 30_000), st.integers(-3, 30_000))
    def test_elsewhere_the_same_shapes(self, field, level, row, col):
        values = np.where(field[1], field[0], np.float32(-1))
        here, there = in_bands(values, level, []), in_bands(values, level, [], row=row, col=col)
        moved = shapely.transform(here, lambda points: points + np.array([col, row]))
        assert len(here) == len(there)
        assert shapely.equals_exact(moved, there, tolerance=1e-9).all()


class TestAgainstContourpy:
    @given(fields(), LEVELS)
    def test_the_same_rings(self, field, level):
        """contourpy too decides by a cell's mean where opposite corners are alike."""
        values = np.where(field[1], field[0], np.float32(2 * level - 1)).astype(np.float64)
        if np.any(values == level):
            return  # contourpy takes what just reaches the level for outside
        padded = np.pad(values, 1, constant_values=2 * level - 1)
        height, width = padded.shape
        generator = contourpy.contour_generator(np.arange(width) - 0.5, np.arange(height) - 0.5, padded)
        theirs = [shapely.Polygon(line) for line in generator.lines(level)]
        mine = in_bands(np.where(field[1], field[0], np.float32(-1)), level, [])
        rings = shapely.polygons(shapely.get_rings(mine))
        assert len(rings) == len(theirs)
        for ring in rings:
            assert min(ring.hausdorff_distance(other) for other in theirs) < 1e-5


@given(hnp.arrays(np.float32, SIDES, elements=st.sampled_from([0, 0.25, 0.5, 0.75, 1])), LEVELS)
def test_values_that_just_reach_the_level_are_inside_and_nothing_touches(field, level):
    """A lone one of them has an outline too small to count."""
    polygons = in_bands(field, level, [])
    assert shapely.is_valid(polygons).all()
    inside = np.zeros(field.shape, dtype=int)
    for polygon in polygons:
        inside += shapely.contains(polygon, centres(*field.shape))
    missed = np.argwhere((field >= level) != (inside == 1))
    for row, col in missed:
        around = np.pad(field, 1)[row : row + 3, col : col + 3]
        assert field[row, col] == np.float32(level)
        assert (around < level).sum() == 8 or inside[row, col] == 0
    left, right = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    assert (left == right).all()
