"""Every mistake a user can make: exit 2, nothing on stdout, one line on stderr that says what to do."""

import json
import os
import re
import shutil

import numpy as np
import pytest
import shapely

from samft_core.bundle import load_bundle
from tests.cli.conftest import TILE_PX, clear_line, houses, listing, samft, write_scene, write_vector
from tests.conftest import UTM_HALF_METRE, write_raster

POSIX = pytest.mark.skipif(os.name != "posix", reason="these folders are POSIX's")

EXTENT = re.compile(r"\((?:-?\d+\.\d+(?:, )?){4}\)")
"""(left, bottom, right, top) in a message."""


class TestRasters:
    @pytest.fixture
    def fails(self, mistake, bundle, labels, tmp_path):
        """Runs segment, prepare and info on what should be a raster; gives the three lines."""

        def call(raster):
            lines = [
                mistake("segment", bundle, raster, "--out", tmp_path / "out.gpkg"),
                mistake("prepare", raster, "--labels", labels, "--out", tmp_path / "chips"),
                mistake("info", raster),
            ]
            assert not (tmp_path / "out.gpkg").exists()
            assert not (tmp_path / "chips").exists()
            return lines

        return call

    def test_missing(self, fails, tmp_path):
        for line in fails(tmp_path / "no.tif"):
            assert f"got no file {tmp_path / 'no.tif'}; check the path" in line

    def test_text_named_tif(self, fails, tmp_path):
        (tmp_path / "a.tif").write_text("no raster")
        for line in fails(tmp_path / "a.tif"):
            assert "expected a raster that GDAL can open" in line

    def test_empty_file(self, fails, tmp_path):
        (tmp_path / "a.tif").touch()
        for line in fails(tmp_path / "a.tif"):
            assert "expected a raster that GDAL can open" in line

    def test_folder(self, fails, tmp_path):
        (tmp_path / "a.tif").mkdir()
        for line in fails(tmp_path / "a.tif"):
            assert "a.tif" in line

    @pytest.mark.parametrize("transform", [UTM_HALF_METRE, None], ids=["placed", "not placed"])
    def test_without_crs(self, fails, tmp_path, transform):
        raster = write_raster(tmp_path / "a.tif", np.zeros((3, 64, 64), np.uint8), crs=None, transform=transform)
        for line in fails(raster):
            assert "expected a raster with a coordinate reference system" in line
            assert "gdal_edit.py -a_srs" in line

    @pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
    def test_without_crs_as_a_user_sees_it(self, tmp_path):
        """rasterio warns about such a file, in a line of its own."""
        raster = write_raster(tmp_path / "a.tif", np.zeros((3, 64, 64), np.uint8), crs=None, transform=None)
        done = samft("info", raster)
        assert (done.returncode, done.stdout) == (2, "")
        assert "coordinate reference system" in clear_line(done.stderr)


class TestLabels:
    @pytest.fixture
    def fails(self, mistake, scene, tmp_path):
        """Runs prepare on labels."""

        def call(labels):
            line = mistake("prepare", scene, "--labels", labels, "--out", tmp_path / "chips")
            assert not (tmp_path / "chips").exists()
            return line

        return call

    def test_elsewhere(self, fails, tmp_path):
        elsewhere = [shapely.affinity.translate(house, 5_000, 0) for house in houses()]
        line = fails(write_vector(tmp_path / "a.gpkg", elsewhere))
        raster, polygons = EXTENT.findall(line)
        assert raster == "(500000.0, 3761904.0, 500096.0, 3762000.0)"
        assert polygons == "(505010.0, 3761918.0, 505084.0, 3761990.0)"

    def test_points(self, fails, tmp_path):
        line = fails(write_vector(tmp_path / "a.gpkg", [house.centroid for house in houses()]))
        assert "got 9 features without one; give the polygon layer" in line

    def test_without_features(self, fails, tmp_path):
        assert "got an empty file" in fails(write_vector(tmp_path / "a.gpkg", []))

    @pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.parquet"])
    def test_zero_bytes(self, fails, tmp_path, name):
        (tmp_path / name).touch()
        assert "expected a vector file that OGR can open" in fails(tmp_path / name)

    def test_missing(self, fails, tmp_path):
        assert f"got no file {tmp_path / 'no.gpkg'}" in fails(tmp_path / "no.gpkg")

    def test_not_given(self, mistake, scene, tmp_path):
        line = mistake("prepare", scene, "--out", tmp_path / "chips")
        assert "got 1 images, 0 label files, --spacenet not given" in line

    def test_score_of_a_missing_file(self, mistake, labels, tmp_path):
        assert "no.gpkg" in mistake("score", tmp_path / "no.gpkg", labels)


