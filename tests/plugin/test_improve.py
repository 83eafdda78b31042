"""From corrections to a better bundle: the task with the real toolkit, and its dialog."""

import json
import shutil
import time

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)

AREA = QgsRectangle(500_000, 4_999_872, 500_128, 5_000_000)
"""A part of wide.tif: 16 chips."""


def wait_for(condition, seconds=300):
    until_s = time.monotonic() + seconds
    while not condition() and time.monotonic() < until_s:
        QgsApplication.processEvents()
        time.sleep(0.02)
    assert condition()


def footprints_layer():
    """The buildings of wide.tif as a user has drawn them: a memory layer whose edits are not saved."""
    layer = QgsVectorLayer("Polygon?crs=EPSG:32633&field=score:double", "checked footprints", "memory")
    layer.startEditing()
    for y in range(10, 610, 50):
        for x in range(10, 610, 40):
            feature = QgsFeature(layer.fields())
            left, top = 500_000 + x * 0.5, 5_000_000 - y * 0.5
            feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(left, top - 12, left + 9, top)))
            layer.addFeature(feature)
    return layer


@pytest.fixture(scope="module")
def layers(plugin, made):
    """The image and its checked footprints, in the project."""
    found = QgsRasterLayer(str(made / "wide.tif"), "wide"), footprints_layer()
    for layer in found:
        QgsProject.instance().addMapLayer(layer)
    yield found
    for layer in found:
        QgsProject.instance().removeMapLayer(layer.id())


@pytest.fixture(scope="module")
def bundle(made, tmp_path_factory):
    """As training leaves it: its bands are numbers."""
    folder = tmp_path_factory.mktemp("bundles") / "first"
    shutil.copytree(made / "bundle", folder)
    card = json.loads((folder / "samft.json").read_text())
    card["recipe"]["bands"] = [1, 2, 3]
    (folder / "samft.json").write_text(json.dumps(card))
    return folder


@pytest.fixture
def dialog(layers, bundle, qgis_iface, tmp_path):
    from samft.gui.improve_dialog import ImproveDialog

    lines, canvas = [], qgis_iface.mapCanvas()
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
    canvas.resize(400, 400)
    canvas.setExtent(AREA)
    made_here = ImproveDialog(qgis_iface, lines.append, None)
    made_here.lines = lines
    made_here.begin(*layers, str(bundle))
    made_here.form.epochs.setValue(2)
    made_here.form.out.setFilePath(str(tmp_path / "town-2"))
    yield made_here
    made_here.stop()
    wait_for(lambda: QgsApplication.taskManager().countActiveTasks() == 0)
    made_here.deleteLater()


def problem_of(dialog):
    dialog.start()
    assert dialog.pages.currentIndex() == 0
    return dialog.problem.text()


def test_corrections_become_a_new_bundle(dialog, real, bundle, tmp_path):
    """A real run, of two epochs on a tiny model, cancelled once; the numbers say nothing about how good it gets."""
    before = (bundle / "samft.json").read_bytes()
    stages, chosen = [], []
    bundles = tmp_path / "bundles"
    QgsSettings().setValue("samft/bundles", str(bundles))
    dialog.chosen.connect(chosen.append)
    dialog.start_button.click()
    assert dialog.problem.text() == ""
    assert dialog.pages.currentIndex() == 1
    dialog._task.stage.connect(lambda stage: stage.startswith("training: epoch") and dialog.stop_button.click())
    wait_for(lambda: dialog.pages.currentIndex() != 1)
    assert dialog.problem.text().startswith("Cancelled")
    assert not (tmp_path / "town-2" / "town-2" / "bundle").exists()
    dialog.start_button.click()
    dialog._task.stage.connect(stages.append)
    dialog.hide()
    wait_for(lambda: dialog.pages.currentIndex() != 1)
    assert dialog.problem.text() == "", dialog.lines
    found = dialog._found
    assert found.bundle == tmp_path / "town-2" / "town-2" / "bundle"
    assert found.split == "test"
    assert found.chips >= 1
    for scores in (found.old, found.new):
        assert 0 <= scores.iou <= 1
        assert scores.report.exists()
    card = json.loads((found.bundle / "samft.json").read_text())
    old = json.loads(before)
    assert {key: card["recipe"][key] for key in ("gsd_m", "tile_px", "input_px", "overlap_px", "prompt")} == {
        key: old["recipe"][key] for key in ("gsd_m", "tile_px", "input_px", "overlap_px", "prompt")
    }
    assert card["trained"] == "all"
    assert card["training"]["settings"]["epochs"] == 2
    assert card["training"]["settings"]["model"] == str(tmp_path / "town-2" / "base")
    meta = json.loads((tmp_path / "town-2" / "chips" / "chips.json").read_text())
    assert meta["scenes"][0]["labels"] == ["checked_footprints.gpkg"]
    assert (bundle / "samft.json").read_bytes() == before
    assert any(stage.startswith("training: epoch") for stage in stages)
    assert dialog.result.table.item(0, 0).text() == f"{found.old.f1:.3f}"
    assert dialog.result.table.item(1, 1).text() == f"{found.new.iou:.3f}"
    dialog.show()
    dialog.use_button.click()
    assert chosen == [str(bundles / "town-2")]
    assert (bundles / "town-2" / "samft.json").read_bytes() == (found.bundle / "samft.json").read_bytes()
    dialog.use_button.setEnabled(True)
    dialog.use_button.click()
    assert chosen[1] == str(bundles / "town-2-2")
    QgsSettings().remove("samft/bundles")
    dialog.again_button.click()
    dialog.form.out.setFilePath(str(tmp_path / "town-2"))
    dialog.start()
    wait_for(lambda: dialog.pages.currentIndex() != 1)
    assert "expected a new folder" in dialog.problem.text()


