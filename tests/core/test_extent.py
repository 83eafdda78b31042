"""One lattice, any extent: what is found inside is what the whole raster gives."""

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from samft_core import outline
from samft_core.errors import InputError, OutsideError
from samft_core.extent import BEYOND_PX, HALO_PX, within_area, within_bounds
from samft_core.footprints import Segmentation, segment
from samft_core.grid import Grid, Window
from tests.conftest import UTM, assert_one_clear_line, make_grid, write_raster
from tests.fakes import PerfectSegmenter, make_bundle

HEIGHT, WIDTH = 150, 170


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """A raster full of buildings of all shapes, many less than a pixel apart, with a hole in what is known."""
    rng = np.random.default_rng(11)
    smooth = rng.random((HEIGHT // 5 + 2, WIDTH // 5 + 2))
    field = np.kron(smooth, np.ones((5, 5)))[:HEIGHT, :WIDTH]
    for _ in range(2):
        field = sum(np.roll(field, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) / 9
    blobs = np.clip((field - 0.5) * 6 + 0.5, 0, 1)
    houses = [
        shapely.affinity.rotate(shapely.box(x, y, x + 14, y + 11), angle)
        for x, y, angle in zip(range(6, 150, 15), rng.integers(5, 130, 10), rng.integers(0, 90, 10), strict=True)
    ]
    fine = rasterio.features.rasterize(houses, out_shape=(HEIGHT * 8, WIDTH * 8), transform=Affine.scale(1 / 8))
    drawn = fine.reshape(HEIGHT, 8, WIDTH, 8).mean(axis=(1, 3))
    picture = np.rint(255 * np.maximum(blobs, drawn)).astype(np.uint8)
    known = np.ones((HEIGHT, WIDTH), dtype=bool)
    known[60:66, 20:90] = False
    path = tmp_path_factory.mktemp("crowded") / "crowded.tif"
    write_raster(path, np.stack([picture] * 3), mask=known)
    return make_grid(HEIGHT, WIDTH), path


def found_in(path, *, gsd_m: float, regularize: bool, **extent) -> Segmentation:
    bundle = make_bundle(gsd_m=gsd_m, tile_px=64, overlap_px=16, min_area_m2=0.5)
    return segment(bundle, path, segmenter=PerfectSegmenter(), regularize=regularize, **extent)


@pytest.fixture(scope="module")
def whole(crowded):
    """What all of it gives, by resolution and way of drawing."""
    found = {}

    def once(gsd_m: float, regularize: bool) -> Segmentation:
        key = gsd_m, regularize
        if key not in found:
            found[key] = found_in(crowded[1], gsd_m=gsd_m, regularize=regularize)
            assert len(found[key].footprints) > 30
        return found[key]

    return once


def check_same_inside(part: Segmentation, all_of_it: Segmentation, asked: shapely.Geometry) -> int:
    """Compare the footprints off the edge of what was asked for; gives how many there were."""
    edge = asked.boundary
    pixel = max(all_of_it.lattice.gsd_m)
    mine, all_there = part.footprints, all_of_it.footprints
    inner = mine[mine.distance(edge) > 3 * pixel]
    expected = all_there[all_there.within(asked) & (all_there.distance(edge) > 3 * pixel)]
    key = lambda frame: sorted(zip(frame.geometry.to_wkb(), frame.score, frame.area_m2, strict=True))  # noqa: E731
    assert key(inner) == key(expected)
    assert mine.within(asked.buffer(3 * pixel)).all()
    return len(expected)


class TestBounds:
    @given(st.data())
    @settings(max_examples=25)
    @pytest.mark.parametrize("regularize", [True, False], ids=["regularized", "plain"])
    def test_footprints_inside_are_identical(self, crowded, whole, regularize, data):
        grid, path = crowded
        gsd_m = data.draw(st.sampled_from([0.5, 0.37]))
        left, top = data.draw(st.integers(0, 110)), data.draw(st.integers(0, 90))
        right, bottom = data.draw(st.integers(left + 20, WIDTH)), data.draw(st.integers(top + 20, HEIGHT))
        bounds = grid.to_map(shapely.box(left, top, right, bottom)).bounds
        part = found_in(path, gsd_m=gsd_m, regularize=regularize, bounds=bounds)
        check_same_inside(part, whole(gsd_m, regularize), part.grid.footprint)

    def test_many_are_compared(self, crowded, whole):
        grid, path = crowded
        bounds = grid.to_map(shapely.box(10, 10, 150, 140)).bounds
        part = found_in(path, gsd_m=0.5, regularize=True, bounds=bounds)
        assert check_same_inside(part, whole(0.5, True), part.grid.footprint) > 10

    def test_a_building_across_the_edge_is_cut_there(self, tmp_path):
        grid = make_grid(100, 100)
        image = np.zeros((3, 100, 100), np.uint8)
        image[:, 20:60, 20:60] = 255
        path = write_raster(tmp_path / "a.tif", image)
        bounds = grid.to_map(shapely.box(0, 0, 40, 100)).bounds
        found = found_in(path, gsd_m=0.5 / 0.9996, regularize=True, bounds=bounds)
        (outline,) = grid.to_pixel(found.footprints.geometry.to_numpy())
        assert outline.symmetric_difference(shapely.box(20, 20, 40, 60)).area < 1

    def test_off_the_raster(self, crowded):
        with pytest.raises(OutsideError) as caught:
            within_bounds(crowded[0], (0, 0, 1, 1), None)
        assert_one_clear_line(caught.value)


def write_area(path, shape: shapely.Geometry, grid: Grid, crs: str = UTM):
    geopandas.GeoDataFrame(geometry=[grid.to_map(shape)], crs=UTM).to_crs(crs).to_file(path)
    return path


class TestArea:
    TRIANGLE = shapely.Polygon([(12, 140), (160, 120), (90, 8)])

    @pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
    @pytest.mark.parametrize("regularize", [True, False], ids=["regularized", "plain"])
    def test_inside_a_polygon(self, crowded, whole, tmp_path, regularize, crs):
        grid, path = crowded
        aoi = write_area(tmp_path / "aoi.gpkg", self.TRIANGLE, grid, crs)
        part = found_in(path, gsd_m=0.5, regularize=regularize, aoi=aoi)
        all_of_it = whole(0.5, regularize)
        asked = grid.to_map(self.TRIANGLE)
        assert check_same_inside(part, all_of_it, asked) > 5
        row, col = part.extent.window.row_px, part.extent.window.col_px
        rows, cols = slice(row, row + part.grid.height), slice(col, col + part.grid.width)
        assert np.array_equal(part.probability[part.valid], all_of_it.probability[rows, cols][part.valid])
        centres = rasterio.features.rasterize([asked], out_shape=part.grid.shape, transform=part.grid.transform)
        expected = all_of_it.valid[rows, cols] & (centres > 0)
        assert (part.valid != expected).sum() <= 2  # centres on the triangle's very edge
        assert part.footprints.difference(asked.buffer(1)).area.max() < 1e-6
        assert 0.1 < part.footprints.area.sum() / asked.area < 0.9

    def test_parts_of_one_building_do_not_overlap_however_little_is_done_at_a_time(
        self, crowded, tmp_path, monkeypatch
    ):
        """A comb with teeth half a pixel apart cuts buildings in many parts."""
        grid, path = crowded
        teeth = [shapely.box(left, 12, left + 5.5, 130) for left in range(5, 160, 6)]
        aoi = write_area(tmp_path / "aoi.gpkg", shapely.union_all([*teeth, shapely.box(5, 5, 160, 14)]), grid)
        at_once = found_in(path, gsd_m=0.5, regularize=True, aoi=aoi).footprints
        monkeypatch.setattr(outline, "CHUNK_VERTICES", 1)
        little = found_in(path, gsd_m=0.5, regularize=True, aoi=aoi).footprints
        assert (little.geometry.to_wkb() == at_once.geometry.to_wkb()).all()
        assert little.union_all().area == pytest.approx(little.area.sum(), abs=1e-6)
        assert len(little) > 100

    def test_two_islands_and_only_their_tiles(self, tmp_path):
        grid = make_grid(64, 64 + 9 * 48)
        path = write_raster(tmp_path / "a.tif", np.full((3, *grid.shape), 255, np.uint8))
        islands = shapely.MultiPolygon([shapely.box(5, 5, 30, 30), shapely.box(450, 5, 480, 40)])
        model = PerfectSegmenter()
        bundle = make_bundle(gsd_m=0.5 / 0.9996)
        found = segment(bundle, path, segmenter=model, aoi=write_area(tmp_path / "aoi.gpkg", islands, grid))
        assert len(model.seen) == 3  # of 10
        outlines = shapely.union_all(grid.to_pixel(found.footprints.geometry.to_numpy()))
        assert outlines.symmetric_difference(islands).area < 4

    @pytest.mark.parametrize(
        ("shape", "problem"),
        [(shapely.box(-90, -90, -50, -50), "touches the raster"), (shapely.Point(5, 5), "polygon")],
    )
    def test_no_use(self, crowded, tmp_path, shape, problem):
        grid, _ = crowded
        with pytest.raises(InputError, match=problem) as caught:
            within_area(grid, write_area(tmp_path / "aoi.gpkg", shape, grid))
        assert_one_clear_line(caught.value)

    def test_not_both(self, crowded, tmp_path):
        grid, path = crowded
        aoi = write_area(tmp_path / "aoi.gpkg", self.TRIANGLE, grid)
        with pytest.raises(InputError, match="both") as caught:
            found_in(path, gsd_m=0.5, regularize=True, aoi=aoi, bounds=grid.bounds)
        assert_one_clear_line(caught.value)


def write_lonlat(path, shape: shapely.Geometry):
    geopandas.GeoDataFrame(geometry=[shape], crs="EPSG:4326").to_file(path)
    return path


class TestLargeAreas:
    """Areas in degrees that are far larger than a raster in metres."""

    GRID = Grid(
        crs=pyproj.CRS(UTM), transform=Affine(50, 0, 480_000, 0, -50, 3_670_000), height=800, width=700
    )  # 40 km x 35 km

    @pytest.mark.parametrize("box", [(-180, -80, 180, 84), (-180, -90, 180, 90), (-125, 25, -109, 45)])
    def test_all_of_the_raster(self, tmp_path, box):
        extent = within_area(self.GRID, write_lonlat(tmp_path / "aoi.gpkg", shapely.box(*box)))
        assert extent.window == self.GRID.window
        assert extent.covers(self.GRID.window).all()

    def test_north_of_a_parallel(self, tmp_path):
        rows, cols = np.mgrid[:800, :700] + 0.5
        to_lonlat = pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
        lon, lat = to_lonlat.transform(480_000 + 50 * cols, 3_670_000 - 50 * rows)
        middle = float(lat[400, 350])
        box = shapely.box(lon[400, 350] - 8, middle, lon[400, 350] + 8, middle + 5)
        extent = within_area(self.GRID, write_lonlat(tmp_path / "aoi.gpkg", box))
        assert (extent.covers(self.GRID.window) != (lat > middle)).sum() <= 2  # the parallel runs through centres
        assert extent.window.height_px in (400, 401, 402)

    def test_across_the_180th_meridian(self, tmp_path):
        grid = Grid(
            crs=pyproj.CRS("EPSG:32660"), transform=Affine(50, 0, 824_000, 0, -50, 10_000), height=400, width=400
        )
        extent = within_area(grid, write_lonlat(tmp_path / "aoi.gpkg", shapely.box(-180, -90, 180, 90)))
        assert extent.covers(grid.window).all()
        assert extent.area.equals(shapely.box(0, 0, 400, 400).buffer(BEYOND_PX, join_style="mitre"))
        east = within_area(grid, write_lonlat(tmp_path / "east.gpkg", shapely.box(-180, -10, -170, 10)))
        assert 0 < east.window.col_px < 400
        assert east.window.col_px + east.window.width_px == 400

    def test_around_a_pole(self, tmp_path):
        grid = Grid(crs=pyproj.CRS("EPSG:3413"), transform=Affine(1000, 0, -2e5, 0, -1000, 2e5), height=400, width=400)
        extent = within_area(grid, write_lonlat(tmp_path / "aoi.gpkg", shapely.box(-180, 60, 180, 90)))
        assert extent.covers(grid.window).all()

    def test_the_world_in_web_mercator(self, tmp_path):
        grid = make_grid(100, 100, crs="EPSG:3857", transform=Affine(4e5, 0, -2e7, 0, -4e5, 2e7))
        extent = within_area(grid, write_lonlat(tmp_path / "aoi.gpkg", shapely.box(-180, -90, 180, 90)))
        assert extent.covers(grid.window).all()


def footprints_of(found: Segmentation):
    frame = found.footprints
    return sorted(zip(frame.geometry.to_wkb(), frame.score, frame.area_m2, strict=True))


class TestRim:
    """What lies on the raster's rim is not cut there."""

    PARTS = (
        (0, 0, 90, HEIGHT), (80, 0, WIDTH, HEIGHT), (0, 0, WIDTH, 70), (0, 70, WIDTH, HEIGHT), (0, 0, 90, 80),
        (70, 80, WIDTH, HEIGHT),
    )  # fmt: skip

    @staticmethod
    def check(part, all_of_it, inside):
        asked = part.lattice.to_map(shapely.box(*inside)).buffer(1e-6)
        mine, there = (frame[frame.within(asked)] for frame in (part.footprints, all_of_it.footprints))
        key = lambda frame: sorted(zip(frame.geometry.to_wkb(), frame.score, frame.area_m2, strict=True))  # noqa: E731
        assert key(mine) == key(there)
        rim = all_of_it.lattice.footprint.exterior
        assert (there.distance(rim) < 1e-6).any()

    @staticmethod
    def inner(box, lattice):
        """The part of a box of raster pixels, in the lattice's, that is off its edges inside the raster."""
        left, top, right, bottom = box
        x, y = lattice.width / WIDTH, lattice.height / HEIGHT
        return (
            left and left * x + 4, top and top * y + 4,
            right * x - (0 if right == WIDTH else 4), bottom * y - (0 if bottom == HEIGHT else 4),
        )  # fmt: skip

    @pytest.mark.parametrize("box", PARTS, ids=str)
    @pytest.mark.parametrize("gsd_m", [0.5, 0.37])
    @pytest.mark.parametrize("regularize", [True, False], ids=["regularized", "plain"])
    def test_bounds(self, crowded, whole, regularize, gsd_m, box):
        grid, path = crowded
        found = found_in(path, gsd_m=gsd_m, regularize=regularize, bounds=grid.to_map(shapely.box(*box)).bounds)
        self.check(found, whole(gsd_m, regularize), self.inner(box, found.lattice))

    @pytest.mark.parametrize("box", PARTS, ids=str)
    @pytest.mark.parametrize("noise", [0, 3e-7, -3e-7, -40])
    @pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
    def test_area(self, crowded, whole, tmp_path, crs, noise, box):
        grid, path = crowded
        left, top, right, bottom = box
        left, top = left or noise, top or noise
        right, bottom = right - noise * (right == WIDTH), bottom - noise * (bottom == HEIGHT)
        shape = shapely.segmentize(shapely.box(left, top, right, bottom), 5)
        found = found_in(path, gsd_m=0.37, regularize=True, aoi=write_area(tmp_path / "aoi.gpkg", shape, grid, crs))
        self.check(found, whole(0.37, True), self.inner(box, found.lattice))

    @pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
    @pytest.mark.parametrize("noise", [0, 3e-7, -3e-7, -40])
    def test_all_of_it(self, crowded, whole, tmp_path, crs, noise):
        grid, path = crowded
        shape = shapely.segmentize(shapely.box(noise, noise, WIDTH - noise, HEIGHT - noise), 5)
        found = found_in(path, gsd_m=0.5, regularize=True, aoi=write_area(tmp_path / "aoi.gpkg", shape, grid, crs))
        assert footprints_of(found) == footprints_of(whole(0.5, True))

    def test_the_extent_stays_on_the_lattice(self, tmp_path):
        grid = make_grid(50, 60)
        extent = within_area(grid, write_area(tmp_path / "aoi.gpkg", shapely.box(20, -30, 90, 25), grid))
        assert extent.window == Window(row_px=0, col_px=20, height_px=25, width_px=40)
        assert extent.area.equals(shapely.box(20, -BEYOND_PX, 60 + BEYOND_PX, 25))
        assert extent.covers(grid.window).sum() == 25 * 40
        assert not extent.touches(Window(row_px=25 + HALO_PX + 1, col_px=0, height_px=5, width_px=60))
        assert extent.area.equals(within_bounds(grid, grid.to_map(shapely.box(20, -30, 90, 25)).bounds, None).area)

    def test_what_only_touches_the_rim_lies_off(self, tmp_path):
        grid = make_grid(50, 60)
        with pytest.raises(OutsideError):
            within_area(grid, write_area(tmp_path / "aoi.gpkg", shapely.box(60, 0, 90, 50), grid))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40))
def test_the_halo_stays_on_the_raster(left, top, width, height):
    grid = make_grid(70, 80)
    box = shapely.box(left, top, min(80, left + width), min(70, top + height))
    extent = within_bounds(grid, grid.to_map(box).bounds, None)
    outer = shapely.box(0, 0, 80, 70) & shapely.box(*box.bounds).buffer(HALO_PX, join_style="mitre")
    known = extent.known
    assert shapely.box(
        known.col_px, known.row_px, known.col_px + known.width_px, known.row_px + known.height_px
    ).equals(outer)
