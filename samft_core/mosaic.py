"""Blending the tiles' probabilities into one field, row band by row band."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from samft_core.grid import Window
from samft_core.tiling import Lattice, Tile

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


def axis_weights(starts_px: Sequence[int], tile_px: int) -> npt.NDArray[np.float64]:
    """The weights of tiles along one axis: a Hann window with a positive floor, normalised.

    Args:
        starts_px: The first pixel of each tile, ascending.
        tile_px: The side of a tile.

    Returns:
        (tiles, tile_px). Over any pixel that a tile covers, the weights of all tiles there are positive and sum to
        one; so does their product over both axes.
    """
    hann = np.sin(np.pi * (np.arange(tile_px) + 0.5) / tile_px) ** 2
    ramp = np.maximum(hann, WEIGHT_FLOOR)
    covered = np.array(starts_px)[:, None] + np.arange(tile_px)
    total = np.bincount(covered.ravel(), weights=np.tile(ramp, len(starts_px)))
    weights: npt.NDArray[np.float64] = ramp / total[covered]
    return weights


def blend(predictions: Iterable[Prediction], lattice: Lattice, window: Window) -> Iterator[Band]:
    """The weighted mean of overlapping tiles, the weights of a pixel summing to one.

    Args:
        predictions: Every tile that touches the window, row by row; they are added in this order.
        lattice: What the tiles are of.
        window: The part of the lattice to give back.

    Yields:
        Bands that follow each other without gaps from the window's first row to its last. Only as many rows as a
        tile has are held in memory.
    """
    down, across = (axis_weights(starts, lattice.tile_px) for starts in (lattice.row_starts, lattice.col_starts))
    total = np.zeros((lattice.tile_px, window.width_px))
    valid = np.zeros((lattice.tile_px, window.width_px), dtype=np.bool_)
    first_row, end_row = window.row_px, window.row_px + window.height_px

    def finish(until_row: int) -> Iterator[Band]:
        nonlocal first_row
        while (count := min(until_row - first_row, end_row - first_row, lattice.tile_px)) > 0:
            place = Window(row_px=first_row, col_px=window.col_px, height_px=count, width_px=window.width_px)
            known = valid[:count].copy()
            yield Band(window=place, probability=total[:count].astype(np.float32) * known, valid=known)
            for rows in (total, valid):
                rows[:-count] = rows[count:]
                rows[-count:] = 0
            first_row += count

    for prediction in predictions:
        tile = prediction.tile
        part = tile.window.intersection(window)
        if part is None:
            continue
        yield from finish(tile.window.row_px)
        source, cols = part.relative_to(tile.window), part.relative_to(window).cols
        rows = slice(part.row_px - first_row, part.row_px - first_row + part.height_px)
        weights = np.outer(down[tile.row, source.rows], across[tile.col, source.cols])
        total[rows, cols] += weights * prediction.probability[source.rows, source.cols]
        valid[rows, cols] |= prediction.valid[source.rows, source.cols]
    yield from finish(end_row)
