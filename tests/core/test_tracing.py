"""Masks to polygons along the pixels' edges, against GDAL, shapely and shapes drawn by hand."""

import subprocess
import sys

import numpy as np
import pytest
import rasterio.features
import scipy.ndimage
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from samft_core import corners, tracing
from samft_core.tracing import trace, trace_bands
from tests.conftest import make_grid

TYPES = [np.bool_, np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64]


@st.composite
def rasters(draw, *, most_labels: int = 3) -> np.ndarray:
    """Noise, in which areas touch themselves and each other all the time."""
    height, width = draw(st.integers(1, 16)), draw(st.integers(1, 16))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(1, draw(st.integers(1, most_labels)) + 1, (height, width))
    share = draw(st.sampled_from([0.2, 0.5, 0.7, 0.9, 1.1]))
    return np.where(rng.random((height, width)) < share, labels, 0).astype(np.int32)


def drawing(*rows: str) -> np.ndarray:
    """Labels from digits, 0 from points."""
    return np.array([[int(pixel) for pixel in row.replace(".", "0")] for row in rows], dtype=np.uint8)


def by_gdal(labels: np.ndarray) -> list[tuple[shapely.Geometry, int]]:
    """What GDAL makes of labels, mended where its rings touch themselves, in the order of first pixels."""
    found = rasterio.features.shapes(labels, mask=labels != 0, connectivity=4)
    polygons = [(shapely.make_valid(shape(outline)), int(value)) for outline, value in found]
    return sorted(polygons, key=lambda pair: first_pixel(pair[0]))


def first_pixel(polygon: shapely.Geometry) -> tuple[float, float]:
    """Row and column of a polygon's first pixel, row by row."""
    x, y = shapely.get_coordinates(polygon).T
    return y.min(), x[y == y.min()].min()


def turns(ring: shapely.LinearRing) -> np.ndarray:
    """Which vertices of a ring are corners between a level and an upright edge."""
    steps = np.diff(np.asarray(ring.coords), axis=0)
    is_level = steps[:, 1] == 0
    assert np.all(is_level != (steps[:, 0] == 0))
    return is_level != np.roll(is_level, 1)


def assert_as_gdal(labels: np.ndarray) -> None:
    polygons, values = trace(labels)
    expected = by_gdal(labels)
    assert values.tolist() == [value for _, value in expected]
    assert values.dtype == np.int64
    for polygon, (other, _) in zip(polygons, expected, strict=True):
        assert polygon.geom_type == "Polygon"
        assert polygon.is_valid, shapely.is_valid_reason(polygon)
        assert polygon.equals(other)


class TestAgainstOtherTools:
    @given(rasters())
    def test_gdal(self, labels):
        assert_as_gdal(labels)

    @given(rasters(most_labels=1))
    def test_gdal_masks(self, mask):
        assert_as_gdal(mask)

    @pytest.mark.parametrize("share", [0.4, 0.5, 0.6, 0.65])
    def test_gdal_large_noise(self, share):
        """Wide enough for the long strides, tall enough for more than one piece."""
        rng = np.random.default_rng(int(100 * share))
        assert_as_gdal((rng.random((150, 333)) < share).astype(np.uint8))

    def test_gdal_blobs(self):
        noise = scipy.ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(400, 700)), 4)
        assert_as_gdal(np.digitize(noise, [-0.05, 0, 0.05]).astype(np.uint8))

    @given(rasters(most_labels=1))
    def test_scipy_components(self, mask):
        components, count = scipy.ndimage.label(mask)  # numbered by their first pixels
        polygons, _ = trace(mask)
        assert shapely.area(polygons).tolist() == np.bincount(components.ravel(), minlength=count + 1)[1:].tolist()
        relabelled, numbers = trace(components)
        assert numbers.tolist() == list(range(1, count + 1))
        assert all(a.equals_exact(b) for a, b in zip(polygons, relabelled, strict=True))

    @given(rasters())
    def test_back_to_pixels(self, labels):
        polygons, values = trace(labels)
        rows, cols = np.mgrid[: labels.shape[0], : labels.shape[1]] + 0.5
        for value in range(1, 4):
            union = shapely.union_all(polygons[values == value])
            assert np.array_equal(shapely.contains_xy(union, cols, rows), labels == value)
        assert shapely.area(polygons).sum() == np.count_nonzero(labels)


