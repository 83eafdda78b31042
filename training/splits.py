"""Train, val and test by blocks of ground that share no pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.grid import Geometries
from training.chips import SPLITS, Split

GROUP = 7
"""Of every seven blocks alike, one is for validation and one for testing."""

BLOCKS_WANTED = 21
"""Blocks grow beyond one chip only while so many remain."""


def assign_splits(
    scenes: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    cols: npt.NDArray[np.int64],
    ground: Geometries,
    shares: npt.NDArray[np.float64],
    *,
    seed: int,
) -> list[Split]:
    """Assign chips to splits, block by block.

    A block is a square of neighbouring chips of a scene. Where scenes overlap, a chip of a later scene goes with the
    earlier chip it shares most ground with; what it shares with others is left to `ground_kept_out`. Blocks are sorted
    by their share of buildings, so that every split sees dense and empty ones alike.

    Args:
        scenes: Each chip's scene, in ascending order.
        rows: Each chip's row in its scene, counted in chips.
        cols: Each chip's column, likewise.
        ground: What each chip shows of its scene, all in one CRS.
        shares: Each chip's share of building pixels.
        seed: Of the draw.
    """
    side = max(1, min(4, int(np.sqrt(len(scenes) / BLOCKS_WANTED))))
    squares = np.stack([scenes, rows // side, cols // side], axis=1)
    _, block = np.unique(squares, axis=0, return_inverse=True)
    block = _follow_earlier(block.ravel(), scenes, ground)
    names = np.unique(block)
    density = np.array([shares[block == name].mean() for name in names])
    ranked = names[np.argsort(density, kind="stable")]
    rng = np.random.default_rng(seed)
    chosen: dict[int, Split] = {}
    for start in range(0, len(ranked), GROUP):
        group = rng.permutation(ranked[start : start + GROUP])
        splits: list[Split] = ["train"] * len(group)
        if len(group) >= 3:
            splits[0], splits[1] = "val", "test"
        chosen.update(zip(group.tolist(), splits, strict=True))
    return [chosen[name] for name in block.tolist()]


def ground_kept_out(splits: list[Split], ground: Geometries) -> dict[int, shapely.Geometry]:
    """The ground that a chip must leave to chips of other splits: train to val and test, val to test.

    Args:
        splits: Each chip's split.
        ground: What each chip shows of its scene, all in one CRS.

    Returns:
        By chip, the area in which its pixels are to be ignored; chips that share nothing are left out.
    """
    rank = np.array([SPLITS.index(split) for split in splits])
    left, right, _ = _shared(ground)
    yields = rank[left] < rank[right]
    left, right = left[yields], right[yields]
    return {int(i): shapely.union_all(ground[right[left == i]]) for i in np.unique(left)}


def _follow_earlier(
    block: npt.NDArray[np.int64], scenes: npt.NDArray[np.int64], ground: Geometries
) -> npt.NDArray[np.int64]:
    """Give each chip the block of the earlier scene's chip it shares most ground with."""
    left, right, area = _shared(ground)
    earlier = scenes[right] < scenes[left]
    left, right, area = left[earlier], right[earlier], area[earlier]
    followed = block.copy()
    for i in np.unique(left):
        mine = left == i
        followed[i] = followed[right[mine][np.argmax(area[mine])]]
    return followed


def _shared(
    ground: Geometries,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Pairs of chips that share more than a border, and how much."""
    left, right = shapely.STRtree(ground).query(ground, predicate="intersects")
    area = shapely.area(shapely.intersection(ground[left], ground[right]))
    common = (left != right) & (area > 1e-6 * shapely.area(ground[left]))
    return left[common], right[common], area[common]
