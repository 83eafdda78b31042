"""Blending the tiles' probabilities into one field, row band by row band."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from samft_core.grid import Window
from samft_core.tiling import Tile

WEIGHT_FLOOR = 1e-3
"""The least weight of a tile's rim; above 0, so that a rim no other tile covers keeps its values."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the model says about one tile."""

    tile: Tile
    probability: npt.NDArray[np.float32]
    """(tile_px, tile_px), 0 to 1."""
    valid: npt.NDArray[np.bool_]
    """(tile_px, tile_px), True where the raster has data."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """Finished rows of the blended field."""

    window: Window
    """The rows' place in the lattice."""
    probability: npt.NDArray[np.float32]
    """(rows, columns), 0 to 1; 0 where not valid."""
    valid: npt.NDArray[np.bool_]
    """(rows, columns)."""


@functools.lru_cache(maxsize=8)
def blend_weights(tile_px: int) -> npt.NDArray[np.float64]:
    """A tile's weights (tile_px, tile_px): a Hann window in x and in y with a positive floor."""
    hann = np.sin(np.pi * (np.arange(tile_px) + 0.5) / tile_px) ** 2
    ramp = np.maximum(hann, WEIGHT_FLOOR)
    weights: npt.NDArray[np.float64] = np.outer(ramp, ramp)
    weights.flags.writeable = False
    return weights


def blend(predictions: Iterable[Prediction], window: Window) -> Iterator[Band]:
    """The weighted mean of overlapping tiles, normalised, so that the weights of a pixel sum to one.

    Args:
        predictions: Every tile that touches the window, row by row; they are added in this order.
        window: The part of the lattice to give back.

    Yields:
        Bands that follow each other without gaps from the window's first row to its last. Only the rows of the
        tiles at hand are held in memory.
    """
    columns = window.width_px
    total = np.zeros((0, columns))
    weight = np.zeros((0, columns))
    valid = np.zeros((0, columns), dtype=np.bool_)
    first_row = window.row_px
    end_row = window.row_px + window.height_px

    def finish(until_row: int) -> Iterator[Band]:
        nonlocal total, weight, valid, first_row
        count = min(until_row, end_row) - first_row
        if count <= 0:
            return
        probability = (total[:count] / np.maximum(weight[:count], np.finfo(np.float64).tiny)).astype(np.float32)
        rows = Window(row_px=first_row, col_px=window.col_px, height_px=count, width_px=columns)
        yield Band(window=rows, probability=probability * valid[:count], valid=valid[:count])
        total, weight, valid = total[count:], weight[count:], valid[count:]
        first_row += count

    for prediction in predictions:
        tile = prediction.tile.window
        part = tile.intersection(window)
        if part is None:
            continue
        yield from finish(tile.row_px)
        missing = part.row_px + part.height_px - first_row - len(total)
        if missing > 0:
            total = np.pad(total, ((0, missing), (0, 0)))
            weight = np.pad(weight, ((0, missing), (0, 0)))
            valid = np.pad(valid, ((0, missing), (0, 0)))
        source = part.relative_to(tile)
        rows = slice(part.row_px - first_row, part.row_px - first_row + part.height_px)
        cols = part.relative_to(window).cols
        weights = blend_weights(tile.height_px)[source.rows, source.cols]
        total[rows, cols] += weights * prediction.probability[source.rows, source.cols]
        weight[rows, cols] += weights
        valid[rows, cols] |= prediction.valid[source.rows, source.cols]
    yield from finish(end_row)
