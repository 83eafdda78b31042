"""Outlines straightened and squared: buildings come back, each keeps to its place, whatever else there is."""

import numpy as np
import pytest
import scipy.ndimage
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from benchmarks.outlines import coverage
from samft_core.contours import contour
from samft_core.regularize import IOU_FLOOR, Surroundings, _kept_out, regularize
from samft_core.simplify import simplify

TOLERANCE, REACH = 1.0, 4.0


def angles_deg(polygon: shapely.Polygon) -> np.ndarray:
    """The inner angles of a ring."""
    ring = np.array(polygon.exterior.coords)[:-1]
    before, after = np.roll(ring, 1, axis=0) - ring, np.roll(ring, -1, axis=0) - ring
    cosines = (before * after).sum(axis=1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def iou(one: shapely.Polygon, other: shapely.Polygon) -> float:
    return one.intersection(other).area / one.union(other).area


def outlined(shape: shapely.Geometry) -> np.ndarray:
    """The contours of a picture of a shape, whose corners lie at 3 or above."""
    return contour(coverage(shape), 0.5)


def regularized(contours: np.ndarray, *, square: bool = True, tolerance: float = TOLERANCE, **around) -> np.ndarray:
    """What becomes of contours that are all there is, unless told otherwise."""
    surroundings = Surroundings(**{"others": contours, "own": np.arange(len(contours)), **around})
    return regularize(contours, surroundings, tolerance=tolerance, reach=REACH, square=square)


def overlap(polygons: np.ndarray) -> float:
    """The area that polygons share with each other."""
    return float(shapely.area(polygons).sum() - shapely.union_all(polygons).area)


@st.composite
def blobs(draw) -> tuple[np.ndarray, np.ndarray]:
    """A soft random field with buildings of all kinds, and holes in what is known of it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    field = scipy.ndimage.gaussian_filter(rng.random((40, 40)), draw(st.sampled_from([1.0, 1.5, 2.5])))
    field = (field - field.min()) / (field.max() - field.min())
    valid = scipy.ndimage.gaussian_filter(rng.random((40, 40)), 3)
    return field.astype(np.float32), valid > np.quantile(valid, draw(st.sampled_from([0, 0.15, 0.4])))


@st.composite
def crowds(draw) -> np.ndarray:
    """Contours of a random field, cut apart by straight gaps of a tenth of a pixel to two pixels."""
    field, _ = draw(blobs())
    contours = contour(field, draw(st.sampled_from([0.3, 0.4, 0.5])))
    for _ in range(draw(st.integers(0, 6))):
        angle, distance = draw(st.floats(0, np.pi)), draw(st.floats(5, 35))
        foot = distance * np.array([np.cos(angle), np.sin(angle)])
        along = 100 * np.array([-np.sin(angle), np.cos(angle)])
        gap = shapely.LineString([foot - along, foot + along]).buffer(draw(st.sampled_from([0.05, 0.2, 0.5, 1])))
        contours = shapely.get_parts(shapely.difference(contours, gap))
    return contours[shapely.area(contours) > 1e-3]


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


class TestBuildings:
    """Of single buildings, what a mapper would draw."""

    @pytest.mark.parametrize("angle_deg", [0, 12, 30, 45, 77])
    def test_a_rectangle_comes_back(self, angle_deg):
        rectangle = affinity.rotate(shapely.box(10, 14, 34, 28), angle_deg)
        (found,) = regularized(outlined(rectangle))
        assert len(found.exterior.coords) - 1 == 4
        assert angles_deg(found) == pytest.approx([90] * 4)
        assert iou(found, rectangle) > 0.99

    @pytest.mark.parametrize("side", [4, 5, 7, 10])
    def test_a_shed_comes_back(self, side):
        shed = affinity.rotate(shapely.box(10, 10, 10 + side, 11 + side), 20)
        (found,) = regularized(outlined(shed))
        assert len(found.exterior.coords) - 1 == 4
        assert iou(found, shed) > 0.9

    @pytest.mark.parametrize("angle_deg", [0, 25])
    def test_an_l_keeps_its_corners(self, angle_deg):
        shape = shapely.Polygon([(8, 8), (32, 8), (32, 18), (20, 18), (20, 34), (8, 34)])
        shape = affinity.rotate(shape, angle_deg)
        (found,) = regularized(outlined(shape))
        assert len(found.exterior.coords) - 1 == 6
        assert angles_deg(found) == pytest.approx([90] * 6)
        assert iou(found, shape) > 0.99

    def test_a_courtyard_is_squared_with_the_house(self):
        house = affinity.rotate(shapely.box(10, 10, 50, 44) - shapely.box(20, 20, 36, 32), 33)
        (found,) = regularized(outlined(house))
        assert len(found.exterior.coords) == len(found.interiors[0].coords) == 5
        assert iou(found, house) > 0.99

    def test_a_step_that_is_not_worth_its_corners_goes(self):
        house = shapely.box(8, 8, 48, 30) | shapely.box(20, 30, 26, 31)
        (found,) = regularized(outlined(house))
        assert len(found.exterior.coords) - 1 == 4

    @pytest.mark.parametrize("angle_deg", [0, 17])
    @pytest.mark.parametrize("wing_deg", [30, 45, 60])
    def test_a_wing_at_an_angle_keeps_it(self, wing_deg, angle_deg):
        wing = affinity.rotate(shapely.box(50, 15, 110, 45), wing_deg, origin=(60, 30))
        house = affinity.rotate(shapely.box(0, 0, 70, 50) | wing, angle_deg)
        house = affinity.translate(house, 20 - house.bounds[0], 20 - house.bounds[1])
        (found,) = regularized(outlined(house))
        assert len(found.exterior.coords) == len(house.exterior.coords)
        assert iou(found, house) > 0.99

    @pytest.mark.parametrize("angle_deg", [0, 10, 40])
    def test_what_has_no_right_angles_gets_none(self, angle_deg):
        triangle = affinity.rotate(shapely.Polygon([(10, 10), (60, 10), (35, 10 + 25 * 3**0.5)]), angle_deg)
        disc = affinity.rotate(shapely.Point(30, 30).buffer(18, quad_segs=32), angle_deg)
        for shape in (triangle, disc):
            contours = outlined(affinity.translate(shape, 5, 5))
            (found,) = regularized(contours)
            assert found.equals(simplify(shapely.normalize(contours), TOLERANCE / 4)[0])
            assert iou(found, affinity.translate(shape, 5, 5)) > 0.98

    def test_only_simplified(self):
        contours = outlined(affinity.rotate(shapely.box(10, 14, 34, 28), 12))
        (found,) = regularized(contours, square=False, tolerance=0.25)
        assert found.equals(simplify(shapely.normalize(contours), 0.25)[0])

    def test_none(self):
        assert len(regularized(np.array([], dtype=object))) == 0

    def test_an_outline_does_not_reach_farther_than_it_may(self):
        house = shapely.box(8, 8, 48, 30) | shapely.box(20, 30, 24, 35)  # squaring would leave the bay out
        contours = outlined(house)
        (found,) = regularized(contours)
        assert shapely.hausdorff_distance(found.exterior, contours[0].exterior) <= REACH
        assert len(found.exterior.coords) > 5

    @given(st.integers(0, 400), st.floats(0, 360))
    @settings(max_examples=20)
    def test_it_does_not_matter_where_a_ring_begins(self, first, angle_deg):
        shape = shapely.Polygon([(15, 15), (39, 15), (39, 25), (27, 25), (27, 41), (15, 41)])
        shape = affinity.rotate(shape, angle_deg)
        contours = outlined(shape)
        ring = shapely.get_coordinates(contours[0])[:-1]
        begun_elsewhere = np.array([shapely.Polygon(np.roll(ring, first, axis=0))])
        for square in (True, False):
            one, other = regularized(contours, square=square), regularized(begun_elsewhere, square=square)
            assert shapely.to_wkb(one).tolist() == shapely.to_wkb(other).tolist()


class TestNeighbours:
    @pytest.mark.parametrize("gap_px", [1.5, 2, 3])
    def test_close_neighbours_stay_apart_and_are_squared(self, gap_px):
        left = affinity.rotate(shapely.box(6, 8, 19, 34), 8, origin=(20, 20))
        right = affinity.rotate(shapely.box(19 + gap_px, 8, 36, 34), 8, origin=(20, 20))
        contours = outlined(shapely.union(left, right))
        assert len(contours) == 2
        one, other = regularized(contours)
        assert one.intersection(other).area == 0
        assert {len(one.exterior.coords), len(other.exterior.coords)} == {5}

    @given(crowds(), st.booleans())
    @settings(max_examples=60)
    def test_outlines_never_overlap(self, contours, square):
        found = regularized(contours, square=square)
        assert len(found) == len(contours)
        assert shapely.is_valid(found).all()
        assert set(shapely.get_type_id(found)) <= {shapely.GeometryType.POLYGON}
        assert overlap(found) == pytest.approx(0, abs=1e-6)

    @given(crowds())
    @settings(max_examples=30)
    def test_squared_outlines_agree_with_the_contour(self, contours):
        for before, after in zip(contours, regularized(contours), strict=True):
            found_before = set(shapely.get_coordinates(after).view(complex).flat) <= set(
                shapely.get_coordinates(before).view(complex).flat
            )
            assert found_before or iou(before, after) >= IOU_FLOOR
            assert shapely.hausdorff_distance(after.boundary, before.boundary) <= REACH + 1e-9

    @given(crowds(), st.booleans(), st.randoms())
    @settings(max_examples=30)
    def test_the_order_does_not_matter(self, contours, square, random):
        order = list(range(len(contours)))
        random.shuffle(order)
        found = regularized(contours, square=square)
        again = regularized(contours[order], square=square)
        assert shapely.to_wkb(found[order]).tolist() == shapely.to_wkb(again).tolist()

    @given(crowds(), st.booleans(), st.floats(5, 30), st.floats(5, 30))
    @settings(max_examples=60)
    def test_what_is_far_does_not_matter(self, contours, square, right, bottom):
        """An extent's contours, cut two reaches and a bit beyond it, give the outlines that all contours give."""
        extent = shapely.box(0, 0, right, bottom)
        margin = shapely.box(-9, -9, right + 2 * REACH + 1, bottom + 2 * REACH + 1)
        seen = shapely.get_parts(shapely.intersection(contours, margin))
        seen = seen[shapely.area(seen) > 0]
        whole = regularized(contours, square=square)[shapely.within(contours, extent)]
        part = regularized(seen, square=square)[shapely.within(seen, extent)]
        assert sorted(shapely.to_wkb(part)) == sorted(shapely.to_wkb(whole))

    @given(crowds(), st.booleans())
    @settings(max_examples=20)
    def test_alone_or_together(self, contours, square):
        together = regularized(contours, square=square)
        for i in range(len(contours)):
            alone = regularized(contours[i : i + 1], square=square, others=contours, own=np.array([i]))
            assert shapely.to_wkb(alone[0]) == shapely.to_wkb(together[i])

    def test_an_island_in_a_bay_is_not_swallowed(self):
        house = shapely.box(8, 8, 48, 40) - shapely.box(24, 30, 32, 42)
        island = shapely.box(27, 34, 29, 36)
        contours = np.array([house, island])
        found = regularized(shapely.segmentize(contours, 1), tolerance=2.0)
        assert overlap(found) == pytest.approx(0, abs=1e-9)

    def test_parts_of_one_contour_are_neighbours(self):
        contours = outlined(shapely.box(8, 8, 40, 30))
        notch = shapely.Polygon([(20, 0), (24, 0), (22.05, 40), (22, 40)])
        parts = shapely.get_parts(shapely.difference(contours, notch))
        found = regularized(parts, others=contours, own=np.zeros(2, dtype=int))
        assert overlap(found) == pytest.approx(0, abs=1e-9)


class TestGround:
    def test_unknown_ground_is_not_entered(self):
        rectangle = shapely.box(10, 10, 34, 30)
        bite = shapely.box(24, 8, 40, 14)  # what squaring would fill again
        outline = np.array([rectangle - bite.buffer(0.2, join_style="mitre") - shapely.box(28, 14, 36, 16)])
        (found,) = regularized(outline, tolerance=2.0, unknown=np.array([bite]))
        assert found.intersection(bite).area < 1e-9

    def test_each_of_many_unknown_pixels_is_kept_out_of(self):
        """A block with holes, each of which its outline may enter, but for the one that is unknown."""
        holes = [shapely.box(x, y, x + 1, y + 1) for x in range(4, 60, 8) for y in range(4, 60, 8)]
        block = shapely.box(0, 0, 64, 64) - shapely.union_all(holes)
        filled = np.array([shapely.box(0, 0, 64, 64)] * (len(holes) + 1))
        for i, hole in enumerate(holes):
            filled[i] -= shapely.union_all([*holes[:i], *holes[i + 1 :]])
            assert not _kept_out(filled[i : i + 1], np.array([hole]))
            filled[i] -= hole
        assert _kept_out(filled, np.array(holes)).tolist() == [True] * len(holes) + [False]
        (found,) = regularized(shapely.segmentize(np.array([block]), 1), unknown=np.array(holes))
        assert shapely.area(shapely.intersection(found, holes)).max() < 1e-9

    @given(blobs(), st.booleans())
    @settings(max_examples=40)
    def test_any_unknown_ground(self, blob, square):
        field, valid = blob
        pixels = [shapely.box(col, row, col + 1, row + 1) for row, col in zip(*np.nonzero(~valid), strict=True)]
        unknown = np.array([*pixels, shapely.box(-9, -9, 49, 49) - shapely.box(0, 0, 40, 40)])
        found = regularized(contour(field, 0.5, valid=valid), square=square, unknown=unknown)
        assert shapely.is_valid(found).all()
        assert overlap(found) == pytest.approx(0, abs=1e-6)
        assert max(shapely.area(shapely.intersection(found, shapely.union_all(unknown))), default=0) < 1e-6

    @given(crowds(), st.booleans(), st.floats(0, 90))
    @settings(max_examples=40)
    def test_what_an_area_cuts_stays_inside(self, contours, square, angle_deg):
        area = affinity.rotate(shapely.box(11, 9, 30, 28), angle_deg)
        pieces, own = shapely.get_parts(shapely.intersection(contours, area), return_index=True)
        pieces, own = pieces[shapely.area(pieces) > 1e-3], own[shapely.area(pieces) > 1e-3]
        found = regularized(pieces, square=square, others=contours, own=own, area=area)
        assert shapely.is_valid(found).all()
        assert overlap(found) == pytest.approx(0, abs=1e-6)
        clear = shapely.distance(pieces, area.exterior) > 1e-9
        assert max(shapely.area(shapely.difference(found[~clear], area)), default=0) <= 1e-9
        whole = regularized(contours, square=square)[own[clear]]
        assert shapely.to_wkb(found[clear]).tolist() == shapely.to_wkb(whole).tolist()

    def test_a_cut_building_is_squared_up_to_the_edge(self):
        contours = outlined(affinity.rotate(shapely.box(10, 10, 50, 30), 20))
        area = shapely.box(0, 0, 30, 60)
        cut = shapely.intersection(contours, area)
        (found,) = regularized(cut, others=contours, own=np.array([0]), area=area)
        assert len(found.exterior.coords) - 1 == 4
        assert found.bounds[2] == pytest.approx(30, abs=1e-9)