class TestOutlines:
    @given(rasters())
    def test_only_corners_are_vertices(self, labels):
        for polygon in trace(labels)[0]:
            for ring in (polygon.exterior, *polygon.interiors):
                assert turns(ring).all()
                assert ring.is_simple

    @given(rasters())
    def test_in_the_order_of_first_pixels(self, labels):
        polygons, values = trace(labels)
        firsts = [first_pixel(polygon) for polygon in polygons]
        assert firsts == sorted(firsts)
        assert values.tolist() == [labels[int(row), int(col)] for row, col in firsts]

    @given(rasters())
    def test_shells_and_holes_turn_opposite_ways(self, labels):
        for polygon in trace(labels)[0]:
            assert polygon.exterior.is_ccw  # as numbers; y points downwards in a picture
            assert not any(hole.is_ccw for hole in polygon.interiors)


class TestByHand:
    def test_one_pixel(self):
        (polygon,), labels = trace(np.ones((1, 1), dtype=bool))
        assert polygon.equals_exact(shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)]))
        assert labels.tolist() == [1]

    def test_everything(self):
        (polygon,), labels = trace(np.full((300, 200), 7))
        assert polygon.equals_exact(shapely.Polygon([(0, 0), (200, 0), (200, 300), (0, 300)]))
        assert labels.tolist() == [7]

    @pytest.mark.parametrize("shape", [(1, 1), (5, 70), (0, 4), (4, 0), (0, 0)])
    def test_nothing(self, shape):
        polygons, labels = trace(np.zeros(shape, dtype=np.uint8))
        assert polygons.shape == labels.shape == (0,)
        assert polygons.dtype == object

    def test_a_ring_whose_ends_touch(self):
        """The hole touches its shell, and the outline passes that point twice."""
        (polygon,), _ = trace(drawing(".111", "1..1", "1..1", "1111"))
        assert polygon.is_valid
        assert polygon.exterior.equals(
            shapely.LinearRing([(1, 0), (4, 0), (4, 4), (0, 4), (0, 1), (1, 1)]),
        )
        (hole,) = polygon.interiors
        assert hole.equals(shapely.LinearRing([(1, 1), (3, 1), (3, 3), (1, 3)]))

    @pytest.mark.parametrize("turn", range(4))
    def test_a_ring_whose_ends_touch_anywhere(self, turn):
        labels = np.rot90(drawing("111.", "1..1", "1..1", "1111"), turn)
        (polygon,), _ = trace(labels)
        assert polygon.is_valid
        assert polygon.area == 11
        assert [shapely.Polygon(hole).area for hole in polygon.interiors] == [4]

    @pytest.mark.parametrize("is_mirrored", [False, True])
    def test_two_holes_that_touch(self, is_mirrored):
        labels = drawing("1111", "1.11", "11.1", "1111")
        (polygon,), _ = trace(labels[::-1] if is_mirrored else labels)
        assert polygon.is_valid
        assert polygon.area == 14
        assert [shapely.Polygon(hole).area for hole in polygon.interiors] == [1, 1]

    def test_holes_in_a_chain_to_the_shell(self):
        (polygon,), _ = trace(drawing("11111", "1.111", "11.11", "111.1", "1111."))
        assert polygon.is_valid
        assert len(polygon.interiors) == 3
        assert polygon.area == 21

    def test_a_checkerboard(self):
        board = np.indices((9, 8)).sum(axis=0) % 2
        polygons, labels = trace(board)
        assert shapely.area(polygons).tolist() == [1] * 36
        assert labels.tolist() == [1] * 36
        assert [first_pixel(polygon) for polygon in polygons] == list(map(tuple, np.argwhere(board)))

    def test_a_checkerboard_of_two_labels(self):
        board = np.indices((6, 7)).sum(axis=0) % 2 + 1
        polygons, labels = trace(board)
        assert shapely.area(polygons).tolist() == [1] * 42
        assert labels.tolist() == board.ravel().tolist()

    def test_an_island_in_a_hole(self):
        mask = drawing("11111", "1...1", "1.1.1", "1...1", "11111")
        (ring, island), _ = trace(mask)
        assert ring.equals(shapely.box(0, 0, 5, 5) - shapely.box(1, 1, 4, 4))
        assert island.equals(shapely.box(2, 2, 3, 3))

    def test_an_island_that_touches_its_hole_all_around(self):
        (ring, island), _ = trace(drawing("11111", "11.11", "1.1.1", "11.11", "11111"))
        assert ring.area == 20
        assert island.equals(shapely.box(2, 2, 3, 3))
        assert ring.is_valid
        assert ring.touches(island)

    def test_label_in_label_in_label(self):
        polygons, labels = trace(drawing("11111", "12221", "12321", "12221", "11111"))
        boxes = [shapely.box(0, 0, 5, 5), shapely.box(1, 1, 4, 4), shapely.box(2, 2, 3, 3)]
        assert labels.tolist() == [1, 2, 3]
        assert polygons[0].equals(boxes[0] - boxes[1])
        assert polygons[1].equals(boxes[1] - boxes[2])
        assert polygons[2].equals(boxes[2])

    def test_the_same_label_twice_in_another(self):
        polygons, labels = trace(drawing("22222", "21212", "22222"))
        assert labels.tolist() == [2, 1, 1]
        assert [len(polygon.interiors) for polygon in polygons] == [2, 0, 0]

    @pytest.mark.parametrize("is_row", [True, False])
    def test_one_row_or_column(self, is_row):
        line = np.array([[1, 1, 0, 2, 3, 3, 0, 0, 1]], dtype=np.uint8)
        spans = [(0, 2, 1), (3, 4, 2), (4, 6, 3), (8, 9, 1)]
        polygons, labels = trace(line if is_row else line.T)
        assert labels.tolist() == [label for _, _, label in spans]
        for polygon, (begin, end, _) in zip(polygons, spans, strict=True):
            assert polygon.equals(shapely.box(begin, 0, end, 1) if is_row else shapely.box(0, begin, 1, end))


