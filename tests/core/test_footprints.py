"""Raster to footprints with segmenters that know the answer: location, extent, holes, attributes."""

import math
import threading
import time

import numpy as np
import pyproj
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given, settings

from samft_core.ahead import AHEAD
from samft_core.cog import write_probability
from samft_core.errors import InputError, OutputError
from samft_core.footprints import Segmentation, segment
from samft_core.grid import Grid
from samft_core.outline import PLAIN_TOLERANCE_PX, Style, outline_array
from samft_core.raster import Raster
from samft_core.version import VERSION
from tests.conftest import UTM, assert_one_clear_line, make_grid, write_raster
from tests.core.test_regularize import blobs
from tests.fakes import ColourThreshold, PerfectSegmenter, make_bundle

DEGREE_M = 111_000


def half_metre_grid(crs: str, height: int, width: int) -> Grid:
    """About half a metre per pixel on the ground at 34 degrees north, 117 degrees west."""
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(-117, 34)
    step = {"EPSG:4326": 0.5 / DEGREE_M, "EPSG:3857": 0.5 / math.cos(math.radians(34))}.get(crs, 0.5)
    return make_grid(height, width, crs=crs, transform=Affine(step, 0, x, 0, -step, y))


def paint(grid: Grid, buildings, *, level: int = 255) -> np.ndarray:
    """A picture (3, height, width) whose red channel is the truth; green and blue are a lawn."""
    truth = rasterio.features.rasterize(
        [(building, level) for building in buildings], out_shape=grid.shape, transform=grid.transform, dtype="uint8"
    )
    return np.stack([truth, np.full(grid.shape, 90, np.uint8), np.full(grid.shape, 40, np.uint8)])


def write_truth(path, grid: Grid, buildings, **options):
    """A raster in which a `PerfectSegmenter` finds some buildings, given in pixel coordinates."""
    mapped = grid.to_map(np.array(buildings, dtype=object))
    level = options.pop("level", 255)
    return write_raster(
        path, paint(grid, mapped, level=level), crs=grid.crs.to_string(), transform=grid.transform, **options
    )


def distance_px(found: Segmentation, grid: Grid, truth: shapely.Polygon, *, corners: bool = True) -> float:
    """How far the only footprint lies from the truth on the map, by the Hausdorff distance of their outlines.

    Args:
        found: What was found.
        grid: The raster's.
        truth: A rectangle in pixels of the raster.
        corners: Whether to look at what lies within two pixels of the truth's corners too.

    Returns:
        The distance in pixels of the raster or the lattice, whichever are larger: no outline is known better.
    """
    (polygon,) = found.footprints.geometry
    scale = [max(mine / its, 1.0) for mine, its in zip(found.grid.gsd_m, grid.gsd_m, strict=True)]
    lines = [grid.to_pixel(polygon).exterior, truth.exterior]
    away = shapely.unary_union([shapely.box(x - 2 * scale[0], y - 2 * scale[1], x + 2 * scale[0], y + 2 * scale[1])
                                for x, y in truth.exterior.coords])  # fmt: skip
    one, other = (shapely.transform(line if corners else line - away, lambda points: points / scale) for line in lines)
    return shapely.hausdorff_distance(one, other, densify=0.02)


def overlap_m2(polygons, area: shapely.Geometry) -> float:
    return sum(polygon.intersection(area).area for polygon in polygons)


