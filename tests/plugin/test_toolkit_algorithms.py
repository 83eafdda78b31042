"""The algorithms that run a verb of the toolkit: inside a QGIS, in a model, and through qgis_process."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

from osgeo import ogr, osr
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

ROOT = Path(__file__).parents[2]
IDS = ["prepare_chips", "train", "submit_training", "fetch_model", "evaluate", "score"]
QUICK = "max_steps=2\nbatch_size=2\nprompts_per_chip=0\nthreshold=0.5\nmin_area_m2=0"
TRAIN = {"MODEL": "samft-tiny", "EPOCHS": 1, "SETTINGS": QUICK, "DEVICE": "cpu"}
ROLE = "arn:aws:iam::123456789012:role/samft-training"


class Recorder(QgsProcessingFeedback):
    """Remembers what was told."""

    def __init__(self):
        super().__init__(False)
        self.stages, self.said, self.console, self.percents = [], [], [], []
        self.progressChanged.connect(self.percents.append)

    def setProgressText(self, text):  # noqa: N802
        self.stages.append(text)

    def pushInfo(self, text):  # noqa: N802
        self.said.append(text)

    def pushConsoleInfo(self, text):  # noqa: N802
        self.console.append(text)


def run(name, feedback=None, **parameters):
    import processing

    return processing.run(f"samft:{name}", parameters, feedback=feedback or Recorder())


def refused(name, match, **parameters):
    """Expect an error of one line."""
    with pytest.raises(QgsProcessingException, match=match) as caught:
        run(name, **parameters)
    assert "\n" not in str(caught.value)


def write_boxes(path, *, side_px, miss=0):
    """The buildings of the scenes of make_fixtures.py, but for the last ones."""
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    layer = source.CreateLayer(Path(path).stem, reference, ogr.wkbPolygon)
    corners = [(x, y) for y in range(10, side_px - 30, 50) for x in range(10, side_px - 30, 40)]
    for x, y in corners[: len(corners) - miss]:
        left, top = 500_000 + x * 0.5, 5_000_000 - y * 0.5
        feature = ogr.Feature(layer.GetLayerDefn())
        ring = [(left, top), (left + 9, top), (left + 9, top - 12), (left, top - 12), (left, top)]
        text = ", ".join(f"{a} {b}" for a, b in ring)
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POLYGON (({text}))"))
        layer.CreateFeature(feature)
    del layer, source
    return str(path)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    return write_boxes(tmp_path_factory.mktemp("labels") / "boxes.gpkg", side_px=160)


@pytest.fixture(scope="module")
def chips(plugin, real, made, boxes, tmp_path_factory):
    """Chips of scene.tif, made inside this QGIS, and what was told on the way."""
    feedback = Recorder()
    out = str(tmp_path_factory.mktemp("prepared") / "chips")
    images = [str(made / "scene.tif")]
    results = run("prepare_chips", feedback, IMAGES=images, LABELS=[boxes], SIZE=64, SEED=2, OUTPUT=out)
    return results, feedback


@pytest.fixture(scope="module")
def qgis_process(plugins, real, tmp_path_factory):
    """Runs an algorithm in a process of its own; gives its results."""
    home = tmp_path_factory.mktemp("home")

    def call(*arguments, check=True):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QGIS_")},
            "QT_QPA_PLATFORM": "offscreen",
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "QGIS_PLUGINPATH": str(plugins),
        }
        command = ["qgis_process.bin", *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=check)

    call("plugins", "enable", "samft")

    def run_algorithm(name, **values):
        words = [f"{key}={one}" for key, value in values.items() for one in (value if type(value) is list else [value])]
        done = call("--json", "run", f"samft:{name}", "--", *words, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["results"]

    return run_algorithm


@pytest.fixture(scope="module")
def trained(qgis_process, chips, tmp_path_factory):
    """A run of two steps, by qgis_process."""
    run_folder = tmp_path_factory.mktemp("trained") / "run"
    return qgis_process("train", CHIPS=chips[0]["OUTPUT"], OUTPUT=run_folder, **TRAIN)


def memory_layer(path, name="copy"):
    """A layer that is no file, with the features of one."""
    source = QgsVectorLayer(path, "", "ogr")
    layer = QgsVectorLayer("Polygon?crs=EPSG:32633&field=score:double", name, "memory")
    for feature in source.getFeatures():
        copy = QgsFeature(layer.fields())
        copy.setGeometry(feature.geometry())
        copy["score"] = 0.5
        layer.dataProvider().addFeature(copy)
    return layer


@pytest.mark.parametrize("name", IDS)
def test_is_described(plugin, name):
    algorithm = QgsApplication.processingRegistry().algorithmById(f"samft:{name}")
    assert algorithm.displayName()
    assert algorithm.shortHelpString()
    assert algorithm.shortDescription()
    assert algorithm.group()
    assert not algorithm.icon().isNull()
    assert algorithm.outputDefinitions()
    assert algorithm.create().name() == name


def test_choices_are_those_of_the_toolkit(plugin):
    from samft.processing.models import JOB_PRESETS, PRESETS

    assert sorted(PRESETS) == sorted(path.stem for path in (ROOT / "training/presets").glob("*.toml"))
    assert sorted(JOB_PRESETS) == sorted(path.stem for path in (ROOT / "training/aws/presets").glob("*.toml"))


def test_chips(chips, made):
    results, feedback = chips
    assert (results["CHIPS"], results["TRAIN"], results["VAL"], results["TEST"]) == (9, 7, 1, 1)
    meta = json.loads((Path(results["OUTPUT"]) / "chips.json").read_text())
    assert (meta["size_px"], meta["seed"], meta["scenes"][0]["labels"]) == (64, 2, ["boxes.gpkg"])
    assert feedback.stages == ["scene 1 of 1"]
    assert max(feedback.percents) == 100
    assert any("9 chips of 64 px" in line for line in feedback.said)


def test_chips_by_qgis_process(qgis_process, made, boxes, tmp_path):
    """Also from layers that are no files of the toolkit's: here, two label files, one area."""
    results = qgis_process(
        "prepare_chips",
        IMAGES=[made / "scene.tif"],
        LABELS=[boxes, write_boxes(tmp_path / "more.gpkg", side_px=80)],
        AOI=write_boxes(tmp_path / "area.gpkg", side_px=80),
        SIZE=64,
        GSD=0.5,
        BANDS="3,2,1",
        OUTPUT=tmp_path / "chips",
    )
    meta = json.loads((tmp_path / "chips" / "chips.json").read_text())
    assert meta["bands"] == [3, 2, 1]
    assert results["CHIPS"] >= 1


