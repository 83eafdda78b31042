"""The chips folder: what `prepare` leaves and training reads.

`images/*.tif` and `masks/*.tif` (0 background, 1 building, 255 ignore) on the same grid; `manifest.parquet`, one row
and footprint per chip; `buildings.parquet`, the label polygons cut to each chip; `chips.json`, what they share.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import geopandas
import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import rasterio.features
from rasterio.errors import RasterioError

from samft_core.digest import sha256
from samft_core.errors import ChipsError
from samft_core.grid import Geometries, Grid, reproject
from samft_core.stretch import StretchPolicy

FORMAT = 1
"""The version of the folder's layout."""
META, MANIFEST, BUILDINGS = "chips.json", "manifest.parquet", "buildings.parquet"
LONLAT = pyproj.CRS.from_epsg(4326)
"""The CRS of the two Parquet files, whatever the scenes' own."""

MEND_CHIPS = "prepare the chips again, or leave out such chips with --set bad_chips=skip"

IGNORE = 255
"""The mask's value where there is nothing to learn from: no data, or labels not complete."""

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class ChipsMeta:
    """What all chips of a folder share."""

    gsd_m: float
    size_px: int
    bands: tuple[int, ...] | None
    """The bands chosen by number; None for each raster's first three that are not alpha."""
    stretch: StretchPolicy
    seed: int
    """Of the split."""
    scenes: tuple[Mapping[str, Any], ...] = ()
    """Each raster's name, CRS, ground sampling distance, stretch and label counts."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A chip's pixels."""

    image: npt.NDArray[np.uint8]
    """(3, size, size); 0 where not valid."""
    valid: npt.NDArray[np.bool_]
    """(size, size), True where the raster has data."""
    mask: npt.NDArray[np.uint8]
    """(size, size): 0 background, 1 building, 255 ignore."""
    instances: npt.NDArray[np.int32] | None = None
    """(size, size): the number of each pixel's building from 1, 0 where there is none; None if not asked for."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(size, size), True where the labels can be learned from or judged by."""
        return np.not_equal(self.mask, IGNORE)

    @property
    def truth(self) -> npt.NDArray[np.bool_]:
        """(size, size), True where building."""
        return np.equal(self.mask, 1)


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One row of the manifest."""

    name: str
    image: Path
    mask: Path
    split: Split
    size_px: int

    def read(self) -> Sample:
        """The chip's pixels.

        Raises:
            ChipsError: A file is missing, damaged or of another size.
        """
        mask = self.read_mask()
        with self._named_errors(), rasterio.open(self.image) as image:
            sample = Sample(image=image.read(), valid=image.dataset_mask() > 0, mask=mask)
        self._require_shape(sample.image.shape, (3, *mask.shape))
        return sample

    def read_mask(self) -> npt.NDArray[np.uint8]:
        """The chip's truth alone.

        Raises:
            ChipsError: The file is missing, damaged or of another size.
        """
        with self._named_errors(), rasterio.open(self.mask) as mask:
            truth: npt.NDArray[np.uint8] = mask.read(1)
        self._require_shape(truth.shape, (self.size_px, self.size_px))
        return truth

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except RasterioError as error:
            raise ChipsError(
                expected=f"chip {self.name} in {self.image.parent.parent}",
                got=f"a file that cannot be read ({error})",
                remedy=MEND_CHIPS,
            ) from error

    def _require_shape(self, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
        if found != expected:
            raise ChipsError(
                expected=f"chip {self.name} in {self.image.parent.parent} with {_by(expected)} values",
                got=_by(found),
                remedy=MEND_CHIPS,
            )

    def grid(self) -> Grid:
        """Where the chip lies."""
        with rasterio.open(self.image) as image:
            crs = pyproj.CRS.from_wkt(image.crs.to_wkt())
            return Grid(crs=crs, transform=image.transform, height=image.height, width=image.width)


@dataclass(frozen=True)
class Chips:
    """An opened chips folder; use `open_chips`."""

    path: Path
    meta: ChipsMeta
    manifest: geopandas.GeoDataFrame

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that tell chips folders apart."""
        return sha256(self.path / META, self.path / MANIFEST)[:12]

    def split(self, name: Split) -> list[Chip]:
        """The chips of a split, in the manifest's order."""
        rows = self.manifest[self.manifest["split"] == name]
        return [
            Chip(
                name=row.chip,
                image=self.path / row.image,
                mask=self.path / row.mask,
                split=name,
                size_px=self.meta.size_px,
            )
            for row in rows.itertuples()
        ]

    def require(self, name: Split) -> list[Chip]:
        """The chips of a split that must not be empty.

        Raises:
            ChipsError: It is.
        """
        chips = self.split(name)
        if not chips:
            raise ChipsError(
                expected=f"at least one {name} chip in {self.path}",
                got=f"{len(self.manifest)} chips, none of them {name}",
                remedy="prepare a larger area, or smaller chips with --size",
            )
        return chips

    def without(self, names: Collection[str]) -> Chips:
        """The same folder, some chips left out."""
        return Chips(self.path, self.meta, self.manifest[~self.manifest["chip"].isin(list(names))])

    def buildings(self, chip: Chip, crs: pyproj.CRS) -> Geometries:
        """The label polygons of a chip in a CRS, cut to the chip and to what is known in it."""
        rows = self._buildings[self._buildings["chip"] == chip.name]
        return reproject(np.asarray(rows.geometry.to_numpy(), dtype=object), LONLAT, crs)

    def instances(self, chip: Chip) -> npt.NDArray[np.int32]:
        """The number of each pixel's building from 1, 0 where there is none: (size, size)."""
        grid = chip.grid()
        return numbered(grid.to_pixel(self.buildings(chip, grid.crs)), grid.shape)

    @cached_property
    def _buildings(self) -> geopandas.GeoDataFrame:
        return geopandas.read_parquet(self.path / BUILDINGS)


