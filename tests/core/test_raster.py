"""Reading rasters, against rasterio's pixels, Pillow's whole-image resize and brute force over source pixels."""

import json
import math
import os
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rasterio.control import GroundControlPoint

from samft_core.bands import SAMPLE_SIDE_PX
from samft_core.errors import RasterError
from samft_core.grid import Grid, Window
from samft_core.raster import Pixels, open_raster
from samft_core.stretch import StretchPolicy
from samft_core.tiling import Lattice
from tests.conftest import UTM_HALF_METRE, assert_one_clear_line, write_raster


def picture(height: int, width: int, *, bands: int = 3, seed: int = 0) -> np.ndarray:
    """Noise over soft shapes, uint8."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    soft = 110 + 60 * np.sin(rows / 9)[None] * np.cos(cols / 7 + np.arange(bands)[:, None, None])
    return np.clip(soft + rng.normal(0, 30, (bands, height, width)), 0, 255).astype(np.uint8)


def lattice_of(grid: Grid, height: int, width: int) -> Grid:
    """The grid's ground in so many pixels."""
    scale = Affine.scale(grid.width / width, grid.height / height)
    return Grid(crs=grid.crs, transform=grid.transform * scale, height=height, width=width)


def resized_by_pillow(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """The whole image at once, in float, rounded."""
    bands = [
        np.asarray(Image.fromarray(band.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
        for band in array
    ]
    return np.rint(np.clip(bands, 0, 255)).astype(np.uint8)


def valid_by_brute_force(known: np.ndarray, height: int, width: int) -> np.ndarray:
    """Whether every source pixel that a lattice pixel overlaps is known, in exact fractions."""

    def span(index: int, count: int, length: int) -> slice:
        return slice(math.floor(Fraction(index * length, count)), math.ceil(Fraction((index + 1) * length, count)))

    return np.array(
        [
            [known[span(i, height, known.shape[0]), span(j, width, known.shape[1])].all() for j in range(width)]
            for i in range(height)
        ]
    )


def assert_same(pixels: Pixels, image: np.ndarray, valid: np.ndarray) -> None:
    assert np.array_equal(pixels.valid, valid)
    assert np.array_equal(pixels.image, image)


def everything(path, *, shape: tuple[int, int] | None = None, bands=None) -> Pixels:
    with open_raster(path, bands=bands) as raster:
        lattice = lattice_of(raster.grid, *shape) if shape else raster.grid
        return raster.read(lattice, lattice.window)


class TestOwnResolution:
    def test_pixels_are_rasterios(self, tmp_path):
        array = picture(57, 83)
        pixels = everything(write_raster(tmp_path / "a.tif", array))
        assert_same(pixels, array, np.ones((57, 83), dtype=bool))

    def test_rescaled_to_its_own_distance(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(57, 83))
        with open_raster(path) as raster:
            lattice = raster.grid.rescaled(raster.grid.gsd_m[0])
            assert lattice.shape == raster.grid.shape
            with rasterio.open(path) as dataset:
                assert np.array_equal(raster.read(lattice, lattice.window).image, dataset.read())

    @pytest.mark.parametrize(
        "transform",
        [
            Affine.translation(500_000, 3_762_000) * Affine.rotation(30) * Affine.scale(0.5, -0.5),
            Affine(0.5, 0, 500_000, 0, 0.5, 3_762_000),
        ],
        ids=["rotated", "south-up"],
    )
    def test_turned_rasters_are_not_warped(self, tmp_path, transform):
        array = picture(30, 40)
        path = write_raster(tmp_path / "a.tif", array, transform=transform)
        with open_raster(path) as raster:
            assert np.array_equal(raster.read(raster.grid, raster.grid.window).image, array)
            assert raster.grid.transform.almost_equals(transform, precision=1e-6)

    def test_grid_is_the_files(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(30, 40))
        with open_raster(path) as raster:
            assert raster.grid.shape == (30, 40)
            assert raster.grid.transform == UTM_HALF_METRE
            assert raster.grid.crs.to_epsg() == 32611
            assert raster.name == str(path)

    def test_it_is_what_resampling_gives(self, tmp_path):
        """Where the lattice's pixels are the raster's own, they are copied."""
        array = picture(40, 50).astype(np.float32) * 3.7
        path = write_raster(tmp_path / "a.tif", array, mask=holed())
        with open_raster(path) as raster:
            for window in (raster.grid.window, Window(row_px=5, col_px=9, height_px=17, width_px=33)):
                image, valid = raster._resample(raster.grid, window)
                assert not valid.all()
                assert_same(raster.read(raster.grid, window), image, valid)


class TestResampling:
    @pytest.mark.parametrize("shape", [(48, 64), (31, 41), (80, 120), (13, 200), (250, 301)])
    def test_tile_by_tile_equals_the_whole_resized_at_once(self, tmp_path, shape):
        array = picture(101, 133)
        path = write_raster(tmp_path / "a.tif", array)
        expected = resized_by_pillow(array, *shape)
        with open_raster(path) as raster:
            grid = lattice_of(raster.grid, *shape)
            found = np.zeros_like(expected)
            for tile in Lattice(grid=grid, tile_px=24, overlap_px=7).tiles():
                inside = tile.window.intersection(grid.window)
                place = inside.relative_to(tile.window)
                pixels = raster.read(grid, tile.window)
                found[:, inside.rows, inside.cols] = pixels.image[:, place.rows, place.cols]
        difference = np.abs(found.astype(int) - expected)
        assert difference.max() <= 1  # where rounding is a matter of Pillow's float32 box
        assert (difference == 0).mean() >= 0.999

    def test_against_pillows_own_uint8(self, tmp_path):
        array = picture(101, 133)
        pixels = everything(write_raster(tmp_path / "a.tif", array), shape=(48, 64))
        whole = Image.fromarray(np.moveaxis(array, 0, -1)).resize((64, 48), Image.Resampling.BILINEAR)
        assert np.abs(np.moveaxis(np.asarray(whole), -1, 0).astype(int) - pixels.image).max() <= 1

    @pytest.mark.parametrize("width", [25, 40, 50, 100, 250])
    def test_a_ramp_stays_where_it_is(self, tmp_path, width):
        array = np.broadcast_to((2 * np.arange(100) + 10).astype(np.uint8), (3, 20, 100))
        pixels = everything(write_raster(tmp_path / "a.tif", array), shape=(20, width))
        step = 100 / width
        inner = slice(math.ceil(2 / min(1, step)), -math.ceil(2 / min(1, step)))
        centres = (np.arange(width) + 0.5) * step  # the ramp is 2 x + 9 at x, counted from the outer corner
        assert np.abs(pixels.image[0, 10].astype(float) - (2 * centres + 9))[inner].max() <= 0.5 + 1e-3

    @given(
        row=st.integers(-12, 60),
        col=st.integers(-12, 70),
        height=st.integers(1, 60),
        width=st.integers(1, 60),
        shape=st.sampled_from([(29, 37), (40, 50), (61, 83), (100, 117)]),
        holes=st.booleans(),
    )
    def test_any_window_is_the_crop_of_the_whole(self, tmp_path_factory, row, col, height, width, shape, holes):
        path = tmp_path_factory.getbasetemp() / f"windows-{holes}.tif"
        if not path.exists():
            known = np.ones((61, 83), dtype=bool)
            known[20:23, 30:45] = False
            write_raster(path, picture(61, 83), mask=known if holes else None)
        window = Window(row_px=row, col_px=col, height_px=height, width_px=width)
        with open_raster(path) as raster:
            grid = lattice_of(raster.grid, *shape)
            whole = raster.read(grid, grid.window)
            part = raster.read(grid, window)
        image = np.zeros((3, height, width), dtype=np.uint8)
        valid = np.zeros((height, width), dtype=bool)
        inside = window.intersection(grid.window)
        if inside is not None:
            place = inside.relative_to(window)
            image[:, place.rows, place.cols] = whole.image[:, inside.rows, inside.cols]
            valid[place.rows, place.cols] = whole.valid[inside.rows, inside.cols]
        assert_same(part, image, valid)

    def test_beyond_the_raster_nothing_is_valid(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(20, 30))
        with open_raster(path) as raster:
            away = raster.read(raster.grid, Window(row_px=100, col_px=-50, height_px=4, width_px=5))
            over = raster.read(raster.grid, Window(row_px=-2, col_px=-3, height_px=30, width_px=40))
        assert_same(away, np.zeros((3, 4, 5)), np.zeros((4, 5)))
        assert over.valid.sum() == 20 * 30
        assert over.valid[2:22, 3:33].all()
        assert not over.image[:, ~over.valid].any()


def holed() -> np.ndarray:
    """Where a test raster is known: not in a block, a single pixel, a diagonal and the last column."""
    known = np.ones((40, 50), dtype=bool)
    known[8:14, 10:19] = False
    known[30, 40] = False
    known[np.arange(20, 30), np.arange(20, 30)] = False
    known[:, -1] = False
    return known


def write_holed(path, kind: str, known: np.ndarray, colour: int):
    array = np.where(known, picture(*known.shape), np.uint8(colour))
    if kind == "mask":
        return write_raster(path, array, mask=known)
    if kind == "alpha":
        return write_raster(path, array, alpha=known)
    if kind == "nodata":
        return write_raster(path, np.where(known, np.maximum(array, 1), 0).astype(np.uint8), nodata=0)
    values = np.where(known, array.astype(np.float32), np.float32(np.nan))
    return write_raster(path, values, nodata=math.nan if kind == "nan nodata" else None)


class TestValidity:
    @pytest.mark.parametrize("shape", [(40, 50), (20, 25), (17, 31), (33, 90), (90, 120)])
    @pytest.mark.parametrize("kind", ["mask", "alpha", "nodata", "nan", "nan nodata"])
    def test_valid_where_all_source_pixels_under_it_are(self, tmp_path, kind, shape):
        known = holed()
        pixels = everything(write_holed(tmp_path / "a.tif", kind, known, colour=200), shape=shape)
        assert np.array_equal(pixels.valid, valid_by_brute_force(known, *shape))
        assert not pixels.image[:, ~pixels.valid].any()

    def test_one_band_of_three_that_is_nan_makes_a_pixel_unknown(self, tmp_path):
        array = picture(10, 10).astype(np.float32)
        array[1, 4, 5] = np.nan
        array[2, 7, 2] = np.inf
        pixels = everything(write_raster(tmp_path / "a.tif", array))
        assert sorted(zip(*np.nonzero(~pixels.valid), strict=True)) == [(4, 5), (7, 2)]

    def test_a_band_that_is_not_read_makes_no_pixel_known(self, tmp_path):
        array = picture(10, 10, bands=4).astype(np.float32)
        array[:3, 2:4, 5:9] = -9999
        path = write_raster(tmp_path / "a.tif", array, nodata=-9999, photometric="minisblack")
        expected = np.ones((10, 10), dtype=bool)
        expected[2:4, 5:9] = False
        assert np.array_equal(everything(path).valid, expected)
        assert everything(path, bands=(4,)).valid.all()
        with open_raster(path) as raster:
            assert min(raster.stretch.low) >= 0

    @pytest.mark.parametrize("kind", ["mask", "alpha"])
    @pytest.mark.parametrize("shape", [(40, 50), (18, 23), (70, 99)])
    def test_colours_under_a_hole_do_not_bleed(self, tmp_path, kind, shape):
        bright = everything(write_holed(tmp_path / "bright.tif", kind, holed(), colour=255), shape=shape)
        dark = everything(write_holed(tmp_path / "dark.tif", kind, holed(), colour=0), shape=shape)
        assert_same(bright, dark.image, dark.valid)

    @pytest.mark.parametrize("shape", [(18, 23), (40, 50), (70, 99)])
    def test_a_plain_field_stays_plain_up_to_the_hole(self, tmp_path, shape):
        known = holed()
        array = np.where(known, np.uint8(100), np.uint8(255))
        pixels = everything(write_raster(tmp_path / "a.tif", np.stack([array] * 3), mask=known), shape=shape)
        assert pixels.valid.any()
        assert (pixels.image[:, pixels.valid] == 100).all()

    def test_nothing_known(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(20, 20), mask=np.zeros((20, 20), dtype=bool))
        assert_same(everything(path), np.zeros((3, 20, 20)), np.zeros((20, 20)))


class TestBands:
    @pytest.mark.parametrize(
        ("count", "chosen"), [(1, (1, 1, 1)), (2, (1, 1, 1)), (3, (1, 2, 3)), (4, (1, 2, 3)), (5, (1, 2, 3))]
    )
    def test_the_first_three_or_the_first(self, tmp_path, count, chosen):
        array = picture(12, 15, bands=count)
        pixels = everything(write_raster(tmp_path / "a.tif", array, photometric="minisblack"))
        assert np.array_equal(pixels.image, array[[band - 1 for band in chosen]])

    def test_alpha_is_no_colour(self, tmp_path):
        array, opaque = picture(40, 50), holed()
        for count in (1, 3):
            path = write_raster(tmp_path / f"{count}.tif", array[:count], alpha=opaque)
            with open_raster(path) as raster:
                assert raster.bands == tuple(range(1, count + 1))
            assert np.array_equal(everything(path).image[0], np.where(opaque, array[0], 0))

    def test_an_alpha_band_in_front(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", np.concatenate([np.full((1, 8, 9), 255, np.uint8), picture(8, 9)]))
        with rasterio.open(path, "r+") as dataset:
            dataset.colorinterp = [rasterio.enums.ColorInterp[name] for name in ("alpha", "red", "green", "blue")]
        with open_raster(path) as raster:
            assert raster.bands == (2, 3, 4)

    @pytest.mark.parametrize("bands", [(5, 3, 1), (4,), (2, 2, 2)])
    def test_by_choice(self, tmp_path, bands):
        array = picture(12, 15, bands=5)
        pixels = everything(write_raster(tmp_path / "a.tif", array), bands=bands)
        assert np.array_equal(pixels.image, array[[band - 1 for band in (bands * 3)[:3]]])

    @pytest.mark.parametrize(
        ("bands", "word"), [((1, 2), "one band or three"), ((), "one band or three"), ((1, 2, 6), "5 bands"),
                            ((0,), "5 bands"), ((-1,), "5 bands")],
    )  # fmt: skip
    def test_impossible(self, tmp_path, bands, word):
        path = write_raster(tmp_path / "a.tif", picture(5, 5, bands=5))
        with pytest.raises(RasterError, match=word) as caught, open_raster(path, bands=bands):
            pass
        assert_one_clear_line(caught.value)

    def test_one_band_is_said_in_the_singular(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(5, 5, bands=1))
        with pytest.raises(RasterError, match=r"a raster of 1 band;"), open_raster(path, bands=(1, 2, 3)):
            pass


class TestNodataOfTheCaller:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
    def test_counts_where_the_raster_says_nothing(self, tmp_path, dtype):
        known = holed()
        array = np.where(known, np.maximum(picture(40, 50), 1), 0).astype(dtype)
        path = write_raster(tmp_path / "a.tif", array)
        assert everything(path).valid.all()
        with open_raster(path, nodata=0) as raster:
            assert np.array_equal(raster.read(raster.grid, raster.grid.window).valid, known)
            assert raster.identity["nodata"] == ["0"] * 3

    def test_all_bands_must_have_it(self, tmp_path):
        array = picture(40, 50)
        array[1, 5:9, 5:9] = 7
        path = write_raster(tmp_path / "a.tif", array)
        with open_raster(path, nodata=7) as raster:
            assert raster.read(raster.grid, raster.grid.window).valid[5:9, 5:9].any()
        with open_raster(path, bands=(2,), nodata=7) as raster:
            assert not raster.read(raster.grid, raster.grid.window).valid[5:9, 5:9].any()

    def test_is_left_out_of_the_stretch(self, tmp_path):
        array = np.full((1, 101, 101), 60_000, dtype=np.uint16)
        array[0, 50] = np.arange(101)
        path = write_raster(tmp_path / "a.tif", array)
        with open_raster(path, nodata=60_000) as raster:
            assert (raster.stretch.low, raster.stretch.high) == ((2.0,), (98.0,))

    @pytest.mark.parametrize("kind", ["mask", "alpha", "nodata", "nan nodata"])
    def test_is_ignored_where_the_raster_speaks(self, tmp_path, kind):
        path = write_holed(tmp_path / "a.tif", kind, holed(), colour=200)
        with open_raster(path, nodata=100) as raster:
            assert np.array_equal(raster.read(raster.grid, raster.grid.window).valid, holed())
            assert raster.identity["nodata"] != ["100"]

    def test_nan_is_unknown_beside_it(self, tmp_path):
        array = picture(10, 10).astype(np.float32)
        array[1, 4, 5] = np.nan
        array[:, 7, 2] = -1
        path = write_raster(tmp_path / "a.tif", array)
        with open_raster(path, nodata=-1) as raster:
            valid = raster.read(raster.grid, raster.grid.window).valid
        assert sorted(zip(*np.nonzero(~valid), strict=True)) == [(4, 5), (7, 2)]

    def test_with_ground_control_points_alone(self, tmp_path):
        known = holed()
        array = np.where(known, np.maximum(picture(40, 50), 1), 0).astype(np.uint8)
        points = [
            GroundControlPoint(row=row, col=col, x=500_000 + col / 2, y=3_762_000 - row / 2)
            for row, col in [(0, 0), (0, 50), (40, 0), (40, 50)]
        ]
        path = write_raster(tmp_path / "a.tif", array, crs=None, transform=None, gcps=points, gcps_crs="EPSG:32611")
        with open_raster(path, nodata=0) as raster:
            assert np.array_equal(raster.read(raster.grid, raster.grid.window).valid, known)


class TestNodataThatMayBeAColour:
    def test_a_pure_colour_is_known(self, tmp_path):
        array = np.stack([np.full((4, 4), 255, np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)])
        assert everything(write_raster(tmp_path / "a.tif", array, nodata=0)).valid.all()
        assert everything(write_raster(tmp_path / "b.tif", array, nodata=255)).valid.all()


class TestListsOfFiles:
    def files(self, tmp_path, **changes) -> str:
        """Three files of one band, the second one changed."""
        array = picture(40, 50)
        options = [{}, changes, {}]
        paths = [tmp_path / f"B{i}.tif" for i in range(3)]
        for path, band, change in zip(paths, array, options, strict=True):
            write_raster(path, change.pop("array", band), **change)
        return ",".join(map(str, paths))

    def test_is_one_raster(self, tmp_path):
        name = self.files(tmp_path)
        with open_raster(name) as raster:
            assert raster.name == name
            assert raster.short_name == "B0.tif,B1.tif,B2.tif"
            assert raster.bands == (1, 2, 3)
            assert len(raster.identity["files"]) == 3
        assert_same(everything(name), picture(40, 50), np.ones((40, 50), dtype=bool))
        assert np.array_equal(everything(name, bands=(3, 1, 1)).image, picture(40, 50)[[2, 0, 0]])

    def test_types_may_differ(self, tmp_path):
        second = picture(40, 50)[1].astype(np.float32) / 255
        with open_raster(self.files(tmp_path, array=second)) as raster:
            pixels = raster.read(raster.grid, raster.grid.window)
            assert raster.stretch.high[1] <= 1
        assert np.ptp(pixels.image[1]) == 255

    def test_a_file_with_a_comma_in_its_name(self, tmp_path):
        path = write_raster(tmp_path / "a,b.tif", picture(8, 9))
        assert np.array_equal(everything(path).image, picture(8, 9))

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"array": picture(40, 51)[0]}, "size"),
            ({"crs": "EPSG:32612"}, "CRS"),
            ({"transform": UTM_HALF_METRE * Affine.translation(0.1, 0)}, "place"),
            ({"transform": UTM_HALF_METRE * Affine.scale(1.01)}, "place"),
        ],
    )
    def test_files_that_do_not_lie_on_each_other(self, tmp_path, changes, word):
        with pytest.raises(RasterError, match=f"files of one {word}.*B1.tif") as caught:
            everything(self.files(tmp_path, **changes))
        assert_one_clear_line(caught.value)

    def test_transforms_may_differ_by_rounding(self, tmp_path):
        name = self.files(tmp_path, transform=UTM_HALF_METRE * Affine.translation(1e-4, 0))
        assert np.array_equal(everything(name).image, picture(40, 50))

    def test_one_is_missing(self, tmp_path):
        name = self.files(tmp_path)
        (tmp_path / "B1.tif").unlink()
        with pytest.raises(RasterError, match=r"no file .*B1.tif;") as caught:
            everything(name)
        assert_one_clear_line(caught.value)

    def test_a_comma_too_many(self, tmp_path):
        with pytest.raises(RasterError, match="between two commas") as caught:
            everything(self.files(tmp_path) + ",")
        assert_one_clear_line(caught.value)

    def test_bands_are_counted_over_all(self, tmp_path):
        with pytest.raises(RasterError, match=r"bands 4 in .*a raster of 3 bands"):
            everything(self.files(tmp_path), bands=(4,))


