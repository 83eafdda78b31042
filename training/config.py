"""Training's settings: defaults, TOML and --set, validated at birth."""

from __future__ import annotations

import dataclasses
import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from samft_core.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is trained. Every field can be set in TOML or with --set."""

    train: Literal["mask_decoder", "lora", "all"] = "mask_decoder"
    """What learns: the mask decoder; adapters in the encoder's attention beside it (lora); or encoder and decoder
    whole. Prompts are never learned."""
    lora_rank: int = 8
    """The rank of the adapters; their scale is 2."""
    lora_blocks: int = 4
    """How many of the encoder's last blocks have adapters; 0 for all. The blocks before them are frozen, and what they
    make of a chip is cached."""
    epochs: int = 30
    """Passes over the training chips."""
    max_steps: int = 0
    """Stop after so many optimizer steps; 0 for no limit."""
    patience: int = 0
    """Stop after so many validations without a better IoU; 0 for never."""
    batch_size: int = 4
    """Chips that a process sees at once."""
    accumulate: int = 1
    """How often a process does so before the weights move: a step is batch_size x accumulate x processes chips."""
    learning_rate: float = 1e-4
    """AdamW's, after the warm-up; it falls to 0 along a cosine."""
    weight_decay: float = 0.01
    """AdamW's."""
    warmup: float = 0.05
    """The share of the run in which the learning rate rises from 0."""
    average: float = 0.0
    """The decay of a moving average of the weights, which is what validations judge and the bundle holds; 0 for the
    weights themselves."""
    clip_norm: float = 1.0
    """The longest gradient; longer ones are scaled down."""
    dice_weight: float = 1.0
    """Of the Dice loss, beside cross-entropy with weight 1."""
    iou_weight: float = 0.1
    """Of the squared error of SAM's own estimate of a mask's IoU."""
    prompt: Literal["box", "none"] = "box"
    """How the whole tile is prompted, in training as in inference."""
    prompts_per_chip: float = 0.25
    """Single buildings that the model is asked for in each view of a chip, beside the whole tile, by a box or a point:
    so many on average. Each costs a pass through the decoder, and one more in the backward pass."""
    prompts_from: float = 0.0
    """The share of the epochs before single buildings are asked for: from random weights, both are not learned at
    once."""
    draw_prompts: bool = False
    """Give boxes and points to the model as masks too: a small one learns what they mean in minutes then."""
    augment: Literal["none", "flips", "shift", "turn"] = "flips"
    """Random views: some of the 8 flips and rotations (flips); or, where the whole encoder learns, moved, scaled and
    recoloured (shift), or also turned by any angle (turn). Turned views hide which way shadows fall in a scene."""
    views: int = 4
    """How many of the 8 flips and rotations are in use; each is encoded and cached once."""
    precision: Literal["fp32", "bf16", "fp16", "fp64"] = "fp32"
    """What layers compute in; weights stay in float32. fp16 scales the loss. fp64, weights too, is for proofs."""
    checkpoint_gradients: bool = False
    """Compute the encoder's blocks again in the backward pass instead of keeping them: less memory, more time."""
    cache: Literal["fp16", "fp32", "off"] = "fp16"
    """How what a frozen encoder makes of a chip is kept on disk; off encodes in every step."""
    cache_limit_gb: float = 200.0
    """How large this run's part of the cache may be."""
    validate_every: int = 1
    """Epochs between validations; the last epoch is always validated."""
    snapshot_every: int = 100
    """Steps between snapshots; SIGTERM and Ctrl-C take one at once."""
    bad_chips: Literal["refuse", "skip"] = "refuse"
    """What becomes of chips that cannot be read or have another size."""
    threshold: float | Literal["auto"] = "auto"
    """Pinned in the bundle; auto is the one of the highest pixel IoU on the val chips."""
    min_area_m2: float | Literal["auto"] = "auto"
    """Pinned in the bundle: smaller footprints are left out; auto is that of the highest object F1 on the val chips."""
    tensorboard: bool = False
    """Also write RUN/tensorboard, which needs the extra of this name."""
    seed: int = 0
    """Of weights, order, views and prompts."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "validate_every", "snapshot_every", "lora_rank"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in (
            "max_steps",
            "patience",
            "lora_blocks",
            "seed",
            "weight_decay",
            "dice_weight",
            "iou_weight",
            "prompts_per_chip",
        ):
            self._require(name, getattr(self, name) >= 0, "0 or more")
        self._require("learning_rate", 0 < self.learning_rate < 1, "above 0 and below 1")
        self._require("prompts_from", 0 <= self.prompts_from <= 1, "from 0 to 1")
        self._require("average", 0 <= self.average < 1, "from 0 to below 1")
        self._require("warmup", 0 <= self.warmup < 1, "from 0 to below 1")
        self._require("clip_norm", self.clip_norm > 0, "above 0")
        self._require("cache_limit_gb", self.cache_limit_gb > 0, "above 0")

        self._require("views", 1 <= self.views <= 8, "from 1 to 8")
        self._require("threshold", self.threshold == "auto" or 0 < self.threshold < 1, "auto, or above 0 and below 1")
        self._require("min_area_m2", self.min_area_m2 == "auto" or self.min_area_m2 >= 0, "auto, or 0 or more")
        if self.train == "mask_decoder":
            self._require("checkpoint_gradients", not self.checkpoint_gradients, "false where the encoder is frozen")
        if self.caches:
            fine = self.augment in ("none", "flips")
            self._require(
                "augment", fine, "none or flips where what the encoder makes of chips is cached (not so: cache=off)"
            )

    @property
    def caches(self) -> bool:
        """Whether what a frozen part of the encoder makes of chips is computed once and kept."""
        frozen = self.train == "mask_decoder" or (self.train == "lora" and self.lora_blocks > 0)
        return frozen and self.cache != "off"

    def _require(self, name: str, fine: bool, expected: str) -> None:
        if not fine:
            raise ConfigError(
                expected=f"{name} {expected}",
                got=as_text(getattr(self, name)),
                remedy=f"change it with --set {name}=VALUE",
            )


TINY_DEFAULTS: Mapping[str, Any] = {
    "train": "all",
    "epochs": 70,
    "batch_size": 1,
    "learning_rate": 1e-3,
    "weight_decay": 0.02,
    "average": 0.98,
    "augment": "shift",
    "prompts_per_chip": 1.0,
    "prompts_from": 0.5,
    "draw_prompts": True,
    "validate_every": 5,
}
"""What differs for samft-tiny, which starts from random weights."""

PRESETS = Path(__file__).with_name("presets")
"""A TOML file for each kind of machine."""

TABLE = "sagemaker"
"""The table of a TOML file that is about a job on SageMaker, and left alone here."""


def presets() -> list[str]:
    """The names of the settings for kinds of machines."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def resolve(
    *,
    tiny: bool,
    preset: str | None = None,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    presets_in: Path = PRESETS,
) -> TrainConfig:
    """The settings of a run: the model's defaults, then the preset, the TOML file, and `key=value` assignments.

    Args:
        tiny: Whether the model is samft-tiny, which has defaults of its own.
        preset: The name of a preset, or None.
        file: A TOML file, or None; its table [sagemaker] is left alone.
        assignments: Each `key=value`.
        presets_in: The folder of the presets.

    Raises:
        ConfigError: A key is unknown or a value is of the wrong type or out of range.
    """
    values = dict(TINY_DEFAULTS) if tiny else {}
    for path in (presets_in / f"{preset}.toml" if preset else None, file):
        found = read_toml(path) if path else {}
        values |= {key: value for key, value in found.items() if key != TABLE}
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
    """A value of the kind that a field's annotation names; whole numbers are numbers, but true is none."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    words = [word for each in kinds if get_origin(each) is Literal for word in get_args(each)]
    for fine, types, expected in ((float, (int, float), "a number"), (int, (int,), "a whole number")):
        if fine in kinds:
            if isinstance(value, types) and not isinstance(value, bool):
                return fine(value)
            words.append(expected)
    if bool in kinds:
        words += ["true", "false"]
    if (bool in kinds and isinstance(value, bool)) or (isinstance(value, str) and value in words):
        return value
    listed = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
    raise ConfigError(expected=f"{key} to be {listed}", got=repr(value), remedy="correct the value")


def as_text(value: object) -> str:
    """A setting as --set takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file of settings says.

    Raises:
        ConfigError: It cannot be read, or is no TOML.
    """
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