class TestSpacenet:
    @pytest.fixture
    def spacenet(self, scene, labels, tmp_path):
        """Two scenes, the second without labels."""
        root = tmp_path / "AOI_1"
        (root / "PS-RGB").mkdir(parents=True)
        (root / "geojson_buildings").mkdir()
        for number in (1, 2):
            shutil.copy(scene, root / "PS-RGB" / f"SN_AOI_1_PS-RGB_img{number}.tif")
        write_vector(root / "geojson_buildings" / "SN_AOI_1_geojson_buildings_img1.geojson", houses())
        return root

    def test_without_images(self, mistake, tmp_path):
        line = mistake("prepare", "--spacenet", tmp_path, "--out", tmp_path / "chips")
        assert f"expected GeoTIFFs in {tmp_path / 'PS-RGB'}, got none" in line

    def test_missing_folder(self, mistake, tmp_path):
        mistake("prepare", "--spacenet", tmp_path / "no", "--out", tmp_path / "chips")

    def test_image_without_labels(self, mistake, spacenet, tmp_path):
        line = mistake("prepare", "--spacenet", spacenet, "--out", tmp_path / "chips")
        assert "SN_AOI_1_geojson_buildings_img2.geojson beside SN_AOI_1_PS-RGB_img2.tif" in line
        assert not (tmp_path / "chips").exists()

    def test_whole_one_is_fine(self, good, spacenet, tmp_path):
        """An image without a building is one more negative."""
        empty = spacenet / "geojson_buildings" / "SN_AOI_1_geojson_buildings_img2.geojson"
        empty.write_text('{"type": "FeatureCollection", "features": []}')
        said = good("prepare", "--spacenet", spacenet, "--out", tmp_path / "chips", "--size", TILE_PX)
        assert said.startswith("18 chips of 64 px at 0.5 m")


class TestChips:
    @pytest.fixture
    def copy(self, chips, tmp_path):
        return shutil.copytree(chips, tmp_path / "chips")

    @pytest.fixture
    def fails(self, mistake, bundle, tmp_path):
        """Runs train and evaluate on what should be a chips folder; gives the two lines."""

        def call(chips):
            return [
                mistake("train", chips, "--out", tmp_path / "run", "--model", "samft-tiny"),
                mistake("evaluate", bundle, chips, "--report", tmp_path / "report.html"),
            ]

        return call

    def test_of_another_version(self, fails, copy):
        path = copy / "chips.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
        for line in fails(copy):
            assert f"expected a chips folder of format 1, got format 99 in {copy}; prepare the chips again" in line

    def test_none(self, fails, tmp_path):
        for line in fails(tmp_path / "no"):
            assert f"got no folder {tmp_path / 'no'}; make one with samft prepare" in line

    def test_another_folder(self, fails, scene):
        for line in fails(scene.parent):
            assert "expected a chips folder with chips.json" in line

    def test_without_manifest(self, fails, copy):
        (copy / "manifest.parquet").unlink()
        for line in fails(copy):
            assert "expected chips.json and manifest.parquet" in line

    @pytest.mark.parametrize("text", ["{", "[]", "null", '{"format": 1}'])
    def test_broken_json(self, fails, copy, text):
        (copy / "chips.json").write_text(text)
        for line in fails(copy):
            assert "expected chips.json and manifest.parquet" in line


