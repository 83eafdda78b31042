"""The worker as QGIS meets it: a process, lines in, lines out."""

import contextlib
import json
import os
import queue
import runpy
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio

from samft_core import load_bundle, segment
from samft_core.cli.worker import NICENESS
from samft_core.protocol import PROTOCOL
from samft_core.version import VERSION
from samft_core.worker import preview

MAKE_FIXTURES = Path(__file__).parents[1] / "plugin" / "make_fixtures.py"


class Conversation:
    """A running `samft worker`; every read has a timeout."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "samft_core.cli.main", "worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self._lines.put(line)

    def say(self, **request):
        self.say_raw(json.dumps(request).encode() + b"\n")

    def say_raw(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def hear(self, timeout_s=60):
        return json.loads(self._lines.get(timeout=timeout_s))

    def outcome(self, job):
        """The stages told about a job, and how it ended."""
        stages = []
        while True:
            reply = self.hear()
            assert reply["id"] == job
            if reply["type"] != "progress":
                return stages, reply
            stages.append(reply["stage"])


@contextlib.contextmanager
def talk():
    conversation = Conversation()
    try:
        yield conversation
    finally:
        conversation.process.kill()
        conversation.process.wait()
        conversation.process.stdin.close()
        conversation.process.stdout.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    runpy.run_path(str(MAKE_FIXTURES))["make_fixtures"](folder)
    return folder


@pytest.fixture(scope="module")
def shared_worker():
    with talk() as conversation:
        conversation.hello = conversation.hear()
        yield conversation


@pytest.fixture
def worker(shared_worker):
    """One worker for the module: a new one imports torch again."""
    assert shared_worker.process.poll() is None
    return shared_worker


def test_hello_comes_first_and_before_the_heavy_imports():
    began_s = time.monotonic()
    with talk() as conversation:
        hello = conversation.hear(timeout_s=10)
        if hasattr(os, "getpriority"):  # lest QGIS stands still while all processors compute
            priority = os.getpriority(os.PRIO_PROCESS, conversation.process.pid)
            assert priority == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
    assert hello.keys() == {"type", "protocol", "version"}
    assert (hello["type"], hello["protocol"]) == ("hello", PROTOCOL)
    assert time.monotonic() - began_s < 5  # under a second on an idle machine


@pytest.mark.parametrize(
    ("line", "job", "complaint"),
    [
        (b"good morning\n", None, "expected a JSON object, got 'good morning'"),
        (b"\xff\xfe\n", None, "expected a JSON object"),
        (b"[" * 100_000 + b"\n", None, "expected a JSON object"),
        (b"7\n", None, "expected a JSON object"),
        (b'{"id": "a", "verb": "dance"}\n', "a", "expected a verb among about, segment, ask, run, cancel, quit"),
        (b'{"id": "b", "verb": "segment", "bundle": "b"}\n', "b", "got no raster"),
        (b'{"id": "c", "verb": "cancel", "now": true}\n', "c", "got an unknown now"),
        (b'{"id": 7, "verb": "cancel"}\n', None, "got a wrong id"),
    ],
)
def test_a_line_that_is_no_request_is_answered(worker, line, job, complaint):
    worker.say_raw(line)
    reply = worker.hear()
    assert (reply["type"], reply["id"], reply["kind"]) == ("error", job, "input")
    assert complaint in reply["message"]
    assert "\n" not in reply["message"]


@pytest.mark.parametrize("value", ["NaN", "1e999", "true", '"0.5"', "1" + "0" * 400])
def test_a_threshold_that_is_no_number_is_refused(worker, value):
    line = '{"verb": "segment", "id": "n", "bundle": "b", "raster": "r", "out": "o.gpkg", "threshold": VALUE}\n'
    worker.say_raw(line.replace("VALUE", value).encode())
    assert "got a wrong threshold" in worker.hear()["message"]


def test_a_threshold_out_of_range_is_the_users_mistake(worker):
    worker.say(verb="segment", id="t", bundle="b", raster="r", out="o.gpkg", threshold=1.5)
    reply = worker.hear()
    assert (reply["type"], reply["kind"]) == ("error", "input")
    assert "expected a threshold above 0 and below 1, got 1.5" in reply["message"]


def test_a_missing_bundle_is_the_users_mistake(worker, made, tmp_path):
    raster, out = made / "scene.tif", tmp_path / "o.gpkg"
    worker.say(verb="segment", id="m", bundle=str(tmp_path / "no"), raster=str(raster), out=str(out))
    _, reply = worker.outcome("m")
    assert (reply["type"], reply["kind"]) == ("error", "input")
    assert "expected a bundle" in reply["message"]


def test_segments_as_the_library_does(worker, made, tmp_path):
    out = tmp_path / "footprints.gpkg"
    worker.say(
        verb="segment",
        id="s",
        bundle=str(made / "bundle"),
        raster=str(made / "scene.tif"),
        out=str(out),
        bounds=[500_010, 4_999_930, 500_070, 4_999_990],
        bounds_crs="EPSG:32633",
    )
    stages, reply = worker.outcome("s")
    expected = segment(
        load_bundle(made / "bundle"), made / "scene.tif", bounds=(500_010, 4_999_930, 500_070, 4_999_990)
    ).footprints
    found = pyogrio.read_dataframe(out)
    assert list(dict.fromkeys(stages)) == ["loading", "segmenting", "outlining"]
    provenance = json.loads(reply.pop("provenance"))
    assert reply == {"type": "result", "id": "s", "out": str(out), "footprints": len(expected), "complete": True}
    assert provenance["raster"] == str(made / "scene.tif")
    assert list(found.columns) == ["id", "score", "area_m2", "bundle", "threshold", "geometry"]
    assert len(expected) > 5
    assert len(found) == len(expected)
    assert found["area_m2"].sum() == pytest.approx(expected["area_m2"].sum(), rel=1e-6)


def test_a_running_job_and_a_waiting_one_are_cancelled(worker, made, tmp_path):
    job = {"verb": "segment", "bundle": str(made / "bundle"), "raster": str(made / "wide.tif")}
    worker.say(id="running", out=str(tmp_path / "r.gpkg"), **job)
    worker.say(id="waiting", out=str(tmp_path / "w.gpkg"), **job)
    worker.say(verb="cancel", id="waiting")
    while worker.hear().get("stage") != "segmenting":
        pass
    worker.say(verb="cancel", id="running")
    assert worker.outcome("running")[1] == {"type": "cancelled", "id": "running"}
    assert worker.outcome("waiting") == ([], {"type": "cancelled", "id": "waiting"})
    assert list(tmp_path.iterdir()) == []


def test_another_threshold_needs_no_model(worker, made, tmp_path):
    job = {"verb": "segment", "bundle": str(made / "bundle"), "raster": str(made / "scene.tif")}
    worker.say(id="first", out=str(tmp_path / "first.fgb"), **job)
    assert worker.outcome("first")[1]["type"] == "result"
    lower = load_bundle(made / "bundle").card.recipe.threshold - 1e-4
    worker.say(id="second", out=str(tmp_path / "second.fgb"), threshold=lower, **job)
    stages, reply = worker.outcome("second")
    expected = segment(load_bundle(made / "bundle"), made / "scene.tif", threshold=lower)
    assert "segmenting" not in stages
    assert reply["footprints"] == len(expected.footprints)
    assert reply["provenance"] == json.dumps(expected.provenance)


def test_a_picture_of_the_probabilities(worker, made, tmp_path):
    job = {"verb": "segment", "bundle": str(made / "bundle"), "raster": str(made / "scene.tif")}
    bounds = [500_010, 4_999_930, 500_070, 4_999_990]
    out, picture = tmp_path / "f.fgb", tmp_path / "preview.tif"
    worker.say(id="p", out=str(out), preview=str(picture), bounds=bounds, **job)
    assert worker.outcome("p")[1]["type"] == "result"
    expected = segment(load_bundle(made / "bundle"), made / "scene.tif", bounds=tuple(bounds))
    with rasterio.open(picture) as source:
        values = source.read(1)
        assert (source.crs, source.transform) == (expected.grid.crs, expected.grid.transform)
    assert len(np.unique(values)) > 1  # the model is untrained, and says little but 0.5
    np.testing.assert_array_equal(values, np.where(expected.valid, np.floor(expected.probability * 254), 255))
    worker.say(id="q", out=str(tmp_path / "g.fgb"), preview=str(picture), **job)
    assert "expected an output that does not exist yet" in worker.outcome("q")[1]["message"]
    assert {path.name for path in tmp_path.iterdir()} == {"f.fgb", "preview.tif"}


def test_a_large_picture_is_made_smaller(made, tmp_path, monkeypatch):
    """Each of its pixels is the mean of what is known in a square; whatever the rows that are read at once."""
    found = segment(load_bundle(made / "bundle"), made / "scene.tif", bounds=(499_990, 4_999_930, 500_070, 4_999_990))
    probability, valid = found.probability, found.valid
    height, width = valid.shape
    monkeypatch.setattr(preview, "MOST_PX", width // 3 + 1)
    monkeypatch.setattr(preview, "PART_PX", 10 * width)
    preview.write_preview(found, tmp_path / "p.tif")
    with rasterio.open(tmp_path / "p.tif") as source:
        values, transform = source.read(1), source.transform
    assert values.shape == (-(-height // 3), -(-width // 3))
    assert transform * values.shape == pytest.approx(found.grid.transform * (3 * values.shape[0], 3 * values.shape[1]))
    for row, col in np.ndindex(values.shape):
        square = np.s_[3 * row : 3 * row + 3, 3 * col : 3 * col + 3]
        known = valid[square]
        expected = probability[square][known].mean() * 254 if known.any() else 255
        assert expected - 1 - 1e-3 <= values[row, col] <= expected + 1e-3
    assert ((values == 255) == (transform.c + (np.arange(values.shape[1]) + 1) * transform.a <= 500_000)).all()


def test_what_is_found_so_far_is_kept_where_that_is_wanted(worker, made, tmp_path):
    job = {"verb": "segment", "bundle": str(made / "bundle"), "raster": str(made / "wide.tif")}
    worker.say(id="some", out=str(tmp_path / "some.gpkg"), **job)
    while (reply := worker.hear()).get("stage") != "segmenting" or reply["done"] < 30:
        pass
    worker.say(verb="cancel", id="some", keep=True)
    _, reply = worker.outcome("some")
    assert reply["type"] == "result"
    assert reply["complete"] is False
    found = pyogrio.read_dataframe(tmp_path / "some.gpkg")
    assert 0 < len(found) == reply["footprints"]
    assert found.total_bounds[1] > 5_000_000 - 0.5 * 600  # the south was not looked at


def test_one_building_by_a_box_or_points(worker, made):
    ask = {"verb": "ask", "bundle": str(made / "bundle"), "raster": str(made / "scene.tif")}
    box = [500_004.0, 4_999_980.0, 500_020.0, 4_999_996.0]
    for marks in ({"box": box, "crs": "EPSG:32633"}, {"points": [[500_010.0, 4_999_990.0, 1]]}):
        worker.say(id="one", **ask, **marks)
        _, reply = worker.outcome("one")
        assert reply["type"] == "answer"
        assert len(reply["bundle"]) == 12
        assert (reply["geometry"] is None) == (reply["area_m2"] == 0)
    worker.say(id="both", box=box, points=[[0.0, 0.0, 1]], **ask)
    assert "expected a box or points, got both or neither" in worker.outcome("both")[1]["message"]


def test_says_what_toolkit_it_is(worker):
    worker.say(verb="about", id="about")
    _, reply = worker.outcome("about")
    assert (reply["type"], reply["version"]) == ("toolkit", VERSION)
    assert reply["torch"]
    assert reply["device"]


class TestVerbs:
    def test_what_is_printed_is_the_answer(self, worker, made):
        worker.say(verb="run", id="info", arguments=["info", str(made / "bundle")])
        _, reply = worker.outcome("info")
        assert reply["type"] == "done"
        assert reply["said"].startswith(f"bundle {load_bundle(made / 'bundle').card.hash}")

    def test_progress_and_outputs_are_the_verbs(self, worker, made, tmp_path):
        out = tmp_path / "f.gpkg"
        arguments = ["segment", made / "bundle", made / "scene.tif", "--out", out]
        worker.say(verb="run", id="run", arguments=list(map(str, arguments)))
        stages, reply = worker.outcome("run")
        assert reply["type"] == "done"
        assert "segmenting" in stages
        assert out.exists()

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["dance"], "expected arguments that samft takes, got a mistake: No such command 'dance'"),
            (["segment"], "expected arguments that samft segment takes, got a mistake: Missing argument 'BUNDLE'"),
            (["info", "/nowhere.tif"], "expected a raster, got no file /nowhere.tif"),
        ],
    )
    def test_mistakes_are_told_as_on_the_command_line(self, worker, arguments, complaint):
        worker.say(verb="run", id="m", arguments=arguments)
        _, reply = worker.outcome("m")
        assert (reply["type"], reply["kind"]) == ("error", "input")
        assert complaint in reply["message"]

    def test_can_be_cancelled(self, worker, made, tmp_path):
        arguments = ["segment", made / "bundle", made / "wide.tif", "--out", tmp_path / "f.gpkg"]
        worker.say(verb="run", id="c", arguments=list(map(str, arguments)))
        while worker.hear().get("stage") != "segmenting":
            pass
        worker.say(verb="cancel", id="c")
        assert worker.outcome("c")[1] == {"type": "cancelled", "id": "c"}
        assert not (tmp_path / "f.gpkg").exists()


def test_quits_in_the_middle_of_a_job(made, tmp_path):
    with talk() as conversation:
        conversation.hear()
        raster, out = made / "wide.tif", tmp_path / "q.gpkg"
        conversation.say(verb="segment", id="q", bundle=str(made / "bundle"), raster=str(raster), out=str(out))
        assert conversation.hear()["stage"] == "loading"
        conversation.say(verb="quit")
        assert conversation.outcome("q")[1]["type"] == "cancelled"
        assert conversation.process.wait(timeout=120) == 0
    assert list(tmp_path.iterdir()) == []


def test_ends_with_its_input():
    with talk() as conversation:
        conversation.hear()
        conversation.process.stdin.close()
        assert conversation.process.wait(timeout=120) == 0


def test_stray_prints_do_not_reach_the_protocol():
    program = (
        "import os; from samft_core.cli.worker import _take_streams; requests, replies = _take_streams();"
        "print('stray'); os.write(1, b'stray'); os.system('echo stray');"
        "assert os.read(0, 1) == b''; replies.write(requests.readline()); replies.flush()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=b"ping\n", capture_output=True, timeout=120, check=True
    )
    assert done.stdout == b"ping\n"
    assert done.stderr.count(b"stray") == 3
