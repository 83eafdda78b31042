"""The field of building probabilities over a raster, on disk in bands of rows, so that it need not fit in memory.

A band is a GeoTIFF of its own, which appears whole or not at all: a killed run goes on after the last one.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile

from samft_core.errors import OutputError
from samft_core.grid import Grid, Window
from samft_core.mosaic import Band
from samft_core.names import one_line
from samft_core.output import whole_file

JOB = "job.json"
"""The file that says what a folder's bands depend on."""

KEPT_BANDS = 3
"""How many bands are held in memory for those who read here and there."""

KEPT_PX = 2**23
"""More bands are held if they have about so few pixels, 40 MB: a map's extent is outlined again and again."""


class Field(Protocol):
    """Probabilities over a part of a lattice, read band by band or window by window."""

    @property
    def window(self) -> Window:
        """The part of the lattice."""

    @property
    def windows(self) -> list[Window]:
        """The windows of its bands, from the top."""

    def read(self, window: Window) -> Band:
        """Any window within the field."""


@dataclasses.dataclass(frozen=True)
class ArrayField:
    """A field in memory, in one band."""

    band: Band

    @property
    def window(self) -> Window:
        """All of it."""
        return self.band.window

    @property
    def windows(self) -> list[Window]:
        """The one band's."""
        return [self.band.window]

    def read(self, window: Window) -> Band:
        """A view of a window."""
        return crop(self.band, window)


class StoredField:
    """A field on disk.

    Args:
        folder: Where its bands lie or will lie; it exists.
        grid: The lattice's.
        window: The part of the lattice that the field covers once it is complete.
    """

    BANDS = "rows-*.tif"
    """What the files of its bands are called."""

    def __init__(self, folder: Path, *, grid: Grid, window: Window) -> None:
        self.folder, self.grid, self.window = folder, grid, window
        self.windows = list(self._stored())
        self._recent: collections.OrderedDict[int, Band] = collections.OrderedDict()

    @property
    def rows_done(self) -> int:
        """How many rows there are already."""
        return sum(window.height_px for window in self.windows)

    @property
    def missing(self) -> Window | None:
        """The rows that are still to come."""
        left = self.window.height_px - self.rows_done
        return self.window.part(self.rows_done, left) if left else None

    def append(self, band: Band) -> None:
        """Add the next rows.

        Raises:
            OutputError: They cannot be written.
        """
        grid = self.grid.crop(band.window)
        path = self._path(band.window.row_px)
        with MemoryFile() as whole:  # GDAL does not tell when a disk is full; Python does
            with whole.open(
                driver="GTiff",
                dtype="float32",
                count=1,
                height=grid.height,
                width=grid.width,
                crs=grid.crs.to_wkt(),
                transform=grid.transform,
                nodata=-1,
                tiled=True,
                compress="zstd",
                zstd_level=1,
                predictor=3,
            ) as target:
                target.write(np.where(band.valid, band.probability, np.float32(-1)), 1)
            with whole_file(path, overwrite=True) as temporary:
                temporary.write_bytes(whole.getbuffer())
        self.windows.append(band.window)

    def read(self, window: Window) -> Band:
        """Any window of the rows that are there.

        Raises:
            OutputError: A band was damaged or removed meanwhile.
        """
        bands = [
            crop(self._band(number), common)
            for number, each in enumerate(self.windows)
            if (common := each.intersection(window)) is not None
        ]
        if len(bands) == 1:
            return bands[0]
        return Band(
            window=window,
            probability=np.concatenate([band.probability for band in bands]),
            valid=np.concatenate([band.valid for band in bands]),
        )

    def _band(self, number: int) -> Band:
        if number not in self._recent:
            kept = max(KEPT_BANDS, KEPT_PX // (self.windows[number].height_px * self.window.width_px))
            while len(self._recent) >= kept:
                self._recent.popitem(last=False)
            self._recent[number] = self._load(self.windows[number])
        self._recent.move_to_end(number)
        return self._recent[number]

    def _load(self, window: Window) -> Band:
        with self._open(self._path(window.row_px)) as source:
            values = source.read(1)
        valid = values >= 0
        return Band(window=window, probability=np.where(valid, values, np.float32(0)), valid=valid)

    def _stored(self) -> Iterator[Window]:
        """The bands that follow each other from the first row."""
        done = 0
        while (path := self._path(self.window.row_px + done)).exists():
            with self._open(path) as source:
                height = source.height
            yield self.window.part(done, height)
            done += height

    @contextlib.contextmanager
    def _open(self, path: Path) -> Iterator[DatasetReader]:
        """Open a band, and tell in one line if it is damaged."""
        try:
            with rasterio.open(path) as source:
                yield source
        except RasterioError as error:
            raise OutputError(
                expected=f"a band of probabilities in {self.folder}",
                got=one_line(str(error.__cause__ or error)),
                remedy=f"delete {self.folder} and run again",
            ) from error

    def _path(self, row: int) -> Path:
        return self.folder / f"rows-{row:08d}.tif"


def resume_field(folder: Path, *, grid: Grid, window: Window, job: Mapping[str, object]) -> StoredField:
    """The field in a folder, with the rows that an earlier run of the same job left there.

    Args:
        folder: What it holds of another job is deleted.
        grid: The lattice's.
        window: The part of the lattice that the field covers.
        job: What the field depends on, as JSON values.

    Raises:
        OutputError: The folder holds something else, or cannot be written.
    """
    record, content = folder / JOB, json.dumps(job, sort_keys=True)
    if not (record.is_file() and record.read_text(encoding="utf-8") == content):
        if folder.is_dir() and any(folder.iterdir()) and not record.is_file():
            raise OutputError(
                expected=f"an empty folder for probabilities, {folder}",
                got="one that holds something else",
                remedy="move that elsewhere",
            )
        shutil.rmtree(folder, ignore_errors=True)
        with whole_file(record, overwrite=True) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return StoredField(folder, grid=grid, window=window)


def temporary_folder() -> Path:
    """A folder for a field that nobody will go on with."""
    return Path(tempfile.mkdtemp(prefix="samft-"))


def goes_with(field: StoredField) -> None:
    """Have a field's folder deleted when nobody needs the field any more."""
    weakref.finalize(field, shutil.rmtree, field.folder, ignore_errors=True)


def crop(band: Band, window: Window) -> Band:
    """A window within a band."""
    if window == band.window:
        return band
    place = window.relative_to(band.window)
    return Band(
        window=window,
        probability=band.probability[place.rows, place.cols],
        valid=band.valid[place.rows, place.cols],
    )
