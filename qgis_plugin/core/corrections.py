# SPDX-License-Identifier: GPL-2.0-or-later
"""Checked footprints as labels, and what a bundle's next training takes over from its last."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication

from .layer_files import LayerFileError, Polygons, polygons_in, polygons_of, raster_of

KEPT = (
    "train",
    "lora_rank",
    "lora_blocks",
    "batch_size",
    "accumulate",
    "weight_decay",
    "average",
    "prompt",
    "prompts_per_chip",
    "draw_prompts",
    "augment",
    "views",
    "validate_every",
)
"""Settings of `samft train` that hold for more training as they did for the first."""

RATE = 0.3
"""The learning rate of more training, as a share of the first one's: there is less to learn, and much to forget."""

FIRST_RATE, FIRST_EPOCHS = 1e-4, 30
"""Of `samft train`, for bundles that do not tell."""


def tr(text: str) -> str:
    """Translate."""
    return QCoreApplication.translate("Corrections", text)


@dataclass(frozen=True)
class Corrections:
    """What a user has checked: within the area, the footprints are the buildings, all of them and no others."""

    raster: str
    footprints: Polygons
    area: Polygons

    @classmethod
    def of(
        cls,
        raster: QgsRasterLayer,
        footprints: QgsVectorLayer,
        area: QgsVectorLayer | tuple[QgsRectangle, QgsCoordinateReferenceSystem],
    ) -> Corrections:
        """Take down what the layers hold now, edits that are not saved included.

        Args:
            raster: What was looked at.
            footprints: What was found, without what was rejected, with what was added.
            area: Polygons of what was checked, or a rectangle and its CRS.

        Raises:
            LayerFileError: The raster is no file, or there are no footprints.
        """
        if footprints.featureCount() == 0:
            raise LayerFileError(
                tr("expected footprints in layer {}, got none; accept or draw some buildings first").format(
                    footprints.name()
                )
            )
        checked = polygons_of(area) if isinstance(area, QgsVectorLayer) else polygons_in(*area, "checked_area")
        return cls(raster=raster_of(raster), footprints=polygons_of(footprints), area=checked)


@dataclass(frozen=True)
class Before:
    """What more training takes over from a bundle, so that the new one is used as the old one was."""

    prepare: tuple[str, ...]
    """Options of `samft prepare`: resolution, chip size, bands."""
    settings: dict[str, Any]
    """Settings of `samft train`, but for the epochs."""
    epochs: int
    """A good number of them."""

    @classmethod
    def read(cls, bundle: Path) -> Before:
        """Read a bundle's card.

        Args:
            bundle: The folder.

        Raises:
            LayerFileError: It is no bundle.
        """
        try:
            card = json.loads((bundle / "samft.json").read_text(encoding="utf-8"))
            recipe, trained = card["recipe"], card["trained"]
            first = {"train": trained, "draw_prompts": recipe["draw_prompts"], **card["training"].get("settings", {})}
            prepare = ["--gsd", repr(recipe["gsd_m"]), "--size", str(recipe["tile_px"])]
            if recipe["bands"]:
                prepare += ["--bands", ",".join(map(str, recipe["bands"]))]
            settings = {name: first[name] for name in KEPT if name in first}
            settings["learning_rate"] = RATE * first.get("learning_rate", FIRST_RATE)
            epochs = max(1, int(first.get("epochs", FIRST_EPOCHS)) // 2)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LayerFileError(
                tr("expected a bundle, a folder with samft.json, got {} ({}); choose another").format(
                    bundle, type(error).__name__
                )
            ) from error
        return cls(prepare=tuple(prepare), settings=settings, epochs=epochs)

    def assignments(self, epochs: int) -> list[str]:
        """As `samft train` and `samft submit` take them."""
        found: list[str] = []
        for name, value in {**self.settings, "epochs": epochs}.items():
            found += ["--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
        return found
