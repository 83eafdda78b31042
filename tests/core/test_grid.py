"""Grids on the ground, against ellipsoid formulas, pyproj.Geod and sums done by hand."""

import math

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import assume, given
from hypothesis import strategies as st

from samft_core.errors import InputError
from samft_core.grid import Grid, Window, reproject
from tests.conftest import UTM, assert_one_clear_line, make_grid

SEMI_MAJOR_M = 6_378_137.0
ECCENTRICITY_2 = 0.00669437999014


def radii_m(lat_deg: float) -> tuple[float, float]:
    """WGS 84's radii of curvature along a parallel's normal section and along the meridian."""
    w2 = 1 - ECCENTRICITY_2 * math.sin(math.radians(lat_deg)) ** 2
    return SEMI_MAJOR_M / math.sqrt(w2), SEMI_MAJOR_M * (1 - ECCENTRICITY_2) / w2**1.5


def geodesic_step_m(grid: Grid, dx_px: float, dy_px: float) -> float:
    """The length of a step from the grid's centre, halves of it to each side, by pyproj alone."""
    x, y = grid.width / 2, grid.height / 2
    ends = [grid.transform * (x - dx_px / 2, y - dy_px / 2), grid.transform * (x + dx_px / 2, y + dy_px / 2)]
    to_lonlat = pyproj.Transformer.from_crs(grid.crs, grid.crs.geodetic_crs, always_xy=True)
    (lon0, lat0), (lon1, lat1) = (to_lonlat.transform(*end) for end in ends)
    return pyproj.Geod(ellps="WGS84").inv(lon0, lat0, lon1, lat1)[2]


class TestGroundSamplingDistance:
    def test_utm_on_the_central_meridian(self):
        grid = make_grid(100, 100, transform=Affine(0.5, 0, 500_000 - 25, 0, -0.5, 3_762_000))
        assert grid.gsd_m == pytest.approx((0.5 / 0.9996, 0.5 / 0.9996), rel=1e-6)

    def test_web_mercator_shrinks_with_the_cosine_of_the_latitude(self):
        lat = 60.0
        y = SEMI_MAJOR_M * math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))
        grid = make_grid(200, 100, crs="EPSG:3857", transform=Affine(0.6, 0, 1_000_000, 0, -0.6, y + 60))
        normal, meridian = radii_m(lat)
        shrunk = 0.6 * math.cos(math.radians(lat)) / SEMI_MAJOR_M
        assert grid.gsd_m == pytest.approx((shrunk * normal, shrunk * meridian), rel=1e-6)
        assert grid.gsd_m == pytest.approx((0.3, 0.3), rel=5e-3)

    def test_degrees(self):
        lat, step = 34.0, 1e-5
        grid = make_grid(100, 50, crs="EPSG:4326", transform=Affine(step, 0, -117, 0, -step, lat + 50 * step))
        normal, meridian = radii_m(lat)
        expected = math.radians(step) * normal * math.cos(math.radians(lat)), math.radians(step) * meridian
        assert grid.gsd_m == pytest.approx(expected, rel=1e-7)

    def test_us_survey_feet(self):
        grid = make_grid(100, 100, crs="EPSG:2229", transform=Affine(2, 0, 6_480_000, 0, -2, 1_840_000))
        assert grid.gsd_m == pytest.approx((2 * 1200 / 3937,) * 2, rel=1e-4)

    def test_rows_and_columns_apart(self):
        grid = make_grid(100, 100, transform=Affine(0.3, 0, 500_000, 0, -0.6, 3_762_000))
        assert grid.gsd_m == pytest.approx((0.3 / 0.9996, 0.6 / 0.9996), rel=1e-6)

    @pytest.mark.parametrize(
        "transform",
        [
            Affine.translation(500_000, 3_762_000) * Affine.rotation(30) * Affine.scale(0.5, -0.5),
            Affine(0.5, 0, 500_000, 0, 0.5, 3_762_000),
            Affine(-0.5, 0, 500_000, 0, -0.5, 3_762_000),
            Affine(0, 0.5, 500_000, 0.5, 0, 3_762_000),
        ],
        ids=["rotated", "south-up", "mirrored", "transposed"],
    )
    def test_turned_and_mirrored(self, transform):
        assert make_grid(80, 120, transform=transform).gsd_m == pytest.approx((0.5 / 0.9996,) * 2, rel=1e-6)

    @pytest.mark.parametrize(
        ("crs", "transform"),
        [
            (UTM, Affine(0.5, 0.1, 420_000, 0.05, -0.7, 4_000_000)),
            ("EPSG:3857", Affine(0.6, 0, -13_000_000, 0, -0.6, 4_000_000)),
            ("EPSG:4326", Affine(3e-6, 0, 11, 0, -2e-6, -48)),
            ("EPSG:3413", Affine(10, 0, -200_000, 0, -10, -1_500_000)),
        ],
    )
    def test_against_pyproj(self, crs, transform):
        grid = make_grid(64, 96, crs=crs, transform=transform)
        expected = geodesic_step_m(grid, 1, 0), geodesic_step_m(grid, 0, 1)
        assert grid.gsd_m == pytest.approx(expected, rel=1e-9)

    def test_off_the_earth(self):
        grid = make_grid(10, 10, crs="EPSG:4326", transform=Affine(1, 0, 500_000, 0, -1, 3_762_000))
        with pytest.raises(InputError, match="on the Earth") as caught:
            _ = grid.gsd_m
        assert_one_clear_line(caught.value)

    def test_a_crs_that_is_not_tied_to_the_earth(self):
        local = pyproj.CRS.from_wkt('LOCAL_CS["site plan",UNIT["metre",1]]')
        grid = Grid(crs=local, transform=Affine(1, 0, 0, 0, -1, 0), height=10, width=10)
        with pytest.raises(InputError, match="tied to the Earth") as caught:
            _ = grid.gsd_m
        assert_one_clear_line(caught.value)