def test_chips_of_layers_as_qgis_shows_them(chips, made, boxes, tmp_path):
    """A label layer with an edit that is not saved, and the selected one of two areas."""
    labels, areas = memory_layer(boxes, "labels"), memory_layer(boxes, "areas")
    areas.startEditing()
    areas.deleteFeatures([feature.id() for feature in areas.getFeatures()])
    for text in (
        "500000 4999920, 500080 4999920, 500080 5000000, 500000 5000000, 500000 4999920",
        "0 0, 1 0, 1 1, 0 0",
    ):
        feature = QgsFeature(areas.fields())
        feature.setGeometry(QgsGeometry.fromWkt(f"POLYGON (({text}))"))
        areas.addFeature(feature)
    areas.commitChanges()
    areas.select(max(areas.getFeatures(), key=lambda feature: feature.geometry().area()).id())
    labels.startEditing()
    labels.deleteFeature(next(labels.getFeatures()).id())
    project = QgsProject.instance()
    for layer in (labels, areas):
        project.addMapLayer(layer)
    out = str(tmp_path / "chips")
    area = QgsProcessingFeatureSourceDefinition(areas.id(), selectedFeaturesOnly=True)
    results = run(
        "prepare_chips", IMAGES=[str(made / "scene.tif")], LABELS=[labels], AOI=area, SIZE=64, SEED=2, OUTPUT=out
    )
    meta = json.loads((Path(out) / "chips.json").read_text())
    assert meta["scenes"][0]["buildings"] == 8
    assert meta["scenes"][0]["labels"] == ["labels.gpkg"]
    assert results["CHIPS"] == 9
    assert labels.isModified()
    for layer in (labels, areas):
        project.removeMapLayer(layer.id())