class TestIdentity:
    def test_is_json_and_the_same_again(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(40, 50).astype(np.float32), nodata=math.nan)
        with open_raster(path) as raster:
            identity = raster.identity
        assert identity["name"] == str(path)
        assert identity["size"] == [40, 50]
        assert identity["files"] == [
            {"name": str(path), "size": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns}
        ]
        with open_raster(path) as raster:
            assert raster.identity == json.loads(json.dumps(identity))

    def test_notes_of_a_gis_change_nothing(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(40, 50))
        with open_raster(path) as raster:
            identity = raster.identity
        (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset><Metadata><MDI key='A'>1</MDI></Metadata></PAMDataset>")
        with open_raster(path) as raster:
            assert raster.identity == identity

    @pytest.mark.parametrize("change", ["touch", "bands", "policy", "nodata", "file"])
    def test_anything_else_changes_it(self, tmp_path, change):
        path = write_raster(tmp_path / "a.tif", picture(40, 50).astype(np.uint16))
        with open_raster(path) as raster:
            identity = raster.identity
        if change == "touch":
            os.utime(path, ns=(0, 12345))
        if change == "file":
            write_raster(path, picture(40, 50, seed=1).astype(np.uint16), compress="deflate")
        options = {
            "bands": {"bands": (3, 2, 1)},
            "policy": {"policy": StretchPolicy(lower_percentile=5)},
            "nodata": {"nodata": 5},
        }.get(change, {})
        with open_raster(path, **options) as raster:
            assert raster.identity != identity

    def test_files_of_a_vrt_count(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(40, 50))
        rasterio.shutil.copy(path, tmp_path / "a.vrt", driver="VRT")
        with open_raster(tmp_path / "a.vrt") as raster:
            assert {Path(file["name"]).name for file in raster.identity["files"]} == {"a.tif", "a.vrt"}


class TestAnotherThread:
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32])
    def test_reads_the_same(self, tmp_path, dtype):
        path = write_holed(tmp_path / "a.tif", "mask", holed(), colour=200)
        names = ",".join([str(path), str(write_raster(tmp_path / "b.tif", picture(40, 50)[:2].astype(dtype)))])
        whole = everything(names)
        with open_raster(names) as raster, ThreadPoolExecutor(1) as pool:
            assert_same(pool.submit(raster.read, raster.grid, raster.grid.window).result(), whole.image, whole.valid)


