"""Rasters and labels to a chips folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas
import numpy as np

from samft_core.errors import InputError
from samft_core.grid import Grid, Window
from samft_core.output import whole_folder
from samft_core.progress import Progress, silent
from samft_core.raster import Raster, open_raster
from samft_core.stretch import StretchPolicy
from samft_core.tiling import Tile
from samft_core.vectors import read_labels
from training.chips import BUILDINGS, LONLAT, MANIFEST, Chips, ChipsMeta, open_chips, write_meta
from training.cut import Cut, Truth, cut
from training.scenes import Scene
from training.splits import assign_splits

FINEST_GSD_M = 0.3
"""Buildings need no finer pixels; coarser imagery is not enlarged here."""

LEAST_KNOWN = 0.05
"""A chip with a smaller share of pixels to learn from is left out."""


@dataclass(frozen=True, kw_only=True)
class PrepareSettings:
    """What shapes the chips."""

    gsd_m: float | None = None
    """Ground sampling distance; by default the coarsest scene's own, but not below 0.3 m."""
    size_px: int = 512
    """A chip's side."""
    bands: tuple[int, ...] | None = None
    """One or three band numbers; each raster's first three that are not alpha by default."""
    stretch: StretchPolicy = field(default_factory=StretchPolicy)
    seed: int = 0
    """Of the split."""

    def __post_init__(self) -> None:
        if self.size_px < 64 or self.size_px % 16:
            raise InputError(
                expected="a chip size of at least 64 pixels, in steps of 16",
                got=str(self.size_px),
                remedy="take 256, 512 or 1024",
            )
        if self.gsd_m is not None and not 0.01 <= self.gsd_m <= 100:
            raise InputError(
                expected="a ground sampling distance from 0.01 to 100 m", got=str(self.gsd_m), remedy="take 0.3"
            )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What was made."""

    chips: Chips
    dropped: int
    """Chips left out because almost nothing in them is known."""
    repaired: int
    """Label geometries that were invalid and were mended."""
    ignored: int
    """Label features that were no polygons."""


def prepare(
    scenes: Sequence[Scene],
    out: Path,
    *,
    aoi: str | None = None,
    settings: PrepareSettings | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Prepared:
    """Cut labelled scenes into chips at one ground sampling distance.

    Chips tile each scene's own lattice without overlap; those without a building are kept.

    Args:
        scenes: Rasters and their labels.
        out: The chips folder to appear.
        aoi: A vector file of the area in which labels are complete; outside it pixels are ignored.
        settings: Size, resolution, bands, stretch, seed.
        overwrite: Whether an existing folder is replaced.
        progress: Told about each chip.

    Raises:
        InputError: A file is missing or does not fit; nothing is written.
    """
    settings = settings or PrepareSettings()
    labels = {name: read_labels(name, may_be_empty=scene.may_be_empty) for scene in scenes for name in scene.labels}
    area = read_labels(aoi) if aoi else None
    gsd_m = settings.gsd_m or _common_gsd_m(scenes)
    with whole_folder(out, overwrite=overwrite) as folder:
        (folder / "images").mkdir()
        (folder / "masks").mkdir()
        tables = _Tables()
        for number, scene in enumerate(scenes):
            with open_raster(scene.image, bands=settings.bands, policy=settings.stretch) as raster:
                own = [labels[name] for name in scene.labels]
                truth = Truth.of(raster, own, area, may_be_empty=scene.may_be_empty)
                tables.notes.append(_scene_note(scene, raster, truth))
                lattice = raster.grid.rescaled(gsd_m)
                tiles = _chip_tiles(lattice, settings.size_px)
                for done, tile in enumerate(tiles, start=1):
                    tables.add(number, cut(raster, lattice, tile, truth), folder)
                    progress(f"scene {number + 1} of {len(scenes)}", done, len(tiles))
        tables.write(folder, settings, gsd_m)
    return Prepared(
        chips=open_chips(out),
        dropped=tables.dropped,
        repaired=sum(label.repaired for label in labels.values()),
        ignored=sum(label.ignored for label in labels.values()),
    )


class _Tables:
    """What is noted of the chips and the scenes while they are cut."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.dropped = 0
        self._chips: list[dict[str, Any]] = []
        self._buildings: list[dict[str, Any]] = []

    def add(self, scene: int, chip: Cut, folder: Path) -> None:
        """Write a chip and note it, unless almost nothing in it is known."""
        if chip.known_share < LEAST_KNOWN:
            self.dropped += 1
            return
        row, col = chip.tile.row, chip.tile.col
        name = f"{scene:04d}_{row:04d}_{col:04d}"
        chip.write(folder, name)
        self._chips.append({**chip.row(name), "scene": scene, "row": row, "col": col})
        self._buildings += [{"chip": name, "geometry": polygon} for polygon in chip.buildings_lonlat()]

    def write(self, folder: Path, settings: PrepareSettings, gsd_m: float) -> None:
        """Draw the splits and write manifest, buildings and chips.json."""
        if not self._chips:
            raise InputError(
                expected="at least one chip with labelled ground",
                got=f"{self.dropped} chips without any",
                remedy="check that rasters, labels and --aoi cover common ground",
            )
        manifest = geopandas.GeoDataFrame(self._chips, crs=LONLAT)
        manifest["split"] = assign_splits(
            manifest["scene"].to_numpy(),
            manifest["row"].to_numpy(),
            manifest["col"].to_numpy(),
            np.asarray(manifest.geometry.to_numpy(), dtype=object),
            manifest["building_share"].to_numpy(),
            seed=settings.seed,
        )
        manifest.to_parquet(folder / MANIFEST)
        columns = ["chip", "geometry"]
        buildings = geopandas.GeoDataFrame(self._buildings, columns=columns, geometry="geometry", crs=LONLAT)
        buildings.to_parquet(folder / BUILDINGS)
        meta = ChipsMeta(
            gsd_m=gsd_m,
            size_px=settings.size_px,
            bands=settings.bands,
            stretch=settings.stretch,
            seed=settings.seed,
            scenes=tuple(self.notes),
        )
        write_meta(meta, folder)


def _chip_tiles(lattice: Grid, size_px: int) -> list[Tile]:
    """Squares side by side; the last ones reach beyond the raster, where pixels are ignored."""
    return [
        Tile(
            row=row,
            col=col,
            window=Window(row_px=row * size_px, col_px=col * size_px, height_px=size_px, width_px=size_px),
        )
        for row in range(math.ceil(lattice.height / size_px))
        for col in range(math.ceil(lattice.width / size_px))
    ]


def _common_gsd_m(scenes: Sequence[Scene]) -> float:
    """The coarsest scene's ground sampling distance, to the centimetre, but not below `FINEST_GSD_M`."""
    coarsest = FINEST_GSD_M
    for scene in scenes:
        with open_raster(scene.image) as raster:
            coarsest = max(coarsest, *raster.grid.gsd_m)
    return round(coarsest, 2)


def _scene_note(scene: Scene, raster: Raster, truth: Truth) -> dict[str, Any]:
    """What chips.json says about a scene."""
    gsd_x_m, gsd_y_m = raster.grid.gsd_m
    return {
        "image": Path(scene.image).name,
        "labels": [Path(name).name for name in scene.labels],
        "crs": raster.grid.crs.to_string(),
        "gsd_m": [round(gsd_x_m, 4), round(gsd_y_m, 4)],
        "stretch": {"low": raster.stretch.low, "high": raster.stretch.high},
        "buildings": len(truth.polygons),
    }
