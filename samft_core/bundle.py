"""The bundle: what training leaves and inference obeys.

A folder with `samft.json` (the card), `config.json` (the SamConfig) and `model.safetensors`, which holds only what
training changed; the rest comes from the base model that the card names by id, revision and SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from samft_core.digest import sha256
from samft_core.errors import BundleError, InputError
from samft_core.stretch import StretchPolicy

if TYPE_CHECKING:
    from samft_core.sam.segmenter import SamSegmenter

FORMAT = 1
"""The version of the folder's layout."""
PromptPolicy = Literal["box", "none"]
"""How a whole tile is prompted: a box around all of it, or nothing."""
Trained = Literal["mask_decoder", "lora", "all"]
"""What training changed: the mask decoder; adapters in the encoder and the mask decoder; or every weight."""
CARD, CONFIG, WEIGHTS = "samft.json", "config.json", "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything about pixels that training pins and inference obeys."""

    gsd_m: float
    """Ground sampling distance of the lattice."""
    bands: tuple[int, ...] | None
    """One or three band numbers from 1; None for each raster's first three that are not alpha."""
    stretch: StretchPolicy
    """How values other than uint8 become 0 to 255."""
    tile_px: int
    """A tile's side in the lattice."""
    overlap_px: int
    """How much neighbouring tiles share."""
    input_px: int
    """The encoder's input, which a tile is enlarged to."""
    prompt: PromptPolicy
    """How the whole tile is prompted."""
    threshold: float
    """A pixel is building where its probability is not below."""
    min_area_m2: float
    """Smaller footprints are left out."""
    draw_prompts: bool = False
    """Whether boxes and points are given to the model as masks too."""

    def __post_init__(self) -> None:
        _require("gsd_m", self.gsd_m, _is_number(self.gsd_m) and self.gsd_m > 0, "a number above 0")
        _require("bands", self.bands, self.bands is None or _are_bands(self.bands), "one or three band numbers from 1")
        for name in ("tile_px", "input_px"):
            _require(name, getattr(self, name), _is_count(getattr(self, name)), "a whole number above 0")
        overlap_fits = _is_count(self.overlap_px, least=0) and self.overlap_px < self.tile_px
        _require("overlap_px", self.overlap_px, overlap_fits, f"a whole number from 0 to below {self.tile_px}")
        _require("prompt", self.prompt, self.prompt in get_args(PromptPolicy), "box or none")
        within = _is_number(self.threshold) and 0 < self.threshold < 1
        _require("threshold", self.threshold, within, "a number above 0 and below 1")
        area_fits = _is_number(self.min_area_m2) and self.min_area_m2 >= 0
        _require("min_area_m2", self.min_area_m2, area_fits, "a number of 0 or more")
        _require("draw_prompts", self.draw_prompts, isinstance(self.draw_prompts, bool), "true or false")


