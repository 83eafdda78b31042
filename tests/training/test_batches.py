"""Chips as batches: a chip's answer does not depend on the others, nor on how they are asked."""

import numpy as np
import pytest
import torch

from samft_core.sam.base import load_base
from training.batches import Batch, Source
from training.config import from_mapping
from training.learner import Learner
from training.prompts import LEAST_PX
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


def test_a_chip_has_the_same_answers_in_company(chips, learner):
    drawn = source(chips, learner, augment="flips", views=8, prompts_per_chip=1.5)
    indices = list(range(17))
    together = drawn.random(indices, seed=3, epoch=2)
    boxes, points = together.single
    assert boxes.prompt.points is points.prompt.boxes is None
    assert min(len(boxes.chips), len(points.chips)) > 1
    assert together.whole.chips.tolist() == indices
    with torch.inference_mode():
        answers = learner(together.inputs, [together.whole, boxes, points], encoded=False)
        for place, index in enumerate(indices):
            alone = drawn.random([index], seed=3, epoch=2)
            there = [some for some in (together.whole, boxes, points) if place in some.chips]
            assert len(there) == 1 + len(alone.single)
            company = [
                answer
                for answer, some in zip(answers, (together.whole, boxes, points), strict=True)
                if place in some.chips
            ]
            own = learner(alone.inputs, [alone.whole, *alone.single], encoded=False)
            for many, few, (logits, estimate), (one, guess) in zip(
                there, (alone.whole, *alone.single), company, own, strict=True
            ):
                here = many.chips == place
                assert torch.equal(few.truth, many.truth[here])
                assert torch.equal(few.known, many.known[here])
                assert torch.equal(few.weight, many.weight[here])
                assert (one - logits[here]).abs().max() < 1e-9
                assert (guess - estimate[here]).abs().max() < 1e-9
    assert answers[0][0].std() > 1e-3


def test_single_buildings_are_judged_by_themselves(chips, learner):
    """The whole tile by all of them; what is unknown stays so."""
    drawn = source(chips, learner, prompts_per_chip=3)
    for index, chip in enumerate(drawn.chips):
        batch = drawn.random([index], seed=0, epoch=0)
        numbers, known = chips.instances(chip), chip.read().known
        np.testing.assert_array_equal(batch.whole.truth[0].numpy() > 0, chip.read().truth)
        np.testing.assert_array_equal(batch.whole.known[0].numpy() > 0, known)
        assert batch.whole.weight.tolist() == [1]
        asked = [
            (truth > 0, each)
            for some in batch.single
            for truth, each in zip(some.truth.numpy(), some.known, strict=True)
        ]
        for truth, each in asked:
            (number,) = np.unique(numbers[truth])
            np.testing.assert_array_equal(truth, numbers == number)
            np.testing.assert_array_equal(each.numpy() > 0, known)
        assert sum(some.weight.sum().item() for some in batch.single) == pytest.approx(1 if asked else 0)
        assert len(asked) == min(3, (np.bincount(numbers.ravel())[1:] >= LEAST_PX).sum())


def test_as_many_are_asked_for_on_average(chips, learner):
    drawn = source(chips, learner, prompts_per_chip=0.25)
    batch = [drawn.random(range(17), seed=0, epoch=epoch) for epoch in range(16)]
    assert 0.2 < sum(len(some.chips) for each in batch for some in each.single) / (17 * 16) < 0.3
    assert not drawn.plain(0).single


def test_none_is_asked_for_before_its_epoch(chips, learner):
    drawn = source(chips, learner, prompts_per_chip=2, prompts_from=3)
    assert [bool(drawn.random(range(17), seed=0, epoch=epoch).single) for epoch in range(5)] == [False] * 3 + [True] * 2
    early, late = (drawn.random([0], seed=0, epoch=2), source(chips, learner).random([0], seed=0, epoch=2))
    assert torch.equal(early.inputs, late.inputs)


def test_views_follow_from_seed_epoch_and_chip_alone(chips, learner):
    drawn = source(chips, learner, augment="turn", prompts_per_chip=0.5)

    def same(one: Batch, other: Batch) -> bool:
        return torch.equal(one.inputs, other.inputs) and torch.equal(one.whole.truth, other.whole.truth)

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