class TestLocation:
    @pytest.mark.parametrize("regularize", [True, False], ids=["regularized", "plain"])
    @pytest.mark.parametrize("gsd_m", [0.3, 0.5, 0.8])
    @pytest.mark.parametrize("crs", [UTM, "EPSG:3857", "EPSG:4326"])
    def test_a_rectangle_comes_back_where_it_was(self, tmp_path, crs, gsd_m, regularize):
        grid = half_metre_grid(crs, 150, 180)
        building = shapely.box(40, 50, 120, 98)
        path = write_truth(tmp_path / "a.tif", grid, [building])
        found = segment(make_bundle(gsd_m=gsd_m), path, segmenter=PerfectSegmenter(), regularize=regularize)
        assert found.grid.gsd_m == pytest.approx((gsd_m, gsd_m), rel=0.01)
        assert found.footprints.crs == pyproj.CRS(crs)
        if regularize:
            assert distance_px(found, grid, building) < 0.5
        else:  # a contour rounds corners off by a blurred pixel's diagonal
            assert distance_px(found, grid, building) < 0.71
            assert distance_px(found, grid, building, corners=False) < PLAIN_TOLERANCE_PX + 0.1

    @pytest.mark.parametrize("regularize", [True, False], ids=["regularized", "plain"])
    @pytest.mark.parametrize("gsd_m", [0.3, 0.8])
    @pytest.mark.parametrize(
        "transform",
        [
            Affine.translation(500_000, 3_762_000) * Affine.rotation(30) * Affine.scale(0.5, -0.5),
            Affine(0.5, 0, 500_000, 0, 0.5, 3_762_000),
            Affine(0.5, 0, 500_000, 0, -0.25, 3_762_000),
        ],
        ids=["rotated", "south-up", "non-square"],
    )
    def test_on_any_grid(self, tmp_path, transform, gsd_m, regularize):
        grid = make_grid(150, 180, transform=transform)
        building = shapely.box(40, 50, 120, 98)
        path = write_truth(tmp_path / "a.tif", grid, [building])
        found = segment(make_bundle(gsd_m=gsd_m), path, segmenter=PerfectSegmenter(), regularize=regularize)
        if regularize:
            assert distance_px(found, grid, building) < 0.5
        else:
            assert distance_px(found, grid, building) < 0.71
            assert distance_px(found, grid, building, corners=False) < PLAIN_TOLERANCE_PX + 0.1

    def test_a_building_across_four_tiles_is_one(self, tmp_path):
        grid = make_grid(112, 112)
        building = shapely.box(30, 40, 80, 76)  # tiles of 64 meet between 48 and 64
        path = write_truth(tmp_path / "a.tif", grid, [building])
        found = segment(make_bundle(gsd_m=0.5 / 0.9996), path, segmenter=ColourThreshold(100), regularize=False)
        assert len(found.footprints) == 1
        assert distance_px(found, grid, building) < 0.5

    def test_a_courtyard_stays_open(self, tmp_path):
        grid = make_grid(100, 100)
        building = shapely.box(20, 20, 80, 80) - shapely.box(40, 40, 60, 60)
        path = write_truth(tmp_path / "a.tif", grid, [building])
        (found,) = segment(make_bundle(), path, segmenter=PerfectSegmenter()).footprints.geometry
        assert len(found.interiors) == 1
        assert found.area == pytest.approx((3600 - 400) * 0.25, rel=0.01)


def town(tmp_path, **options):
    """A raster of 200 x 180 pixels with a dozen noisy buildings, some of them across tiles."""
    rng = np.random.default_rng(5)
    grid = make_grid(200, 180)
    corners = [(10 + 45 * col, 8 + 48 * row) for row in range(4) for col in range(4)]
    buildings = [shapely.box(x, y, x + rng.integers(12, 30), y + rng.integers(12, 34)) for x, y in corners]
    return grid, buildings, write_truth(tmp_path / "town.tif", grid, buildings, **options)


class TestExtent:
    @pytest.mark.parametrize("gsd_m", [0.4, 0.5, 0.7])
    @pytest.mark.parametrize("box_px", [(0, 0, 40, 30), (61, 47, 133, 149), (100, 10, 180, 60), (90, 90, 91, 91)])
    def test_inside_bounds_the_field_is_the_crop_of_the_whole(self, tmp_path, gsd_m, box_px):
        grid, _, path = town(tmp_path)
        bundle = make_bundle(gsd_m=gsd_m)
        whole = segment(bundle, path, segmenter=PerfectSegmenter())
        bounds = grid.to_map(shapely.box(*box_px)).bounds
        part = segment(bundle, path, bounds=bounds, segmenter=PerfectSegmenter())
        col, row = ~whole.grid.transform * (part.grid.transform * (0, 0))
        assert (col, row) == pytest.approx((round(col), round(row)), abs=1e-6)
        rows = slice(round(row), round(row) + part.grid.height)
        cols = slice(round(col), round(col) + part.grid.width)
        assert part.grid.footprint.buffer(1e-6).covers(shapely.box(*bounds))
        assert np.array_equal(part.probability, whole.probability[rows, cols])
        assert np.array_equal(part.valid, whole.valid[rows, cols])

    def test_bounds_in_degrees(self, tmp_path):
        grid, buildings, path = town(tmp_path)
        wanted = grid.to_map(buildings[5].buffer(2, join_style="mitre"))
        lonlat = shapely.transform(
            wanted, pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform, interleaved=False
        )
        found = segment(
            make_bundle(),
            path,
            bounds=lonlat.bounds,
            bounds_crs="EPSG:4326",
            segmenter=PerfectSegmenter(),
            regularize=False,
        )
        assert distance_px(found, grid, buildings[5]) < 0.5
        assert found.footprints.crs == pyproj.CRS(UTM)

    def test_only_the_tiles_that_touch_are_computed(self, tmp_path):
        grid, _, path = town(tmp_path)
        model = PerfectSegmenter()
        bounds = grid.to_map(shapely.box(2, 2, 30, 30)).bounds
        segment(make_bundle(gsd_m=0.5 / 0.9996), path, bounds=bounds, segmenter=model)
        assert len(model.seen) == 1
        assert model.seen[0].image.shape == (3, 64, 64)
        assert model.seen[0].image.dtype == np.uint8

    def test_off_the_raster(self, tmp_path):
        _, _, path = town(tmp_path)
        with pytest.raises(InputError, match="touch the raster") as caught:
            segment(make_bundle(), path, bounds=(0, 0, 1, 1), segmenter=PerfectSegmenter())
        assert_one_clear_line(caught.value)

    def test_bounds_in_no_crs(self, tmp_path):
        _, _, path = town(tmp_path)
        with pytest.raises(InputError, match="--bounds-crs") as caught:
            segment(make_bundle(), path, bounds=(0, 0, 1, 1), bounds_crs="EPSG:none", segmenter=PerfectSegmenter())
        assert_one_clear_line(caught.value)


