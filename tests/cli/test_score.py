"""samft score: what it says, writes and draws."""

import json
import re

import geopandas
import pytest
import shapely

from tests.cli.conftest import houses, samft, write_vector
from tests.conftest import UTM


@pytest.fixture
def found(tmp_path):
    """Seven of nine houses, one of them a little off, and one that is none."""
    seven = houses()[:7]
    seven[0] = shapely.affinity.translate(seven[0], 1.5)
    return write_vector(tmp_path / "found.gpkg", [*seven, shapely.affinity.translate(seven[6], 500)])


def test_every_score_is_written(good, found, labels, tmp_path):
    said = good("score", found, labels, "--json", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert set(scores) == {"object", "boundary"}
    own = {"f1", "precision", "recall", "tp", "fp", "fn"}
    assert set(scores["object"]) == own | {"iou_threshold", "mean_f1", "f1_by_iou", "by_size"}
    assert (scores["object"]["tp"], scores["object"]["fp"], scores["object"]["fn"]) == (7, 1, 2)
    assert set(scores["object"]["by_size"]) == {"small", "medium", "large"}
    assert all(set(values) == own for values in scores["object"]["by_size"].values())
    assert set(scores["boundary"]) == {"f1", "precision", "recall", "tolerance_m"}
    for line in ("object: f1 ", "object by_size small: f1 ", "boundary: f1 "):
        assert any(text.startswith(line) for text in said.splitlines())


def test_boundary_by_hand(good, found, labels, tmp_path):
    good("score", found, labels, "--json", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())["boundary"]
    # Houses of 10 m by 8 m; the one moved by 1.5 m is right along 9.5 m twice, and 1 m at both ends of a short side.
    right = 6 * 36 + 2 * 9.5 + 2 * 1
    assert scores["precision"] == pytest.approx(right / (8 * 36), abs=1e-3)
    assert scores["recall"] == pytest.approx(right / (9 * 36), abs=1e-3)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_files_in_other_crs(good, found, labels, tmp_path, crs):
    other = tmp_path / "other.geojson"
    geopandas.read_file(found).to_crs(crs).to_file(other)
    scores = {}
    for name, path in (("same", found), ("other", other)):
        good("score", path, labels, "--json", tmp_path / f"{name}.json", "--report", tmp_path / f"{name}.html")
        scores[name] = json.loads((tmp_path / f"{name}.json").read_text())
    assert scores["other"]["object"] == scores["same"]["object"]
    assert scores["other"]["boundary"] == pytest.approx(scores["same"]["boundary"], abs=1e-4)


def test_the_page_works_offline_and_draws_places(good, found, labels, tmp_path):
    page = tmp_path / "page.html"
    said = good("score", found, labels, "--report", page)
    assert f"report in {page}" in said
    text = page.read_text()
    assert not re.findall(r"(?:src|href)=\"(?!data:)", text)
    assert text.count("data:image/") == 2
    for words in ("Squares of 200 m", "mean over IoU 0.5 to 0.95", "small buildings, below 100 m", str(found)):
        assert words in text
    assert "pixel" not in text


def test_nothing_found(good, labels, tmp_path):
    empty = write_vector(tmp_path / "empty.gpkg", [])
    good("score", empty, labels, "--json", tmp_path / "a.json", "--report", tmp_path / "a.html")
    scores = json.loads((tmp_path / "a.json").read_text())
    assert (scores["object"]["f1"], scores["object"]["fn"], scores["boundary"]["f1"]) == (0, 9, 0)


def test_a_sheds_size_does_not_matter(good, tmp_path):
    shed = write_vector(tmp_path / "shed.gpkg", [shapely.box(500_000, 3_762_000, 500_001, 3_762_001)])
    assert "tp 1, fp 0, fn 0" in good("score", shed, shed)


def test_labels_in_the_wrong_crs(mistake, tmp_path):
    frame = geopandas.GeoDataFrame(geometry=houses(), crs=UTM)
    frame.set_crs("EPSG:4326", allow_override=True).to_file(tmp_path / "wrong.gpkg")
    assert "labels on the Earth" in mistake("score", tmp_path / "wrong.gpkg", tmp_path / "wrong.gpkg")


def test_unwritable_page(mistake, labels, tmp_path):
    (tmp_path / "file").write_text("")
    assert "expected to write" in mistake("score", labels, labels, "--report", tmp_path / "file" / "page.html")


def test_as_a_command(found, labels, tmp_path):
    done = samft("score", found, labels, "--report", tmp_path / "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "page.html").exists()