def test_chips_are_not_overwritten_unless_asked(chips, made, boxes):
    results, _ = chips
    given = {"IMAGES": [str(made / "scene.tif")], "LABELS": [boxes], "SIZE": 64, "SEED": 2, "OUTPUT": results["OUTPUT"]}
    before = (Path(results["OUTPUT"]) / "manifest.parquet").stat().st_mtime_ns
    refused("prepare_chips", "expected an output that does not exist yet", **given)
    assert (Path(results["OUTPUT"]) / "manifest.parquet").stat().st_mtime_ns == before
    assert run("prepare_chips", OVERWRITE=True, **given)["CHIPS"] == 9
    assert (Path(results["OUTPUT"]) / "manifest.parquet").stat().st_mtime_ns != before


def test_training_by_qgis_process(trained):
    card = json.loads((Path(trained["BUNDLE"]) / "samft.json").read_text())
    assert card["training"]["settings"]["max_steps"] == 2
    assert card["base_id"] == "samft-tiny"
    assert trained["IOU"] == card["training"]["validation"]["iou"]
    assert trained["THRESHOLD"] == 0.5
    assert Path(trained["REPORT"]).read_text().startswith("<!")


def test_training_that_is_cancelled_leaves_where_it_was(chips, tmp_path):
    feedback, out = Recorder(), tmp_path / "run"
    feedback.progressChanged.connect(
        lambda percent: "training" in feedback.stages and percent > 2 and feedback.cancel()
    )
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("samft:train")
    settings = f"{QUICK}\nmax_steps=200".replace("max_steps=2\n", "")
    given = {**TRAIN, "CHIPS": chips[0]["OUTPUT"], "OUTPUT": str(out), "EPOCHS": 50, "SETTINGS": settings}
    outcome, _ = algorithm.run(given, QgsProcessingContext(), feedback)
    assert outcome == {}
    assert not (out / "bundle").exists()
    assert list((out / "checkpoints").glob("*.pt"))
    refused("train", "expected the run begun in .* give the same settings", **{**given, "EPOCHS": 49})


def test_evaluating(chips, trained, tmp_path):
    report = str(tmp_path / "report.html")
    given = {"BUNDLE": trained["BUNDLE"], "CHIPS": chips[0]["OUTPUT"], "REPORT": report, "DEVICE": "cpu"}
    results = run("evaluate", SPLIT="val", **given)
    assert results["IOU"] == pytest.approx(trained["IOU"], abs=1e-6)
    assert results["F1"] == pytest.approx(trained["F1"], abs=1e-6)
    assert results["REPORT"] == report
    assert Path(report).read_text().startswith("<!")


def test_evaluating_by_qgis_process(qgis_process, chips, trained, tmp_path):
    report = tmp_path / "report.html"
    results = qgis_process("evaluate", BUNDLE=trained["BUNDLE"], CHIPS=chips[0]["OUTPUT"], REPORT=report)
    assert {"IOU", "F1", "PRECISION", "RECALL", "BOUNDARY_F1", "REPORT"} <= set(results)
    assert report.exists()


def test_scoring_layers_as_qgis_shows_them(plugin, real, boxes, tmp_path):
    """Eight of nine buildings, of which the last is moved in an edit that is not saved: seven are right."""
    found = memory_layer(boxes, "found")
    ids = sorted(feature.id() for feature in found.getFeatures())
    found.startEditing()
    found.deleteFeature(ids[0])
    moved = QgsGeometry(found.getFeature(ids[1]).geometry())
    moved.translate(8, 0)
    found.changeGeometry(ids[1], moved)
    report = str(tmp_path / "report.html")
    results = run("score", FOOTPRINTS=found, LABELS=boxes, REPORT=report)
    assert (results["TP"], results["FP"], results["FN"]) == (7, 1, 2)
    assert results["F1"] == pytest.approx(2 * 7 / 17)
    assert Path(report).exists()


def test_scoring_what_is_selected_or_filtered(plugin, real, boxes):
    layer = QgsVectorLayer(boxes, "boxes", "ogr")
    layer.selectByIds([1, 2, 3])
    project = QgsProject.instance()
    project.addMapLayer(layer)
    selected = QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)
    filtered = QgsVectorLayer(boxes, "filtered", "ogr")
    filtered.setSubsetString("fid < 5")
    results = run("score", FOOTPRINTS=selected, LABELS=filtered)
    project.removeMapLayer(layer.id())
    assert (results["TP"], results["FP"], results["FN"]) == (3, 0, 1)
    assert "REPORT" not in results