class TestBundles:
    @pytest.fixture
    def copy(self, bundle, tmp_path):
        return shutil.copytree(bundle, tmp_path / "bundle")

    @pytest.fixture
    def fails(self, mistake, scene, tmp_path):
        """Runs segment on what should be a bundle."""

        def call(bundle):
            line = mistake("segment", bundle, scene, "--out", tmp_path / "out.gpkg")
            assert not (tmp_path / "out.gpkg").exists()
            return line

        return call

    def test_none(self, fails, tmp_path):
        assert f"got no folder {tmp_path / 'no'}; give the bundle folder" in fails(tmp_path / "no")

    def test_the_run_instead(self, fails, tmp_path):
        assert "RUN/bundle" in fails(tmp_path)

    def test_missing_weights(self, fails, copy, mistake):
        (copy / "model.safetensors").unlink()
        assert "expected model.safetensors with SHA-256" in fails(copy)
        assert "got no such file" in mistake("info", copy)

    @pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
    def test_one_bit_changed(self, fails, copy, name):
        content = bytearray((copy / name).read_bytes())
        content[-10] ^= 1
        (copy / name).write_bytes(content)
        assert f"expected {name} with SHA-256" in fails(copy)

    def test_another_band_count(self, mistake, bundle, tmp_path):
        raster = write_raster(tmp_path / "a.tif", np.zeros((3, 64, 64), np.uint8))
        card = load_bundle(bundle).card.as_dict()
        card["recipe"]["bands"] = [5, 3, 2]
        copy = shutil.copytree(bundle, tmp_path / "bundle")
        (copy / "samft.json").write_text(json.dumps(card))
        line = mistake("segment", copy, raster, "--out", tmp_path / "out.gpkg")
        assert "got a raster of 3 bands" in line


class TestOutputs:
    def test_footprints_that_exist(self, mistake, bundle, scene, tmp_path):
        out = tmp_path / "out.gpkg"
        out.write_text("precious")
        assert "--overwrite" in mistake("segment", bundle, scene, "--out", out)
        assert out.read_text() == "precious"
        assert listing(tmp_path) == ["out.gpkg"]

    def test_probabilities_that_exist(self, mistake, bundle, scene, tmp_path):
        (tmp_path / "p.tif").write_text("precious")
        arguments = ("--out", tmp_path / "out.gpkg", "--probability", tmp_path / "p.tif")
        assert "--overwrite" in mistake("segment", bundle, scene, *arguments)
        assert (tmp_path / "p.tif").read_text() == "precious"
        assert listing(tmp_path) == ["p.tif"]

    def test_chips_that_exist(self, mistake, scene, labels, tmp_path):
        (tmp_path / "chips").mkdir()
        (tmp_path / "chips" / "old").write_text("precious")
        assert "--overwrite" in mistake("prepare", scene, "--labels", labels, "--out", tmp_path / "chips")
        assert listing(tmp_path) == ["chips", "chips/old"]

    def test_a_demo_that_exists(self, mistake, tmp_path):
        (tmp_path / "old").write_text("precious")
        assert "--overwrite" in mistake("demo", "--out", tmp_path)
        assert listing(tmp_path) == ["old"]

    @pytest.fixture(params=["file", pytest.param("proc", marks=POSIX)])
    def unwritable(self, request, tmp_path):
        """A folder that cannot be written in, for root neither."""
        if request.param == "proc":
            return "/proc/samft"
        (tmp_path / "notes").write_text("a file")
        return str(tmp_path / "notes")

    def test_unwritable_folder_for_footprints(self, mistake, bundle, scene, unwritable):
        line = mistake("segment", bundle, scene, "--out", f"{unwritable}/out.gpkg")
        assert f"expected to write {unwritable}/out.gpkg" in line

    def test_unwritable_folder_for_chips(self, mistake, scene, labels, unwritable):
        line = mistake("prepare", scene, "--labels", labels, "--out", f"{unwritable}/chips")
        assert f"expected to write {unwritable}/chips" in line

    def test_unwritable_folder_for_a_run(self, mistake, chips, unwritable):
        line = mistake("train", chips, "--out", f"{unwritable}/run", "--model", "samft-tiny")
        assert f"expected to write {unwritable}/run" in line

    def test_unwritable_folder_for_scores(self, mistake, good, labels, unwritable):
        assert "expected to write" in mistake("score", labels, labels, "--json", f"{unwritable}/scores.json")

    def test_unwritable_folder_for_a_report(self, mistake, bundle, chips, unwritable):
        assert "expected to write" in mistake("evaluate", bundle, chips, "--report", f"{unwritable}/report.html")

    @pytest.mark.parametrize("name", ["out.docx", "out.shp", "out.gpkg.zip"])
    def test_unknown_suffix(self, mistake, bundle, scene, tmp_path, name):
        line = mistake("segment", bundle, scene, "--out", tmp_path / name)
        assert f"expected an output ending in .gpkg, .fgb, .geojson, .json, .parquet, got {name}" in line