class TestRescaled:
    def test_by_hand(self):
        grid = make_grid(100, 200, transform=Affine(0.9996, 0, 500_000 - 99.96, 0, -0.4998, 3_762_000))
        fine = grid.rescaled(0.25)
        assert fine.shape == (200, 800)
        assert fine.transform.almost_equals(Affine(0.2499, 0, 500_000 - 99.96, 0, -0.2499, 3_762_000), precision=1e-9)

    @given(
        height=st.integers(1, 5000),
        width=st.integers(1, 5000),
        gsd_m=st.floats(0.05, 10),
        angle_deg=st.floats(0, 360),
    )
    def test_the_outline_stays(self, height, width, gsd_m, angle_deg):
        transform = Affine.translation(480_000, 3_762_000) * Affine.rotation(angle_deg) * Affine.scale(0.5, -0.7)
        grid = make_grid(height, width, transform=transform)
        lattice = grid.rescaled(gsd_m)
        before = shapely.get_coordinates(grid.footprint)
        after = shapely.get_coordinates(lattice.footprint)
        assert lattice.transform * (0, 0) == grid.transform * (0, 0)
        assert np.abs(after - before).max() < 1e-8
        for count, old_count, old_gsd_m in (
            (lattice.width, width, grid.gsd_m[0]),
            (lattice.height, height, grid.gsd_m[1]),
        ):
            assert count == 1 or abs(count * gsd_m - old_count * old_gsd_m) <= gsd_m * (0.5 + 1e-6)

    @pytest.mark.parametrize("gsd_m", [0, -1, math.nan, math.inf])
    def test_no_distance(self, gsd_m):
        with pytest.raises(InputError, match="above 0 m") as caught:
            make_grid(10, 10).rescaled(gsd_m)
        assert_one_clear_line(caught.value)


