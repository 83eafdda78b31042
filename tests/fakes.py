"""Segmenters that know the answer, a bundle that pins their recipe, and a field in bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from samft_core.bundle import Bundle, Card, Recipe
from samft_core.field import crop
from samft_core.grid import Window
from samft_core.mosaic import Band
from samft_core.raster import Pixels
from samft_core.stretch import StretchPolicy


class PerfectSegmenter:
    """Reads the truth out of the picture: the probability is the red channel's share of 255."""

    def __init__(self) -> None:
        self.seen: list[Pixels] = []

    def predict(self, pixels: Pixels) -> np.ndarray:
        self.seen.append(pixels)
        return pixels.image[0].astype(np.float32) / np.float32(255)


class ColourThreshold:
    """Sure of a building wherever the mean of the colours is at least a level."""

    def __init__(self, level: int = 128) -> None:
        self.level = level

    def predict(self, pixels: Pixels) -> np.ndarray:
        return np.where(pixels.image.mean(axis=0) >= self.level, np.float32(0.95), np.float32(0.05))


class BandedField:
    """A field in memory, in bands of some rows."""

    def __init__(self, band: Band, rows: int) -> None:
        self.band = band
        self.window = band.window
        height = band.window.height_px
        self.windows = [band.window.part(row, min(rows, height - row)) for row in range(0, height, rows)]

    def read(self, window: Window) -> Band:
        return crop(self.band, window)


def make_bundle(
    *,
    gsd_m: float = 0.5,
    bands: tuple[int, ...] | None = None,
    tile_px: int = 64,
    overlap_px: int = 16,
    threshold: float = 0.5,
    min_area_m2: float = 0.0,
) -> Bundle:
    """A bundle for a fake segmenter; there is no folder behind it."""
    recipe = Recipe(
        gsd_m=gsd_m,
        bands=bands,
        stretch=StretchPolicy(),
        tile_px=tile_px,
        overlap_px=overlap_px,
        input_px=2 * tile_px,
        prompt="box",
        threshold=threshold,
        min_area_m2=min_area_m2,
    )
    card = Card(recipe=recipe, base_id="fake", base_revision=None, base_sha256=None, trained="all")
    return Bundle(path=Path("no-such-folder"), card=card)
