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

import pyogrio
import pytest

from samft_core import load_bundle, segment
from samft_core.protocol import PROTOCOL

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


def test_quits_in_the_middle_of_a_job(made, tmp_path):
    with talk() as conversation:
        conversation.hear()
        raster, out = made / "wide.tif", tmp_path / "q.gpkg"
        conversation.say(verb="segment", id="q", bundle=str(made / "bundle"), raster=str(raster), out=str(out))
        assert conversation.hear()["stage"] == "loading"
        conversation.say(verb="quit")
        assert conversation.outcome("q")[1]["type"] == "cancelled"
        assert conversation.process.wait(timeout=30) == 0
    assert list(tmp_path.iterdir()) == []


def test_ends_with_its_input():
    with talk() as conversation:
        conversation.hear()
        conversation.process.stdin.close()
        assert conversation.process.wait(timeout=30) == 0


def test_stray_prints_do_not_reach_the_protocol():
    program = (
        "import os; from samft_core.cli.worker import _take_streams; requests, replies = _take_streams();"
        "print('stray'); os.write(1, b'stray'); os.system('echo stray');"
        "assert os.read(0, 1) == b''; replies.write(requests.readline()); replies.flush()"
    )
    done = subprocess.run([sys.executable, "-c", program], input=b"ping\n", capture_output=True, timeout=30, check=True)
    assert done.stdout == b"ping\n"
    assert done.stderr.count(b"stray") == 3