class TestArguments:
    def test_unknown_option(self, mistake):
        assert "--nope" in mistake("segment", "--nope")
        assert "--nope" in mistake("--nope")

    def test_unknown_verb(self, mistake):
        assert "frobnicate" in mistake("frobnicate")

    @pytest.mark.parametrize("verb", ["segment", "prepare", "train", "evaluate", "score", "info", "demo"])
    def test_missing_argument(self, mistake, verb):
        assert f"samft {verb} --help" in mistake(verb)

    def test_missing_value(self, mistake):
        assert "--out" in mistake("train", "chips", "--out")

    @pytest.mark.parametrize("value", ["0", "1", "1.5", "nan", "high"])
    def test_threshold(self, mistake, bundle, scene, tmp_path, value):
        line = mistake("segment", bundle, scene, "--out", tmp_path / "out.gpkg", "--threshold", value)
        assert "--threshold" in line

    def test_negative_area(self, mistake, bundle, scene, tmp_path):
        assert "-1" in mistake("segment", bundle, scene, "--out", tmp_path / "out.gpkg", "--min-area-m2", "-1")

    @pytest.mark.parametrize("device", ["quantum", "cuda:99", "cpu:zero", ""])
    def test_unknown_device(self, mistake, bundle, scene, chips, tmp_path, device):
        line = mistake("segment", bundle, scene, "--out", tmp_path / "out.gpkg", "--device", device)
        assert "expected a device among auto, cpu" in line
        line = mistake("train", chips, "--out", tmp_path / "run", "--model", "samft-tiny", "--device", device)
        assert "expected a device among auto, cpu" in line

    def test_probabilities_of_two_rasters_into_a_file(self, mistake, bundle, scene, tmp_path):
        other = write_scene(tmp_path / "other.tif")
        (tmp_path / "p.tif").write_text("mine")
        arguments = ("--out", tmp_path / "out.gpkg", "--probability", tmp_path / "p.tif")
        assert "expected to write" in mistake("segment", bundle, scene, other, *arguments)
        assert (tmp_path / "p.tif").read_text() == "mine"

    @pytest.mark.parametrize(
        ("bands", "part"),
        [("5,3,2", "got a raster of 3 bands"), ("0,1,2", "got a raster of 3 bands"), ("1,2", "got 2: 1,2"),
         ("red", "--bands as numbers"), ("", "--bands as numbers"), ("1,2,", "--bands as numbers")],
    )  # fmt: skip
    def test_bands(self, mistake, scene, labels, tmp_path, bands, part):
        line = mistake("prepare", scene, "--labels", labels, "--out", tmp_path / "chips", "--bands", bands)
        assert part in line
        assert listing(tmp_path) == []

    @pytest.mark.parametrize(
        ("option", "value"), [("--size", "100"), ("--size", "0"), ("--gsd", "0"), ("--gsd", "nan")]
    )
    def test_size_and_resolution(self, mistake, scene, labels, tmp_path, option, value):
        line = mistake("prepare", scene, "--labels", labels, "--out", tmp_path / "chips", option, value)
        assert f"got {value}" in line
        assert listing(tmp_path) == []


