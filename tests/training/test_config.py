"""Settings."""

import dataclasses
from pathlib import Path

import pytest

from samft_core.errors import ConfigError
from training.config import TrainConfig, from_mapping, resolve


def test_defaults_file_and_assignments_in_this_order(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("epochs = 7\nlearning_rate = 0.01\n")
    config = resolve(tiny=True, file=file, assignments=["epochs=9", "prompt=none"])
    assert (config.epochs, config.learning_rate, config.prompt, config.train) == (9, 0.01, "none", "all")
    assert resolve(tiny=False).train == "mask_decoder"


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
        assert str(field.default) in text, field.name
