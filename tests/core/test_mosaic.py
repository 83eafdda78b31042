"""Blending, against the weighted mean written out pixel by pixel."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from samft_core.grid import Window
from samft_core.mosaic import Band, Prediction, axis_weights, blend
from samft_core.tiling import Lattice, Tile
from tests.conftest import make_grid
from tests.core.test_tiling import lattices, windows_in


def cut(field: np.ndarray, tile: Tile) -> np.ndarray:
    """A tile's part of a field, 0 beyond it."""
    size = tile.window.height_px
    padded = np.pad(field, ((0, size), (0, size)))
    return padded[tile.window.rows, tile.window.cols]


def predicted(lattice: Lattice, field: np.ndarray, valid: np.ndarray, window: Window | None = None):
    """What a segmenter would say that knows each pixel's probability whatever lies around it."""
    for tile in lattice.tiles(window):
        yield Prediction(tile=tile, probability=cut(field, tile), valid=cut(valid, tile))


def disagreeing(lattice: Lattice, seed: int, window: Window | None = None) -> Iterator[Prediction]:
    """Tiles that say something else each about the pixels they share."""
    for tile in lattice.tiles(window):
        noise = np.random.default_rng((seed, tile.row, tile.col)).random((lattice.tile_px,) * 2, dtype=np.float32)
        yield Prediction(tile=tile, probability=noise, valid=cut(np.ones(lattice.grid.shape, dtype=bool), tile))


def joined(bands: list[Band]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([band.probability for band in bands]), np.concatenate([band.valid for band in bands])


seeds = st.integers(0, 2**32 - 1)


@given(lattices(), seeds)
def test_a_local_segmenter_tiled_equals_untiled(lattice, seed):
    rng = np.random.default_rng(seed)
    field = rng.random(lattice.grid.shape, dtype=np.float32)
    valid = rng.random(lattice.grid.shape) < 0.8
    probability, blended_valid = joined(list(blend(predicted(lattice, field, valid), lattice, lattice.grid.window)))
    assert np.array_equal(blended_valid, valid)
    assert np.abs(probability - field * valid).max() <= 1e-6
    assert not probability[~valid].any()


@given(lattices(), st.sampled_from([0.0, 0.25, 0.3, 1.0]))
def test_a_constant_stays_constant_up_to_the_rim(lattice, level):
    field = np.full(lattice.grid.shape, level, dtype=np.float32)
    probability, valid = joined(list(blend(predicted(lattice, field, field >= 0), lattice, lattice.grid.window)))
    assert valid.all()
    assert np.abs(probability - np.float32(level)).max() <= 1e-7


@given(lattices(), seeds)
def test_the_weighted_mean_pixel_by_pixel(lattice, seed):
    probability, _ = joined(list(blend(disagreeing(lattice, seed), lattice, lattice.grid.window)))
    size = lattice.tile_px
    ramp = [max(0.001, 0.5 - 0.5 * np.cos(2 * np.pi * (i + 0.5) / size)) for i in range(size)]  # a Hann window
    total, weight = np.zeros(lattice.grid.shape), np.zeros(lattice.grid.shape)
    for prediction in disagreeing(lattice, seed):
        window = prediction.tile.window
        for i in range(min(size, lattice.grid.height - window.row_px)):
            for j in range(min(size, lattice.grid.width - window.col_px)):
                place = window.row_px + i, window.col_px + j
                total[place] += ramp[i] * ramp[j] * prediction.probability[i, j]
                weight[place] += ramp[i] * ramp[j]
    assert np.abs(probability - total / weight).max() <= 1e-6


@given(st.data(), lattices(), seeds)
def test_a_window_is_the_crop_of_the_whole_bit_for_bit(data, lattice, seed):
    window = data.draw(windows_in(lattice))
    whole, whole_valid = joined(list(blend(disagreeing(lattice, seed), lattice, lattice.grid.window)))
    part, part_valid = joined(list(blend(disagreeing(lattice, seed, window), lattice, window)))
    assert np.array_equal(part, whole[window.rows, window.cols])
    assert np.array_equal(part_valid, whole_valid[window.rows, window.cols])


@given(st.data(), lattices())
def test_bands_follow_each_other_without_gaps(data, lattice):
    window = data.draw(windows_in(lattice))
    row = window.row_px
    for band in blend(disagreeing(lattice, 0, window), lattice, window):
        assert band.window.row_px == row
        assert (band.window.col_px, band.window.width_px) == (window.col_px, window.width_px)
        assert band.probability.shape == band.valid.shape == (band.window.height_px, band.window.width_px)
        assert band.window.height_px <= lattice.tile_px  # no more is held than a row of tiles
        row += band.window.height_px
    assert row == window.row_px + window.height_px


def test_rows_come_as_soon_as_they_are_finished():
    lattice = Lattice(grid=make_grid(1000, 40), tile_px=20, overlap_px=4)
    taken = []

    def counted() -> Iterator[Prediction]:
        for prediction in disagreeing(lattice, 1):
            taken.append(prediction.tile)
            yield prediction

    first = next(iter(blend(counted(), lattice, lattice.grid.window)))
    assert first.window == Window(row_px=0, col_px=0, height_px=16, width_px=40)
    assert [tile.row for tile in taken] == [0, 0, 0, 1]


@given(lattices())
def test_weights_are_positive_and_sum_to_one(lattice):
    for starts, length in ((lattice.row_starts, lattice.grid.height), (lattice.col_starts, lattice.grid.width)):
        weights = axis_weights(starts, lattice.tile_px)
        assert weights.shape == (len(starts), lattice.tile_px)
        assert weights.min() > 0
        total = np.zeros(max(length, lattice.tile_px))
        for start, each in zip(starts, weights, strict=True):
            total[start : start + lattice.tile_px] += each
        assert np.abs(total - 1).max() < 1e-12
        assert (weights[0, : starts[1] if len(starts) > 1 else None] == 1).all()  # no taper at the rim
