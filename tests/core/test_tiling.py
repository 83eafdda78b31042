"""The lattice of tiles, by brute force over its pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samft_core.errors import InputError
from samft_core.grid import Window
from samft_core.tiling import Lattice
from tests.conftest import assert_one_clear_line, make_grid


@st.composite
def lattices(draw) -> Lattice:
    tile_px = draw(st.integers(1, 40))
    overlap_px = draw(st.integers(0, tile_px - 1))
    step = tile_px - overlap_px
    side = st.integers(1, min(120, tile_px + 12 * step))
    return Lattice(grid=make_grid(draw(side), draw(side)), tile_px=tile_px, overlap_px=overlap_px)


@st.composite
def windows_in(draw, lattice: Lattice) -> Window:
    row = draw(st.integers(0, lattice.grid.height - 1))
    col = draw(st.integers(0, lattice.grid.width - 1))
    return Window(
        row_px=row,
        col_px=col,
        height_px=draw(st.integers(1, lattice.grid.height - row)),
        width_px=draw(st.integers(1, lattice.grid.width - col)),
    )


def test_by_hand():
    lattice = Lattice(grid=make_grid(10, 25), tile_px=10, overlap_px=2)
    starts = [(tile.row, tile.col, tile.window.row_px, tile.window.col_px) for tile in lattice.tiles()]
    assert starts == [(0, 0, 0, 0), (0, 1, 0, 8), (0, 2, 0, 15)]


def test_a_raster_smaller_than_a_tile_has_one():
    (tile,) = Lattice(grid=make_grid(3, 4), tile_px=10, overlap_px=2).tiles()
    assert tile.window == Window(row_px=0, col_px=0, height_px=10, width_px=10)


@given(lattices())
def test_every_pixel_is_covered(lattice):
    covered = np.zeros(lattice.grid.shape, dtype=int)
    for tile in lattice.tiles():
        covered[tile.window.rows, tile.window.cols] += 1
    assert covered.min() >= 1


@given(lattices())
def test_tiles_stay_inside_and_overlap_as_asked(lattice):
    tiles = {(tile.row, tile.col): tile.window for tile in lattice.tiles()}
    rows, cols = 1 + max(row for row, _ in tiles), 1 + max(col for _, col in tiles)
    assert len(tiles) == rows * cols
    for (row, col), window in tiles.items():
        assert (window.height_px, window.width_px) == (lattice.tile_px, lattice.tile_px)
        assert window.row_px == tiles[row, 0].row_px
        assert window.col_px == tiles[0, col].col_px
        for index, start, last, length in (
            (row, window.row_px, rows - 1, lattice.grid.height),
            (col, window.col_px, cols - 1, lattice.grid.width),
        ):
            regular = index * (lattice.tile_px - lattice.overlap_px)
            assert start == (max(0, length - lattice.tile_px) if index == last else regular)
            assert 0 <= start <= regular  # only the last one is moved, and only back


@given(st.data(), lattices())
def test_a_window_takes_the_same_tiles_that_touch_it(data, lattice):
    window = data.draw(windows_in(lattice))
    wanted = np.zeros((lattice.grid.height + lattice.tile_px, lattice.grid.width + lattice.tile_px), dtype=bool)
    wanted[window.rows, window.cols] = True
    expected = [tile for tile in lattice.tiles() if wanted[tile.window.rows, tile.window.cols].any()]
    assert list(lattice.tiles(window)) == expected
    assert expected


@pytest.mark.parametrize("overlap_px", [-1, 10, 11])
def test_overlap_out_of_range(overlap_px):
    with pytest.raises(InputError, match="tile's 10 pixels") as caught:
        Lattice(grid=make_grid(20, 20), tile_px=10, overlap_px=overlap_px)
    assert_one_clear_line(caught.value)
