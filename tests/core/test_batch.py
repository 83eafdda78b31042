"""Many rasters: what is done is not done again, what is not ours is left alone."""

import json

import numpy as np
import pyogrio
import pytest

from samft_core.batch import Batch, Outcome, segment_into_each, segment_into_one
from samft_core.errors import OutputError, RasterError
from samft_core.plan import Settings
from samft_core.raster_list import list_rasters
from tests.conftest import assert_one_clear_line, write_raster
from tests.fakes import PerfectSegmenter, make_bundle


def houses(path, count: int):
    image = np.zeros((3, 64, 200), dtype=np.uint8)
    for i in range(count):
        image[:, 10:40, 10 + 45 * i : 40 + 45 * i] = 255
    return str(write_raster(path, image))


class Interrupting(PerfectSegmenter):
    """Ctrl-C comes after some tiles."""

    def __init__(self, tiles: int) -> None:
        super().__init__()
        self.left = tiles

    def predict(self, pixels):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().predict(pixels)


def make(model: PerfectSegmenter | None = None, **settings) -> Batch:
    return Batch(bundle=make_bundle(), segmenter=model or PerfectSegmenter(), settings=Settings(**settings))


@pytest.fixture
def three(tmp_path):
    return [houses(tmp_path / f"{name}.tif", count) for name, count in (("a", 1), ("b", 2), ("c", 3))]


def interrupted(three, out, tiles: int, **options) -> None:
    with pytest.raises(KeyboardInterrupt):
        segment_into_each(make(Interrupting(tiles)), three, out, **options)


def counts(out) -> dict[str, int]:
    return {path.name: pyogrio.read_info(path)["features"] for path in sorted(out.glob("*.gpkg"))}


class TestIntoEach:
    TILES = 4
    """Of one of the rasters."""

    def test_what_is_done_is_left_and_counted(self, three, tmp_path):
        out = tmp_path / "out"
        interrupted(three, out, 2 * self.TILES + 1)
        assert counts(out) == {"a.gpkg": 1, "b.gpkg": 2}
        model = PerfectSegmenter()
        done = segment_into_each(make(model), three, out)
        assert len(model.seen) == self.TILES
        assert (done.footprints, len(done.outputs)) == (6, 3)
        again = segment_into_each(make(Interrupting(0)), three, out)
        assert (again.footprints, again.area_m2) == (done.footprints, pytest.approx(done.area_m2, abs=0.1))
        assert sorted(path.name for path in out.iterdir()) == ["a.gpkg", "b.gpkg", "c.gpkg"]

    def test_one_that_failed_before_is_tried_again(self, three, tmp_path):
        out, missing = tmp_path / "out", tmp_path / "b.tif"
        kept = missing.read_bytes()
        missing.unlink()
        interrupted(three, out, self.TILES + 1)
        missing.write_bytes(kept)
        assert not segment_into_each(make(), three, out).failures
        assert counts(out) == {"a.gpkg": 1, "b.gpkg": 2, "c.gpkg": 3}

    def test_a_raster_that_changed_needs_overwrite(self, three, tmp_path):
        out = tmp_path / "out"
        interrupted(three, out, self.TILES + 1)
        houses(tmp_path / "a.tif", 4)
        with pytest.raises(OutputError, match="does not exist yet"):
            segment_into_each(make(), three, out)
        assert counts(out) == {"a.gpkg": 1}

    def test_other_settings_are_another_job(self, three, tmp_path):
        out = tmp_path / "out"
        segment_into_each(make(), three, out)
        with pytest.raises(OutputError, match="does not exist yet") as caught:
            segment_into_each(make(threshold=0.4), three, out)
        assert_one_clear_line(caught.value)

    def test_an_output_that_was_deleted_is_made_again(self, three, tmp_path):
        out = tmp_path / "out"
        segment_into_each(make(), three, out)
        (out / "a.gpkg").unlink()
        assert segment_into_each(make(), three, out).footprints == 6
        assert counts(out)["a.gpkg"] == 1

    def test_pictures_that_were_not_asked_for_before_are_made(self, three, tmp_path):
        out = tmp_path / "out"
        interrupted(three, out, self.TILES + 1)
        batch = Batch(bundle=make_bundle(), segmenter=PerfectSegmenter(), overwrite=True)
        segment_into_each(batch, three, out, probability=tmp_path / "p")
        assert sorted(path.name for path in (tmp_path / "p").iterdir()) == ["a.tif", "b.tif", "c.tif"]

    def test_a_foreign_file_is_left_alone(self, three, tmp_path):
        out = tmp_path / "out"
        interrupted(three, out, self.TILES + 1)
        (out / "b.gpkg").write_text("mine")
        with pytest.raises(OutputError):
            segment_into_each(make(), three, out)
        assert (out / "b.gpkg").read_text() == "mine"