class TestNothingInvented:
    @pytest.mark.parametrize("regularize", [True, False], ids=["regularized", "plain"])
    @pytest.mark.parametrize("gsd_m", [0.3, 0.5, 0.8])
    @pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
    def test_a_masked_hole_in_a_building_gets_no_footprint(self, tmp_path, crs, gsd_m, regularize):
        grid = half_metre_grid(crs, 120, 140)
        known = np.ones(grid.shape, dtype=bool)
        known[30:70, 40:47] = False
        known[60:67, 30:90] = False
        known[90:93, 100:140] = False
        known[np.arange(70, 90), np.arange(95, 115)] = False
        path = write_truth(tmp_path / "a.tif", grid, [shapely.box(20, 20, 130, 100)], mask=known)
        found = segment(make_bundle(gsd_m=gsd_m), path, segmenter=PerfectSegmenter(), regularize=regularize)
        pixels = [shapely.box(col, row, col + 1, row + 1) for row, col in zip(*np.nonzero(~known), strict=True)]
        hole = grid.to_map(shapely.union_all(pixels))
        assert len(found.footprints) > 0
        assert overlap_m2(found.footprints.geometry, hole) <= 1e-7 * hole.area
        assert not found.probability[~found.valid].any()

    @given(blobs())
    @settings(max_examples=15)
    @pytest.mark.parametrize("square", [True, False])
    def test_outlines_never_overlap_nor_enter_unknown_ground(self, square, blob):
        probability, valid = blob
        grid = make_grid(40, 40)
        outlines = outline_array(probability, valid, grid, Style(threshold=0.5, square=square))
        assert all(shapely.is_valid(outlines))
        assert shapely.union_all(outlines).area == pytest.approx(sum(shapely.area(outlines)), abs=1e-6)
        unknown = [shapely.box(col, row, col + 1, row + 1) for row, col in zip(*np.nonzero(~valid), strict=True)]
        assert overlap_m2(outlines, shapely.union_all(unknown)) < 1e-6
        assert all(shapely.covers(shapely.box(-1e-9, -1e-9, 40 + 1e-9, 40 + 1e-9), outlines))

    def test_tiles_without_data_are_not_shown_to_the_model(self, tmp_path):
        grid = make_grid(64, 160)
        known = np.zeros(grid.shape, dtype=bool)
        known[:, :40] = True
        path = write_truth(tmp_path / "a.tif", grid, [shapely.box(5, 5, 30, 30)], mask=known)
        model = PerfectSegmenter()
        found = segment(make_bundle(gsd_m=0.5 / 0.9996), path, segmenter=model)
        assert len(model.seen) == 1
        assert len(found.footprints) == 1

    def test_no_data_at_all(self, tmp_path):
        grid = make_grid(50, 60)
        path = write_truth(tmp_path / "a.tif", grid, [shapely.box(5, 5, 30, 30)], mask=np.zeros(grid.shape, bool))
        found = segment(make_bundle(), path, segmenter=PerfectSegmenter())
        assert not found.valid.any()
        assert len(found.footprints) == 0
        assert found.footprints.crs == pyproj.CRS(UTM)
        assert {"id", "score", "area_m2", "bundle", "threshold", "geometry"} == set(found.footprints.columns)

    def test_beyond_a_small_raster_there_is_nothing(self, tmp_path):
        grid = make_grid(30, 40)
        path = write_truth(tmp_path / "a.tif", grid, [shapely.box(-5, -5, 50, 50)])
        found = segment(make_bundle(), path, segmenter=PerfectSegmenter(), regularize=False)
        (polygon,) = found.footprints.geometry
        assert polygon.difference(grid.footprint).area < 1e-6
        assert polygon.area == pytest.approx(300, rel=0.01)


