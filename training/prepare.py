"""Rasters and labels to a chips folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyproj
import shapely
from shapely import Polygon

from samft_core.errors import InputError, LabelError
from samft_core.grid import Geometries, Grid, Window, format_bounds
from samft_core.output import whole_folder
from samft_core.progress import Progress, silent
from samft_core.raster import Raster, open_raster
from samft_core.stretch import StretchPolicy
from samft_core.tiling import Tile
from samft_core.vectors import AREA, Labels, read_labels
from training.chips import BUILDINGS, LONLAT, MANIFEST, META, Chips, ChipsMeta, open_chips, write_meta
from training.cut import Cut, Truth, cut, keep_out
from training.scenes import Scene
from training.splits import assign_splits, ground_kept_out

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
    nodata: float | None = None
    """What means no data, in rasters that do not say themselves what is valid."""
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
        settings: Size, resolution, bands, stretch, nodata, seed.
        overwrite: Whether an existing folder is replaced.
        progress: Told about each chip.

    Raises:
        InputError: A file is missing or does not fit; nothing is written.
    """
    settings = settings or PrepareSettings()
    labels = _LabelFiles(scenes, aoi)
    gsd_m = settings.gsd_m or _common_gsd_m(scenes)
    with whole_folder(out, overwrite=overwrite, made_with=META) as folder:
        (folder / "images").mkdir()
        (folder / "masks").mkdir()
        tables = _Tables()
        bands = settings.bands
        for number, scene in enumerate(scenes):
            with open_raster(scene.image, bands=bands, policy=settings.stretch, nodata=settings.nodata) as raster:
                bands = raster.bands  # what the first scene has by default holds for all
                truth = labels.on(raster, scene)
                tables.notes.append(_scene_note(scene, raster, truth))
                lattice = raster.grid.rescaled(gsd_m)
                tiles = _chip_tiles(lattice, settings.size_px)
                stage = f"scene {number + 1} of {len(scenes)}"
                for done, tile in enumerate(tiles):
                    progress(stage, done, len(tiles))
                    tables.add(number, cut(raster, lattice, tile, truth), folder)
                progress(stage, len(tiles), len(tiles))
        labels.require_use()
        meta = ChipsMeta(
            gsd_m=gsd_m,
            size_px=settings.size_px,
            bands=bands,
            stretch=settings.stretch,
            seed=settings.seed,
            scenes=tuple(tables.notes),
        )
        tables.write(folder, meta)
    return Prepared(
        chips=open_chips(out),
        dropped=tables.dropped,
        repaired=labels.repaired,
        ignored=labels.ignored,
    )


class _LabelFiles:
    """All label files; each is read once, and put into a CRS once."""

    def __init__(self, scenes: Sequence[Scene], aoi: str | None) -> None:
        wanted = {name: scene.may_be_empty for scene in scenes for name in scene.labels}
        self._files = {name: read_labels(name, may_be_empty=empty) for name, empty in wanted.items()}
        self._area = read_labels(aoi, role=AREA) if aoi else None
        self._placed: dict[tuple[str, pyproj.CRS], Geometries] = {}
        self._used: set[str] = set()
        self.repaired = sum(labels.repaired for labels in self._files.values())
        self.ignored = sum(labels.ignored for labels in self._files.values())

    def on(self, raster: Raster, scene: Scene) -> Truth:
        """What is known of a scene's ground."""
        own = {name: self._place(self._files[name], raster.grid.crs) for name in scene.labels}
        footprint = raster.grid.footprint
        self._used |= {name for name, polygons in own.items() if shapely.intersects(polygons, footprint).any()}
        area = raster.grid.nearby(self._area.polygons, self._area.crs) if self._area else None
        return Truth.of(raster, np.concatenate(list(own.values())), area)

    def require_use(self) -> None:
        """Refuse label files that lie on no raster.

        Raises:
            LabelError: There is one.
        """
        for name, labels in self._files.items():
            if len(labels.polygons) and name not in self._used:
                raise LabelError(
                    expected=f"labels of {name} on one of the rasters",
                    got=f"{len(labels.polygons)} polygons, all within "
                    f"{format_bounds(tuple(shapely.total_bounds(labels.polygons)))} in {labels.crs.name}",
                    remedy="check the CRS of both, or leave the file out",
                )

    def _place(self, labels: Labels, crs: pyproj.CRS) -> Geometries:
        key = (labels.source, crs)
        if key not in self._placed:
            self._placed[key] = labels.to_crs(crs)
        return self._placed[key]


class _Tables:
    """What is noted of the chips and the scenes while they are cut."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.dropped = 0
        self._chips: list[dict[str, Any]] = []
        self._ground: list[Polygon] = []
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
        self._ground.append(chip.ground_lonlat())
        self._buildings += [{"chip": name, "geometry": polygon} for polygon in chip.buildings_lonlat()]

    def write(self, folder: Path, meta: ChipsMeta) -> None:
        """Draw the splits and write manifest, buildings and chips.json."""
        if not self._chips:
            raise InputError(
                expected="at least one chip with labelled ground",
                got=f"{self.dropped} chips without any",
                remedy="check that rasters, labels and --aoi cover common ground",
            )
        manifest = geopandas.GeoDataFrame(self._chips, crs=LONLAT)
        columns = ["chip", "geometry"]
        buildings = geopandas.GeoDataFrame(self._buildings, columns=columns, geometry="geometry", crs=LONLAT)
        ground = np.array(self._ground, dtype=object)
        manifest["split"] = assign_splits(
            manifest["scene"].to_numpy(),
            manifest["row"].to_numpy(),
            manifest["col"].to_numpy(),
            ground,
            manifest["building_share"].to_numpy(),
            seed=meta.seed,
        )
        for i, area in ground_kept_out(manifest["split"].tolist(), ground).items():
            name = manifest.loc[i, "chip"]
            change = keep_out(folder, name, area)
            manifest.loc[i, list(change)] = list(change.values())
            own = buildings["chip"] == name
            buildings.loc[own, "geometry"] = buildings.loc[own, "geometry"].difference(area)
        manifest = manifest[manifest["known_share"] >= LEAST_KNOWN].copy()
        self.dropped += len(self._chips) - len(manifest)
        buildings = buildings[buildings["chip"].isin(manifest["chip"])].explode(ignore_index=True)
        buildings = buildings[shapely.area(buildings.geometry.to_numpy()) > 0]
        manifest["buildings"] = manifest["chip"].map(buildings["chip"].value_counts()).fillna(0).astype(int)
        manifest.to_parquet(folder / MANIFEST)
        buildings.to_parquet(folder / BUILDINGS)
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
        "image": raster.short_name,
        "labels": [Path(name).name for name in scene.labels],
        "crs": raster.grid.crs.to_string(),
        "gsd_m": [round(gsd_x_m, 4), round(gsd_y_m, 4)],
        "stretch": {"low": raster.stretch.low, "high": raster.stretch.high},
        "nodata": raster.identity["nodata"],
        "buildings": len(truth.polygons),
    }