@dataclass(frozen=True, kw_only=True)
class Lora:
    """The adapters that are trained beside a frozen encoder."""

    rank: int
    """Of the product that is added to a weight."""
    alpha: float
    """The product is scaled by alpha / rank."""
    blocks: int
    """How many of the encoder's last blocks have adapters."""

    def __post_init__(self) -> None:
        _require("lora rank", self.rank, _is_count(self.rank), "a whole number above 0")
        _require("lora alpha", self.alpha, _is_number(self.alpha) and self.alpha > 0, "a number above 0")
        _require("lora blocks", self.blocks, _is_count(self.blocks), "a whole number above 0")


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a bundle says about itself."""

    recipe: Recipe
    base_id: str
    """The model that training started from: a hub id, a folder or samft-tiny."""
    base_revision: str | None
    base_sha256: str | None
    trained: Trained
    """What training changed, and so what the weights file holds."""
    lora: Lora | None = None
    """The adapters, where they were trained."""
    weights_sha256: str = ""
    """Of model.safetensors."""
    config_sha256: str = ""
    """Of config.json."""
    version: str = ""
    """The samft that wrote it."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """The resolved training settings, the chips and the validation scores."""
    created: str = ""
    """When, in UTC; no part of the hash."""

    def __post_init__(self) -> None:
        for name in ("base_id", "weights_sha256", "config_sha256", "version", "created"):
            _require(name, getattr(self, name), isinstance(getattr(self, name), str), "a text")
        for name in ("base_revision", "base_sha256"):
            _require(name, getattr(self, name), isinstance(getattr(self, name), str | None), "a text or nothing")
        _require("training", self.training, isinstance(self.training, Mapping), "settings by name")
        _require("trained", self.trained, self.trained in get_args(Trained), " or ".join(get_args(Trained)))
        adapters = "adapters where they were trained, and only there"
        _require("lora", self.lora, isinstance(self.lora, Lora) == (self.trained == "lora"), adapters)

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that tell bundles apart, whenever they were written."""
        content = {key: value for key, value in self.as_dict().items() if key != "created"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """The card as JSON values."""
        values = {"format": FORMAT, **json.loads(json.dumps(dataclasses.asdict(self)))}
        if self.lora is None:  # so that the hash of a bundle without adapters is what it was before there were any
            del values["lora"]
        return values


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle folder whose files are those its card names."""

    path: Path
    card: Card

    def segmenter(self, device: str = "auto", *, cache: bool = False) -> SamSegmenter:
        """The model, ready to predict.

        Args:
            device: cpu, cuda, mps, or auto.
            cache: Whether what the encoder makes of tiles is kept on disk, for this bundle and any other with the same
                encoder; `samft_core.sam.embeddings` says where.

        Raises:
            BundleError: The weights do not fit, or the base model is not the one trained from.
            ModelError: The base model or the device is not at hand.
            InputError: The environment variable SAMFT_CACHE_GB is no size.
        """
        from samft_core.sam.segmenter import SamSegmenter, open_cache, pick_device
        from samft_core.sam.weights import read_model

        computing = pick_device(device)  # first, since models are large
        model, recipe = read_model(self).to(computing), self.card.recipe
        kept = open_cache(model, recipe) if cache else None
        return SamSegmenter(model, recipe, str(computing), kept)


def load_bundle(path: str | Path) -> Bundle:
    """Open a bundle and check that its files are whole.

    Raises:
        BundleError: It is missing, from another version, or its files are not those the card names.
    """
    folder = Path(path)
    if not (folder / CARD).is_file():
        raise BundleError(
            expected=f"a bundle, a folder with {CARD}",
            got=str(folder) if folder.exists() else f"no folder {folder}",
            remedy="give the bundle folder of a training run, RUN/bundle",
        )
    card = _read_card(folder / CARD)
    for name, expected in ((WEIGHTS, card.weights_sha256), (CONFIG, card.config_sha256)):
        file = folder / name
        found = sha256(file) if file.is_file() else None
        if found != expected:
            raise BundleError(
                expected=f"{name} with SHA-256 {expected[:12]}... in {folder}",
                got=f"one with {found[:12]}..." if found else "no such file",
                remedy="copy the bundle again or train it again; a changed file is never loaded",
            )
    return Bundle(path=folder, card=card)


def write_card(card: Card, folder: Path) -> None:
    """Write a card into a bundle's folder."""
    (folder / CARD).write_text(json.dumps(card.as_dict(), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _read_card(path: Path) -> Card:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.pop("format")
        if version != FORMAT:
            raise BundleError(
                expected=f"a bundle of format {FORMAT}",
                got=f"format {version}",
                remedy="use the samft version that wrote it, or train it again",
            )
        recipe, lora = content.pop("recipe"), content.pop("lora", None)
        bands, stretch = recipe.pop("bands"), recipe.pop("stretch")
        return Card(
            recipe=Recipe(**recipe, bands=None if bands is None else tuple(bands), stretch=StretchPolicy(**stretch)),
            lora=None if lora is None else Lora(**lora),
            **content,
        )
    except InputError as error:
        raise BundleError(expected=f"{error.expected}, in {path}", got=error.got, remedy=error.remedy) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BundleError(
            expected=f"a bundle's card in {path}",
            got=f"something else ({error})",
            remedy="copy the bundle again or train it again",
        ) from error


def _require(name: str, value: object, fine: bool, expected: str) -> None:
    if not fine:
        raise BundleError(
            expected=f"{name} to be {expected}", got=repr(value), remedy="copy the bundle again or train it again"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object, *, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _are_bands(value: object) -> bool:
    return isinstance(value, tuple) and len(value) in (1, 3) and all(_is_count(number) for number in value)
