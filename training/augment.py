"""Views of a chip: flipped; or moved, scaled, recoloured, perhaps turned. Image, validity and mask stay aligned."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from samft_core.sam.preprocess import NEUTRAL
from training.chips import IGNORE, Sample

SCALE = 1.25
"""Chips are scaled by up to this factor, or its inverse."""

SHIFT = 0.2
"""Chips are moved by up to this share of their side."""


def flipped_view(sample: Sample, view: int) -> Sample:
    """One of the 8 flips and rotations of a chip.

    Args:
        sample: The chip.
        view: 0 as it is, 1 mirrored, 2 upside down, 3 half a turn; 4 to 7 the same of its transpose.
    """

    def turned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if view & 4:
            array = array.swapaxes(-1, -2)
        if view & 2:
            array = array[..., ::-1, :]
        if view & 1:
            array = array[..., ::-1]
        return np.ascontiguousarray(array)

    return Sample(
        image=turned(sample.image),
        valid=turned(sample.valid),
        mask=turned(sample.mask),
        instances=None if sample.instances is None else turned(sample.instances),
    )


def random_view(sample: Sample, rng: np.random.Generator, *, turn: bool) -> Sample:
    """One random view of a chip.

    Args:
        sample: The chip.
        rng: The source of chance; the same state gives the same view.
        turn: Whether it is also turned by any angle and perhaps mirrored. Shadows then fall anywhere, which makes a
            model for many scenes; within scenes of one hour they are a cue that turning would hide.

    Returns:
        A sample of the same size; what comes from beyond the chip is mirrored in.
    """
    matrix = _random_affine(rng, sample.mask.shape[0], turn=turn)
    filled = np.where(sample.valid, sample.image, NEUTRAL)
    image = _recolour(np.stack([_warp(band, matrix, Image.Resampling.BILINEAR) for band in filled]), rng)
    mask = _warp(sample.mask, matrix, Image.Resampling.NEAREST)
    valid = _warp(sample.valid.astype(np.uint8), matrix, Image.Resampling.NEAREST) > 0
    instances = sample.instances
    return Sample(
        image=image * valid,
        valid=valid,
        mask=np.where(valid, mask, np.uint8(IGNORE)),
        instances=None if instances is None else _warp(instances, matrix, Image.Resampling.NEAREST) * valid,
    )


def _warp(band: npt.NDArray[Any], matrix: tuple[float, ...], filter_: Image.Resampling) -> npt.NDArray[Any]:
    """Sample a square band (size, size) along an affine matrix, in a plane tiled by its mirror images."""
    size = band.shape[0]
    mirrored = Image.fromarray(np.pad(band, size, mode="symmetric"))
    return np.asarray(mirrored.transform((size, size), Image.Transform.AFFINE, matrix, filter_))


def _random_affine(rng: np.random.Generator, size_px: int, *, turn: bool) -> tuple[float, ...]:
    """A turn, a change of scale and a shift about the chip's centre: a, b, c, d, e, f as Pillow takes them.

    They lead from a pixel of the view to one of the chip, which is padded by its side.
    """
    scale = SCALE ** rng.uniform(-1, 1)
    angle = rng.uniform(0, 2 * np.pi) if turn else 0.0
    mirror = rng.choice([-1.0, 1.0]) if turn else 1.0
    a, b = mirror * scale * np.cos(angle), -scale * np.sin(angle)
    d, e = mirror * scale * np.sin(angle), scale * np.cos(angle)
    shift_x, shift_y = rng.uniform(-SHIFT, SHIFT, size=2) * size_px
    half = size_px / 2
    centre = half + size_px
    return tuple(map(float, (a, b, centre + shift_x - (a + b) * half, d, e, centre + shift_y - (d + e) * half)))


def _recolour(image: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Change contrast, brightness and, a little, each band's balance."""
    contrast = rng.uniform(0.8, 1.25)
    offset = 128 - 128 * contrast + rng.uniform(-20, 20) + rng.uniform(-8, 8, size=3)
    table = np.clip(np.rint(np.arange(256)[None] * contrast + offset[:, None]), 0, 255).astype(np.uint8)
    return np.stack([row[band] for row, band in zip(table, image, strict=True)])
