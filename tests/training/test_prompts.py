"""Asking for one building, and which building a pixel belongs to."""

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.features import rasterize

from tests.conftest import UTM_HALF_METRE, write_raster
from training.chips import BUILDINGS
from training.prepare import PrepareSettings, prepare
from training.prompts import BOX, JITTER, LEAST_PX, POINT, random_requests
from training.scenes import loose_scenes

SIDE = 64


@st.composite
def rectangles(draw) -> np.ndarray:
    """One to four rectangles, each with a number; later ones lie over earlier ones."""
    numbers = np.zeros((SIDE, SIDE), np.int32)
    for number in range(1, draw(st.integers(1, 4)) + 1):
        top, left = draw(st.integers(0, SIDE - 5)), draw(st.integers(0, SIDE - 5))
        height, width = draw(st.integers(1, SIDE - top)), draw(st.integers(1, SIDE - left))
        numbers[top : top + height, left : left + width] = number
    return numbers


@given(rectangles(), st.integers(0, 1000), st.integers(1, 5), st.sampled_from([1.0, 2.0, 16.0]))
def test_buildings_are_asked_for_where_they_are(numbers, seed, count, scale):
    """In pixels whose first has its centre at (0, 0); no building twice."""
    requests = random_requests(numbers, np.random.default_rng(seed), count=count, scale=scale)
    areas = np.bincount(numbers.ravel(), minlength=5)[1:]
    assert len(requests) == min(count, (areas >= LEAST_PX).sum())
    asked = [numbers[request.truth][0] for request in requests]
    assert len(set(asked)) == len(asked)
    for number, request in zip(asked, requests, strict=True):
        np.testing.assert_array_equal(request.truth, numbers == number)
        assert areas[number - 1] >= LEAST_PX
        if request.kind == POINT:
            x, y = ((value + 0.5) / scale for value in request.at)
            assert request.truth[int(y), int(x)]
            assert (x % 1, y % 1) == (0.5, 0.5)
            continue
        assert request.kind == BOX
        left, top, right, bottom = request.at
        found = np.array([left, top, right + 1, bottom + 1]) / scale  # edges, (0, 0) the first pixel's outer corner
        rows, cols = np.nonzero(request.truth)
        true = np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1])
        most = JITTER * np.tile([np.ptp(cols) + 1, np.ptp(rows) + 1], 2)
        assert (np.abs(found - true) <= most + 1e-9).all()
        assert (found >= 0).all()
        assert (found <= SIDE).all()


def test_the_box_of_a_whole_chip_is_the_whole_tiles():
    """To which the first pixel's centre is (0, 0) and the last one's (input_px - 1, input_px - 1)."""
    rng = np.random.default_rng(0)
    everything = np.ones((SIDE, SIDE), np.int32)
    asked = [random_requests(everything, rng, count=3, scale=4) for _ in range(60)]
    boxes = [only.at for (only,) in asked if only.kind == BOX]
    assert np.min(boxes, axis=0)[:2].tolist() == [0, 0]
    assert np.max(boxes, axis=0)[2:].tolist() == [4 * SIDE - 1, 4 * SIDE - 1]


def test_boxes_and_points_are_as_frequent_and_every_building_has_its_turn():
    numbers = np.zeros((SIDE, SIDE), np.int32)
    numbers[:10, :10], numbers[20:60, 20:60], numbers[0, 60:] = 1, 2, 3
    rng = np.random.default_rng(0)
    asked = [random_requests(numbers, rng, count=1, scale=1)[0] for _ in range(400)]
    assert abs(sum(one.kind == BOX for one in asked) - 200) < 50
    assert abs(sum(one.truth[0, 0] for one in asked) - 200) < 50  # as likely as the larger one
    assert not any(one.truth[0, 63] for one in asked)


@pytest.mark.parametrize("numbers", [np.zeros((SIDE, SIDE), np.int32), np.eye(3, dtype=np.int32)], ids=["none", "tiny"])
def test_nothing_is_asked_for_where_no_building_is_large_enough(numbers):
    assert random_requests(numbers, np.random.default_rng(0), count=4, scale=1) == []


def test_every_building_of_a_chip_has_a_number(chips):
    """Against each polygon drawn alone."""
    polygons = geopandas.read_parquet(chips.path / BUILDINGS)
    for chip in chips.split("train"):
        numbers = chips.instances(chip)
        np.testing.assert_array_equal(numbers > 0, chip.read_mask() == 1)
        grid = chip.grid()
        own = polygons[polygons["chip"] == chip.name].to_crs(grid.crs).geometry
        assert numbers.max() == len(own)
        for number, polygon in enumerate(own, start=1):
            alone = rasterize([polygon], out_shape=(SIDE, SIDE), transform=grid.transform)
            np.testing.assert_array_equal(numbers == number, alone == 1)


def test_wall_to_wall_buildings_have_numbers_of_their_own(tmp_path):
    image = write_raster(tmp_path / "a.tif", np.full((3, 256, 256), 90, np.uint8))
    halves = [shapely.box(20, 20, 50, 90), shapely.box(50, 20, 100, 90)]
    houses = [shapely.transform(half, lambda p: np.column_stack(UTM_HALF_METRE * p.T)) for half in halves]
    geopandas.GeoDataFrame(geometry=houses, crs="EPSG:32611").to_file(tmp_path / "a.gpkg")
    scenes = loose_scenes([str(image)], [str(tmp_path / "a.gpkg")])
    chips = prepare(scenes, tmp_path / "chips", settings=PrepareSettings(size_px=128, gsd_m=0.5)).chips
    chip = next(chip for split in ("train", "val", "test") for chip in chips.split(split) if chip.read().truth.any())
    areas = np.bincount(chips.instances(chip).ravel())[1:]
    np.testing.assert_allclose(sorted(areas), [30 * 70, 50 * 70], rtol=0.02)
