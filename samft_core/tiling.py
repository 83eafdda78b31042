"""The lattice of tiles: anchored to the raster, never to the extent that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from samft_core.errors import InputError
from samft_core.grid import Grid, Window


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One square of the lattice, what the model sees at once."""

    row: int
    """Its row among the tiles, from the top."""
    col: int
    """Its column among the tiles, from the left."""
    window: Window
    """Its pixels in the lattice's grid; beyond it where the raster is smaller than a tile."""


@dataclass(frozen=True, kw_only=True)
class Lattice:
    """A raster's grid at the model's ground sampling distance, covered by overlapping square tiles.

    Tiles start every `tile_px - overlap_px` pixels from the raster's first; the last one of a row or column is
    moved back to end with the raster.
    """

    grid: Grid
    tile_px: int
    overlap_px: int

    def __post_init__(self) -> None:
        if not 0 <= self.overlap_px < self.tile_px:
            raise InputError(
                expected=f"an overlap from 0 to below the tile's {self.tile_px} pixels",
                got=str(self.overlap_px),
                remedy="choose a smaller overlap",
            )

    @property
    def row_starts(self) -> list[int]:
        """The first row of each row of tiles."""
        return self._starts(self.grid.height)

    @property
    def col_starts(self) -> list[int]:
        """The first column of each column of tiles."""
        return self._starts(self.grid.width)

    def tiles(self, window: Window | None = None) -> Iterator[Tile]:
        """The tiles that touch a window (all by default), row by row."""
        wanted = window or self.grid.window
        for row, row_px in enumerate(self.row_starts):
            for col, col_px in enumerate(self.col_starts):
                square = Window(row_px=row_px, col_px=col_px, height_px=self.tile_px, width_px=self.tile_px)
                if square.intersection(wanted):
                    yield Tile(row=row, col=col, window=square)

    def _starts(self, length_px: int) -> list[int]:
        last = max(0, length_px - self.tile_px)
        return [*range(0, last, self.tile_px - self.overlap_px), last]
