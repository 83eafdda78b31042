"""Random views of a chip: moved, scaled, recoloured, perhaps turned. Image, validity and mask stay aligned."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from training.chips import IGNORE, Sample

SCALE = 1.25
"""Chips are scaled by up to this factor, or its inverse."""


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
    matrix = _random_affine(rng, turn=turn)
    size = sample.mask.shape[0]
    grid = F.affine_grid(torch.from_numpy(matrix)[None], [1, 1, size, size], align_corners=False)
    image = F.grid_sample(
        torch.from_numpy(sample.image).float()[None],
        grid,
        mode="bilinear",
        padding_mode="reflection",
        align_corners=False,
    )
    flat = torch.from_numpy(np.stack([sample.mask, sample.valid]).astype(np.float32))[None]
    mask, valid = F.grid_sample(flat, grid, mode="nearest", padding_mode="reflection", align_corners=False)[0]
    recoloured = _recolour(image[0].numpy(), rng)
    known = valid.numpy() > 0.5
    return Sample(
        image=np.where(known, recoloured, 0).astype(np.uint8),
        valid=known,
        mask=np.where(known, mask.numpy().astype(np.uint8), IGNORE).astype(np.uint8),
    )


def _random_affine(rng: np.random.Generator, *, turn: bool) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """A turn, a change of scale and a shift, as affine_grid wants it."""
    scale = SCALE ** rng.uniform(-1, 1)
    angle = rng.uniform(0, 2 * np.pi) if turn else 0.0
    mirror = rng.choice([-1.0, 1.0]) if turn else 1.0
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    shift = rng.uniform(-0.25, 0.25, size=2)
    return np.array([[mirror * cos, -sin, shift[0]], [mirror * sin, cos, shift[1]]], dtype=np.float32)


def _recolour(
    image: np.ndarray[tuple[int, ...], np.dtype[np.float32]], rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Change contrast, brightness and, a little, each band's balance."""
    contrast = rng.uniform(0.8, 1.25)
    brightness = rng.uniform(-20, 20)
    balance = rng.uniform(-8, 8, size=(3, 1, 1))
    recoloured = (image - 128) * contrast + 128 + brightness + balance
    return np.clip(np.rint(recoloured), 0, 255).astype(np.float32)
