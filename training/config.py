"""Training's settings: defaults, TOML and --set, validated at birth."""

from __future__ import annotations

import dataclasses
import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from samft_core.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is trained. Every field can be set in TOML or with --set."""

    train: Literal["mask_decoder", "all"] = "mask_decoder"
    """What learns: the mask decoder over embeddings that are computed once, or the whole model."""
    epochs: int = 30
    """Passes over the training chips."""
    max_steps: int = 0
    """Stop after so many optimizer steps; 0 for no limit."""
    batch_size: int = 4
    """Chips per step."""
    learning_rate: float = 1e-4
    """AdamW's, after the warm-up; it falls to 0 along a cosine."""
    weight_decay: float = 0.01
    """AdamW's."""
    warmup: float = 0.05
    """The share of all steps in which the learning rate rises from 0."""
    clip_norm: float = 1.0
    """The longest gradient; longer ones are scaled down."""
    dice_weight: float = 1.0
    """Of the Dice loss, beside cross-entropy with weight 1."""
    iou_weight: float = 0.1
    """Of the squared error of SAM's own estimate of a mask's IoU."""
    augment: Literal["none", "shift", "turn"] = "shift"
    """Random views where the whole model learns: moved, scaled and recoloured (shift), or also turned and mirrored
    (turn), which helps with many scenes but hides which way shadows fall within one."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16 computes layers in bfloat16, weights stay in float32."""
    prompt: Literal["box", "none"] = "box"
    """How the whole tile is prompted, in training as in inference."""
    validate_every: int = 1
    """Epochs between validations; the last epoch is always validated."""
    seed: int = 0
    """Of weights, order and augmentation."""
    min_area_m2: float = 10.0
    """Pinned in the bundle: smaller footprints are left out."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "validate_every"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("max_steps", "seed", "weight_decay", "dice_weight", "iou_weight", "min_area_m2"):
            self._require(name, getattr(self, name) >= 0, "0 or more")
        self._require("learning_rate", 0 < self.learning_rate < 1, "above 0 and below 1")
        self._require("warmup", 0 <= self.warmup < 1, "from 0 to below 1")
        self._require("clip_norm", self.clip_norm > 0, "above 0")

    def _require(self, name: str, fine: bool, expected: str) -> None:
        if not fine:
            raise ConfigError(
                expected=f"{name} {expected}", got=str(getattr(self, name)), remedy=f"change it with --set {name}=VALUE"
            )


TINY_DEFAULTS: Mapping[str, Any] = {
    "train": "all",
    "epochs": 100,
    "batch_size": 2,
    "learning_rate": 1e-3,
    "weight_decay": 0.02,
    "validate_every": 5,
}
"""What differs for samft-tiny, which starts from random weights."""


def resolve(*, tiny: bool, file: Path | None = None, assignments: Sequence[str] = ()) -> TrainConfig:
    """The settings of a run: the model's defaults, then the TOML file, then `key=value` assignments.

    Raises:
        ConfigError: A key is unknown or a value is of the wrong type or out of range.
    """
    values = dict(TINY_DEFAULTS) if tiny else {}
    values |= _from_toml(file) if file else {}
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        if not sign:
            raise ConfigError(expected="--set key=value", got=assignment, remedy="write, for example, --set epochs=20")
        values[key.strip()] = _parse(text.strip())
    return from_mapping(values)


def from_mapping(values: Mapping[str, Any]) -> TrainConfig:
    """Settings from names and values, each checked.

    Raises:
        ConfigError: A key is unknown or a value is of the wrong type or out of range.
    """
    types = get_type_hints(TrainConfig)
    checked = {}
    for key, value in values.items():
        if key not in types:
            near = difflib.get_close_matches(key, types, n=1, cutoff=0.5)
            raise ConfigError(
                expected=f"a training setting among {', '.join(types)}",
                got=key,
                remedy=f"write {near[0]}" if near else "see samft train --help",
            )
        checked[key] = _check(key, value, types[key])
    return TrainConfig(**checked)


def _check(key: str, value: Any, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        fine, expected = value in get_args(kind), " or ".join(get_args(kind))
    elif kind is float:
        fine, expected = isinstance(value, int | float) and not isinstance(value, bool), "a number"
        value = float(value) if fine else value
    else:
        fine, expected = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    if not fine:
        raise ConfigError(expected=f"{key} to be {expected}", got=repr(value), remedy="correct the value")
    return value


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            expected=f"a TOML file of settings in {path}", got=str(error), remedy="write lines such as epochs = 20"
        ) from error


def _parse(text: str) -> Any:
    """A value as TOML reads it; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def as_dict(config: TrainConfig) -> dict[str, Any]:
    """The settings as JSON values."""
    return dataclasses.asdict(config)