class TestBounds:
    @pytest.fixture
    def fails(self, mistake, bundle, scene, tmp_path):
        """Runs segment with bounds."""

        def call(*bounds, crs=None):
            more = () if crs is None else ("--bounds-crs", crs)
            line = mistake("segment", bundle, scene, "--out", tmp_path / "out.gpkg", "--bounds", *bounds, *more)
            assert listing(tmp_path) == []
            return line

        return call

    def test_swapped(self, fails):
        line = fails(500_050, 3_761_950, 500_000, 3_762_000)
        assert "expected bounds as left bottom right top with left < right and bottom < top" in line
        assert "swap" in line

    def test_not_a_number(self, fails):
        assert "expected bounds as left bottom right top" in fails("nan", 3_761_950, 500_050, 3_762_000)

    def test_off_the_raster(self, fails):
        line = fails(100, 200, 300, 400.5)
        assert EXTENT.findall(line) == ["(500000.0, 3761904.0, 500096.0, 3762000.0)", "(100.0, 200.0, 300.0, 400.5)"]

    def test_degrees_without_saying_so(self, fails):
        line = fails(-117, 33.9, -116.9, 34)
        assert "check the bounds and --bounds-crs" in line
        assert "(-117.000000, 33.900000, -116.900000, 34.000000)" in line

    @pytest.mark.parametrize("crs", ["EPSG:999999", "nonsense", "EPSG:", "{"])
    def test_unknown_crs(self, fails, crs):
        line = fails(500_000, 3_761_950, 500_050, 3_762_000, crs=crs)
        assert f"got {crs}; check --bounds-crs" in line

    def test_three_numbers(self, fails):
        fails(1, 2, 3)


class TestSettings:
    @pytest.fixture
    def fails(self, mistake, chips, tmp_path):
        """Runs train with settings."""

        def call(*arguments):
            line = mistake("train", chips, "--out", tmp_path / "run", "--model", "samft-tiny", *arguments)
            assert not (tmp_path / "run").exists()
            return line

        return call

    def test_unknown_key_names_the_nearest(self, fails):
        assert fails("--set", "epoch=3").endswith("got epoch; write epochs")
        assert fails("--set", "learning-rate=3").endswith("; write learning_rate")

    def test_unknown_key_that_is_like_none(self, fails):
        assert "see samft train --help" in fails("--set", "xyzzy=3")

    @pytest.mark.parametrize(
        ("assignment", "part"),
        [
            ("epochs=many", "expected epochs to be a whole number, got 'many'"),
            ("epochs=2.5", "expected epochs to be a whole number, got 2.5"),
            ("epochs=true", "expected epochs to be a whole number, got True"),
            ("epochs=", "expected epochs to be a whole number, got ''"),
            ("learning_rate=fast", "expected learning_rate to be a number, got 'fast'"),
            ("learning_rate=nan", "expected learning_rate above 0 and below 1, got nan"),
            ("weight_decay=nan", "expected weight_decay 0 or more, got nan"),
            ("train=encoder", "expected train to be mask_decoder, lora or all, got 'encoder'"),
            ("train=[1]", "expected train to be mask_decoder, lora or all, got [1]"),
            ("epochs=0", "expected epochs at least 1, got 0"),
            ("seed=-1", "expected seed 0 or more, got -1"),
            ("epochs", "expected --set key=value, got epochs"),
        ],
    )
    def test_wrong_value(self, fails, assignment, part):
        assert part in fails("--set", assignment)

    def test_unknown_preset(self, fails):
        assert "'gpu-24gb', 'laptop-cpu', 'ml-g5-12xlarge'" in fails("--preset", "laptop")

    def test_views_that_cannot_be_cached(self, mistake, chips, tmp_path):
        line = mistake("train", chips, "--out", tmp_path / "run", "--set", "augment=shift")
        assert (
            "augment none or flips where what the encoder makes of chips is cached (not so: cache=off), got shift"
            in line
        )

    def test_toml(self, fails, tmp_path):
        file = tmp_path / "a.toml"
        assert str(file) in fails("--config", file)
        file.write_text("epochs = = 3")
        assert str(file) in fails("--config", file)
        file.write_text("epoch = 3")
        assert "write epochs" in fails("--config", file)
        file.write_bytes(b"epochs = 3 # \xff")
        assert str(file) in fails("--config", file)

    def test_another_run_in_the_folder(self, good, mistake, chips, tmp_path):
        arguments = ("train", chips, "--out", tmp_path / "run", "--model", "samft-tiny", "--set", "max_steps=1")
        good(*arguments)
        line = mistake(*arguments, "--set", "seed=5")
        assert "with seed = 0, got seed = 5" in line

    def test_a_mistyped_model_can_be_corrected(self, good, mistake, chips, tmp_path):
        arguments = ("train", chips, "--out", tmp_path / "run", "--set", "max_steps=1", "--set", "train=all")
        assert "samft-tiny" in mistake(*arguments, "--model", "samft-tny")
        good(*arguments, "--model", "samft-tiny")
