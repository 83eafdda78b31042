"""Runs that are killed, told to stop, or lose a process: what comes after is what would have been without."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from samft_core.bundle import load_bundle
from tests.training.conftest import (
    END_S,
    metrics,
    snapshots,
    started,
    state,
    trained,
    trained_together,
    wait_for_step,
)
from training.losses import mask_losses
from training.stop import StoppedError
from training.validate import validate

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

RUN = {
    "average": 0.9,
    "max_steps": 40,
    "snapshot_every": 2,
    "validate_every": 3,
    "learning_rate": 1e-3,
    "prompts_per_chip": 0.7,
}
KINDS = {
    "mask_decoder": {**RUN, "train": "mask_decoder"},
    "late LoRA": {**RUN, "train": "lora", "lora_blocks": 1},
    "all": {**RUN, "train": "all", "augment": "turn"},
}


TWO = KINDS["all"] | {"max_steps": 18, "validate_every": 2}


def without_speed(run: Path) -> list[dict]:
    return [{key: value for key, value in line.items() if key != "chips_per_s"} for line in metrics(run)]


def rank(number: int, *, of: int) -> int:
    """The process of a rank that a torchrun has started."""
    children = Path(f"/proc/{of}/task/{of}/children").read_text().split()
    environments = {int(child): Path(f"/proc/{child}/environ").read_bytes().split(b"\0") for child in children}
    return next(child for child, variables in environments.items() if f"RANK={number}".encode() in variables)


@pytest.mark.parametrize(("kind", "steps"), [("mask_decoder", (3, 17)), ("late LoRA", [11])])
def test_sigkill_and_again_is_never_killed(kind, steps, chips, base, cache, tmp_path, no_pages):
    """Bit for bit, with as many threads; killed once or twice, at moments that nobody chooses exactly.

    Where all learns, it is one of two processes that is killed, below.
    """
    whole, run = tmp_path / "whole", tmp_path / "run"
    expected = trained(chips, whole, base, **KINDS[kind])
    for step in steps:
        with started(chips, run, base, **KINDS[kind]) as process:
            wait_for_step(run, step, process)
            process.kill()
            _, err = process.communicate(timeout=END_S)
        assert process.returncode == -signal.SIGKILL, err
        assert step <= snapshots(run)[-1] < 40
        assert not (run / "bundle").exists()
    assert trained(chips, run, base, **KINDS[kind]).card.hash == expected.card.hash
    assert without_speed(run) == without_speed(whole)


def test_sigkill_while_the_cache_is_built(chips, base, tmp_path, monkeypatch, no_pages):
    """What was encoded before is not encoded again."""
    settings = {"train": "mask_decoder", "views": 8, "max_steps": 5}
    monkeypatch.setenv("SAMFT_CACHE", str(tmp_path / "whole-cache"))
    expected = trained(chips, tmp_path / "whole", base, **settings)
    monkeypatch.setenv("SAMFT_CACHE", str(tmp_path / "cache"))
    with started(chips, tmp_path / "run", base, **settings) as process:
        while not list((tmp_path / "cache").glob("*/*/[0-9a-f]*.npy")) and process.poll() is None:
            pass
        process.kill()
        _, err = process.communicate(timeout=END_S)
    assert process.returncode == -signal.SIGKILL, err
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").glob("*/*/[0-9a-f]*.npy")}
    assert snapshots(tmp_path / "run") == []
    encoded = []

    def note(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "encoding chips" and done == 0:
            encoded.append(total)

    assert trained(chips, tmp_path / "run", base, progress=note, **settings).card.hash == expected.card.hash
    every = list((tmp_path / "cache").glob("*/*/[0-9a-f]*.npy"))
    assert 0 < len(kept) < len(every) == 17 * 8 + len(chips.split("val"))
    assert encoded == [len(every) - len(kept)]


class TestSigterm:
    def test_a_snapshot_at_once_status_143_and_one_line(self, chips, base, tmp_path, no_pages):
        settings = KINDS["mask_decoder"] | {"snapshot_every": 5, "validate_every": 1}
        expected = trained(chips, tmp_path / "whole", base, **settings)
        run = tmp_path / "run"
        with started(chips, run, base, **settings) as process:
            wait_for_step(run, 5, process)
            process.terminate()
            _, err = process.communicate(timeout=END_S)
        assert process.returncode == 143, err
        newest = snapshots(run)[-1]
        assert err.splitlines()[-1] == (
            f"error: stopped by SIGTERM after step {newest}; run the same command again to go on in {run}"
        )
        assert state(run)["standing"]["step"] == newest < 40
        assert trained(chips, run, base, **settings).card.hash == expected.card.hash

    @pytest.mark.parametrize("at", [1, 4, 5, 11, 12])
    def test_at_any_step(self, at, chips, base, tmp_path, no_pages):
        """Also in an epoch's last step, and in the last of all."""
        settings = {"train": "mask_decoder", "max_steps": 12, "learning_rate": 1e-3, "validate_every": 5}
        expected = trained(chips, tmp_path / "whole", base, **settings)
        steps = []

        def stop(stage: str, done: int, total: int, note: str = "") -> None:
            if stage == "training":
                steps.append(done)
                if len(steps) == at:
                    os.kill(os.getpid(), signal.SIGTERM)

        # told after a step, noticed in the next, or in the validation after the last
        with pytest.raises(StoppedError):
            trained(chips, tmp_path / "run", base, progress=stop, **settings)
        assert snapshots(tmp_path / "run") == [min(at + 1, 12)]
        assert trained(chips, tmp_path / "run", base, **settings).card.hash == expected.card.hash

    @pytest.mark.parametrize("at", [1, 3])
    def test_in_a_validation(self, at, chips, base, tmp_path, monkeypatch, no_pages):
        """It ends after the chip it is at, not after the last; the validation comes again."""
        settings = {"train": "mask_decoder", "max_steps": 12, "learning_rate": 1e-3, "average": 0.9}
        expected = trained(chips, tmp_path / "whole", base, **settings)
        run, looked_at = tmp_path / "run", []

        def stopping(*arguments):
            looked_at.append(1)
            if len(looked_at) == at:
                os.kill(os.getpid(), signal.SIGTERM)
            return mask_losses(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr("training.validate.mask_losses", stopping)
            with pytest.raises(StoppedError):
                trained(chips, run, base, **settings)
        assert (len(looked_at), len(chips.split("val"))) == (at, 4)
        assert snapshots(run) == [5]
        assert not (run / "metrics.jsonl").exists()
        assert trained(chips, run, base, **settings).card.hash == expected.card.hash
        assert without_speed(run) == without_speed(tmp_path / "whole")

    def test_after_the_last_validation(self, chips, base, tmp_path, no_pages):
        """While threshold and minimum area are chosen; the bundle is made the next time."""
        settings = {"train": "mask_decoder", "max_steps": 3, "learning_rate": 1e-3}
        expected = trained(chips, tmp_path / "whole", base, **settings)

        def stop(stage: str, done: int, total: int, note: str = "") -> None:
            if stage == "evaluating val" and done == 1:
                os.kill(os.getpid(), signal.SIGTERM)

        with pytest.raises(StoppedError, match="after step 3; run the same command again"):
            trained(chips, tmp_path / "run", base, progress=stop, **settings)
        assert not (tmp_path / "run" / "bundle").exists()
        assert trained(chips, tmp_path / "run", base, **settings).card.hash == expected.card.hash

    def test_before_anything_is_learned(self, chips, base, cache, tmp_path):
        def stop(stage: str, done: int, total: int, note: str = "") -> None:
            if stage == "encoding chips" and done == 3:
                os.kill(os.getpid(), signal.SIGTERM)

        with pytest.raises(StoppedError, match="after step 0; run the same command again") as error:
            trained(chips, tmp_path / "run", base, progress=stop, max_steps=3)
        assert error.value.exit_code == 143
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert 3 <= len(list(cache.glob("*/*/[0-9a-f]*.npy"))) < 10


def test_after_the_last_step_but_before_its_validation(chips, base, tmp_path, monkeypatch, no_pages):
    """A run killed there is validated when it is resumed."""
    settings = {"train": "mask_decoder", "max_steps": 6, "snapshot_every": 3, "learning_rate": 1e-3}
    expected = trained(chips, tmp_path / "whole", base, **settings)
    run = tmp_path / "run"

    class KilledError(Exception):
        pass

    def killed(learner, *arguments, **keywords):
        if snapshots(run)[-1] == 6:
            raise KilledError
        return validate(learner, *arguments, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr("training.loop.validate", killed)
        with pytest.raises(KilledError):
            trained(chips, run, base, **settings)
    assert snapshots(run) == [3, 6]
    assert trained(chips, run, base, **settings).card.hash == expected.card.hash
    assert without_speed(run) == without_speed(tmp_path / "whole")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def robbed(chips, base, folder) -> tuple[int, str]:
    """The status and the words of a run of which one process is killed."""
    with started(chips, folder / "robbed", base, processes=2, **TWO) as process:
        wait_for_step(folder / "robbed", 5, process)
        os.kill(rank(1, of=process.pid), signal.SIGKILL)
        _, err = process.communicate(timeout=END_S)
    assert 5 <= snapshots(folder / "robbed")[-1] < 18
    return process.returncode, err


@pytest.fixture(scope="module")
def stopped(chips, base, folder) -> str:
    """The words of a run that torchrun was told to stop; a copy of it is left for another count."""
    with started(chips, folder / "stopped", base, processes=2, **TWO) as process:
        wait_for_step(folder / "stopped", 5, process)
        process.terminate()
        _, err = process.communicate(timeout=END_S)
    shutil.copytree(folder / "stopped", folder / "copy")
    return err


@pytest.fixture(scope="module")
def hashes(chips, base, folder, robbed, stopped) -> dict[str, str]:
    """Of the bundles of all runs."""
    runs = {folder / name: TWO for name in ("whole", "robbed", "stopped")}
    said = trained_together(chips, runs, base, folder / "job.json")
    assert "resuming in another way" not in said
    return {run.name: load_bundle(run / "bundle").card.hash for run in runs}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")
def test_three_processes_add_up_in_the_same_order_after_a_resumption(chips, base, tmp_path):
    """What three numbers add up to depends on their order, and that on how gradients are packed to be sent."""
    settings = KINDS["all"] | {"max_steps": 12, "batch_size": 2}
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    runs, copies = {whole: settings, resumed: settings}, {resumed: whole}
    said = trained_together(chips, runs, base, tmp_path / "job.json", processes=3, copies=copies)
    assert "the copy resumed has snapshots of steps [10]" in said
    assert metrics(resumed)[0] == metrics(whole)[0], "with its chips per second, as it was not begun anew"
    assert load_bundle(resumed / "bundle").card.hash == load_bundle(whole / "bundle").card.hash


class TestTwoProcesses:
    """Three starts of torchrun: one loses a process, one is told to stop, and one finishes both runs and a third."""

    def test_the_one_left_says_in_one_line_that_the_other_ended(self, robbed):
        status, err = robbed
        assert status != 0
        (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
        assert line.startswith("error: expected 2 processes to go on, got one that ended (")
        assert line.endswith("run the same command again to resume")

    def test_sigkill_of_one_and_again_is_never_killed(self, hashes):
        assert hashes["robbed"] == hashes["whole"]

    def test_sigterm_takes_a_snapshot(self, stopped, folder):
        lines = [line for line in stopped.splitlines() if line.startswith("error: stopped by SIGTERM after step ")]
        assert {int(line.split("after step ")[1].split(";")[0]) for line in lines} == {snapshots(folder / "copy")[-1]}

    def test_sigterm_and_again_is_never_stopped(self, hashes):
        assert hashes["stopped"] == hashes["whole"]

    def test_one_process_goes_on_where_two_were_and_says_so(self, chips, base, folder, stopped, caplog, no_pages):
        before = without_speed(folder / "copy") if (folder / "copy" / "metrics.jsonl").exists() else []
        bundle = trained(chips, folder / "copy", base, **TWO)
        (note,) = [text for text in caplog.messages if text.startswith("resuming in another way")]
        assert note.startswith("resuming in another way (processes 2 then, 1 now")
        assert bundle.card.training["settings"]["max_steps"] == 18
        lines = without_speed(folder / "copy")
        assert lines[: len(before)] == before
        assert [line["step"] for line in lines][-1] == 18