class TestNamesOnlyGdalKnows:
    def test_subdatasets(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(8, 9))
        assert np.array_equal(everything(f"GTIFF_DIR:1:{path}").image, picture(8, 9))

    def test_a_table_of_a_geopackage(self, tmp_path):
        path = tmp_path / "x.gpkg"
        write_raster(path, picture(300, 400), driver="GPKG", RASTER_TABLE="air", TILE_FORMAT="PNG")
        pixels = everything(f"GPKG:{path}:air")
        assert np.array_equal(pixels.image[:, :300, :400], picture(300, 400))

    def test_xml(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(8, 9))
        rasterio.shutil.copy(path, tmp_path / "a.vrt", driver="VRT")
        xml = (tmp_path / "a.vrt").read_text().replace('relativeToVRT="1">a.tif', f'relativeToVRT="0">{path}')
        assert np.array_equal(everything(xml + "<!-- " + "so long, " * 1000 + "-->").image, picture(8, 9))

    def test_inside_an_archive(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(8, 9))
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.write(path, "a.tif")
        assert np.array_equal(everything(f"/vsizip/{tmp_path}/a.zip/a.tif").image, picture(8, 9))
        assert np.array_equal(everything(f"zip://{tmp_path}/a.zip!a.tif").image, picture(8, 9))

    @pytest.mark.parametrize(
        "name", ["GPKG:/no/x.gpkg:table", 'NETCDF:"no,x.nc":var', "<VRTDataset></VRTDataset>", "/vsizip/no.zip/a.tif"]
    )
    def test_are_tried(self, name):
        with pytest.raises(RasterError, match="GDAL can open") as caught, open_raster(name):
            pass
        assert name.split(",")[0] in str(caught.value)
        assert_one_clear_line(caught.value)


