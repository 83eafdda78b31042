"""A full disk and Ctrl-C: what was begun is not left behind."""

import re
import signal
import subprocess
import sys

import pytest

from samft_core.bundle import load_bundle
from samft_core.cli.main import run
from samft_core.sam.tiny import tiny_model
from tests.cli.conftest import ENVIRONMENT, TILE_PX, last_clear_line, listing, running, write_scene

resource = pytest.importorskip("resource", reason="limits and signals are POSIX's")

LIMITED = """
import resource, signal, sys
from samft_core.cli.main import run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(run(sys.argv[2:]))
"""


def limited(limit: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command where no file can grow beyond a limit in bytes, as on a disk that is full."""
    command = [sys.executable, "-c", LIMITED, str(limit), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=ENVIRONMENT)


@pytest.fixture
def full(capsys):
    """Runs the command in this process under a limit, where it must fail; gives the closing line."""

    def call(limit: int, *arguments: object) -> str:
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, usual[1]))
        try:
            status = run([str(argument) for argument in arguments])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        out, err = capsys.readouterr()
        assert (status, out) == (2, "")
        return last_clear_line(err)

    return call


class TestFullDisk:
    @pytest.mark.parametrize(("size_px", "limit"), [(64, 0), (64, 300), (64, 12_000), (192, 40_000)])
    def test_prepare(self, scene, labels, tmp_path, size_px, limit):
        """The limits hit the first file, the images, the manifest, and the end of an image larger than all else."""
        out = tmp_path / "chips"
        done = limited(limit, "prepare", scene, "--labels", labels, "--out", out, "--size", size_px)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"expected to write {out}" in last_clear_line(done.stderr)
        assert listing(tmp_path) == []

    @pytest.mark.parametrize("limit", [100, 10_000])
    def test_no_room_for_the_probabilities(self, full, bundle, scene, tmp_path, limit):
        line = full(limit, "segment", bundle, scene, "--out", tmp_path / "a.gpkg")
        assert "File too large; free some space" in line
        assert listing(tmp_path) == []

    def test_no_room_for_the_footprints(self, full, bundle, scene, tmp_path, capsys):
        """A GeoPackage takes more than the rows that are kept."""
        out = tmp_path / "a.gpkg"
        out.write_text("precious")
        arguments = ("segment", bundle, scene, "--out", out, "--overwrite")
        line = full(60_000, *arguments)
        assert f"expected to write {out}" in line
        assert line.endswith("the same command goes on from there")
        assert out.read_text() == "precious"
        assert all(left.startswith(("a.gpkg", ".a.gpkg.parts")) for left in listing(tmp_path))
        assert run([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
        assert listing(tmp_path) == ["a.gpkg"]

    @pytest.mark.parametrize("limit", [100, 1_000_000])
    def test_train_and_then_with_space_again(self, full, chips, tmp_path, limit, capsys):
        """The limits hit the settings and the first checkpoint."""
        folder = tmp_path / "run"
        arguments = ("train", chips, "--out", folder, "--model", "samft-tiny", "--set", "max_steps=1")
        assert "free some space" in full(limit, *arguments)
        assert set(listing(folder)) <= {"checkpoints", "checkpoints/run.json", "metrics.jsonl", "report.html"}
        assert run([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
        assert load_bundle(folder / "bundle").card.training["settings"]["max_steps"] == 1

    def test_no_room_for_the_cache_and_then_with_space_again(self, full, chips, tmp_path, capsys, monkeypatch):
        """The limit hits the first embeddings: 16 kB each."""
        tiny_model(input_px=TILE_PX, seed=0).save_pretrained(tmp_path / "base")
        capsys.readouterr()  # transformers' bar
        monkeypatch.setenv("SAMFT_CACHE", str(tmp_path / "cache"))
        run_folder = tmp_path / "run"
        arguments = ("train", chips, "--out", run_folder, "--model", tmp_path / "base", "--set", "max_steps=1")
        line = full(8_000, *arguments)
        assert f"expected to write into the cache of embeddings, {tmp_path / 'cache'}, got File too large; free" in line
        assert "SAMFT_CACHE" in line
        assert not list((tmp_path / "cache").rglob("*.npy"))
        assert listing(run_folder) == ["checkpoints", "checkpoints/run.json"]
        assert run([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
        assert list((tmp_path / "cache").rglob("*.npy"))


INTERRUPTED = "interrupted; nothing half-written was left, run the same command again"


class TestInterrupt:
    def interrupt(self, *arguments, stage, said=INTERRUPTED):
        """Starts the command, sends Ctrl-C when a stage is under way, and looks at what it says after."""
        with running(*arguments) as process:
            for line in process.stderr:
                if line.startswith(stage):
                    break
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=300)
        assert process.returncode == 130
        assert out == ""
        *progress, last = filter(None, err.splitlines())  # click ends the line that a terminal's ^C began
        assert all(" of " in line for line in progress), err
        assert re.fullmatch(f"error: {said}", last)

    def test_segment_before_any_row_is_finished(self, bundle, tmp_path):
        raster = write_scene(tmp_path / "wide.tif", side_px=1024)
        arguments = ("--out", tmp_path / "a.gpkg", "--probability", tmp_path / "p.tif")
        self.interrupt("segment", bundle, raster, *arguments, stage="segmenting: 0 of ")
        assert listing(tmp_path) == ["wide.tif"]

    def test_prepare(self, labels, tmp_path):
        raster = write_scene(tmp_path / "wide.tif", side_px=2048)
        arguments = ("--labels", labels, "--out", tmp_path / "chips", "--size", 64, "--gsd", 0.5)
        self.interrupt("prepare", raster, *arguments, stage="scene 1 of 1: 0 of ")
        assert listing(tmp_path) == ["wide.tif"]

    def test_train(self, chips, tmp_path):
        folder = tmp_path / "run"
        arguments = ("train", chips, "--out", folder, "--model", "samft-tiny", "--set", "epochs=9999")
        said = rf"stopped by Ctrl-C after step \d+; run the same command again to go on in {re.escape(str(folder))}"
        self.interrupt(*arguments, stage="training", said=said)
        (snapshot,) = folder.glob("checkpoints/step-*.pt")
        left = {"checkpoints", "checkpoints/run.json", f"checkpoints/{snapshot.name}"}
        assert left <= set(listing(folder)) <= left | {"metrics.jsonl", "report.html"}
