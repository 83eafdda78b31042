"""Asking for one building: by its box, or by a point on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEAST_PX = 16
"""A building of fewer pixels in view is not asked for."""

JITTER = 0.05
"""How far a box's sides are from the building's, as a share of its size, at most; users are no more exact."""

AROUND = 2.0
"""Cross-entropy looks at a building's bounds, grown so many times about their centre: most of a chip is trivial."""

BOX, POINT = "box", "point"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One building of a chip, and how it is asked for."""

    kind: str
    """BOX or POINT."""
    at: tuple[float, ...]
    """The box as left, top, right, bottom, or the point as x, y; in pixels of the encoder's input, where the centre of
    the first is (0, 0), as SAM counts them."""
    truth: npt.NDArray[np.bool_]
    """(size, size), True where the building is."""
    near: npt.NDArray[np.bool_]
    """(size, size), True in the building's bounds, which are grown to AROUND times their size."""


def random_requests(
    instances: npt.NDArray[np.int32], rng: np.random.Generator, *, count: int, scale: float
) -> list[Request]:
    """Ask for some buildings at random, each at most once.

    Args:
        instances: (size, size), the number of each pixel's building from 1, 0 where there is none.
        rng: The source of chance.
        count: How many to ask for.
        scale: Pixels of the encoder's input in one of the chip's.

    Returns:
        What to ask for; fewer where there are not so many buildings that are large enough.
    """
    areas = np.bincount(instances.ravel())
    large = np.flatnonzero(areas[1:] >= LEAST_PX) + 1
    chosen = rng.choice(large, size=min(count, len(large)), replace=False)
    return [_random_request(instances == number, rng, scale) for number in chosen]


def _random_request(truth: npt.NDArray[np.bool_], rng: np.random.Generator, scale: float) -> Request:
    """Ask for one building, by its box or by a point on it."""
    rows, cols = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    sides = np.array([cols[0], rows[0], cols[-1] + 1, rows[-1] + 1])
    near = _near(sides, len(truth))
    if rng.random() < 0.5:
        return Request(kind=BOX, at=_box(sides, rng, len(truth), scale), truth=truth, near=near)
    row, col = np.argwhere(truth)[rng.integers(truth.sum())]
    return Request(kind=POINT, at=((col + 0.5) * scale - 0.5, (row + 0.5) * scale - 0.5), truth=truth, near=near)


def _near(sides: npt.NDArray[np.int64], side_px: int) -> npt.NDArray[np.bool_]:
    """The bounds left, top, right, bottom, grown, as a mask (side_px, side_px)."""
    more = np.ceil((sides[2:] - sides[:2]) * (AROUND - 1) / 2).astype(int)
    (left, top), (right, bottom) = np.maximum(sides[:2] - more, 0), sides[2:] + more
    near = np.zeros((side_px, side_px), dtype=np.bool_)
    near[top:bottom, left:right] = True
    return near


def _box(sides: npt.NDArray[np.int64], rng: np.random.Generator, side_px: int, scale: float) -> tuple[float, ...]:
    """The box around a building, its sides moved a little."""
    moves = rng.uniform(-JITTER, JITTER, size=4) * np.tile(sides[2:] - sides[:2], 2)
    moved = np.clip(sides + moves, 0, side_px) * scale
    return tuple((moved - [0, 0, 1, 1]).tolist())
