"""The whole flow, on a small town and for one epoch."""

import json
import re
import signal

import geopandas
import pyogrio
import pytest
import rasterio
import shapely

from samft_core.bundle import load_bundle
from samft_core.errors import SamftError
from training.demo import DemoSize, demo


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "demo"
    demo(out, size=DemoSize(width_px=512, known_px=768, unseen_px=256, epochs=1))
    return out


def test_everything_is_there(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "town.tif",
        "town_buildings.gpkg",
        "unseen.tif",
        "unseen_buildings.gpkg",
        "chips",
        "run",
        "footprints.gpkg",
        "scores.json",
        "report.html",
    }
    load_bundle(folder / "run" / "bundle")


def test_scores_have_the_documented_names(folder):
    scores = json.loads((folder / "scores.json").read_text())
    assert set(scores["pixel"]) == {"iou", "precision", "recall", "f1"}
    own = {"f1", "precision", "recall", "tp", "fp", "fn"}
    assert set(scores["object"]) == own | {"iou_threshold", "mean_f1", "f1_by_iou", "by_size"}
    assert set(scores["boundary"]) == {"f1", "precision", "recall", "tolerance_m"}


def test_the_unseen_part_lies_beside_the_known_and_is_georeferenced(folder):
    with rasterio.open(folder / "town.tif") as town, rasterio.open(folder / "unseen.tif") as unseen:
        assert town.crs == unseen.crs
        assert abs(town.bounds.bottom - unseen.bounds.top) < 1e-6
        outline = shapely.box(*unseen.bounds)
    for name in ("unseen_buildings.gpkg", "footprints.gpkg"):
        frame = geopandas.read_file(folder / name)
        assert frame.crs == unseen.crs
        assert frame.within(outline.buffer(1e-6)).all()


def test_footprints_say_where_they_come_from(folder):
    bundle = load_bundle(folder / "run" / "bundle")
    info = pyogrio.read_info(folder / "footprints.gpkg")
    assert {"id", "score", "area_m2", "bundle", "threshold"} <= set(info["fields"])
    note = json.loads(info["layer_metadata"]["DESCRIPTION"])
    assert note["bundle"] == bundle.card.hash
    assert note["raster"].endswith("unseen.tif")


def test_the_report_has_its_pictures_and_needs_no_network(folder):
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2  # training curves, threshold curve
    assert page.count("data:image/jpeg;base64,") == 2  # footprints, three panes
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    for title in ("The unseen part", "Training", "Scores on the test chips", "Threshold", "Chips"):
        assert f"<h2>{title}</h2>" in page
    assert "After 50% of the epochs, single buildings are asked for too" in page


def test_a_stopped_demo_leaves_nothing(tmp_path):
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo(tmp_path / "demo", size=DemoSize(width_px=256, known_px=256, unseen_px=256), progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_demo_stopped_while_it_trains_leaves_nothing(tmp_path, no_pages):
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training":
            signal.raise_signal(signal.SIGTERM)

    size = DemoSize(width_px=512, known_px=768, unseen_px=256, epochs=1)
    with pytest.raises(SamftError, match=r"^stopped by SIGTERM; nothing half-written was left, run the same") as error:
        demo(tmp_path / "demo", size=size, progress=stop)
    assert error.value.exit_code == 143
    assert list(tmp_path.iterdir()) == []
