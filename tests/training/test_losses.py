"""Losses against numpy, and against what they must not depend on."""

import numpy as np
import torch

from training.losses import mask_losses


def batch(seed: int):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(2, 6, 5)) * 3
    truth = (rng.random((2, 6, 5)) > 0.5).astype(float)
    known = (rng.random((2, 6, 5)) > 0.3).astype(float)
    return logits, truth, known


def as_tensors(*arrays):
    return [torch.from_numpy(array) for array in arrays]


def test_cross_entropy_and_dice_are_those_of_the_textbook():
    logits, truth, known = batch(0)
    losses = mask_losses(*as_tensors(logits), torch.zeros(2), *as_tensors(truth, known))
    probability = 1 / (1 + np.exp(-logits))
    entropy, dice = [], []
    for p, t, k in zip(probability, truth, known, strict=True):
        seen, true = p[k > 0], t[k > 0]
        entropy.append(-np.mean(true * np.log(seen) + (1 - true) * np.log(1 - seen)))
        dice.append(1 - (2 * np.sum(seen * true) + 1) / (np.sum(seen) + np.sum(true) + 1))
    np.testing.assert_allclose(losses.cross_entropy, entropy, atol=1e-9)
    np.testing.assert_allclose(losses.dice, dice, atol=1e-9)


def test_unknown_pixels_change_nothing_and_get_no_gradient():
    logits, truth, known = batch(1)
    results = []
    for filler in (0.0, 1.0):
        x = torch.from_numpy(logits).requires_grad_()
        t = torch.from_numpy(np.where(known > 0, truth, filler))
        losses = mask_losses(x, torch.zeros(2), t, torch.from_numpy(known))
        (losses.cross_entropy + losses.dice).sum().backward()
        assert not x.grad[known == 0].any()
        results.append([part.tolist() for part in vars(losses).values()])
    assert results[0] == results[1]


def test_a_chips_loss_does_not_depend_on_the_others_nor_on_how_much_of_it_is_known():
    logits, truth, known = batch(2)
    known[1] = 0
    known[1, 0, :2] = 1
    x, t, k = as_tensors(logits, truth, known)
    both = mask_losses(x, torch.zeros(2), t, k)
    for i in range(2):
        alone = mask_losses(x[i : i + 1], torch.zeros(1), t[i : i + 1], k[i : i + 1])
        for name, part in vars(both).items():
            assert part.shape == (2,)
            assert abs(part[i] - vars(alone)[name].item()) < 1e-9


def test_iou_estimate_is_held_against_the_real_iou():
    logits = torch.tensor([[[5.0, 5.0, -5.0, -5.0]]])
    truth = torch.tensor([[[1.0, 0.0, 1.0, 0.0]]])
    known = torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])
    assert mask_losses(logits, torch.tensor([1 / 3]), truth, known).iou.item() < 1e-12
    unknown = mask_losses(torch.ones(1, 1, 4), torch.tensor([1.0]), torch.ones(1, 1, 4), torch.zeros(1, 1, 4))
    assert [part.item() for part in vars(unknown).values()] == [0, 0, 0]
    nothing = mask_losses(-10 * torch.ones(1, 1, 4), torch.tensor([1.0]), torch.zeros(1, 1, 4), known)
    assert nothing.iou.item() == 0