class TestAttributes:
    def test_area_and_score_by_hand(self, tmp_path):
        grid = make_grid(100, 120)
        path = write_truth(tmp_path / "a.tif", grid, [shapely.box(20, 30, 60, 54)], level=204)
        found = segment(make_bundle(gsd_m=0.5 / 0.9996, threshold=0.4), path, segmenter=PerfectSegmenter(),
                        regularize=False)  # fmt: skip
        (row,) = found.footprints.itertuples()
        assert row.score == 0.8  # 204 / 255, half of which is the threshold: the outline lies on the pixels' edges
        assert row.area_m2 == pytest.approx(20 * 12 / 0.9996**2, rel=0.01)
        assert row.id == 1
        assert row.threshold == 0.4
        assert row.bundle == make_bundle(gsd_m=0.5 / 0.9996, threshold=0.4).card.hash

    def test_each_footprint_has_its_own(self, tmp_path):
        grid, buildings, path = town(tmp_path)
        found = segment(make_bundle(), path, segmenter=PerfectSegmenter(), regularize=False)
        assert found.footprints["id"].tolist() == list(range(1, 17))
        tree = shapely.STRtree(grid.to_map(np.array(buildings)))
        for row in found.footprints.itertuples():
            (match,) = tree.query(row.geometry, predicate="intersects")
            assert row.area_m2 == pytest.approx(buildings[match].area * 0.25 / 0.9996**2, rel=0.05)
            assert row.score > 0.9

    def test_minimum_area(self, tmp_path):
        grid = make_grid(100, 120)
        sides = [4, 8, 12, 20]  # pixels: 4, 16, 36 and 100 m2
        buildings = [shapely.box(5 + 28 * i, 10, 5 + 28 * i + side, 10 + side) for i, side in enumerate(sides)]
        path = write_truth(tmp_path / "a.tif", grid, buildings)
        for smallest_m2, count in ((0, 4), (10, 3), (30, 2), (60, 1), (1000, 0)):
            bundle = make_bundle(min_area_m2=smallest_m2)
            for found in (
                segment(bundle, path, segmenter=PerfectSegmenter(), regularize=False),
                segment(make_bundle(), path, segmenter=PerfectSegmenter(), min_area_m2=smallest_m2, regularize=False),
            ):
                assert len(found.footprints) == count
                assert found.footprints["id"].tolist() == list(range(1, count + 1))
                assert (found.footprints["area_m2"] >= smallest_m2).all()

    def test_threshold_of_the_call_overrides_the_bundles(self, tmp_path):
        grid = make_grid(80, 80)
        path = write_truth(tmp_path / "a.tif", grid, [shapely.box(20, 20, 50, 50)], level=128)
        bundle = make_bundle(threshold=0.6)
        assert len(segment(bundle, path, segmenter=PerfectSegmenter()).footprints) == 0
        assert len(segment(bundle, path, segmenter=PerfectSegmenter(), threshold=0.3).footprints) == 1

    def test_bands_of_the_recipe(self, tmp_path):
        grid = make_grid(80, 80)
        path = write_truth(tmp_path / "a.tif", grid, [shapely.box(20, 20, 50, 50)])
        found = segment(make_bundle(bands=(2, 1, 3)), path, segmenter=PerfectSegmenter())
        assert found.probability == pytest.approx(90 / 255)

    def test_provenance(self, tmp_path):
        _, _, path = town(tmp_path)
        bundle = make_bundle(threshold=0.4, min_area_m2=3)
        found = segment(bundle, path, segmenter=PerfectSegmenter(), regularize=False)
        job = found.provenance.pop("job")
        assert len(job) == 12
        assert found.provenance == {
            "bundle": bundle.card.hash, "raster": str(path), "version": VERSION, "threshold": 0.4,
            "min_area_m2": 3, "min_hole_m2": 3, "regularized": False,
            "stretch": {"low": (0, 0, 0), "high": (255, 255, 255)},
        }  # fmt: skip

    def test_regularized_neighbours_do_not_overlap(self, tmp_path):
        grid = make_grid(160, 160)
        rows = [
            shapely.affinity.rotate(shapely.box(20 + 22 * i, 40, 40 + 22 * i, 110), 10, origin=(80, 80))
            for i in range(5)
        ]  # gaps of two pixels
        path = write_truth(tmp_path / "a.tif", grid, rows)
        found = segment(make_bundle(), path, segmenter=PerfectSegmenter()).footprints.geometry
        assert len(found) == 5
        assert found.union_all().area == pytest.approx(found.area.sum(), abs=1e-6)

    def test_progress_is_told_tile_by_tile(self, tmp_path):
        path = write_truth(tmp_path / "a.tif", make_grid(112, 112), [shapely.box(10, 10, 40, 40)])
        told = []
        segment(
            make_bundle(gsd_m=0.5 / 0.9996),
            path,
            segmenter=PerfectSegmenter(),
            progress=lambda stage, done, total: told.append((stage, done, total)),
        )
        assert told == [("segmenting", done, 4) for done in range(5)]


