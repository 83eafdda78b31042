"""Chips as batches: a chip's answer does not depend on the others, nor on how they are asked."""

import numpy as np
import pytest
import torch

from samft_core.sam.base import load_base
from training.batches import Batch, Source
from training.config import from_mapping
from training.learner import Learner
from training.sources import recipe_for

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["box", "none"])
def learner(request, chips, base):
    """The small SAM in float64, for either prompt of the whole tile."""
    config = from_mapping({"train": "all", "precision": "fp64", "prompt": request.param})
    sam, _ = load_base(str(base), tile_px=64, seed=0)
    return Learner(sam.double(), recipe_for(chips, 64, config), config).eval()


def source(chips, learner, **settings) -> Source:
    some = chips.split("train")
    return Source(folder=chips, chips=some, recipe=learner._recipe, device=CPU, dtype=torch.float64, **settings)


def places(batch: Batch) -> list[int]:
    return torch.cat([asked.chips for asked in batch.asked]).tolist()


def test_a_chip_has_the_same_answer_in_a_batch_of_mixed_prompts(chips, learner):
    drawn = source(chips, learner, augment="flips", views=8, prompted=0.7)
    indices = list(range(17))
    together = drawn.random(indices, seed=3, epoch=2)
    kinds = {("point" if a.prompt.points is not None else "box" if a.prompt.boxes is not None else "none"): len(a.chips)
             for a in together.asked}  # fmt: skip
    assert len(kinds) == len(together.asked) >= 2
    assert kinds["point"] > 1
    assert kinds["box"] > 1
    assert sorted(places(together)) == indices
    with torch.inference_mode():
        logits, estimate = learner(together, encoded=False)
        for place, index in enumerate(indices):
            alone = drawn.random([index], seed=3, epoch=2)
            torch.testing.assert_close(alone.truth[0], together.truth[place], rtol=0, atol=0)
            one, guess = learner(alone, encoded=False)
            assert (one[0] - logits[place]).abs().max() < 1e-9
            assert (guess[0] - estimate[place]).abs() < 1e-9
    assert logits.std() > 1e-3


def test_a_prompted_chip_is_judged_by_one_building(chips, learner):
    """And others by all of them; what is unknown stays so."""
    drawn = source(chips, learner, prompted=1.0)
    for index, chip in enumerate(drawn.chips):
        batch = drawn.random([index], seed=0, epoch=0)
        numbers, truth = chips.instances(chip), batch.truth[0].numpy() > 0
        (number,) = np.unique(numbers[truth])
        np.testing.assert_array_equal(truth, numbers == number)
        np.testing.assert_array_equal(batch.known[0].numpy() > 0, chip.read().known)
        plain = drawn.plain(index)
        np.testing.assert_array_equal(plain.truth[0].numpy() > 0, chip.read().truth)


def test_views_follow_from_seed_epoch_and_chip_alone(chips, learner):
    drawn = source(chips, learner, augment="turn", prompted=0.5)

    def same(one: Batch, other: Batch) -> bool:
        return torch.equal(one.inputs, other.inputs) and torch.equal(one.truth, other.truth)

    first = drawn.random([4, 7], seed=1, epoch=5)
    drawn.random([2, 3], seed=1, epoch=5)
    assert same(first, drawn.random([4, 7], seed=1, epoch=5))
    assert torch.equal(first.inputs[1], drawn.random([7], seed=1, epoch=5).inputs[0])
    assert not same(first, drawn.random([4, 7], seed=1, epoch=6))
    assert not same(first, drawn.random([4, 7], seed=2, epoch=5))


def test_flips_use_as_many_views_as_they_may(chips, learner):
    drawn = source(chips, learner, augment="flips", views=4)
    seen = {drawn.random([0], seed=0, epoch=epoch).inputs.numpy().tobytes() for epoch in range(60)}
    assert len(seen) == 4
