"""Mixed precision: layers in bf16 or fp16, weights in float32, fp16's losses scaled so that small gradients survive."""

import signal

import pytest
import torch
from safetensors.torch import load_file

from tests.training.conftest import snapshots, state, trained
from training.learner import Learner
from training.stop import StoppedError

QUICK = {"train": "mask_decoder", "learning_rate": 1e-3, "augment": "none", "epochs": 2, "snapshot_every": 3}


def losses(chips, run, base, **settings) -> list[float]:
    """Of the epochs of a run."""
    trained(chips, run, base, **QUICK | settings)
    return [line["loss"] for line in state(run)["standing"]["metrics"]]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_as_many_bits_learn_the_same(precision, chips, base, cache, tmp_path, no_pages):
    """Losses agree within 2 %; what is kept is float32."""
    whole = losses(chips, tmp_path / "fp32", base)
    half = losses(chips, tmp_path / precision, base, precision=precision)
    assert half != whole
    assert half == pytest.approx(whole, rel=0.02)
    weights = load_file(tmp_path / precision / "bundle" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert ("scale" in state(tmp_path / precision)["scaler"]) == (precision == "fp16")


def test_a_scale_found_is_gone_on_with(chips, base, cache, tmp_path, monkeypatch, no_pages):
    """Gradients that fp16 cannot hold cost a step and halve the scale, and a resumed run knows it."""
    settings = QUICK | {"precision": "fp16"}
    forward = Learner.forward

    def large_at_first(self, inputs, asked, *, encoded):
        (logits, estimate), *others = forward(self, inputs, asked, encoded=encoded)
        if self.training and logits.requires_grad and large:
            large.pop()
            logits.register_hook(lambda gradient: gradient * torch.inf)
        return [(logits, estimate), *others]

    monkeypatch.setattr(Learner, "forward", large_at_first)
    large = [1, 1]
    expected = trained(chips, tmp_path / "whole", base, **settings)
    assert state(tmp_path / "whole")["scaler"]["scale"] == 2.0**16 / 4

    large, steps = [1, 1], []

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training":
            steps.append(done)
            if len(steps) == 4:
                raise StoppedError(4, tmp_path, signal.SIGTERM)

    with pytest.raises(StoppedError):
        trained(chips, tmp_path / "run", base, progress=stop, **settings)
    assert snapshots(tmp_path / "run")[-1] == 4
    assert state(tmp_path / "run")["scaler"]["scale"] == 2.0**16 / 4
    assert trained(chips, tmp_path / "run", base, **settings).card.hash == expected.card.hash


def test_patience_ends_a_run_that_gets_no_better(chips, base, cache, tmp_path, no_pages):
    """The first validation is the best, two more are waited for."""
    bundle = trained(chips, tmp_path / "run", base, **QUICK | {"epochs": 9, "patience": 2, "learning_rate": 1e-12})
    lines = state(tmp_path / "run")["standing"]["metrics"]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert bundle.card.training["validation"]["iou"] == pytest.approx(lines[0]["val_iou"], abs=1e-5)
