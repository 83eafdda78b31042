"""The training loop on a small real scene: it learns, resumes exactly, and says no in one line."""

import json

import pytest
import torch
from safetensors.torch import load_file

from samft_core.bundle import load_bundle
from samft_core.errors import ChipsError, ConfigError
from samft_core.sam.tiny import tiny_model
from training.config import from_mapping
from training.evaluate import evaluate
from training.loop import train

QUICK = {"train": "all", "epochs": 3, "batch_size": 4, "learning_rate": 1e-3, "augment": "shift", "min_area_m2": 10.0}


class StopError(Exception):
    """What a user's cancel in QGIS is to the loop."""


def test_learns_a_simple_scene_and_is_scored_on_chips_it_has_not_seen(chips, tmp_path, no_pages):
    config = from_mapping({**QUICK, "epochs": 12, "validate_every": 4})
    bundle = train(chips, tmp_path / "run", model="samft-tiny", config=config, device="cpu")
    result = evaluate(bundle, chips, device="cpu")
    assert result.pixels.iou > result.curve.trivial_iou + 0.4
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert [line["epoch"] for line in lines if "val_iou" in line] == [4, 8, 12]
    assert lines[-1]["loss"] < 0.6 * lines[0]["loss"]
    best = max(line["val_iou"] for line in lines if "val_iou" in line)
    assert abs(bundle.card.training["validation"]["iou"] - best) < 1e-4
    assert bundle.card.recipe.threshold == bundle.card.training["validation"]["threshold"]


def test_the_same_seed_gives_the_same_bundle_and_another_does_not(chips, tmp_path, no_pages):
    hashes = [
        train(
            chips, tmp_path / name, model="samft-tiny", config=from_mapping({**QUICK, "epochs": 1, "seed": seed})
        ).card.hash
        for name, seed in (("one", 1), ("two", 1), ("other", 2))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_stopped_run_goes_on_to_the_same_bundle(chips, tmp_path, no_pages):
    config = from_mapping(QUICK)
    expected = train(chips, tmp_path / "whole", model="samft-tiny", config=config)

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training" and done > total / 2:
            raise StopError

    with pytest.raises(StopError):
        train(chips, tmp_path / "stopped", model="samft-tiny", config=config, progress=stop)
    assert not (tmp_path / "stopped" / "bundle").exists()
    assert len(list(tmp_path.glob("stopped/checkpoints/step-*.pt"))) == 1
    resumed = train(chips, tmp_path / "stopped", model="samft-tiny", config=config)
    assert resumed.card.hash == expected.card.hash
    epochs = [json.loads(line)["epoch"] for line in (tmp_path / "stopped" / "metrics.jsonl").read_text().splitlines()]
    assert epochs == [1, 2, 3]


def test_a_finished_run_is_not_trained_again(chips, tmp_path):
    config = from_mapping(QUICK)
    first = train(chips, tmp_path / "run", model="samft-tiny", config=config)

    def never(stage: str, done: int, total: int, note: str = "") -> None:
        raise AssertionError(stage)

    assert train(chips, tmp_path / "run", model="samft-tiny", config=config, progress=never).card == first.card


def test_another_run_in_the_same_folder_is_refused(chips, tmp_path, no_pages):
    train(chips, tmp_path / "run", model="samft-tiny", config=from_mapping({**QUICK, "epochs": 1}))
    with pytest.raises(ConfigError, match=r"epochs = 1, got epochs = 2; .*another --out"):
        train(chips, tmp_path / "run", model="samft-tiny", config=from_mapping({**QUICK, "epochs": 2}))


def test_the_decoder_alone_learns_over_embeddings_computed_once(chips, cache, tmp_path):
    """A SAM in a folder is fine-tuned; the encoder runs once a chip, and the bundle holds the decoder only."""
    base = tiny_model(input_px=64, seed=5)
    base.save_pretrained(tmp_path / "base")
    calls = []

    def note(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "encoding chips" and done == total:
            calls.append(total)

    config = from_mapping({"epochs": 4, "learning_rate": 1e-3, "augment": "none"})
    bundle = train(chips, tmp_path / "run", model=str(tmp_path / "base"), config=config, progress=note)
    assert calls == [len(chips.split("train")) + len(chips.split("val"))]
    weights = load_file(tmp_path / "run" / "bundle" / "model.safetensors")
    assert all(name.startswith("mask_decoder.") for name in weights)
    changed = [name for name, tensor in weights.items() if not torch.equal(tensor, base.state_dict()[name])]
    assert len(changed) > 0.5 * len(weights)
    again = load_bundle(bundle.path).segmenter("cpu")
    frozen = {name: tensor for name, tensor in again.model.state_dict().items() if not name.startswith("mask_decoder")}
    assert all(torch.equal(tensor, base.state_dict()[name]) for name, tensor in frozen.items())
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_chips_without_a_validation_split_are_refused(chips, tmp_path):
    lonely = type(chips)(chips.path, chips.meta, chips.manifest.assign(split="train"))
    with pytest.raises(ChipsError, match="at least one val chip"):
        train(lonely, tmp_path / "run", model="samft-tiny", config=from_mapping(QUICK))


def test_chips_larger_than_the_models_input_are_refused(chips, tmp_path):
    tiny_model(input_px=32, seed=0).save_pretrained(tmp_path / "base")
    with pytest.raises(ChipsError, match="at most 32 pixels"):
        train(chips, tmp_path / "run", model=str(tmp_path / "base"), config=from_mapping({}))


def test_a_random_encoder_is_not_frozen(chips, tmp_path):
    with pytest.raises(ConfigError, match="train = all for samft-tiny"):
        train(chips, tmp_path / "run", model="samft-tiny", config=from_mapping({}))