def test_tiles_are_read_ahead_while_the_model_computes(tmp_path, monkeypatch):
    path = write_truth(tmp_path / "a.tif", make_grid(112, 304), [shapely.box(10, 10, 40, 40)])
    opened, threads = [], set()
    read = Raster.read

    def noted(self, lattice, window):
        threads.add(threading.current_thread().name)
        opened.append(window)
        return read(self, lattice, window)

    class Slow(PerfectSegmenter):
        def predict(self, pixels):
            deadline = time.monotonic() + 10
            while len(opened) < min(12, len(self.seen) + 1 + AHEAD) and time.monotonic() < deadline:
                time.sleep(0.001)
            ahead.append(len(opened) - len(self.seen) - 1)
            return super().predict(pixels)

    ahead: list[int] = []
    monkeypatch.setattr(Raster, "read", noted)
    segment(make_bundle(gsd_m=0.5 / 0.9996), path, segmenter=Slow())
    assert len(opened) == 12
    assert ahead == [AHEAD] * 8 + [3, 2, 1, 0]
    assert threads == {"ahead_0"}


class TestWriteProbability:
    def found(self, tmp_path) -> Segmentation:
        grid = half_metre_grid("EPSG:4326", 90, 110)
        known = np.ones(grid.shape, dtype=bool)
        known[:20, :30] = False
        path = write_truth(tmp_path / "a.tif", grid, [shapely.box(20, 20, 60, 60)], mask=known)
        return segment(make_bundle(gsd_m=0.7), path, segmenter=PerfectSegmenter())

    def test_read_back_by_rasterio(self, tmp_path):
        found = self.found(tmp_path)
        write_probability(found, tmp_path / "p.tif", overwrite=False)
        with rasterio.open(tmp_path / "p.tif") as dataset:
            assert dataset.dtypes == ("float32",)
            assert dataset.nodata == -1
            assert dataset.crs.to_epsg() == 4326
            assert dataset.transform.almost_equals(found.grid.transform, precision=1e-12)
            assert dataset.tags()["bundle"] == make_bundle(gsd_m=0.7).card.hash
            assert dataset.profile["tiled"]
            assert dataset.profile["compress"] == "deflate"
            assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert np.array_equal(dataset.read_masks(1) > 0, found.valid)
            assert np.array_equal(dataset.read(1)[found.valid], found.probability[found.valid])
            assert (dataset.read(1)[~found.valid] == -1).all()
        assert not found.valid.all()

    def test_existing_file(self, tmp_path):
        found = self.found(tmp_path)
        (tmp_path / "p.tif").write_text("mine")
        with pytest.raises(OutputError):
            write_probability(found, tmp_path / "p.tif", overwrite=False)
        assert (tmp_path / "p.tif").read_text() == "mine"
        write_probability(found, tmp_path / "p.tif", overwrite=True)
        assert sorted(file.name for file in tmp_path.iterdir()) == ["a.tif", "p.tif"]
