# SPDX-License-Identifier: GPL-2.0-or-later
"""What a bundle's card says, read without the toolkit."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication

from .ground import pixel_size_m

CARD = "samft.json"
FORMAT = 1
"""The version of the folder's layout that is understood here."""
COARSER = 1.5
"""From this factor on, pixels larger than the model's are worth a word."""
FINER = 8.0
"""The same for smaller ones, which are only made larger; it takes time to read them."""


class BundleError(Exception):
    """A folder is no bundle; one line for the user."""


def tr(text: str) -> str:
    """Translate."""
    return QCoreApplication.translate("Bundle", text)


@dataclass(frozen=True)
class Bundle:
    """A trained model, by its card alone; the toolkit checks the rest when it is used."""

    path: Path
    """The folder."""
    name: str
    """What users call it: the folder's name, or the run's where the folder is called bundle."""
    hash: str
    """Twelve digits, those that footprints carry."""
    base: str
    """The model that training started from."""
    trained: str
    """What training changed: mask_decoder, lora or all."""
    gsd_m: float
    tile_px: int
    overlap_px: int
    input_px: int
    bands: tuple[int, ...] | None
    """Numbers from 1; None for the first three that are not alpha."""
    threshold: float
    min_area_m2: float
    created: str
    """When, in UTC, as ISO 8601; empty where the card does not tell."""
    chips: str
    """The digest of the chips that it was trained on; empty where the card does not tell."""
    val_iou: float | None
    """Pixel IoU on the validation chips."""
    val_f1: float | None
    """Object F1 on them."""

    @property
    def about(self) -> str:
        """What was trained, at which resolution, and how well, in one line."""
        what = {"mask_decoder": tr("mask decoder of {}"), "lora": tr("adapters of {}"), "all": tr("all of {}")}
        base = self.base.rstrip("/").rpartition("/")[2]
        parts = [what.get(self.trained, "{}").format(base), tr("{} m pixels").format(f"{self.gsd_m:g}")]
        if self.created:
            parts.append(self.created[:10])
        if self.val_iou is not None:
            parts.append(tr("val IoU {}").format(f"{self.val_iou:.3f}"))
        if self.val_f1 is not None:
            parts.append(tr("val F1 {}").format(f"{self.val_f1:.3f}"))
        return ", ".join(parts)


def read_bundle(folder: str | Path) -> Bundle:
    """Read a bundle's card.

    Raises:
        BundleError: There is none, or not one of this version.
    """
    path = Path(folder)
    try:
        content = json.loads((path / CARD).read_text(encoding="utf-8"))
    except OSError as error:
        got = path if path.is_dir() else tr("no folder {}").format(path)
        raise BundleError(
            tr("expected a bundle, a folder with {}, got {}; choose the bundle folder of a training run").format(
                CARD, got
            )
        ) from error
    except ValueError as error:
        raise BundleError(_damaged(path, error)) from error
    try:
        if content["format"] != FORMAT:
            raise BundleError(
                tr(
                    "expected a bundle of format {}, got format {} in {}; use a plugin and a toolkit of its release"
                ).format(FORMAT, content["format"], path)
            )
        return _bundle(path, content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(_damaged(path, error)) from error


def bundles_in(folder: str | Path) -> list[Bundle]:
    """The bundles in a folder: itself, those directly in it, and those of training runs in it; by name.

    What cannot be read is left out.
    """
    patterns = (CARD, f"*/{CARD}", f"*/bundle/{CARD}")
    with contextlib.suppress(OSError):
        folders = {card.parent for pattern in patterns for card in Path(folder).glob(pattern)}
        found = [bundle for bundle in map(_readable, folders) if bundle is not None]
        return sorted(found, key=lambda bundle: (bundle.name.lower(), str(bundle.path)))
    return []


def fit(bundle: Bundle, layer: QgsRasterLayer) -> str:
    """In words, whether a bundle fits a raster layer's resolution and bands."""
    if layer.providerType() != "gdal":
        return tr("Fits: the layer will be rendered at the model's {} m.").format(f"{bundle.gsd_m:g}")
    most = max(bundle.bands or (1,))
    if layer.bandCount() < most:
        return tr("Does not fit: the model looks at band {}, and the layer has {}.").format(most, layer.bandCount())
    pixel_m = pixel_size_m(layer)
    if pixel_m is None:
        return tr("Cannot tell whether it fits: the layer has no CRS, or none on the Earth.")
    factor = pixel_m / bundle.gsd_m
    sizes = f"{pixel_m:.2g}", f"{bundle.gsd_m:g}"
    if factor > COARSER:
        return tr("Pixels of {} m are {} times coarser than the model's {} m; expect worse outlines.").format(
            sizes[0], f"{factor:.1f}", sizes[1]
        )
    if 1 / factor > FINER:
        return tr("Fits: pixels of {} m, {} times finer than the model's {} m, will be averaged.").format(
            sizes[0], f"{1 / factor:.0f}", sizes[1]
        )
    return tr("Fits: pixels of {} m, the model's are {} m.").format(*sizes)


def _readable(folder: Path) -> Bundle | None:
    try:
        return read_bundle(folder)
    except BundleError:
        return None


def _bundle(path: Path, content: Mapping[str, Any]) -> Bundle:
    recipe, training = content["recipe"], content.get("training") or {}
    settings, validation = training.get("settings") or {}, training.get("validation") or {}
    bands = recipe["bands"]
    gsd_m, tile_px, overlap_px = float(recipe["gsd_m"]), int(recipe["tile_px"]), int(recipe["overlap_px"])
    if not (0 < gsd_m < math.inf and 0 <= overlap_px < tile_px):
        raise ValueError(f"gsd_m {gsd_m}, tile_px {tile_px}, overlap_px {overlap_px}")
    return Bundle(
        path=path,
        name=path.parent.name if path.name == "bundle" and path.parent.name else path.name,
        hash=_hash(content),
        base=str(content["base_id"]),
        trained=str(content["trained"]),
        gsd_m=gsd_m,
        tile_px=tile_px,
        overlap_px=overlap_px,
        input_px=int(recipe["input_px"]),
        bands=None if bands is None else tuple(int(band) for band in bands),
        threshold=float(recipe["threshold"]),
        min_area_m2=float(recipe["min_area_m2"]),
        created=str(content.get("created", "")),
        chips=str(settings.get("chips", "")),
        val_iou=_score(validation.get("iou")),
        val_f1=_score(validation.get("object_f1")),
    )


def _hash(content: Mapping[str, Any]) -> str:
    """As the toolkit's: of all the card says but its time."""
    recipe = {"draw_prompts": False, **content["recipe"]}  # cards of before it was there
    told = {**{key: value for key, value in content.items() if key != "created"}, "recipe": recipe}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _score(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _damaged(path: Path, error: Exception) -> str:
    return tr("expected a bundle's card in {}, got something else ({}); copy the bundle again").format(
        path / CARD, " ".join(str(error).split())
    )