class TestStretch:
    @pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
    def test_percentiles_of_the_whole_raster(self, tmp_path, dtype):
        array = (picture(50, 60).astype(np.float64) * 9 - 300).clip(0 if dtype == np.uint16 else None).astype(dtype)
        path = write_raster(tmp_path / "a.tif", array)
        expected = np.percentile(array.reshape(3, -1).astype(float), [5, 90], axis=1)
        with open_raster(path, policy=StretchPolicy(lower_percentile=5, upper_percentile=90)) as raster:
            assert raster.stretch.low == pytest.approx(expected[0])
            assert raster.stretch.high == pytest.approx(expected[1])
            pixels = raster.read(raster.grid, raster.grid.window)
        low, high = expected[:, :, None, None]
        exact = np.clip((array - low) / (high - low) * 255, 0, 255)
        assert np.abs(pixels.image - exact).max() <= 0.5 + 1e-3

    @pytest.mark.parametrize("dtype", [np.uint16, np.float32])
    def test_windows_do_not_change_it(self, tmp_path, dtype):
        array = (picture(50, 60).astype(dtype)) * 13
        array[:, :10, :10] *= 4
        path = write_raster(tmp_path / "a.tif", array)
        whole = everything(path)
        with open_raster(path) as raster:
            part = raster.read(raster.grid, Window(row_px=2, col_px=3, height_px=9, width_px=11))
        assert_same(part, whole.image[:, 2:11, 3:14], whole.valid[2:11, 3:14])

    def test_a_large_raster_is_decimated(self, tmp_path):
        ramp = np.broadcast_to(np.arange(5000, dtype=np.uint16), (1, 20, 5000))
        path = write_raster(tmp_path / "a.tif", ramp)
        with open_raster(path) as raster:
            step = 5000 / SAMPLE_SIDE_PX
            assert raster.stretch.low[0] == pytest.approx(0.02 * 5000, abs=2 * step)
            assert raster.stretch.high[0] == pytest.approx(0.98 * 5000, abs=2 * step)

    def test_nodata_is_left_out_of_the_statistics(self, tmp_path):
        array = np.full((1, 101, 101), -9999, dtype=np.float32)
        array[0, 50] = np.arange(101)
        path = write_raster(tmp_path / "a.tif", array, nodata=-9999)
        with open_raster(path) as raster:
            assert (raster.stretch.low, raster.stretch.high) == ((2.0,), (98.0,))


