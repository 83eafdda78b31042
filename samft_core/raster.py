"""Reading any GDAL raster at a model's ground sampling distance, with what is valid in it.

A tile's pixels depend on the raster and the tile's place in the lattice alone: whole source pixels are read with the
margin the filter needs, then resampled by weights that follow from absolute positions.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import rasterio.windows
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from samft_core.errors import RasterError
from samft_core.grid import Grid, Window
from samft_core.stretch import Stretch, StretchPolicy

SAMPLE_SIDE_PX = 1024
"""The longest side of the decimated read that the stretch's statistics come from."""


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """What was read: colours and where they mean anything."""

    image: npt.NDArray[np.uint8]
    """(3, height, width), stretched; 0 where not valid."""
    valid: npt.NDArray[np.bool_]
    """(height, width); True where every source pixel under the pixel has data."""


class Raster:
    """An open raster; use `open_raster`."""

    def __init__(self, dataset: DatasetReader, *, grid: Grid, bands: tuple[int, ...], stretch: Stretch) -> None:
        self._dataset = dataset
        self.grid = grid
        self.bands = bands
        self.stretch = stretch

    @property
    def name(self) -> str:
        """The path or address it was opened from."""
        return str(self._dataset.name)

    def read(self, lattice: Grid, window: Window) -> Pixels:
        """Read a window of a lattice over this raster.

        Each lattice pixel is the mean of the valid source pixels under a triangle filter, which widens with the
        step when pixels get larger, as Pillow's antialiased BILINEAR does.

        Args:
            lattice: This raster's grid, rescaled.
            window: Pixels of the lattice; what lies beyond it comes back as not valid.
        """
        image = np.zeros((len(self.bands), window.height_px, window.width_px), dtype=np.uint8)
        valid = np.zeros((window.height_px, window.width_px), dtype=np.bool_)
        inside = window.intersection(lattice.window)
        if inside is not None:
            place = inside.relative_to(window)
            image[:, place.rows, place.cols], valid[place.rows, place.cols] = self._resample(lattice, inside)
        if len(self.bands) == 1:
            image = np.repeat(image, 3, axis=0)
        return Pixels(image=image, valid=valid)

    def _resample(self, lattice: Grid, window: Window) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """Values and validity of a window that lies within the lattice."""
        step_y, step_x = self.grid.height / lattice.height, self.grid.width / lattice.width
        top, left = window.row_px * step_y, window.col_px * step_x
        bottom, right = top + window.height_px * step_y, left + window.width_px * step_x
        margin_y, margin_x = math.ceil(max(1.0, step_y)) + 1, math.ceil(max(1.0, step_x)) + 1
        row0, col0 = max(0, math.floor(top) - margin_y), max(0, math.floor(left) - margin_x)
        row1 = min(self.grid.height, math.ceil(bottom) + margin_y)
        col1 = min(self.grid.width, math.ceil(right) + margin_x)

        source, known = self._read_source(row0, col0, row1, col1)
        box = (left - col0, top - row0, min(right - col0, col1 - col0), min(bottom - row0, row1 - row0))
        size = (window.width_px, window.height_px)

        def resized(band: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            picture = Image.fromarray(band).resize(size, Image.Resampling.BILINEAR, box=box)
            return np.asarray(picture, dtype=np.float32)

        if known.all():
            image = self.stretch.apply(np.stack([resized(band) for band in source]))
            return image, np.ones((window.height_px, window.width_px), dtype=np.bool_)
        share = np.maximum(resized(known.astype(np.float32)), np.float32(1e-6)).astype(np.float32)
        values = np.stack([resized(band) / share for band in source])
        valid = _all_under(known, window, (step_y, step_x), (row0, col0))
        return self.stretch.apply(values) * valid, valid

    def _read_source(
        self, row0: int, col0: int, row1: int, col1: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Whole source pixels as float32 (0 where unknown), and where they are known."""
        window = rasterio.windows.Window(col0, row0, col1 - col0, row1 - row0)
        with _reading(self.name, f"at rows {row0} to {row1}"):
            values = self._dataset.read(self.bands, window=window).astype(np.float32)
            # of the bands that are read: the dataset's own mask calls a pixel valid for the sake of any other band
            known = (self._dataset.read_masks(self.bands, window=window) > 0).any(axis=0)
        known &= np.isfinite(values).all(axis=0)
        return np.where(known, values, np.float32(0)), known


def _all_under(
    known: npt.NDArray[np.bool_], window: Window, step: tuple[float, float], origin: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Whether all source pixels that a lattice pixel overlaps are known, by a summed-area table."""
    unknown = np.zeros((known.shape[0] + 1, known.shape[1] + 1), dtype=np.int64)
    unknown[1:, 1:] = (~known).cumsum(axis=0).cumsum(axis=1)

    def edges(first: int, count: int, axis: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        snap = 1e-6  # a border that coincides, but for rounding, overlaps nothing
        index = np.arange(first, first + count)
        start = np.floor(index * step[axis] + snap).astype(np.int64) - origin[axis]
        stop = np.ceil((index + 1) * step[axis] - snap).astype(np.int64) - origin[axis]
        return start, np.minimum(stop, known.shape[axis])

    top, bottom = edges(window.row_px, window.height_px, 0)
    left, right = edges(window.col_px, window.width_px, 1)
    counts = (
        unknown[np.ix_(bottom, right)]
        - unknown[np.ix_(top, right)]
        - unknown[np.ix_(bottom, left)]
        + unknown[np.ix_(top, left)]
    )
    return np.asarray(counts == 0)


@contextlib.contextmanager
def open_raster(
    path: str | Path, *, bands: Sequence[int] | None = None, policy: StretchPolicy | None = None
) -> Iterator[Raster]:
    """Open a raster for reading at any ground sampling distance.

    Args:
        path: A file, or any name GDAL understands (`/vsi...`, `s3://...`).
        bands: One or three band numbers, from 1; by default the first three that are not alpha, or the first alone
            where there are fewer.
        policy: How values other than uint8 are stretched; 2nd to 98th percentile by default.

    Raises:
        RasterError: It is missing, no raster, has no georeference, or lacks a band.
    """
    with contextlib.ExitStack() as stack:
        dataset = _georeferenced(_open_dataset(str(path), stack), stack)
        grid = Grid(
            crs=pyproj.CRS.from_wkt(dataset.crs.to_wkt()),
            transform=dataset.transform,
            height=dataset.height,
            width=dataset.width,
        )
        chosen = _choose_bands(dataset, bands)
        yield Raster(dataset, grid=grid, bands=chosen, stretch=_stretch(dataset, chosen, policy or StretchPolicy()))


def _open_dataset(name: str, stack: contextlib.ExitStack) -> DatasetReader:
    if "://" not in name and not name.startswith("/vsi") and not Path(name).exists():
        raise RasterError(expected="a raster", got=f"no file {name}", remedy="check the path")
    try:
        return stack.enter_context(rasterio.open(name))
    except RasterioError as error:
        raise RasterError(
            expected="a raster that GDAL can open",
            got=f"{name} ({error})",
            remedy="check the file with gdalinfo",
        ) from error


def _georeferenced(dataset: DatasetReader, stack: contextlib.ExitStack) -> DatasetReader:
    """The dataset, or a warped view of it where only ground control points say where it lies."""
    points, points_crs = dataset.gcps
    if points and points_crs is not None and dataset.transform.is_identity:
        has_alpha = ColorInterp.alpha in dataset.colorinterp
        return stack.enter_context(WarpedVRT(dataset, src_crs=points_crs, crs=points_crs, add_alpha=not has_alpha))
    if dataset.crs is None or not dataset.crs.to_wkt():
        raise RasterError(
            expected="a raster with a coordinate reference system",
            got=f"{dataset.name} without one",
            remedy="assign it, for example with gdal_edit.py -a_srs EPSG:CODE",
        )
    return dataset


def _choose_bands(dataset: DatasetReader, bands: Sequence[int] | None) -> tuple[int, ...]:
    if bands is None:
        colours = [i for i, use in zip(dataset.indexes, dataset.colorinterp, strict=True) if use != ColorInterp.alpha]
        return tuple(colours[:3] if len(colours) >= 3 else colours[:1])
    if len(bands) not in (1, 3):
        raise RasterError(
            expected="one band or three",
            got=f"{len(bands)}: {','.join(map(str, bands))}",
            remedy="choose them with --bands, for example --bands 3,2,1",
        )
    if not set(bands) <= set(dataset.indexes):
        raise RasterError(
            expected=f"bands {','.join(map(str, bands))} in {dataset.name}",
            got=f"a raster of {dataset.count} band{'s' if dataset.count > 1 else ''}",
            remedy="use a raster that has them, or chips and a bundle made for these bands",
        )
    return tuple(bands)


def _stretch(dataset: DatasetReader, bands: tuple[int, ...], policy: StretchPolicy) -> Stretch:
    """The stretch of a raster, from one decimated read of all of it that never depends on what is asked for."""
    if all(dataset.dtypes[band - 1] == "uint8" for band in bands):
        return policy.of(np.zeros((len(bands), 1, 1), dtype=np.uint8), np.ones((1, 1), dtype=np.bool_))
    factor = max(1.0, max(dataset.shape) / SAMPLE_SIDE_PX)
    shape = (max(1, round(dataset.height / factor)), max(1, round(dataset.width / factor)))
    with _reading(dataset.name, "while all of it was looked through"):
        sample = dataset.read(bands, out_shape=(len(bands), *shape))
        masks = dataset.read_masks(bands, out_shape=(len(bands), *shape))
    valid = (masks > 0).any(axis=0) & np.isfinite(sample).all(axis=0)
    return policy.of(sample, valid)


@contextlib.contextmanager
def _reading(name: str, where: str) -> Iterator[None]:
    """Turn GDAL's failures to read pixels into one line."""
    try:
        yield
    except RasterioError as error:
        raise RasterError(
            expected=f"a raster that can be read, {name}",
            got=f"an error {where}: {error}",
            remedy="check the file with gdalinfo -checksum",
        ) from error
