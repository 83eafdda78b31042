"""samft:segment_raster inside a QGIS, and through qgis_process, against the command line."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

from osgeo import ogr
from qgis.core import (
    NULL,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)

ROOT = Path(__file__).parents[2]
ALGORITHM = "samft:segment_raster"
FIELDS = ["id", "score", "area_m2", "bundle", "threshold"]
EXTENT = (500_010.0, 4_999_940.0, 500_060.0, 4_999_985.0)
LEFT, BOTTOM, RIGHT, TOP = EXTENT


class Recorder(QgsProcessingFeedback):
    """Remembers what was told."""

    def __init__(self):
        super().__init__(False)
        self.stages = []
        self.percents = []
        self.progressChanged.connect(self.percents.append)

    def setProgressText(self, text):  # noqa: N802
        self.stages.append(text)


def run(parameters, feedback=None):
    import processing

    return processing.run(ALGORITHM, parameters, feedback=feedback or Recorder())


def by_command_line(samft, made, out, *options):
    """Count and total area of what `samft segment` finds."""
    command = [samft, "segment", made / "bundle", made / "scene.tif", "--out", out, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=300, env=environment)
    return summary(out)


def summary(path):
    source = ogr.Open(str(path))
    areas = [feature.GetField("area_m2") for feature in source.GetLayer(0)]
    return len(areas), pytest.approx(sum(areas), rel=1e-6)


def layer_summary(layer):
    areas = [feature["area_m2"] for feature in layer.getFeatures()]
    return len(areas), sum(areas)


@pytest.fixture(scope="module")
def samft(colour_samft):
    """The model is a stand-in in all of these but one; nothing takes time to load."""
    return colour_samft


@pytest.fixture(scope="module")
def real_samft():
    """The toolkit's command, with its model."""
    return os.environ.get("SAMFT_EXECUTABLE", str(ROOT / ".venv" / "bin" / "samft"))


@pytest.fixture(scope="module")
def whole(samft, made, tmp_path_factory):
    return by_command_line(samft, made, tmp_path_factory.mktemp("cli") / "whole.gpkg")


