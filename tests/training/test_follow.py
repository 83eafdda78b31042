"""What a run tells while it lasts."""

import re
import shutil
from unittest.mock import patch

import pytest

from tests.training.conftest import metrics, scalars, trained
from training.follow import Pace, duration

SETTINGS = {"train": "mask_decoder", "epochs": 4, "validate_every": 2, "snapshot_every": 2, "learning_rate": 1e-3}


class StopError(Exception):
    """What ends a run in the middle."""


def stop_after(step: int, notes: list[tuple]):
    """Note what is told of steps, and end the run after one of them."""

    def tell(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training":
            notes.append((done, total, note))
            if len(notes) == step:
                raise StopError

    return tell


@pytest.fixture(scope="module")
def stopped(chips, base, tmp_path_factory):
    """A run that was ended in its second epoch of five steps, and what it had told."""
    run, notes = tmp_path_factory.mktemp("stopped") / "run", []
    with pytest.raises(StopError):
        trained(chips, run, base, progress=stop_after(8, notes), **SETTINGS, tensorboard=True)
    return run, notes


def test_a_line_of_metrics_for_each_epoch(stopped, chips, base, tmp_path):
    run = shutil.copytree(stopped[0], tmp_path / "run")
    (first,) = metrics(run)
    assert first.keys() == {"epoch", "step", "loss", "learning_rate", "chips_per_s"}
    assert (first["epoch"], first["step"]) == (1, 5)
    trained(chips, run, base, **SETTINGS, tensorboard=True)
    lines = metrics(run)
    assert lines[0] == first
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 5), (2, 10), (3, 15), (4, 20)]
    checked = {"val_loss", "val_iou", "val_threshold", "val_trivial_iou"}
    assert [checked <= line.keys() for line in lines] == [False, True, False, True]
    assert all(line["chips_per_s"] > 0 for line in lines)
    rates = [line["learning_rate"] for line in lines]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] < 1e-3


def test_the_report_can_be_looked_at_after_the_first_epoch(stopped):
    page = (stopped[0] / "report.html").read_text()
    assert "Epoch 1 of 4" in page
    assert "data:image/png;base64," in page
    assert not (stopped[0] / "bundle").exists()


def test_a_run_ended_while_its_report_is_drawn_draws_it_the_next_time(chips, base, tmp_path):
    run, settings = tmp_path / "run", {**SETTINGS, "epochs": 1}
    with patch("training.finish.write_training_report", side_effect=StopError), pytest.raises(StopError):
        trained(chips, run, base, **settings)
    assert not (run / "bundle").exists()
    bundle = trained(chips, run, base, **settings)
    assert bundle.path == run / "bundle"
    assert f"Bundle {bundle.card.hash}" in (run / "report.html").read_text()
    assert sorted(path.name for path in (run / "checkpoints").iterdir() if path.suffix != ".pt") == ["run.json"]


def test_every_step_tells_speed_time_left_and_loss(stopped):
    notes = stopped[1]
    assert [done for done, _, _ in notes] == [4, 8, 12, 16, 17, 21, 25, 29]
    assert {total for _, total, _ in notes} == {4 * 17}
    for number, (_, _, note) in enumerate(notes):
        form = r"epoch \d, loss \d+\.\d{3}, [\d.e+]+ chips/s, \d+ (s|min) left"
        assert re.fullmatch(form, note), note
        assert note.startswith("epoch 1" if number < 5 else "epoch 2")


def test_a_resumed_run_speaks_of_all_of_it(stopped, chips, base, tmp_path):
    run, notes = shutil.copytree(stopped[0], tmp_path / "run"), []
    with pytest.raises(StopError):
        trained(chips, run, base, progress=stop_after(4, notes), **SETTINGS, tensorboard=True)
    assert notes[0][:2] == (33, 4 * 17)  # from the snapshot that its end took after step 8


@pytest.mark.parametrize("end", ["told", "killed"])
def test_tensorboard_has_each_step_once_also_after_a_resume(end, stopped, chips, base, tmp_path, no_pages):
    run = shutil.copytree(stopped[0], tmp_path / "run")
    if end == "killed":
        (run / "checkpoints" / "step-00000008.pt").unlink()  # the one before is of step 6
    trained(chips, run, base, **SETTINGS, tensorboard=True)
    trained(chips, tmp_path / "whole", base, **SETTINGS, tensorboard=True)
    found, expected = scalars(run), scalars(tmp_path / "whole")
    assert list(found["step_loss"]) == list(range(1, 21))
    for name in ("step_loss", "loss", "learning_rate", "val_iou", "val_loss"):
        assert found[name] == expected[name], name
    lines = {line["step"]: line for line in metrics(run)}
    assert found["loss"] == pytest.approx({step: line["loss"] for step, line in lines.items()}, rel=1e-6)
    assert set(found["val_iou"]) == {10, 20}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (45.4, "45 s"), (89, "89 s"), (100, "2 min"), (12 * 60, "12 min"), (200 * 60, "3 h 20 min")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_pace_is_that_of_the_recent_steps(monkeypatch):
    now = iter([0.0, *range(100, 200)])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    pace = Pace(0)
    told = [pace.tell(8 * step, 80) for step in range(1, 60)]
    assert told[-1] == "8 chips/s, 10 s left"  # the slow beginning is forgotten