class TestArrays:
    @pytest.mark.parametrize("dtype", TYPES)
    def test_types(self, dtype):
        rng = np.random.default_rng(4)
        labels = rng.integers(0, 2 if dtype == np.bool_ else 4, (40, 150)).astype(dtype)
        polygons, values = trace(labels)
        expected, numbers = trace(labels.astype(np.int32))
        assert values.tolist() == numbers.tolist()
        assert shapely.equals_exact(polygons, expected).all()
        assert len(polygons) > 400

    @pytest.mark.parametrize("value", [-1, -(2**63), 2**63 - 1, 2**40])
    def test_any_value_but_zero(self, value):
        polygons, labels = trace(np.array([[0, value, value + 1 if value < 0 else value - 1]], dtype=np.int64))
        assert labels[0] == value
        assert polygons[0].equals(shapely.box(1, 0, 2, 1))

    def test_the_other_byte_order(self):
        labels = drawing("112", "122").astype(">i4")
        assert trace(labels)[1].tolist() == [1, 2]

    @given(rasters(), st.sampled_from(["transposed", "mirrored", "every second", "fortran", "read-only"]))
    def test_views(self, labels, kind):
        view = {
            "transposed": labels.T,
            "mirrored": labels[::-1, ::-1],
            "every second": labels[::2, ::2],
            "fortran": np.asfortranarray(labels),
            "read-only": np.broadcast_to(labels, labels.shape),
        }[kind]
        polygons, values = trace(view)
        expected, numbers = trace(np.array(view, order="C"))
        assert shapely.equals_exact(polygons, expected).all()
        assert values.tolist() == numbers.tolist()

    @given(rasters())
    def test_labels_are_left_as_they_were(self, labels):
        before = labels.copy()
        trace(labels)
        assert np.array_equal(labels, before)

    def test_numbers_of_8_bytes_where_4_are_not_enough(self, monkeypatch):
        labels = np.random.default_rng(2).integers(0, 3, (60, 60))
        expected, numbers = trace(labels)
        monkeypatch.setattr(corners, "LINES_AT_FIRST", 2)
        monkeypatch.setattr(corners, "MOST_SHORT", 2000)  # passed in the middle
        polygons, values = trace(labels)
        assert shapely.equals_exact(polygons, expected).all()
        assert values.tolist() == numbers.tolist()

    def test_polygons_made_a_few_at_a_time(self, monkeypatch):
        labels = np.random.default_rng(3).integers(0, 2, (60, 60))
        expected, _ = trace(labels)
        monkeypatch.setattr(tracing, "POINTS_AT_ONCE", 50)
        assert shapely.equals_exact(trace(labels)[0], expected).all()


