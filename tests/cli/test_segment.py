"""samft segment by hand: extents, many rasters, and going on after a kill."""

import json
import signal
import subprocess
import time

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from tests.cli.conftest import ENVIRONMENT, SAMFT, last_clear_line, listing, running, write_scene, write_vector
from tests.conftest import UTM_HALF_METRE, write_raster
from training.chips import open_chips
from training.config import TINY_DEFAULTS, from_mapping
from training.loop import train


def read(path) -> geopandas.GeoDataFrame:
    return geopandas.read_file(path) if path.suffix != ".parquet" else geopandas.read_parquet(path)


def same(one, other) -> bool:
    left, right = read(one), read(other)
    return left.drop(columns="geometry").equals(right.drop(columns="geometry")) and all(
        left.geometry.to_wkb() == right.geometry.to_wkb()
    )


def provenance(path) -> dict:
    return json.loads(pyogrio.read_info(path)["layer_metadata"]["DESCRIPTION"])


@pytest.fixture(scope="module")
def bundle(chips, tmp_path_factory):
    """A samft-tiny that has learned to see bright houses."""
    config = from_mapping({**TINY_DEFAULTS, "max_steps": 30, "batch_size": 4, "seed": 0})
    return train(open_chips(chips), tmp_path_factory.mktemp("taught") / "run", model="samft-tiny", config=config).path


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """A folder of two scenes side by side that share a strip, and one elsewhere."""
    folder = tmp_path_factory.mktemp("scenes")
    west = write_scene(folder / "west.tif")
    with rasterio.open(west) as source:
        image, grid = source.read(), source.transform
    write_raster(folder / "east.tif", image, transform=grid @ grid.translation(150, 0), photometric="rgb")
    write_raster(folder / "south.tif", image, transform=grid @ grid.translation(0, 900), photometric="rgb")
    (folder / "notes.md").write_text("no raster")
    return folder


