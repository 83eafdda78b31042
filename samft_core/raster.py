"""Reading any GDAL raster at a model's ground sampling distance, with what is valid in it.

A tile's pixels depend on the raster and the tile's place in the lattice alone: whole source pixels are read with the
margin the filter needs, then resampled by weights that follow from absolute positions.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio.windows
from PIL import Image

from samft_core.bands import Bands, choose_bands
from samft_core.grid import Grid, Window
from samft_core.names import short_name, split_names
from samft_core.source import open_source
from samft_core.stretch import Stretch, StretchPolicy


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """What was read: colours and where they mean anything."""

    image: npt.NDArray[np.uint8]
    """(3, height, width), stretched; 0 where not valid."""
    valid: npt.NDArray[np.bool_]
    """(height, width); True where every source pixel under the pixel has data."""


class Raster:
    """An open raster; use `open_raster`. It is read by one thread at a time, whichever opened it."""

    def __init__(self, bands: Bands, *, name: str, grid: Grid, stretch: Stretch) -> None:
        self._bands = bands
        self.name = name
        """What it was opened by."""
        self.grid = grid
        self.stretch = stretch

    @property
    def bands(self) -> tuple[int, ...]:
        """The numbers of the bands that are read, from 1."""
        return self._bands.numbers

    @property
    def short_name(self) -> str:
        """Its files' names without their folders, to tell it from others."""
        return short_name(self.name)

    @functools.cached_property
    def identity(self) -> dict[str, object]:
        """What tells whether a raster is still the same one, in values that JSON knows.

        Its pixels are taken to be the same as long as its local files have the same size and time of change;
        nothing tells about those of a remote one.
        """
        files = {file: file.stat() for part in self._bands.parts for file in part.source.files}
        return {
            "name": self.name,
            "size": list(self.grid.shape),
            "transform": list(self.grid.transform)[:6],
            "crs": self.grid.crs.to_wkt(),
            "bands": list(self.bands),
            "nodata": [None if value is None else str(value) for value in self._bands.nodata_values()],
            "stretch": {"low": list(self.stretch.low), "high": list(self.stretch.high)},
            "files": [
                {"name": str(file), "size": its.st_size, "mtime_ns": its.st_mtime_ns} for file, its in files.items()
            ],
        }

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
            made = self._copy(inside) if lattice.shape == self.grid.shape else self._resample(lattice, inside)
            image[:, place.rows, place.cols], valid[place.rows, place.cols] = made
        if len(self.bands) == 1:
            image = np.repeat(image, 3, axis=0)
        return Pixels(image=image, valid=valid)

    def _copy(self, window: Window) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """The same as `_resample` where the lattice's pixels are the raster's own."""
        end_row, end_col = window.row_px + window.height_px, window.col_px + window.width_px
        values, known = self._read_source(window.row_px, window.col_px, end_row, end_col)
        return self.stretch.apply(values) * known, known

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
        values, known = self._bands.read(window=window)
        return np.where(known, values, values.dtype.type(0)).astype(np.float32), known


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
    path: str | Path,
    *,
    bands: Sequence[int] | None = None,
    policy: StretchPolicy | None = None,
    nodata: float | None = None,
) -> Iterator[Raster]:
    """Open a raster for reading at any ground sampling distance.

    Args:
        path: A file; any name GDAL understands (`/vsi...`, `s3://...`, `GPKG:...`); or a comma-separated list of
            those, such as `B04.tif,B03.tif,B02.tif`, whose bands make one raster, counted on from file to file.
        bands: One or three band numbers, from 1; by default the first three that are not alpha, or the first alone
            where there are fewer.
        policy: How values other than uint8 are stretched; 2nd to 98th percentile by default.
        nodata: A pixel is unknown where all bands that are read have this value. It only counts for a raster that
            does not say itself what is valid, by a nodata value, a mask or an alpha band.

    Raises:
        RasterError: It is missing, no raster, has no georeference, or lacks a band; or files of a list do not lie
            on each other.
    """
    name = str(path)
    with contextlib.ExitStack() as stack:
        sources = [open_source(part, stack) for part in split_names(name)]
        chosen = choose_bands(sources, name, bands=bands, nodata=nodata)
        grid = sources[0].grid
        yield Raster(chosen, name=name, grid=grid, stretch=_stretch(chosen, name, policy or StretchPolicy(), grid))


def _stretch(chosen: Bands, name: str, policy: StretchPolicy, grid: Grid) -> Stretch:
    """The stretch of some bands, which is sampled once as long as their files do not change."""
    state = chosen.state
    if chosen.are_bytes or not state:
        return chosen.stretch(policy, grid)
    return _sampled_stretch(name, chosen.numbers, chosen.nodata, policy, state)


@functools.lru_cache(maxsize=64)
def _sampled_stretch(
    name: str,
    bands: tuple[int, ...],
    nodata: float | None,
    policy: StretchPolicy,
    state: tuple[tuple[str, int, int], ...],  # noqa: ARG001 - what the answer holds for
) -> Stretch:
    with contextlib.ExitStack() as stack:
        sources = [open_source(part, stack) for part in split_names(name)]
        return choose_bands(sources, name, bands=bands, nodata=nodata).stretch(policy, sources[0].grid)