class TestBands:
    @given(rasters(), st.lists(st.integers(0, 15), max_size=6))
    def test_any_bands_give_what_the_whole_gives(self, labels, cuts):
        polygons, values = trace_bands(np.split(labels, sorted(min(cut, len(labels)) for cut in cuts)))
        expected, numbers = trace(labels)
        assert shapely.equals_exact(polygons, expected).all()
        assert values.tolist() == numbers.tolist()

    @given(rasters(), st.integers(1, 60))
    def test_any_piece_gives_what_the_whole_gives(self, labels, pixels):
        expected, numbers = trace(labels)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tracing, "PIXELS_AT_ONCE", pixels)
            polygons, values = trace(labels)
        assert shapely.equals_exact(polygons, expected).all()
        assert values.tolist() == numbers.tolist()

    def test_a_band_may_be_overwritten_by_the_next(self):
        labels = np.random.default_rng(5).integers(0, 3, (64, 50))

        def bands():
            buffer = np.empty((8, 50), dtype=labels.dtype)
            for row in range(0, 64, 8):
                buffer[:] = labels[row : row + 8]
                yield buffer

        assert shapely.equals_exact(trace_bands(bands())[0], trace(labels)[0]).all()

    def test_none(self):
        polygons, labels = trace_bands([])
        assert polygons.shape == labels.shape == (0,)

    @pytest.mark.parametrize("other", [np.ones((2, 1), dtype=np.uint8), np.ones((2, 5), dtype=np.int64)])
    def test_of_another_width_or_type(self, other):
        with pytest.raises(ValueError, match="expected bands of 5 uint8"):
            trace_bands([np.ones((2, 5), dtype=np.uint8), other])


@given(rasters())
def test_on_the_map_as_by_the_grid(labels):
    transform = Affine.translation(5e5, 4e6) @ Affine.rotation(33) @ Affine.scale(0.3, -0.4)
    grid = make_grid(*labels.shape, transform=transform)
    polygons, values = trace(labels, grid=grid)
    expected, numbers = trace(labels)
    assert values.tolist() == numbers.tolist()
    assert shapely.equals_exact(polygons, grid.to_map(expected)).all()


def test_the_package_gives_functions_whatever_was_imported_before():
    script = (
        "import samft_core.tracing, samft_core.contours\n"
        "from samft_core import contour, trace\n"
        "assert trace is samft_core.tracing.trace and callable(trace)\n"
        "assert contour is samft_core.contours.contour and callable(contour)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
