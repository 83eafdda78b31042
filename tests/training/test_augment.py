"""Random views."""

import numpy as np
import pytest

from training.augment import flipped_view, random_view
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


def test_the_flips_and_rotations_are_the_eight_of_the_square():
    """As numpy turns and mirrors; image, validity, mask and instances alike."""
    rng = np.random.default_rng(0)
    chip = Sample(
        image=rng.integers(0, 256, (3, 8, 8), dtype=np.uint8),
        valid=rng.random((8, 8)) < 0.8,
        mask=rng.choice(np.array([0, 1, IGNORE], np.uint8), (8, 8)),
        instances=rng.integers(0, 5, (8, 8), dtype=np.int32),
    )

    def of_the_square(array: np.ndarray) -> list[np.ndarray]:
        turns = [np.rot90(array, quarter, axes=(-2, -1)) for quarter in range(4)]
        return turns + [turn[..., ::-1] for turn in turns]

    def place(image: np.ndarray, among: list[np.ndarray]) -> int:
        (found,) = [number for number, one in enumerate(among) if np.array_equal(one, image)]
        return found

    views = [flipped_view(chip, view) for view in range(8)]
    places = [place(view.image, of_the_square(chip.image)) for view in views]
    assert sorted(places) == list(range(8))
    for name in ("image", "valid", "mask", "instances"):
        turned = of_the_square(getattr(chip, name))
        for view, number in zip(views, places, strict=True):
            np.testing.assert_array_equal(getattr(view, name), turned[number])
            assert getattr(view, name).flags.c_contiguous
    np.testing.assert_array_equal(views[0].image, chip.image)
    assert flipped_view(Sample(image=chip.image, valid=chip.valid, mask=chip.mask), 5).instances is None


@pytest.mark.parametrize("turn", [False, True])
def test_buildings_move_with_the_mask(turn):
    chip = sample()
    numbers = np.zeros((64, 64), np.int32)
    numbers[10:40, 20:30], numbers[45:60, 5:50] = 1, 70_000
    numbered = Sample(image=chip.image, valid=chip.valid, mask=chip.mask, instances=numbers)
    for seed in range(10):
        view = random_view(numbered, np.random.default_rng(seed), turn=turn)
        np.testing.assert_array_equal(view.instances > 0, view.truth)
        assert set(np.unique(view.instances)) <= {0, 1, 70_000}