class TestManyRasters:
    def test_a_folder_into_one(self, good, bundle, scenes, tmp_path):
        out = tmp_path / "all.gpkg"
        printed = good("segment", bundle, scenes, "--out", out)
        found = read(out)
        assert f"{len(found)} footprints" in printed
        assert len(found) > 20
        assert set(found["raster"]) == {"east.tif", "south.tif", "west.tif"}
        assert found["id"].tolist() == list(range(1, len(found) + 1))
        notes = provenance(out)
        assert len(notes["rasters"]) == 3
        (pair,) = notes["overlapping"]
        assert [name.rsplit("/", 1)[1] for name in pair] == ["east.tif", "west.tif"]
        assert listing(tmp_path) == ["all.gpkg"]

    def test_overlaps_are_told(self, bundle, scenes, tmp_path):
        command = [SAMFT, "segment", bundle, scenes, "--out", tmp_path / "a.gpkg"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
        (note,) = [line for line in done.stderr.splitlines() if line.startswith("note:")]
        assert "east.tif and" in note
        assert "west.tif show the same ground" in note

    @pytest.mark.parametrize("way", ["pattern", "list", "names"])
    def test_other_ways_to_name_them(self, good, bundle, scenes, tmp_path, way):
        (tmp_path / "in").mkdir()
        text = tmp_path / "in" / "list.txt"
        text.write_text(f"{scenes / 'west.tif'}\n\n{scenes / 'south.tif'}\n")
        names = {
            "pattern": [scenes / "[sw]*.tif"],
            "list": [text],
            "names": [scenes / "west.tif", scenes / "south.tif"],
        }
        good("segment", bundle, *names[way], "--out", tmp_path / "a.fgb")
        assert set(read(tmp_path / "a.fgb")["raster"]) == {"west.tif", "south.tif"}

    def test_one_output_each(self, good, bundle, scenes, tmp_path):
        out, fields = tmp_path / "out", tmp_path / "fields"
        good("segment", bundle, scenes, "--out", out, "--probability", fields)
        assert listing(out) == ["east.gpkg", "south.gpkg", "west.gpkg"]
        assert listing(fields) == ["east.tif", "south.tif", "west.tif"]
        good("segment", bundle, scenes / "west.tif", "--out", tmp_path / "alone.gpkg")
        assert same(out / "west.gpkg", tmp_path / "alone.gpkg")
        assert provenance(out / "west.gpkg") == provenance(tmp_path / "alone.gpkg")

    @pytest.mark.parametrize("out", ["a.gpkg", "folder"])
    def test_one_that_fails_is_told_at_the_end_and_the_others_are_done(self, bad, bundle, scenes, tmp_path, out):
        broken = tmp_path / "broken.tif"
        broken.write_bytes((scenes / "west.tif").read_bytes()[:5000])
        status, err = bad("segment", bundle, broken, scenes / "west.tif", scenes / "south.tif", "--out", tmp_path / out)
        assert status == 1
        assert "got 2; mend" in err.splitlines()[-1]
        assert any(line.startswith(f"note: {broken} failed: expected ") for line in err.splitlines())
        if out == "folder":
            assert listing(tmp_path / out) == ["south.gpkg", "west.gpkg"]
        else:
            assert set(read(tmp_path / out)["raster"]) == {"west.tif", "south.tif"}

    def test_those_outside_of_an_area_are_no_failures(self, good, bundle, scenes, tmp_path):
        area = write_vector(tmp_path / "area.gpkg", [shapely.box(500_000, 3_761_920, 500_040, 3_762_000)])
        good("segment", bundle, scenes, "--aoi", area, "--out", tmp_path / "a.gpkg")
        assert set(read(tmp_path / "a.gpkg")["raster"]) == {"west.tif"}

    def test_all_fail(self, bad, bundle, tmp_path):
        (tmp_path / "no.tif").write_text("no raster")
        (tmp_path / "nor.tif").write_text("this")
        status, err = bad("segment", bundle, tmp_path, "--out", tmp_path / "a.gpkg")
        assert status == 2
        assert "no.tif" in last_clear_line(err)
        assert listing(tmp_path) == ["no.tif", "nor.tif"]

    @pytest.mark.parametrize("empty", ["folder", "pattern", "list"])
    def test_no_raster_at_all(self, bad, bundle, tmp_path, empty):
        (tmp_path / "folder").mkdir()
        (tmp_path / "list.txt").write_text("\n")
        name = {"folder": "folder", "pattern": "*.tif", "list": "list.txt"}[empty]
        status, err = bad("segment", bundle, tmp_path / name, "--out", tmp_path / "a.gpkg")
        assert status == 2
        assert "expected rasters in" in last_clear_line(err)

    def test_two_of_one_name(self, bad, bundle, scenes, tmp_path):
        twin = write_scene(tmp_path / "west.tif")
        status, err = bad("segment", bundle, scenes / "west.tif", twin, "--out", tmp_path / "out")
        assert status == 2
        assert "different names" in last_clear_line(err)


class TestWhatIsKnown:
    def test_nodata_of_a_raster_that_does_not_say(self, good, bundle, tmp_path):
        image = np.full((3, 192, 192), 210, dtype=np.uint8)
        image[:, :, 100:] = 0
        path = write_raster(tmp_path / "a.tif", image, photometric="rgb")
        good("segment", bundle, path, "--nodata", 0, "--probability", tmp_path / "p.tif", "--out", tmp_path / "a.gpkg")
        with rasterio.open(tmp_path / "p.tif") as field:
            known = field.read_masks(1) > 0
            assert field.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            edge = ~field.transform * (UTM_HALF_METRE * (100, 0))
        assert known[:, : int(edge[0])].all()
        assert not known[:, int(edge[0]) + 1 :].any()

    def test_a_list_of_bands(self, good, bundle, scenes, tmp_path):
        with rasterio.open(scenes / "west.tif") as source:
            image = source.read()
        names = [write_raster(tmp_path / f"B{i}.tif", band) for i, band in enumerate(image)]
        good("segment", bundle, ",".join(map(str, names)), "--out", tmp_path / "a.gpkg")
        good("segment", bundle, scenes / "west.tif", "--out", tmp_path / "b.gpkg")
        assert (read(tmp_path / "a.gpkg").geometry.to_wkb() == read(tmp_path / "b.gpkg").geometry.to_wkb()).all()


@pytest.fixture(scope="module")
def tall(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tall")
    image = np.random.default_rng(0).integers(30, 70, (3, 1100, 192), dtype=np.uint8)
    for top in range(10, 1080, 37):
        image[:, top : top + 21, 20:52] = image[:, top + 4 : top + 25, 90:130] = 210
    return write_raster(folder / "tall.tif", image, photometric="rgb")


@pytest.fixture(scope="module")
def expected(bundle, tall, tmp_path_factory):
    out = tmp_path_factory.mktemp("expected") / "a.gpkg"
    field = out.with_name("p.tif")
    subprocess.run([SAMFT, "segment", bundle, tall, "--out", out, "--probability", field], check=True, env=ENVIRONMENT)
    assert len(read(out)) > 20
    return out, field


class TestGoingOn:
    """A tall scene, killed at any moment."""

    def kept(self, folder) -> int:
        return len(list(folder.glob(".*/*/rows-*.tif")))

    def start_and_stop(self, arguments, folder, *, rows: int, how: signal.Signals) -> tuple[int, str]:
        with running(*arguments) as process:
            deadline = time.monotonic() + 60
            while self.kept(folder) < rows and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            process.send_signal(how)
            _, err = process.communicate(timeout=300)
        return process.returncode, err

    @pytest.mark.parametrize("stops", [[1], [3, 9, 21]], ids=str)
    def test_after_sigkill_the_result_is_the_same(self, bundle, tall, expected, tmp_path, stops, good):
        arguments = ("segment", bundle, tall, "--out", tmp_path / "a.gpkg", "--probability", tmp_path / "p.tif")
        for rows in stops:
            status, _ = self.start_and_stop(arguments, tmp_path, rows=rows, how=signal.SIGKILL)
            assert status == -signal.SIGKILL
            assert self.kept(tmp_path) >= rows
            assert not (tmp_path / "a.gpkg").exists()
        before = {path: path.stat().st_mtime_ns for path in tmp_path.glob(".*/*/rows-*.tif")}
        assert before
        subprocess.run([SAMFT, *map(str, arguments)], check=True, env=ENVIRONMENT)
        assert same(tmp_path / "a.gpkg", expected[0])
        assert provenance(tmp_path / "a.gpkg") == provenance(expected[0])
        with rasterio.open(tmp_path / "p.tif") as mine, rasterio.open(expected[1]) as other:
            assert np.array_equal(mine.read(1), other.read(1))
        assert listing(tmp_path) == ["a.gpkg", "p.tif"]

    @pytest.mark.parametrize("name", ["a.gpkg", "p.tif"])
    def test_killed_while_an_output_is_written(self, bundle, tall, expected, tmp_path, name):
        arguments = ("segment", bundle, tall, "--out", tmp_path / "a.gpkg", "--probability", tmp_path / "p.tif")
        with running(*arguments) as process:
            while not list(tmp_path.glob(f".{name[0]}.????????{name[1:]}*")) and process.poll() is None:
                time.sleep(0.0005)
            process.kill()
        assert not (tmp_path / name).exists()
        subprocess.run([SAMFT, *map(str, arguments)], check=True, env=ENVIRONMENT)
        assert same(tmp_path / "a.gpkg", expected[0])
        assert listing(tmp_path) == ["a.gpkg", "p.tif"]

    def test_what_is_finished_is_not_computed_again(self, bundle, tall, tmp_path):
        arguments = ("segment", bundle, tall, "--out", tmp_path / "a.gpkg")
        self.start_and_stop(arguments, tmp_path, rows=12, how=signal.SIGKILL)
        done = subprocess.run(
            [SAMFT, *map(str, arguments)], check=True, env=ENVIRONMENT, capture_output=True, text=True
        )
        first = next(line for line in done.stderr.splitlines() if line.startswith("segmenting"))
        assert int(first.split()[1]) > 30, first

    def test_ctrl_c_says_how_to_go_on(self, bundle, tall, tmp_path):
        arguments = ("segment", bundle, tall, "--out", tmp_path / "a.gpkg")
        status, err = self.start_and_stop(arguments, tmp_path, rows=2, how=signal.SIGINT)
        assert status == 130
        last = err.splitlines()[-1]
        assert last.startswith("error: interrupted; nothing half-written was left, and finished rows are kept in ")
        assert last.endswith("the same command goes on from there")
        assert not (tmp_path / "a.gpkg").exists()

    def test_another_threshold_goes_on_too_and_another_raster_does_not(self, bundle, tall, tmp_path):
        arguments = ("segment", bundle, tall, "--out", tmp_path / "a.gpkg")
        self.start_and_stop(arguments, tmp_path, rows=5, how=signal.SIGKILL)
        (job,) = tmp_path.glob(".*/*/job.json")
        kept = job.stat().st_mtime_ns
        self.start_and_stop((*arguments, "--threshold", 0.3), tmp_path, rows=8, how=signal.SIGKILL)
        assert job.stat().st_mtime_ns == kept
        other = write_scene(tmp_path / "other.tif")
        subprocess.run([SAMFT, "segment", bundle, other, "--out", tmp_path / "a.gpkg"], check=True, env=ENVIRONMENT)
        assert set(read(tmp_path / "a.gpkg")["raster"]) == {"other.tif"}

    def test_a_folder_of_outputs_goes_on(self, bundle, tall, scenes, tmp_path):
        out = tmp_path / "out"
        arguments = ("segment", bundle, scenes / "west.tif", tall, scenes / "south.tif", "--out", out)
        with running(*arguments) as process:
            deadline = time.monotonic() + 60
            while len(list(out.glob(".tall.gpkg.parts/*/rows-*"))) < 3 and time.monotonic() < deadline:
                time.sleep(0.002)
            process.kill()
        first = (out / "west.gpkg").stat().st_mtime_ns
        subprocess.run([SAMFT, *map(str, arguments)], check=True, env=ENVIRONMENT)
        assert (out / "west.gpkg").stat().st_mtime_ns == first
        assert listing(out) == ["south.gpkg", "tall.gpkg", "west.gpkg"]
