# SPDX-License-Identifier: GPL-2.0-or-later
"""Checked footprints as labels, and what a bundle's next training takes over from its last."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication

from .bundle import CARD, Bundle
from .extent import extent_on
from .layer_files import LayerFileError, Polygons, polygons_in, polygons_of
from .raster_source import RasterSource

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
    "checkpoint_gradients",
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
class View:
    """What the map shows."""

    extent: QgsRectangle
    crs: QgsCoordinateReferenceSystem


@dataclass(frozen=True)
class Corrections:
    """What a user has checked: within the area, the footprints are the buildings, all of them and no others."""

    raster: RasterSource
    footprints: Polygons
    area: Polygons

    @classmethod
    def of(
        cls,
        raster: QgsRasterLayer,
        footprints: QgsVectorLayer,
        area: QgsVectorLayer | View,
        *,
        bundle: Bundle,
        context: QgsCoordinateTransformContext,
    ) -> Corrections:
        """Take down what the layers hold now, edits that are not saved included; on the main thread.

        Args:
            raster: What was looked at.
            footprints: What was found, without what was rejected, with what was added.
            area: Polygons of what was checked, or what the map shows.
            bundle: What has looked at it.
            context: How the project wants coordinates transformed.

        Raises:
            LayerFileError: There are no footprints.
            ExtentError: The area is empty or off the raster, or the raster has no CRS.
            SourceError: There is no such raster.
        """
        if footprints.featureCount() == 0:
            raise LayerFileError(
                tr("expected footprints in layer {}, got none; accept or draw some buildings first").format(
                    footprints.name()
                )
            )
        if isinstance(area, QgsVectorLayer):
            area.updateExtents()
            within, checked = extent_on(raster, area.extent(), area.crs(), context), polygons_of(area)
        else:
            within = extent_on(raster, area.extent, area.crs, context)
            checked = polygons_in(within, raster.crs(), "checked_area")
        rendered = raster.providerType() != "gdal"
        source = RasterSource(raster, bundle, within if rendered else None)
        return cls(raster=source, footprints=polygons_of(footprints), area=checked)


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
    def of(cls, bundle: Bundle) -> Before:
        """What a bundle's card tells, or else what is usual."""
        card = json.loads((bundle.path / CARD).read_text(encoding="utf-8"))
        own = {"train": bundle.trained, "draw_prompts": card["recipe"].get("draw_prompts", False)}
        first = {**own, **((card.get("training") or {}).get("settings") or {})}
        prepare = ["--gsd", repr(bundle.gsd_m), "--size", str(bundle.tile_px)]
        if bundle.bands:
            prepare += ["--bands", ",".join(map(str, bundle.bands))]
        settings = {name: first[name] for name in KEPT if name in first}
        settings["learning_rate"] = RATE * first.get("learning_rate", FIRST_RATE)
        return cls(
            prepare=tuple(prepare),
            settings=settings,
            epochs=max(1, int(first.get("epochs", FIRST_EPOCHS)) // 2),
            precision=str(first.get("precision", "fp32")),
        )

    precision: str = "fp32"
    """What the first training computed in; of use where there is the same kind of machine."""

    def assignments(self, epochs: int, *, same_machine: bool) -> list[str]:
        """As `samft train` and `samft submit` take them.

        Args:
            epochs: How many.
            same_machine: Whether training runs where the first may have run, and not on just any computer.
        """
        found: list[str] = []
        precision = {"precision": self.precision} if same_machine else {}
        for name, value in {**self.settings, **precision, "epochs": epochs}.items():
            found += ["--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
        return found
