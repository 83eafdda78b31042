"""Tiles to a field of probabilities: read, predict, blend, keep."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from samft_core.ahead import ahead
from samft_core.extent import Extent
from samft_core.field import StoredField, goes_with, temporary_folder
from samft_core.mosaic import Prediction, blend
from samft_core.progress import Enough, Progress, silent
from samft_core.raster import Pixels, Raster
from samft_core.tiling import Lattice


class Segmenter(Protocol):
    """Turns a tile's pixels into building probabilities: a trained SAM, or a stand-in for tests."""

    def predict(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Probabilities (tile_px, tile_px), 0 to 1."""


def predict(
    raster: Raster, lattice: Lattice, extent: Extent, field: StoredField, model: Segmenter, progress: Progress = silent
) -> tuple[StoredField, bool]:
    """Predict every tile that touches an extent, blend them, and keep the rows that the field does not have yet.

    Returns:
        The field, and whether every tile was looked at. If not, it is a copy, where pixels of tiles that were not
        are not valid; the one that was given has the rows that are known for good.
    """
    given, missing = field, field.missing
    if missing is None:
        return field, True
    wanted = [tile for tile in lattice.tiles(extent.known) if extent.touches(tile.window)]
    tiles = [tile for tile in wanted if tile.window.intersection(missing)]
    every, seen, enough = len(wanted), 0, False

    def predictions() -> Iterator[Prediction]:
        nonlocal seen, enough
        before = every - len(tiles)
        try:
            progress("segmenting", before, every)
            read = ahead(lambda tile: raster.read(lattice.grid, tile.window), tiles)
            for tile, pixels in zip(tiles, read, strict=True):
                # a tile without data is not shown to the model
                some = pixels.valid.any()
                probability = model.predict(pixels) if some else np.zeros(pixels.valid.shape, np.float32)
                seen += 1
                yield Prediction(tile=tile, probability=probability, valid=pixels.valid)
                progress("segmenting", before + seen, every)
        except Enough:
            if before + seen == 0:
                raise
            enough = seen < len(tiles)

    for band in blend(predictions(), lattice, missing):
        known = band.valid & extent.covers(band.window, halo=True)
        if enough:
            field = field if field is not given else _copy(given)
            for tile in tiles[seen:]:
                if common := tile.window.intersection(band.window):
                    place = common.relative_to(band.window)
                    known[place.rows, place.cols] = False
        field.append(dataclasses.replace(band, valid=known))
    return field, not enough


def _copy(field: StoredField) -> StoredField:
    """The same rows in a folder of its own, which goes with it."""
    folder = temporary_folder()
    shutil.copytree(field.folder, folder, dirs_exist_ok=True)
    copy = StoredField(folder, grid=field.grid, window=field.window)
    goes_with(copy)
    return copy
