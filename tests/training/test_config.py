"""Settings."""

import dataclasses
from pathlib import Path

import pytest

from samft_core.errors import ConfigError
from training.cli.train import train
from training.config import PRESETS, TrainConfig, from_mapping, presets, resolve


def test_defaults_file_and_assignments_in_this_order(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("epochs = 7\nlearning_rate = 0.01\n")
    config = resolve(tiny=True, file=file, assignments=["epochs=9", "prompt=none"])
    assert (config.epochs, config.learning_rate, config.prompt, config.train) == (9, 0.01, "none", "all")
    assert resolve(tiny=False).train == "mask_decoder"


def test_a_preset_goes_between_defaults_and_file(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("epochs = 7\nbatch_size = 3\n")
    preset = resolve(tiny=False, preset="gpu-24gb")
    config = resolve(tiny=False, preset="gpu-24gb", file=file, assignments=["batch_size=5"])
    assert config == dataclasses.replace(preset, epochs=7, batch_size=5)
    assert preset.train == "lora" != resolve(tiny=False).train
    assert resolve(tiny=True, preset="laptop-cpu").learning_rate == 1e-3  # of which the preset says nothing


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_whole(name):
    config = resolve(tiny=False, preset=name)
    lines = [line for line in (PRESETS / f"{name}.toml").read_text().splitlines() if "=" in line]
    assert lines
    assert {line.split(" = ")[0] for line in lines} <= dataclasses.asdict(config).keys()
    assert resolve(tiny=False, assignments=lines) == config


def test_the_command_offers_every_preset():
    (option,) = [option for option in train.params if option.name == "preset"]
    assert sorted(option.type.choices) == presets()


@pytest.mark.parametrize(
    ("settings", "caches"),
    [
        ({}, True),
        ({"cache": "off"}, False),
        ({"train": "lora"}, True),
        ({"train": "lora", "lora_blocks": 0}, False),
        ({"train": "all"}, False),
    ],
)
def test_only_what_is_frozen_is_cached(settings, caches):
    assert from_mapping(settings).caches == caches
    if caches:
        with pytest.raises(ConfigError, match=r"augment none or flips where .* is cached.*, got turn"):
            from_mapping({**settings, "augment": "turn"})
    else:
        assert from_mapping({**settings, "augment": "turn"}).augment == "turn"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epoch=3", "write epochs"),
        ("batchsize=3", "write batch_size"),
        ("epochs=0", "epochs at least 1"),
        ("epochs=1.5", "a whole number"),
        ("epochs=true", "a whole number"),
        ("prompt=boxes", "box or none"),
        ("learning_rate=fast", "a number"),
        ("learning_rate=2", "below 1"),
        ("epochs", "key=value"),
        (
            "augment=shift",
            "augment none or flips where what the encoder makes of chips is cached .not so: cache=off., got shift",
        ),
        ("checkpoint_gradients=true", "checkpoint_gradients false where the encoder is frozen, got true"),
        ("threshold=1.5", "threshold auto, or above 0 and below 1"),
        ("threshold=high", "threshold to be auto or a number"),
        ("min_area_m2=-1", "min_area_m2 auto, or 0 or more"),
        ("views=9", "views from 1 to 8"),
        ("prompts_per_chip=-1", "prompts_per_chip 0 or more"),
        ("cache_limit_gb=0", "cache_limit_gb above 0"),
        ("tensorboard=yes", "tensorboard to be true or false"),
        ("precision=fp8", "precision to be fp32, bf16, fp16 or fp64"),
    ],
)
def test_mistakes_say_what_is_right(assignment, message):
    with pytest.raises(ConfigError, match=message) as error:
        resolve(tiny=False, assignments=[assignment])
    assert "\n" not in str(error.value)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "bad.toml").write_text("epochs = = 3")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        resolve(tiny=False, file=tmp_path / "bad.toml")
    with pytest.raises(ConfigError, match="missing"):
        resolve(tiny=False, file=tmp_path / "missing.toml")


def test_resolved_settings_come_back_from_their_own_values():
    config = resolve(tiny=True)
    assert from_mapping(dataclasses.asdict(config)) == config


def test_every_setting_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    for field in dataclasses.fields(TrainConfig):
        assert f"| `{field.name}` |" in text, field.name
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        assert f"| `{field.name}` | {default} |" in text, field.name