def test_scoring_by_qgis_process(qgis_process, boxes, tmp_path):
    """Labels in another CRS, and one of two layers of a file."""
    both = tmp_path / "both.gpkg"
    shutil.copy(boxes, both)
    source = ogr.Open(str(both), 1)
    source.CreateLayer("other", source.GetLayer(0).GetSpatialRef(), ogr.wkbPolygon)
    del source
    results = qgis_process("score", FOOTPRINTS=f"{both}|layername=boxes", LABELS=boxes)
    assert (results["F1"], results["TP"], results["BOUNDARY_F1"]) == (1, 9, 1)


def test_the_files_of_layers(plugin, boxes, made):
    from samft.core.layer_files import LayerFileError, file_of, raster_of

    assert file_of(QgsVectorLayer(boxes, "", "ogr")) == boxes
    named = f"{boxes}|layername=boxes"
    assert file_of(QgsVectorLayer(named, "", "ogr")) == named
    filtered = QgsVectorLayer(named, "", "ogr")
    filtered.setSubsetString("fid < 5")
    assert file_of(filtered) is None
    elsewhere = QgsVectorLayer(named, "", "ogr")
    elsewhere.setCrs(QgsCoordinateReferenceSystem("EPSG:32634"))
    assert file_of(elsewhere) is None
    assert file_of(memory_layer(boxes)) is None
    assert raster_of(QgsRasterLayer(str(made / "scene.tif"), "")) == str(made / "scene.tif")
    tiles = QgsRasterLayer("type=xyz&url=http://localhost:9/{z}/{x}/{y}.png&zmax=3&zmin=0", "tiles", "wms")
    with pytest.raises(LayerFileError, match="expected a raster file, got layer tiles of type wms"):
        raster_of(tiles)


def test_a_model_of_three(plugin, real, made, boxes, tmp_path):
    """Chips, a bundle and footprints, each from the one before."""
    model = QgsProcessingModelAlgorithm("from labels to footprints")

    def child(name, outputs=(), **values):
        step = QgsProcessingModelChildAlgorithm(f"samft:{name}")
        step.setChildId(name)
        for key, value in values.items():
            source = value if isinstance(value, QgsProcessingModelChildParameterSource) else static(value)
            step.addParameterSources(key, [source])
        step.setModelOutputs({output: final(name, output) for output in outputs})
        model.addChildAlgorithm(step)

    def final(name, output):
        made_here = QgsProcessingModelOutput(output, output)
        made_here.setChildId(name)
        made_here.setChildOutputName(output)
        return made_here

    static = QgsProcessingModelChildParameterSource.fromStaticValue
    output_of = QgsProcessingModelChildParameterSource.fromChildOutput
    scene = str(made / "scene.tif")
    child("prepare_chips", IMAGES=[scene], LABELS=[boxes], SIZE=64, SEED=2)
    child("train", CHIPS=output_of("prepare_chips", "OUTPUT"), **TRAIN)
    child("segment_raster", ["OUTPUT"], INPUT=scene, BUNDLE=output_of("train", "BUNDLE"))
    context, feedback = QgsProcessingContext(), Recorder()
    context.setProject(QgsProject.instance())
    results, successful = model.run({"segment_raster:OUTPUT": str(tmp_path / "found.gpkg")}, context, feedback)
    assert successful, feedback.said
    assert str(tmp_path / "found.gpkg") in results.values()  # as "segment_raster:OUTPUT", in QGIS 3.44 as "output"
    assert QgsVectorLayer(str(tmp_path / "found.gpkg"), "", "ogr").isValid()


