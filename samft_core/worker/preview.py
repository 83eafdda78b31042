# SPDX-License-Identifier: MIT
"""A picture of the probabilities, in which QGIS shows another threshold while its outlines are still being drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.io import MemoryFile

from samft_core.output import whole_file
from samft_core.progress import Progress, silent

if TYPE_CHECKING:
    from samft_core.footprints import Segmentation

MOST_PX = 4096
"""A picture has so many pixels a side at most, more than a screen."""

CERTAIN, UNKNOWN = 254, 255
"""The byte of a probability of 1, and of what was not looked at."""

PART_PX = 2**22
"""So many pixels of the field, about, are read at once."""


def write_preview(found: Segmentation, path: Path, progress: Progress = silent) -> None:
    """Write a GeoTIFF of bytes: the probability in 254ths, rounded down, or 255 where nothing was looked at.

    Args:
        found: What was found; where its grid has more than `MOST_PX` pixels a side, squares of them become their mean.
        path: The file; it appears whole or not at all.
        progress: Told now and then that outlines are to come; an exception raised in it leaves the picture.

    Raises:
        OutputError: It exists already, or cannot be written.
    """
    grid = found.grid
    step = math.ceil(max(grid.width, grid.height) / MOST_PX)
    values = np.concatenate(list(_parts(found, step, progress)))
    with MemoryFile() as whole:  # GDAL does not tell when a disk is full; Python does
        with whole.open(
            driver="GTiff",
            dtype="uint8",
            count=1,
            width=values.shape[1],
            height=values.shape[0],
            crs=grid.crs.to_wkt(),
            transform=grid.transform * Affine.scale(step),
            nodata=UNKNOWN,
        ) as target:
            target.write(values, 1)
        with whole_file(path, overwrite=False) as temporary:
            temporary.write_bytes(whole.getbuffer())


def _parts(found: Segmentation, step: int, progress: Progress) -> Iterator[npt.NDArray[np.uint8]]:
    """Some rows of the picture after the other."""
    window = found.extent.window
    for rows in window.in_parts(step * max(1, PART_PX // (step * window.width_px))):
        progress("outlining", 0, window.height_px)
        band = found.read(rows)
        count, total = _sums(band.valid, step), _sums(band.probability, step)
        mean = total / np.maximum(count, 1)
        yield np.where(count > 0, np.floor(mean * CERTAIN), UNKNOWN).astype(np.uint8)


def _sums(values: npt.NDArray[np.generic], step: int) -> npt.NDArray[np.float32]:
    """The sums of squares of `step` x `step` pixels; the last ones may be cut off."""
    if step == 1:
        return values.astype(np.float32)
    height, width = values.shape
    whole = np.pad(values.astype(np.float32), ((0, -height % step), (0, -width % step)))
    sums: npt.NDArray[np.float32] = whole.reshape(len(whole) // step, step, -1, step).sum(axis=(1, 3))
    return sums