def numbered(polygons: Geometries, shape: tuple[int, int]) -> npt.NDArray[np.int32]:
    """The number of each pixel's polygon from 1, 0 where there is none.

    Args:
        polygons: In pixel coordinates.
        shape: (height, width).
    """
    numbers = np.zeros(shape, dtype=np.int32)
    if len(polygons):
        rasterio.features.rasterize(zip(polygons, range(1, len(polygons) + 1), strict=True), out=numbers)
    return numbers


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def write_meta(meta: ChipsMeta, folder: Path) -> None:
    """Write chips.json."""
    content = {
        "format": FORMAT,
        "gsd_m": meta.gsd_m,
        "size_px": meta.size_px,
        "bands": meta.bands,
        "stretch": {
            "lower_percentile": meta.stretch.lower_percentile,
            "upper_percentile": meta.stretch.upper_percentile,
        },
        "seed": meta.seed,
        "scenes": list(meta.scenes),
    }
    (folder / META).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def open_chips(path: str | Path) -> Chips:
    """Open a chips folder.

    Raises:
        ChipsError: It is missing, from another version, or incomplete.
    """
    folder = Path(path)
    if not (folder / META).is_file():
        raise ChipsError(
            expected=f"a chips folder with {META}",
            got=str(folder) if folder.exists() else f"no folder {folder}",
            remedy="make one with samft prepare",
        )
    try:
        content = json.loads((folder / META).read_text(encoding="utf-8"))
        version = content.pop("format")
        if version != FORMAT:
            raise ChipsError(
                expected=f"a chips folder of format {FORMAT}",
                got=f"format {version} in {folder}",
                remedy="prepare the chips again with this version",
            )
        bands, stretch = content.pop("bands"), StretchPolicy(**content.pop("stretch"))
        meta = ChipsMeta(
            **{**content, "scenes": tuple(content["scenes"])}, bands=tuple(bands) if bands else None, stretch=stretch
        )
        manifest = geopandas.read_parquet(folder / MANIFEST)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ChipsError(
            expected=f"{META} and {MANIFEST} as samft prepare writes them in {folder}",
            got=f"something else ({error})",
            remedy="prepare the chips again",
        ) from error
    if not {"chip", "image", "mask", "split"} <= set(manifest.columns) or not (folder / BUILDINGS).is_file():
        raise ChipsError(
            expected=f"{MANIFEST} and {BUILDINGS} as samft prepare writes them in {folder}",
            got="something else",
            remedy="prepare the chips again",
        )
    return Chips(folder, meta, cast("geopandas.GeoDataFrame", manifest))