class TestApart:
    def refused(self, call) -> None:
        with pytest.raises(OutputError, match="of its own") as caught:
            call()
        assert_one_clear_line(caught.value)

    def test_no_input_is_replaced(self, three, tmp_path):
        batch = Batch(bundle=make_bundle(), segmenter=PerfectSegmenter(), overwrite=True)
        before = (tmp_path / "a.tif").read_bytes()
        self.refused(lambda: segment_into_one(batch, three[:1], tmp_path / "o.gpkg", probability=tmp_path / "a.tif"))
        self.refused(lambda: segment_into_each(batch, three, tmp_path / "out", probability=tmp_path))
        assert (tmp_path / "a.tif").read_bytes() == before

    def test_the_area_of_interest_is_not_replaced(self, three, tmp_path):
        settings = Settings(aoi=tmp_path / "aoi.gpkg")
        batch = Batch(bundle=make_bundle(), segmenter=PerfectSegmenter(), overwrite=True, settings=settings)
        self.refused(lambda: segment_into_one(batch, three, tmp_path / "aoi.gpkg"))

    def test_nothing_goes_into_the_bundle(self, three):
        batch = make()
        self.refused(lambda: segment_into_one(batch, three, batch.bundle.path / "a.gpkg"))

    def test_probabilities_go_into_a_geotiff(self, three, tmp_path):
        with pytest.raises(OutputError, match="a GeoTIFF") as caught:
            segment_into_one(make(), three[:1], tmp_path / "p.gpkg", probability=tmp_path / "p.gpkg")
        assert_one_clear_line(caught.value)


def test_a_foreign_folder_of_parts_is_left_alone(three, tmp_path):
    parts = tmp_path / ".o.gpkg.parts" / "00000"
    parts.mkdir(parents=True)
    (parts / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError):
        segment_into_one(make(), three[:1], tmp_path / "o.gpkg")
    assert (parts / "thesis.txt").read_text() == "precious"


def test_provenance_of_several(three, tmp_path):
    done = segment_into_one(make(), three[:2], tmp_path / "o.gpkg")
    assert isinstance(done, Outcome)
    notes = json.loads(pyogrio.read_info(tmp_path / "o.gpkg")["layer_metadata"]["DESCRIPTION"])
    assert [set(each) for each in notes["rasters"]] == [{"raster", "job"}] * 2
    assert notes["overlapping"] == [three[:2]]


class TestLists:
    def test_a_list_in_a_list(self, three, tmp_path):
        (tmp_path / "inner.txt").write_text("b.tif\nc.tif\n", encoding="utf-8-sig")
        (tmp_path / "outer.txt").write_text("inner.txt\na.tif\nb.tif\n")
        names = [name.rsplit("/", 1)[1] for name in list_rasters([str(tmp_path / "outer.txt")])]
        assert names == ["b.tif", "c.tif", "a.tif"]

    @pytest.mark.parametrize("content", [b"list.txt\n", b"\xff\xfe\x00junk"])
    def test_no_use(self, tmp_path, content):
        (tmp_path / "list.txt").write_bytes(content)
        with pytest.raises(RasterError) as caught:
            list_rasters([str(tmp_path / "list.txt")])
        assert_one_clear_line(caught.value)

    def test_hidden_files_of_a_folder_are_left_out(self, three, tmp_path):
        (tmp_path / "._a.tif").write_bytes(b"of a Mac")
        assert list_rasters([str(tmp_path)]) == three