def test_a_dry_run(chips, tmp_path):
    """Needs no AWS."""
    settings = "epochs = 3\n# a remark\n\nlearning_rate=0.00005"
    given = {"CHIPS": chips[0]["OUTPUT"], "TO": "s3://town/samft", "ROLE": ROLE, "REGION": "us-east-1"}
    results = run("submit_training", PRESET="large", SPOT=False, MAX_HOURS=2, SETTINGS=settings, **given)
    planned = json.loads(results["REQUEST"])
    assert planned["request"]["TrainingJobName"] == results["JOB"]
    assert planned["request"]["StoppingCondition"]["MaxRuntimeInSeconds"] == 7200
    assert not planned["request"].get("EnableManagedSpotTraining")
    assert planned["uploads"]
    parameters = json.dumps(planned["request"]["HyperParameters"])
    assert "sam-vit-large" in parameters
    assert re.search(r"epochs\W+3\b", parameters)


def test_a_job_and_its_model(aws, qgis_process, chips, trained, tmp_path):
    """Submitted here, fetched by qgis_process and here; moto calls a job done at once."""
    to = {"CHIPS": chips[0]["OUTPUT"], "TO": "s3://town/samft", "ROLE": ROLE, "MODEL": "samft-tiny"}
    refused("submit_training", "expected .* got", **{**to, "TO": "s3://nowhere-at-all/samft"}, DRY_RUN=False)
    job = run("submit_training", DRY_RUN=False, **to)["JOB"]
    assert job.startswith("samft-chips-")
    assert re.match(r"samft-chips-", qgis_process("submit_training", REGION="us-east-1", **to)["JOB"])
    refused("fetch_model", "expected .* got", JOB="samft-none", OUTPUT=str(tmp_path / "none"))
    left = tmp_path / "left"
    left.mkdir()
    shutil.copytree(trained["BUNDLE"], left / "bundle")
    for name in ("report.html", "metrics.jsonl"):
        shutil.copy(Path(trained["OUTPUT"]) / name, left / name)
    aws("done", job, left)
    results = qgis_process("fetch_model", JOB=job, OUTPUT=tmp_path / "model")
    assert results["BUNDLE"] == str(tmp_path / "model" / "bundle")
    assert results["IOU"] == trained["IOU"]
    given = {"JOB": job, "OUTPUT": str(tmp_path / "model")}
    refused("fetch_model", "expected an output that does not exist yet", **given)
    assert run("fetch_model", OVERWRITE=True, REGION="us-east-1", **given)["REPORT"].endswith("report.html")


def test_mistakes(chips, made, boxes, tmp_path):
    """Each is one line."""
    some, out = {"CHIPS": chips[0]["OUTPUT"]}, str(tmp_path / "out")
    refused("train", "expected settings such as .* got epochs 3; correct", **some, SETTINGS="epochs 3", OUTPUT=out)
    refused("train", "expected a training setting among .* got epoch; write", **some, SETTINGS="epoch=3", OUTPUT=out)
    refused("train", "expected a chips folder|expected chips", CHIPS=str(made), MODEL="samft-tiny", OUTPUT=out)
    refused("evaluate", "expected a bundle", **some, BUNDLE=str(tmp_path), REPORT=f"{out}.html")
    refused("submit_training", "expected --to s3://BUCKET/PREFIX", **some, TO="town", ROLE=ROLE)
    images = [str(made / "scene.tif")]
    refused("prepare_chips", "expected a chip size", IMAGES=images, LABELS=[boxes], SIZE=100, OUTPUT=out)
    refused("prepare_chips", "expected --bands as numbers", IMAGES=images, LABELS=[boxes], BANDS="r,g,b", OUTPUT=out)
    project, gone = QgsProject.instance(), QgsRasterLayer(str(tmp_path / "gone.tif"), "gone")
    project.addMapLayer(gone)
    refused(
        "prepare_chips", "expected layers .* under Images, got gone; check", IMAGES=[gone], LABELS=[boxes], OUTPUT=out
    )
    project.removeMapLayer(gone.id())
    unplaced = QgsVectorLayer("Polygon?field=score:double", "unplaced", "memory")
    unplaced.setCrs(QgsCoordinateReferenceSystem())
    refused("score", "expected a CRS of layer unplaced, got none", FOOTPRINTS=unplaced, LABELS=boxes)
    assert not list(tmp_path.iterdir())


def test_no_toolkit(plugin, boxes, monkeypatch):
    monkeypatch.setenv("SAMFT_EXECUTABLE", "/nowhere/samft")
    refused("score", "expected the samft command .* got no program /nowhere/samft", FOOTPRINTS=boxes, LABELS=boxes)