class TestGroundControlPoints:
    def test_lie_where_the_points_say(self, tmp_path):
        array = picture(40, 60)
        corners = [(0, 0), (0, 60), (40, 0), (40, 60)]
        points = [
            GroundControlPoint(row=row, col=col, x=500_000 + col / 2, y=3_762_000 - row / 2) for row, col in corners
        ]
        path = write_raster(tmp_path / "a.tif", array, crs=None, transform=None, gcps=points, gcps_crs="EPSG:32611")
        with open_raster(path) as raster:
            assert raster.grid.crs.to_epsg() == 32611
            assert raster.grid.bounds == pytest.approx((500_000, 3_761_980, 500_030, 3_762_000), abs=1e-3)
            assert raster.bands == (1, 2, 3)
            pixels = raster.read(raster.grid, raster.grid.window)
        assert pixels.valid.all()
        assert np.array_equal(pixels.image, array)

    def test_turned_points_leave_the_corners_unknown(self, tmp_path):
        turned = Affine.translation(500_000, 3_762_000) * Affine.rotation(45) * Affine.scale(0.5, -0.5)
        corners = [(0, 0), (0, 60), (60, 0), (60, 60)]
        points = [
            GroundControlPoint(row=row, col=col, x=(turned * (col, row))[0], y=(turned * (col, row))[1])
            for row, col in corners
        ]
        path = write_raster(
            tmp_path / "a.tif", picture(60, 60), crs=None, transform=None, gcps=points, gcps_crs="EPSG:32611"
        )
        pixels = everything(path)
        assert 0.4 < pixels.valid.mean() < 0.55  # a square on its corner fills half of the square around it
        assert not pixels.valid[0, 0]
        assert pixels.valid[pixels.valid.shape[0] // 2, pixels.valid.shape[1] // 2]


class TestRefusals:
    def refused(self, path, word: str) -> None:
        with pytest.raises(RasterError, match=word) as caught, open_raster(path):
            pass
        assert_one_clear_line(caught.value)
        assert path.name in str(caught.value)

    def test_missing(self, tmp_path):
        self.refused(tmp_path / "none.tif", "no file")

    def test_text_named_tif(self, tmp_path):
        (tmp_path / "notes.tif").write_text("no raster\nat all\n")
        self.refused(tmp_path / "notes.tif", "gdalinfo")

    def test_folder(self, tmp_path):
        (tmp_path / "folder.tif").mkdir()
        self.refused(tmp_path / "folder.tif", "GDAL can open")

    @pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
    def test_no_crs(self, tmp_path):
        self.refused(write_raster(tmp_path / "a.tif", picture(5, 5), crs=None), "gdal_edit.py -a_srs")

    @pytest.mark.parametrize(
        "nothing", [{"transform": None}, {"transform": Affine.identity()}], ids=["none", "identity"]
    )
    @pytest.mark.parametrize("crs", ["EPSG:32611", None])
    def test_nowhere(self, tmp_path, nothing, crs):
        """Only the user is warned, in our own words; writing such a file warns too."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = write_raster(tmp_path / "a.tif", picture(5, 5), crs=crs, **nothing)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.refused(path, "-a_ullr")

    def test_a_shapefiles_crs_is_not_the_rasters(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(5, 5), crs=None)
        (tmp_path / "a.prj").write_text(pyproj.CRS(32611).to_wkt("WKT1_ESRI"))
        (tmp_path / "a.shp").touch()
        self.refused(path, "coordinate reference system")

    def test_several_rasters_in_one_file(self, tmp_path):
        path = tmp_path / "x.gpkg"
        for table in ("air", "sea"):
            options = {"APPEND_SUBDATASET": "YES"} if path.exists() else {}
            write_raster(path, picture(20, 30), driver="GPKG", RASTER_TABLE=table, **options)
        self.refused(path, f"give one of those: GPKG:{path}:air, GPKG:{path}:sea")
        assert everything(f"GPKG:{path}:sea").valid.any()

    def test_a_table_of_colours(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(5, 5, bands=1))
        with rasterio.open(path, "r+") as dataset:
            dataset.write_colormap(1, {number: (number, 0, 255 - number, 255) for number in range(256)})
        self.refused(path, "-expand rgb")

    def test_broken_block(self, tmp_path):
        path = write_raster(tmp_path / "a.tif", picture(256, 256), tiled=True, blockxsize=64, blockysize=64,
                            compress="deflate")  # fmt: skip
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 4000] = b"\xff" * 4000
        path.write_bytes(content)
        with open_raster(path) as raster, pytest.raises(RasterError, match="an error at rows 0 to 256") as caught:
            raster.read(raster.grid, raster.grid.window)
        assert_one_clear_line(caught.value)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_file_cut_short_is_a_raster_error(tmp_path, dtype):
    """Half of a file: found when its pixels are read, or already when the stretch is."""
    rng = np.random.default_rng(0)
    whole = write_raster(tmp_path / "whole.tif", rng.integers(0, 255, size=(3, 256, 256)).astype(dtype))
    cut = tmp_path / "cut.tif"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(RasterError) as caught, open_raster(cut) as raster:
        raster.read(raster.grid, raster.grid.window)
    assert_one_clear_line(caught.value)
