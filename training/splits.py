"""Train, val and test by blocks of ground that share no pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.grid import Geometries
from training.chips import Split

GROUP = 7
"""Of every seven blocks alike, one is for validation and one for testing."""

BLOCKS_WANTED = 21
"""Blocks grow beyond one chip only while so many remain."""


def assign_splits(
    scenes: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    cols: npt.NDArray[np.int64],
    footprints: Geometries,
    shares: npt.NDArray[np.float64],
    *,
    seed: int,
) -> list[Split]:
    """Assign chips to splits, block by block.

    A block is a square of neighbouring chips of a scene; blocks whose chips cover common ground (overlapping scenes)
    become one. Blocks are sorted by their share of buildings, so that every split sees dense and empty ones alike.

    Args:
        scenes: Each chip's scene.
        rows: Each chip's row in its scene, counted in chips.
        cols: Each chip's column, likewise.
        footprints: Each chip's outline, all in one CRS.
        shares: Each chip's share of building pixels.
        seed: Of the draw.
    """
    side = max(1, min(4, int(np.sqrt(len(scenes) / BLOCKS_WANTED))))
    squares = np.stack([scenes, rows // side, cols // side], axis=1)
    _, block = np.unique(squares, axis=0, return_inverse=True)
    block = _merge_overlapping(block.ravel(), footprints)
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


def _merge_overlapping(block: npt.NDArray[np.int64], footprints: Geometries) -> npt.NDArray[np.int64]:
    """Give blocks that share ground the same number."""
    left, right = shapely.STRtree(footprints).query(footprints, predicate="intersects")
    other = block[left] != block[right]
    left, right = left[other], right[other]
    shared = shapely.area(shapely.intersection(footprints[left], footprints[right]))
    common = shared > 1e-6 * shapely.area(footprints[left])  # neighbours share a border alone
    merged = block.copy()
    for one, two in zip(left[common].tolist(), right[common].tolist(), strict=True):
        if merged[one] != merged[two]:
            merged[merged == merged[two]] = merged[one]
    return merged
