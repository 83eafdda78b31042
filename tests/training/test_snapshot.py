"""Snapshots: the newest whole one, two at most, nothing but tensors and plain values."""

import logging
import pickle

import pytest
import torch

from samft_core.errors import OutputError
from tests.cli.conftest import listing
from training.snapshot import load_snapshot, save_snapshot


def write(folder, *steps: int) -> None:
    for step in steps:
        save_snapshot(folder, step, {"step": step, "weights": torch.full((1000,), float(step))})


def test_two_are_kept_and_the_newest_is_loaded(tmp_path):
    write(tmp_path, 5, 10, 1000, 99_999_999)
    assert listing(tmp_path) == ["step-00001000.pt", "step-99999999.pt"]
    assert load_snapshot(tmp_path)["step"] == 99_999_999


def test_none(tmp_path):
    assert load_snapshot(tmp_path) is None
    assert load_snapshot(tmp_path / "no") is None


@pytest.mark.parametrize("size", [0, 10, 1000, -1])
def test_of_a_truncated_one_the_one_before_is_taken_with_a_note(tmp_path, caplog, size):
    write(tmp_path, 5, 10)
    newest = tmp_path / "step-00000010.pt"
    newest.write_bytes(newest.read_bytes()[:size])
    assert load_snapshot(tmp_path)["step"] == 5
    (note,) = caplog.messages
    assert note.startswith(f"snapshot {newest} is damaged (")
    assert note.endswith("); going on from the one before")
    assert "\n" not in note


def test_of_one_with_a_changed_bit_too(tmp_path, caplog):
    """In the middle of its weights, where only a checksum tells."""
    write(tmp_path, 5, 10)
    newest = tmp_path / "step-00000010.pt"
    content = bytearray(newest.read_bytes())
    content[content.index(torch.full((100,), 10.0).numpy().tobytes()) + 1000] ^= 1
    newest.write_bytes(content)
    assert load_snapshot(tmp_path)["step"] == 5
    assert f"snapshot {newest} is damaged (checksum of " in caplog.text


def test_if_all_are_damaged_there_is_none(tmp_path, caplog):
    write(tmp_path, 5, 10)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert load_snapshot(tmp_path) is None
    assert len(caplog.records) == 2


class Surprise:
    """What must not run when a snapshot is loaded."""

    def __reduce__(self):
        return logging.getLogger("samft").error, ("it ran",)


def test_code_in_a_snapshot_does_not_run(tmp_path, caplog):
    write(tmp_path, 5)
    torch.save({"step": 10, "weights": Surprise()}, tmp_path / "step-00000010.pt")
    (tmp_path / "step-00000011.pt").write_bytes(pickle.dumps(Surprise()))
    assert load_snapshot(tmp_path)["step"] == 5
    assert "it ran" not in caplog.messages


def test_what_a_killed_run_left_half_written_goes_and_counts_for_nothing(tmp_path):
    write(tmp_path, 5)
    left = tmp_path / ".step-00000010.0123abcd.pt"
    left.write_bytes(b"half")
    assert load_snapshot(tmp_path)["step"] == 5
    write(tmp_path, 10)
    assert listing(tmp_path) == ["step-00000005.pt", "step-00000010.pt"]


def test_a_full_disk_leaves_the_older_ones(tmp_path, monkeypatch):
    write(tmp_path, 5, 10)

    def full(state: object, path: object) -> None:
        raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match=r"step-00000015.*file write failed.*free some space"):
        write(tmp_path, 15)
    assert listing(tmp_path) == ["step-00000005.pt", "step-00000010.pt"]
