"""What the verbs say when all goes well."""

import json

import geopandas
import pytest
import rasterio
import shapely

from samft_core.bundle import load_bundle
from tests.cli.conftest import houses, listing, write_vector


def test_prepare_counts_what_it_repairs_and_ignores(good, scene, tmp_path):
    bowtie = shapely.Polygon([(500_040, 3_761_960), (500_050, 3_761_950), (500_050, 3_761_960), (500_040, 3_761_950)])
    labels = write_vector(tmp_path / "a.geojson", [*houses()[:2], bowtie, shapely.Point(500_020, 3_761_980)])
    said = good("prepare", scene, "--labels", labels, "--out", tmp_path / "chips", "--size", 64)
    assert "1 broken geometries repaired, 1 features without a polygon ignored, 0 chips" in said


def test_segment_says_what_it_wrote(good, bundle, scene, tmp_path):
    out, probability = tmp_path / "a.gpkg", tmp_path / "p.tif"
    said = good("segment", bundle, scene, scene, "--out", out, "--threshold", 0.01)
    frame = geopandas.read_file(out)
    assert said == f"{len(frame)} footprints, {frame['area_m2'].sum():.0f} m2, in {out}\n"
    assert frame["id"].tolist() == list(range(1, len(frame) + 1))
    assert set(frame["raster"]) == {"scene.tif"}
    assert set(frame["bundle"]) == {load_bundle(bundle).card.hash}
    assert set(frame["threshold"]) == {0.01}
    good("segment", bundle, scene, "--out", out, "--probability", probability, "--overwrite")
    with rasterio.open(probability) as written:
        assert written.shape == (192, 192)
    assert listing(tmp_path) == ["a.gpkg", "p.tif"]


def test_score_of_labels_against_themselves(good, labels, tmp_path):
    said = good("score", labels, labels, "--json", tmp_path / "scores.json")
    assert "f1 1.000" in said
    scores = json.loads((tmp_path / "scores.json").read_text())["object"]
    assert (scores["tp"], scores["fp"], scores["fn"], scores["iou_threshold"]) == (9, 0, 0, 0.5)


def test_evaluate_writes_scores_and_report(good, bundle, chips, tmp_path):
    report, scores = tmp_path / "a.html", tmp_path / "a.json"
    said = good("evaluate", bundle, chips, "--report", report, "--json", scores)
    content = json.loads(scores.read_text())
    assert set(content["pixel"]) == {"iou", "precision", "recall", "f1"}
    assert {"f1", "precision", "recall", "tp", "fp", "fn", "iou_threshold"} <= set(content["object"])
    assert f"report in {report}" in said
    assert "<img" in report.read_text()


@pytest.mark.parametrize("kind", ["bundle", "scene", "chips"])
def test_info(good, request, kind):
    path = request.getfixturevalue(kind)
    assert str(path) in good("info", path)


def test_info_says_whether_they_fit(good, bundle, scene):
    assert f"on {scene}: fits" in good("info", bundle, scene)
