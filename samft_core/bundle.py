"""The bundle: what training leaves and inference obeys.

A folder with `samft.json` (the card), `config.json` (the SamConfig) and `model.safetensors`, which holds only what
training changed; the rest comes from the base model that the card names by id, revision and SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from samft_core.digest import sha256
from samft_core.errors import BundleError
from samft_core.stretch import StretchPolicy

if TYPE_CHECKING:
    from samft_core.sam.segmenter import SamSegmenter

FORMAT = 1
"""The version of the folder's layout."""
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
    prompt: Literal["box", "none"]
    """How the whole tile is prompted."""
    threshold: float
    """A pixel is building where its probability is not below."""
    min_area_m2: float
    """Smaller footprints are left out."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a bundle says about itself."""

    recipe: Recipe
    base_id: str
    """The model that training started from: a hub id, a folder or samft-tiny."""
    base_revision: str | None
    base_sha256: str | None
    trained: Literal["mask_decoder", "all"]
    """What training changed, and so what the weights file holds."""
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

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that tell bundles apart, whenever they were written."""
        content = {key: value for key, value in self.as_dict().items() if key != "created"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """The card as JSON values."""
        return {"format": FORMAT, **json.loads(json.dumps(dataclasses.asdict(self)))}


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle folder whose files are those its card names."""

    path: Path
    card: Card

    def segmenter(self, device: str = "auto") -> SamSegmenter:
        """The model, ready to predict.

        Args:
            device: cpu, cuda, mps, or auto.

        Raises:
            BundleError: The weights do not fit, or the base model is not the one trained from.
            ModelError: The base model or the device is not at hand.
        """
        from samft_core.sam.segmenter import SamSegmenter
        from samft_core.sam.weights import read_model

        return SamSegmenter(read_model(self), self.card.recipe, device)


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
                got=f"format {version} in {path}",
                remedy="use the samft version that wrote it, or train it again",
            )
        recipe = content.pop("recipe")
        bands, stretch = recipe.pop("bands"), recipe.pop("stretch")
        return Card(
            recipe=Recipe(**recipe, bands=tuple(bands) if bands else None, stretch=StretchPolicy(**stretch)),
            **content,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BundleError(
            expected=f"a bundle's card in {path}",
            got=f"something else ({error})",
            remedy="copy the bundle again or train it again",
        ) from error
