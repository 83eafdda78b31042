"""Random views."""

import numpy as np
import pytest

from training.augment import random_view
from training.chips import IGNORE, Sample


def sample(valid: np.ndarray | None = None) -> Sample:
    """A chip whose red channel is its truth."""
    mask = np.zeros((64, 64), np.uint8)
    mask[10:40, 20:30] = 1
    mask[45:60, 5:50] = 1
    known = np.ones((64, 64), bool) if valid is None else valid
    image = np.stack([mask * 200 + 20, np.full_like(mask, 90), np.full_like(mask, 120)])
    return Sample(image=image * known, valid=known, mask=np.where(known, mask, np.uint8(IGNORE)))


@pytest.mark.parametrize("turn", [False, True])
def test_image_and_mask_move_together(turn):
    for seed in range(10):
        view = random_view(sample(), np.random.default_rng(seed), turn=turn)
        bright = view.image[0].astype(int) - view.image[1] > 0
        assert (bright == view.truth)[view.known].mean() > 0.93  # all but the resampled rims
        assert view.known.all()


def test_the_same_state_of_chance_gives_the_same_view():
    one, two, other = (random_view(sample(), np.random.default_rng(seed), turn=True) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(one.mask, two.mask)
    assert (one.image != other.image).any()


def test_what_has_no_data_stays_so():
    valid = np.ones((64, 64), bool)
    valid[:, :32] = False
    view = random_view(sample(valid), np.random.default_rng(0), turn=True)
    np.testing.assert_array_equal(view.mask == IGNORE, ~view.valid)
    assert not view.image[:, ~view.valid].any()
    assert 0 < view.valid.mean() < 1


def test_without_turning_up_stays_up():
    """A tall bar stays taller than wide."""
    mask = np.zeros((64, 64), np.uint8)
    mask[22:42, 30:34] = 1
    tall = Sample(image=np.zeros((3, 64, 64), np.uint8), valid=np.ones((64, 64), bool), mask=mask)
    for seed in range(20):
        rows, cols = np.nonzero(random_view(tall, np.random.default_rng(seed), turn=False).truth)
        assert np.ptp(rows) > 2 * np.ptp(cols)
