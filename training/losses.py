"""Dice and cross-entropy over the pixels that are known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True, kw_only=True)
class Losses:
    """The parts of each chip's loss (batch,), each a mean over the chip's known pixels."""

    cross_entropy: torch.Tensor
    dice: torch.Tensor
    iou: torch.Tensor


def mask_losses(logits: torch.Tensor, iou_estimate: torch.Tensor, truth: torch.Tensor, known: torch.Tensor) -> Losses:
    """How far a batch of masks is from the truth.

    Args:
        logits: (batch, height, width).
        iou_estimate: (batch,), SAM's own estimate of its masks' IoU.
        truth: (batch, height, width), 1 where building.
        known: (batch, height, width), 1 where to judge.

    Returns:
        Cross-entropy, soft Dice loss (Milletari et al. 2016, arXiv:1606.04797, with 1 added to both sides of the
        ratio) and the squared error of the IoU estimate.
    """
    area = known.sum(dim=(1, 2)).clamp(min=1)
    pointwise = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    cross_entropy = (pointwise * known).sum(dim=(1, 2)) / area
    probability = logits.sigmoid() * known
    shared = (probability * truth).sum(dim=(1, 2))
    total = probability.sum(dim=(1, 2)) + (truth * known).sum(dim=(1, 2))
    dice = 1 - (2 * shared + 1) / (total + 1)
    with torch.no_grad():
        hard = (logits > 0) * known
        both = (hard * truth).sum(dim=(1, 2))
        either = hard.sum(dim=(1, 2)) + (truth * known).sum(dim=(1, 2)) - both
        iou = torch.where(either > 0, both / either.clamp(min=1), torch.ones_like(both))
    return Losses(cross_entropy=cross_entropy, dice=dice, iou=(iou_estimate - iou) ** 2 * (known.sum(dim=(1, 2)) > 0))
