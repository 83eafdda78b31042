"""Asking for one building: by its box, or by a point on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEAST_PX = 16
"""A building of fewer pixels in view is not asked for."""

JITTER = 0.05
"""How far a box's sides are from the building's, as a share of its size, at most; users are no more exact."""

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
    if rng.random() < 0.5:
        return Request(kind=BOX, at=_box(truth, rng, scale), truth=truth)
    row, col = np.argwhere(truth)[rng.integers(truth.sum())]
    return Request(kind=POINT, at=((col + 0.5) * scale - 0.5, (row + 0.5) * scale - 0.5), truth=truth)


def _box(truth: npt.NDArray[np.bool_], rng: np.random.Generator, scale: float) -> tuple[float, ...]:
    """The box around a building, its sides moved a little."""
    rows, cols = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    left, top, right, bottom = cols[0], rows[0], cols[-1] + 1, rows[-1] + 1
    moves = rng.uniform(-JITTER, JITTER, size=4) * np.tile([right - left, bottom - top], 2)
    side = len(truth)
    sides = np.clip(np.array([left, top, right, bottom]) + moves, 0, side) * scale
    return tuple((sides - [0, 0, 1, 1]).tolist())
