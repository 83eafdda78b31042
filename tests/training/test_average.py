"""The moving average of weights, against its formula."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.conftest import state, trained
from training.average import WeightAverage


def test_it_is_the_formula_of_the_textbook():
    weights = [nn.Parameter(torch.zeros(3, dtype=torch.float64)), nn.Parameter(torch.zeros(2, dtype=torch.float64))]
    average, rng, expected = WeightAverage(weights, 0.9), np.random.default_rng(0), [np.zeros(3), np.zeros(2)]
    for step in range(120):
        decay = min(0.9, (1 + step) / (10 + step))
        for place, weight in enumerate(weights):
            value = rng.normal(size=len(weight))
            weight.data = torch.from_numpy(value)
            expected[place] = decay * expected[place] + (1 - decay) * value
        average.update(step)
    for tensor, values in zip(average.tensors, expected, strict=True):
        np.testing.assert_allclose(tensor.numpy(), values, atol=1e-12)
    before = [weight.detach().clone() for weight in weights]
    with average.in_place():
        np.testing.assert_allclose(weights[0].detach().numpy(), expected[0], atol=1e-12)
        np.testing.assert_array_equal(average.tensors[0].numpy(), before[0].numpy())
    assert all(torch.equal(weight, value) for weight, value in zip(weights, before, strict=True))


def test_without_decay_there_is_none():
    weight = nn.Parameter(torch.ones(2))
    average = WeightAverage([weight], 0.0)
    average.update(3)
    assert average.tensors == []
    with average.in_place():
        assert torch.equal(weight, torch.ones(2))


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_the_bundle_holds_the_average(decay, chips, base, tmp_path, no_pages):
    """And the snapshot both."""
    settings = {"train": "mask_decoder", "max_steps": 5, "epochs": 1, "learning_rate": 1e-3, "average": decay}
    bundle = trained(chips, tmp_path / "run", base, **settings)
    left, found = state(tmp_path / "run"), bundle.segmenter("cpu").model.state_dict()
    raw = {name: tensor for name, tensor in left["weights"].items() if name.startswith("mask_decoder.")}
    assert len(left["average"]) == (len(list(raw)) if decay else 0)
    assert all(torch.equal(found[name], tensor) for name, tensor in raw.items()) == (decay == 0)
    for tensor, name in zip(left["average"], raw, strict=bool(decay)):
        assert torch.equal(found[name], tensor), name
