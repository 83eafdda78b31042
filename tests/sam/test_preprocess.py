"""A tile is prepared as SAM's own image processor does it."""

import numpy as np
import pytest
import torch
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from samft_core.sam.preprocess import preprocess


def random_tile(side_px: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, side_px, side_px), dtype=np.uint8)


def everywhere(side_px: int) -> np.ndarray:
    return np.ones((side_px, side_px), dtype=bool)


@pytest.mark.parametrize("side_px", [1024, 512, 256])
def test_equals_transformers(side_px):
    """But for the last bit of float32: values reach 2.64, and transformers normalises in another order."""
    tile = random_tile(side_px)
    ours = preprocess(tile, everywhere(side_px), 1024)
    theirs = SamImageProcessorPil()(tile.transpose(1, 2, 0), return_tensors="pt")["pixel_values"][0]
    assert ours.shape == theirs.shape == (3, 1024, 1024)
    assert ours.dtype == theirs.dtype == torch.float32
    assert (ours - theirs).abs().max() <= 1e-6


def test_not_resized_tile_is_the_formula():
    tile = random_tile(64)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (tile / 255 - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(preprocess(tile, everywhere(64), 64).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("input_px", [64, 128, 256])
def test_invalid_pixels_are_zero(input_px):
    """And so ImageNet's mean colour; every input pixel belongs to the one tile pixel it covers."""
    tile = np.full((3, 64, 64), 200, dtype=np.uint8)
    valid = np.random.default_rng(1).random((64, 64)) < 0.5
    values = preprocess(tile * valid, valid, input_px).numpy()
    known = valid.repeat(input_px // 64, axis=0).repeat(input_px // 64, axis=1)
    assert (values[:, ~known] == 0).all()
    assert (values[:, known] != 0).any()
    assert preprocess(tile, np.zeros((64, 64), bool), input_px).count_nonzero() == 0


def test_colours_under_invalid_pixels_do_not_matter_without_resizing():
    valid = np.random.default_rng(1).random((64, 64)) < 0.5
    one, other = random_tile(64, seed=2), random_tile(64, seed=3)
    other[:, valid] = one[:, valid]
    assert torch.equal(preprocess(one, valid, 64), preprocess(other, valid, 64))


def test_the_tile_is_left_as_it_was():
    tile = random_tile(64)
    before = tile.copy()
    preprocess(tile, everywhere(64), 128).mul_(0)
    preprocess(tile, everywhere(64), 64).mul_(0)
    np.testing.assert_array_equal(tile, before)


def test_pixels_without_data_lend_no_colour_to_their_neighbours():
    """Enlarged, a bright tile with a black hole is the same outside the hole as one with a white hole."""
    valid = np.ones((64, 64), bool)
    valid[20:40, 10:50] = False
    bright = np.full((3, 64, 64), 200, np.uint8)
    black, white = (preprocess(np.where(valid, bright, hole).astype(np.uint8), valid, 128) for hole in (0, 255))
    assert torch.equal(black, white)
    assert not black[:, 40:80, 20:100].any()
