"""Spatial blocks."""

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from training.splits import assign_splits


def grid_of(rows: int, cols: int):
    row, col = (axis.ravel() for axis in np.mgrid[:rows, :cols])
    boxes = np.array([shapely.box(c, r, c + 1, r + 1) for r, c in zip(row, col, strict=True)], dtype=object)
    return np.zeros(len(row), np.int64), row, col, boxes


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 5))
def test_every_chip_has_one_split_and_enough_chips_have_all_three(rows, cols, seed):
    scenes, row, col, boxes = grid_of(rows, cols)
    shares = np.random.default_rng(seed).random(len(row))
    splits = assign_splits(scenes, row, col, boxes, shares, seed=seed)
    assert len(splits) == rows * cols
    assert splits == assign_splits(scenes, row, col, boxes, shares, seed=seed)
    if rows * cols >= 3:
        assert set(splits) == {"train", "val", "test"}
        assert splits.count("train") >= len(splits) / 3


def test_blocks_keep_neighbours_together():
    scenes, row, col, boxes = grid_of(20, 20)
    splits = np.array(assign_splits(scenes, row, col, boxes, np.zeros(400), seed=0)).reshape(20, 20)
    blocks = splits.reshape(5, 4, 5, 4).swapaxes(1, 2).reshape(25, 16)
    assert all(len(set(block)) == 1 for block in blocks)


def test_all_shares_of_buildings_are_seen_by_every_split():
    scenes, row, col, boxes = grid_of(7, 6)
    shares = np.arange(42) / 42
    splits = np.array(assign_splits(scenes, row, col, boxes, shares, seed=3))
    for name in ("val", "test"):
        assert shares[splits == name].min() < 0.35
        assert shares[splits == name].max() > 0.65