class TestWindowOf:
    grid = make_grid(100, 200)  # 500000 to 500100 east, 3761950 to 3762000 north

    def test_by_hand(self):
        window = self.grid.window_of((500_010, 3_761_980, 500_020.25, 3_761_995))
        assert window == Window(row_px=10, col_px=20, height_px=30, width_px=21)

    def test_an_edge_on_a_border_takes_no_further_pixel(self):
        assert self.grid.window_of(self.grid.bounds) == self.grid.window
        thirds = make_grid(99, 99, transform=Affine(0.1, 0, 500_000, 0, -0.1, 3_762_000))
        box = (500_000 + 0.1 * 3, 3_762_000 - 0.1 * 9, 500_000 + 0.1 * 7, 3_762_000 - 0.1 * 6)
        assert thirds.window_of(box) == Window(row_px=6, col_px=3, height_px=3, width_px=4)

    @given(
        step=st.sampled_from([0.1, 0.3, 1 / 3, 0.7]),
        row=st.integers(0, 900),
        col=st.integers(0, 900),
        height=st.integers(1, 99),
        width=st.integers(1, 99),
    )
    def test_the_bounds_of_a_window_give_the_window_back(self, step, row, col, height, width):
        grid = make_grid(1000, 1000, transform=Affine(step, 0, 500_000, 0, -step, 3_762_000))
        window = Window(row_px=row, col_px=col, height_px=height, width_px=width)
        assert grid.window_of(grid.crop(window).bounds) == window

    def test_cut_to_the_grid(self):
        window = self.grid.window_of((499_000, 3_761_990, 500_001, 3_770_000))
        assert window == Window(row_px=0, col_px=0, height_px=20, width_px=2)

    def test_south_up(self):
        grid = make_grid(100, 200, transform=Affine(0.5, 0, 500_000, 0, 0.5, 3_761_950))
        window = grid.window_of((500_010, 3_761_960, 500_020, 3_761_965))
        assert window == Window(row_px=20, col_px=20, height_px=10, width_px=20)

    def test_rotated_takes_the_box_around(self):
        turned = Affine.translation(500_000, 3_762_000) * Affine.rotation(45) * Affine.scale(1, -1)
        grid = make_grid(100, 100, transform=turned)
        east, north = turned * (50, 50)
        half = 10 / math.sqrt(2)  # a box of half width h turned by 45 degrees reaches h * sqrt(2) in pixels
        window = grid.window_of((east - half, north - half, east + half, north + half))
        assert window == Window(row_px=40, col_px=40, height_px=20, width_px=20)

    @pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:2229"])
    def test_bounds_in_another_crs_cover_what_they_name(self, crs):
        inner = shapely.box(500_030, 3_761_970, 500_060, 3_761_980)
        there = reproject(np.array([shapely.segmentize(inner, 1)]), self.grid.crs, pyproj.CRS(crs))[0]
        window = self.grid.window_of(there.bounds, pyproj.CRS(crs))
        covered = self.grid.crop(window).footprint
        assert covered.covers(inner)
        left, bottom, right, top = covered.bounds
        assert (left, bottom, right, top) == pytest.approx(inner.bounds, abs=2.0)

    @pytest.mark.parametrize("bounds", [(0, 0, 10, 10), (500_100.5, 3_761_960, 500_110, 3_761_970)])
    def test_off_the_grid_quotes_both(self, bounds):
        with pytest.raises(InputError, match="--bounds-crs") as caught:
            self.grid.window_of(bounds)
        assert_one_clear_line(caught.value)
        assert "(500000.0, 3761950.0, 500100.0, 3762000.0)" in caught.value.expected
        assert "UTM zone 11N" in caught.value.expected
        assert f"{bounds[0]:.1f}" in caught.value.got or f"{bounds[0]:.6f}" in caught.value.got

    def test_off_the_grid_in_another_crs(self):
        with pytest.raises(InputError, match="WGS 84") as caught:
            self.grid.window_of((10.0, 50.0, 10.1, 50.1), pyproj.CRS("EPSG:4326"))
        assert "(10.000000, 50.000000, 10.100000, 50.100000)" in caught.value.got

    def test_outside_the_crs_altogether(self):
        with pytest.raises(InputError, match="touch the raster"):
            self.grid.window_of((500_000, 3_761_950, 500_100, 3_762_000), pyproj.CRS("EPSG:4326"))

    @pytest.mark.parametrize("bounds", [(math.nan, 0, 1, 1), (-math.inf, 0, 1, 1), (5, 0, 4, math.inf)])
    def test_not_finite(self, bounds):
        with pytest.raises(InputError, match=r"expected bounds .* all finite.*; give four numbers") as caught:
            self.grid.window_of(bounds)
        assert_one_clear_line(caught.value)

    @pytest.mark.parametrize("bounds", [(-180, -80, 180, 84), (-180, -90, 180, 90), (-125, 25, -109, 45)])
    def test_far_larger_than_the_grid_in_another_crs(self, bounds):
        assert self.grid.window_of(bounds, pyproj.CRS("EPSG:4326")) == self.grid.window

    def test_half_of_the_grid_in_another_crs(self):
        to_lonlat = pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
        _, middle = to_lonlat.transform(500_000, 3_762_000 - 25.2)
        window = self.grid.window_of((-125, middle, -109, 45), pyproj.CRS("EPSG:4326"))
        assert window == Window(row_px=0, col_px=0, height_px=51, width_px=200)

    @pytest.mark.parametrize("bounds", [(5, 0, 5, 1), (5, 0, 4, 1), (0, 2, 1, 1)])
    def test_values_in_the_wrong_order(self, bounds):
        with pytest.raises(InputError, match="left < right") as caught:
            self.grid.window_of(bounds)
        assert_one_clear_line(caught.value)