@pytest.fixture(scope="module")
def part(samft, made, tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "part.gpkg"
    return by_command_line(samft, made, out, "--bounds", LEFT, BOTTOM, RIGHT, TOP)


@pytest.fixture
def parameters(plugin, toolkit, made):
    return {"INPUT": str(made / "scene.tif"), "BUNDLE": str(made / "bundle"), "OUTPUT": "TEMPORARY_OUTPUT"}


@pytest.fixture
def script(tmp_path):
    """Writes a program that the plugin may take for samft."""

    def write(body):
        path = tmp_path / "samft"
        path.write_text(f"#!{sys.executable}\n{textwrap.dedent(body)}")
        path.chmod(0o755)
        return path

    return write


def test_registers_and_unregisters(plugin):
    registry = QgsApplication.processingRegistry()
    assert registry.algorithmById(ALGORITHM).displayName() == "Segment raster"
    plugin.unload()
    assert registry.providerById("samft") is None
    plugin.initProcessing()
    assert not registry.providerById("samft").icon().isNull()


def test_gives_what_the_command_line_gives(parameters, made, toolkit, real_samft, tmp_path):
    whole = by_command_line(real_samft, made, tmp_path / "cli.gpkg")
    toolkit(real_samft)
    feedback = Recorder()
    done = run(parameters, feedback)
    layer = done["OUTPUT"]
    assert layer_summary(layer) == whole
    assert done["COUNT"] == whole[0] > 20
    provenance = json.loads(done["PROVENANCE"])
    assert provenance["raster"] == str(made / "scene.tif")
    assert [field.name() for field in layer.fields()] == FIELDS
    assert layer.crs().authid() == "EPSG:32633"
    feature = next(layer.getFeatures())
    assert feature["threshold"] == json.loads((made / "bundle" / "samft.json").read_text())["recipe"]["threshold"]
    assert feature["bundle"] == provenance["bundle"]
    assert len(feature["bundle"]) == 12
    assert 0 < feature["score"] < 1
    assert feedback.stages == ["loading", "segmenting", "outlining"]
    assert 0 < max(feedback.percents) <= 100


def test_runs_in_the_background_as_the_toolbox_runs_it(parameters, whole):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(ALGORITHM)
    project, feedback, outcomes = QgsProject(), Recorder(), []
    context = QgsProcessingContext()
    context.setProject(project)
    task = QgsProcessingAlgRunnerTask(algorithm, {**parameters, "EXTENT": NULL, "THRESHOLD": NULL}, context, feedback)
    task.executed.connect(lambda successful, results: outcomes.append((successful, results)))
    QgsApplication.taskManager().addTask(task)
    deadline_s = time.monotonic() + 60
    while not outcomes and time.monotonic() < deadline_s:
        QgsApplication.processEvents()
        time.sleep(0.01)
    successful, results = outcomes[0]
    assert successful
    assert layer_summary(context.takeResultLayer(results["OUTPUT"])) == whole


def test_an_extent_in_the_rasters_crs(parameters, part, whole):
    extent = f"{LEFT},{RIGHT},{BOTTOM},{TOP} [EPSG:32633]"
    assert layer_summary(run({**parameters, "EXTENT": extent})["OUTPUT"]) == part
    assert 0 < part[0] <= whole[0]
    assert part[1].expected < whole[1].expected


def test_an_extent_in_another_crs(parameters, samft, made, tmp_path):
    crs = "EPSG:4326"
    source, target = QgsCoordinateReferenceSystem("EPSG:32633"), QgsCoordinateReferenceSystem(crs)
    box = QgsCoordinateTransform(source, target, QgsProject.instance()).transformBoundingBox(
        QgsRectangle(LEFT, BOTTOM, RIGHT, TOP)
    )
    bounds = [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]
    expected = by_command_line(samft, made, tmp_path / "cli.gpkg", "--bounds", *bounds, "--bounds-crs", crs)
    extent = f"{bounds[0]!r},{bounds[2]!r},{bounds[1]!r},{bounds[3]!r} [{crs}]"
    assert layer_summary(run({**parameters, "EXTENT": extent})["OUTPUT"]) == expected


def test_the_smallest_area_and_straightening_are_obeyed(parameters, whole):
    large = run({**parameters, "MIN_AREA": 50})["OUTPUT"]
    assert 0 < large.featureCount() <= whole[0]
    assert all(feature["area_m2"] >= 50 for feature in large.getFeatures())
    done = run({**parameters, "REGULARIZE": False})
    assert json.loads(done["PROVENANCE"])["regularized"] is False


def test_the_threshold_is_obeyed_and_recorded(parameters):
    layer = run({**parameters, "THRESHOLD": 0.99})["OUTPUT"]
    assert layer.featureCount() == 0
    assert [field.name() for field in layer.fields()] == FIELDS


@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
def test_any_output(parameters, whole, tmp_path, suffix):
    out = tmp_path / f"footprints.{suffix}"
    assert run({**parameters, "OUTPUT": str(out)})["OUTPUT"] == str(out)
    assert layer_summary(QgsVectorLayer(str(out), "", "ogr"))[0] == whole[0]


def test_no_toolkit(parameters, toolkit):
    toolkit("/nowhere/samft")
    with pytest.raises(QgsProcessingException, match=r"expected the samft command .* got no program /nowhere/samft"):
        run(parameters)


def test_a_setting_goes_before_the_environment(parameters, toolkit):
    QgsSettings().setValue("samft/executable", "/set/samft")
    try:
        with pytest.raises(QgsProcessingException, match="got no program /set/samft"):
            run(parameters)
    finally:
        QgsSettings().remove("samft/executable")


def test_a_toolkit_of_another_protocol(parameters, toolkit, script):
    toolkit(
        script("""
        import json, sys
        print(json.dumps({"type": "hello", "protocol": 99, "version": "9.9", "mood": "good"}), flush=True)
        sys.stdin.read()
    """)
    )
    from samft.worker.protocol import PROTOCOL

    with pytest.raises(QgsProcessingException, match=rf"speaks protocol {PROTOCOL}, got protocol 99 \(samft 9.9\)"):
        run(parameters)


def test_a_toolkit_that_ends_at_once(parameters, toolkit, script):
    toolkit(
        script("""
        import sys
        sys.exit("error: No such command 'worker'.")
    """)
    )
    with pytest.raises(QgsProcessingException, match=r"ended with status 1.* No such command 'worker'"):
        run(parameters)


def test_a_toolkit_that_says_something_else(parameters, toolkit, script):
    toolkit(script("print('Welcome!')"))
    with pytest.raises(QgsProcessingException, match="expected a JSON object, got 'Welcome!'"):
        run(parameters)


def test_a_toolkit_that_says_nothing(parameters, toolkit, script, monkeypatch):
    monkeypatch.setattr("samft.worker.process.HELLO_TIMEOUT_S", 0.5)
    toolkit(script("import time; time.sleep(60)"))
    with pytest.raises(QgsProcessingException, match="to say hello within 0 s, got nothing"):
        run(parameters)


def test_a_layer_whose_file_is_gone(parameters, made, tmp_path):
    gone = tmp_path / "gone.tif"
    shutil.copy(made / "scene.tif", gone)
    project = QgsProject.instance()
    layer = project.addMapLayer(QgsRasterLayer(str(gone), "gone")).id()  # a layer that outlives QGIS crashes it
    gone.unlink()
    with pytest.raises(QgsProcessingException, match=r"expected a raster, got no file .*gone.tif; check the path"):
        run({**parameters, "INPUT": layer})
    project.removeMapLayer(layer)


def test_a_layer_that_is_no_file(parameters):
    layer = QgsRasterLayer("type=xyz&url=http://localhost:9/{z}/{x}/{y}.png&zmax=3&zmin=0", "tiles", "wms")
    assert layer.isValid()
    with pytest.raises(QgsProcessingException, match=r"expected an area of up to 144 million pixels .* zoom in"):
        run({**parameters, "INPUT": layer})


def test_a_folder_that_is_no_bundle(parameters, tmp_path):
    with pytest.raises(QgsProcessingException, match=r"expected a bundle, a folder with samft\.json"):
        run({**parameters, "BUNDLE": str(tmp_path)})


def test_an_extent_off_the_raster(parameters):
    with pytest.raises(
        QgsProcessingException, match="expected an extent that touches the layer scene, got one that lies off it"
    ):
        run({**parameters, "EXTENT": "0,100,0,100 [EPSG:32633]"})


def test_a_worker_killed_in_its_job(parameters, toolkit, script, samft, made, tmp_path):
    toolkit(
        script(f"""
        import os, pathlib
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
        os.execv({samft!r}, [{samft!r}, "worker"])
    """)
    )
    feedback = Recorder()

    def kill(percent):
        if "segmenting" in feedback.stages:
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    feedback.progressChanged.connect(kill)
    with pytest.raises(QgsProcessingException, match="crashed or was killed"):
        run({**parameters, "INPUT": str(made / "wide.tif"), "OUTPUT": str(tmp_path / "out.gpkg")}, feedback)
    assert not (tmp_path / "out.gpkg").exists()


def test_cancelling_stops_the_worker(parameters, made, tmp_path):
    feedback = Recorder()
    feedback.progressChanged.connect(lambda percent: "segmenting" in feedback.stages and feedback.cancel())
    parameters.update(INPUT=str(made / "wide.tif"), OUTPUT=str(tmp_path / "out.gpkg"))
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(ALGORITHM)
    outcome, _ = algorithm.run(parameters, QgsProcessingContext(), feedback)
    assert outcome == {}
    assert feedback.isCanceled()
    assert max(feedback.percents) <= 100
    assert not (tmp_path / "out.gpkg").exists()


def test_the_worker_does_not_see_what_leads_to_qgis_libraries(plugin, monkeypatch):
    from samft.worker.environment import clean_environment

    for name in ("PYTHONHOME", "PYTHONPATH", "PROJ_LIB", "GDAL_DRIVER_PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        monkeypatch.setenv(name, "/qgis")
    monkeypatch.setenv("GDAL_HTTP_PROXY", "proxy")
    names = clean_environment().keys()
    assert "GDAL_HTTP_PROXY" in names
    assert "PATH" in names
    assert not [name for name in names if clean_environment().value(name) == "/qgis"]


def test_through_qgis_process(plugins, samft, made, whole, tmp_path):
    out = tmp_path / "footprints.gpkg"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("QGIS_")},  # pytest-qgis's profile
        "QT_QPA_PLATFORM": "offscreen",
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "QGIS_PLUGINPATH": str(plugins),
        "SAMFT_EXECUTABLE": samft,
        "OMP_NUM_THREADS": "1",
    }

    def qgis_process(*arguments):
        return subprocess.run(
            ["qgis_process.bin", *arguments], env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    assert qgis_process("plugins", "enable", "samft").returncode == 0
    values = [f"INPUT={made / 'scene.tif'}", f"BUNDLE={made / 'bundle'}", f"OUTPUT={out}"]
    done = qgis_process("run", ALGORITHM, "--", *values)
    assert done.returncode == 0, done.stderr
    assert layer_summary(QgsVectorLayer(str(out), "", "ogr")) == whole
    failed = qgis_process("run", ALGORITHM, "--", values[0], f"BUNDLE={tmp_path}", f"OUTPUT={tmp_path / 'no.gpkg'}")
    assert failed.returncode != 0
    assert "expected a bundle, a folder with samft.json" in failed.stdout + failed.stderr