def test_corrections_become_a_job(dialog, real, aws, tmp_path):
    """Training on SageMaker, which moto stands in for."""
    dialog.form.place.setCurrentIndex(1)
    dialog.form.to.setText("s3://town/samft")
    dialog.form.role.setText("arn:aws:iam::123456789012:role/samft-training")
    dialog.start_button.click()
    wait_for(lambda: dialog.pages.currentIndex() != 1)
    assert dialog.problem.text() == "", dialog.lines
    assert "Job samft-chips-" in dialog.result.words.text()
    assert str(tmp_path / "town-2" / "chips") in dialog.result.words.text()
    assert not dialog.use_button.isVisibleTo(dialog)
    for name in ("samft/s3_place", "samft/role"):
        assert QgsSettings().value(name)
        QgsSettings().remove(name)


def test_mistakes(dialog, layers, bundle, tmp_path):
    """Each is one line, and nothing was begun."""
    dialog.form.bundle.setFilePath(str(tmp_path))
    assert "expected a bundle, a folder with samft.json" in problem_of(dialog)
    dialog.form.bundle.setFilePath(str(bundle))
    dialog.form.out.setFilePath("")
    assert "expected an output folder, got none" in problem_of(dialog)
    dialog.form.out.setFilePath(str(tmp_path / "out"))
    dialog.form.place.setCurrentIndex(1)
    dialog.form.to.setText("town")
    assert "expected s3://BUCKET/PREFIX and a role, got town and none" in problem_of(dialog)
    dialog.form.place.setCurrentIndex(0)
    empty = QgsVectorLayer("Polygon?crs=EPSG:32633", "nothing", "memory")
    QgsProject.instance().addMapLayer(empty)
    dialog.form.footprints.setLayer(empty)
    assert "expected footprints in layer nothing, got none" in problem_of(dialog)
    QgsProject.instance().removeMapLayer(empty.id())
    assert not (tmp_path / "out").exists()


def test_no_toolkit(dialog, monkeypatch):
    monkeypatch.setenv("SAMFT_EXECUTABLE", "/nowhere/samft")
    dialog.start()
    wait_for(lambda: dialog.pages.currentIndex() != 1)
    assert "got no program /nowhere/samft" in dialog.problem.text()


def test_what_more_training_takes_over(plugin, made, tmp_path):
    from samft.core.bundle import read_bundle
    from samft.core.corrections import Before

    before = Before.of(read_bundle(made / "bundle"))
    assert before.prepare == ("--gsd", "0.5", "--size", "64")
    assert before.epochs == 15
    assert before.settings == {"train": "all", "draw_prompts": False, "learning_rate": pytest.approx(3e-5)}
    shutil.copytree(made / "bundle", tmp_path / "bundle")
    card = json.loads((tmp_path / "bundle" / "samft.json").read_text())
    card["recipe"]["bands"] = [3, 2, 1]
    card["training"] = {
        "settings": {
            "train": "lora",
            "lora_rank": 4,
            "epochs": 9,
            "learning_rate": 1e-3,
            "precision": "bf16",
            "seed": 3,
        }
    }
    (tmp_path / "bundle" / "samft.json").write_text(json.dumps(card))
    before = Before.of(read_bundle(tmp_path / "bundle"))
    assert before.prepare[-2:] == ("--bands", "3,2,1")
    words = before.assignments(4, same_machine=False)
    assert words[::2] == ["--set"] * (len(words) // 2)
    assert sorted(words[1::2]) == [
        "draw_prompts=false",
        "epochs=4",
        "learning_rate=0.0003",
        "lora_rank=4",
        "train=lora",
    ]


def test_the_panels_button_opens_it(layers, plugins, bundle, qgis_iface):
    """With what is chosen in the panel; the plugin takes it away again."""
    import samft as package

    QgsSettings().setValue("samft/bundles", str(bundle.parent))
    plugin = package.classFactory(qgis_iface)
    plugin.initProcessing = lambda: None  # the session's plugin has the provider
    plugin.initGui()
    qgis_iface.setActiveLayer(layers[1])
    plugin.window.dock.raster.setLayer(layers[0])
    plugin.window.dock.improve.click()
    form = plugin.improving.form
    assert plugin.improving.isVisible()
    assert form.raster.currentLayer() == layers[0]
    assert form.footprints.currentLayer() == layers[1]
    assert form.bundle.filePath() == str(bundle)
    plugin.improving.chosen.emit(str(bundle))
    assert QgsSettings().value("samft/bundle") == str(bundle)
    plugin.unload()
    assert plugin.improving is None
    QgsSettings().remove("samft")