class TestAreas:
    def test_square_of_100_metres_on_the_central_meridian(self):
        square = shapely.box(499_950, 3_761_950, 500_050, 3_762_050)
        (area,) = make_grid(10, 10).areas_m2([square])
        assert area == pytest.approx(10_000 / 0.9996**2, rel=1e-6)
        assert area == pytest.approx(10_000, rel=1e-3)

    @pytest.mark.parametrize("crs", [UTM, "EPSG:3857", "EPSG:4326", "EPSG:2229"])
    @pytest.mark.parametrize("turn", [1, -1], ids=["anticlockwise", "clockwise"])
    def test_against_pyproj(self, crs, turn):
        ring = np.array([(-117.01, 34.0), (-117.0, 34.001), (-117.002, 34.012), (-117.013, 34.01)])[::turn]
        there = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        polygon = shapely.Polygon(np.column_stack(there.transform(ring[:, 0], ring[:, 1])))
        expected = abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(ring[:, 0], ring[:, 1])[0])
        (area,) = make_grid(10, 10, crs=crs).areas_m2([polygon])
        # EPSG:2229 lies on NAD83: the same numbers within GRS 80's difference from WGS 84
        assert area == pytest.approx(expected, rel=1e-5 if crs == "EPSG:2229" else 1e-9)

    @pytest.mark.parametrize("turn", [1, -1])
    def test_holes_are_left_out(self, turn):
        shell = [(500_000, 0), (500_100, 0), (500_100, 100), (500_000, 100)]
        hole = [(500_020, 20), (500_050, 20), (500_050, 50), (500_020, 50)][::turn]
        (area,) = make_grid(10, 10).areas_m2([shapely.Polygon(shell, [hole])])
        assert area == pytest.approx((10_000 - 900) / 0.9996**2, rel=1e-4)
        whole, inner = make_grid(10, 10).areas_m2([shapely.Polygon(shell), shapely.Polygon(hole)])
        assert area == pytest.approx(whole - inner, rel=1e-9)

    def test_none(self):
        assert make_grid(10, 10).areas_m2([]).shape == (0,)


class TestCoordinates:
    def test_pixel_corners_and_centres(self):
        grid = make_grid(4, 6)
        corner, centre = grid.to_map(np.array([shapely.Point(0, 0), shapely.Point(2.5, 1.5)]))
        assert (corner.x, corner.y) == (500_000, 3_762_000)
        assert (centre.x, centre.y) == (500_001.25, 3_761_999.25)
        assert grid.bounds == (500_000, 3_761_998, 500_003, 3_762_000)

    @given(
        angle_deg=st.floats(-180, 180),
        step_x=st.floats(0.01, 100),
        step_y=st.floats(-100, -0.01),
        shear_deg=st.floats(-40, 40),
        x=st.floats(-1e4, 1e4),
        y=st.floats(-1e4, 1e4),
    )
    def test_there_and_back(self, angle_deg, step_x, step_y, shear_deg, x, y):
        transform = Affine.translation(5e5, 4e6) * Affine.rotation(angle_deg) * Affine.shear(shear_deg, 0)
        transform *= Affine.scale(step_x, step_y)
        grid = make_grid(10, 10, transform=transform)
        back = grid.to_pixel(grid.to_map(shapely.Point(x, y)))
        tolerance_px = 1e-8 / min(step_x, -step_y)  # 4e6 m known to 1e-9 m
        assert math.dist((back.x, back.y), (x, y)) < 100 * tolerance_px
        mapped = grid.to_map(shapely.Point(x, y))
        assert (mapped.x, mapped.y) == pytest.approx(transform * (x, y), rel=1e-12)

    def test_metres_keep_rows_and_columns_as_axes(self):
        grid = make_grid(100, 100, transform=Affine(0.3, 0, 499_985, 0, -0.6, 3_762_000))
        point = grid.to_metres(shapely.Point(10, 20))
        assert (point.x, point.y) == pytest.approx((3 / 0.9996, 12 / 0.9996), rel=1e-6)
        back = grid.from_metres(point)
        assert (back.x, back.y) == pytest.approx((10, 20), rel=1e-12)

    def test_crop_lies_where_its_window_does(self):
        grid = make_grid(40, 40, transform=Affine.translation(5e5, 4e6) * Affine.rotation(20) * Affine.scale(2, -3))
        crop = grid.crop(Window(row_px=-5, col_px=7, height_px=50, width_px=3))
        assert crop.shape == (50, 3)
        assert crop.transform * (1, 2) == pytest.approx(grid.transform * (8, -3), rel=1e-12)


class TestAtBirth:
    @pytest.mark.parametrize("shape", [(0, 5), (5, 0), (-1, 5)])
    def test_no_pixels(self, shape):
        with pytest.raises(InputError, match="at least one pixel") as caught:
            make_grid(*shape)
        assert_one_clear_line(caught.value)

    def test_transform_without_an_inverse(self):
        with pytest.raises(InputError, match="inverted") as caught:
            make_grid(5, 5, transform=Affine(1, 1, 0, 1, 1, 0))
        assert_one_clear_line(caught.value)

    def test_window_without_pixels(self):
        with pytest.raises(InputError, match="at least one pixel") as caught:
            Window(row_px=0, col_px=0, height_px=0, width_px=4)
        assert_one_clear_line(caught.value)


windows = st.builds(
    lambda row, col, height, width: Window(row_px=row, col_px=col, height_px=height, width_px=width),
    st.integers(-10, 10),
    st.integers(-10, 10),
    st.integers(1, 12),
    st.integers(1, 12),
)


def cells(window: Window) -> set[tuple[int, int]]:
    return {
        (row, col)
        for row in range(window.row_px, window.row_px + window.height_px)
        for col in range(window.col_px, window.col_px + window.width_px)
    }


class TestWindow:
    @given(one=windows, other=windows)
    def test_intersection_is_the_shared_pixels(self, one, other):
        shared = one.intersection(other)
        assert (cells(shared) if shared else set()) == cells(one) & cells(other)

    @given(one=windows, origin=windows)
    def test_relative_to_indexes_the_same_pixels(self, one, origin):
        inside = one.intersection(origin)
        assume(inside is not None)
        field = np.arange(50 * 50).reshape(50, 50)
        moved = [Window(row_px=w.row_px + 20, col_px=w.col_px + 20, height_px=w.height_px, width_px=w.width_px)
                 for w in (inside, origin)]  # fmt: skip
        expected = field[moved[0].rows, moved[0].cols]
        place = inside.relative_to(origin)
        assert np.array_equal(field[moved[1].rows, moved[1].cols][place.rows, place.cols], expected)
