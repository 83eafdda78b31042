"""How the model does on chips it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from samft_core.ahead import ahead
from samft_core.scores import ThresholdCurve
from training.batches import Source
from training.config import TrainConfig
from training.distributed import Ranks
from training.learner import Learner
from training.losses import mask_losses
from training.stop import Stop


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Scores of the val chips, of all processes together."""

    loss: float
    """Cross-entropy plus weighted Dice."""
    iou: float
    """Pooled over all known pixels, at `threshold`."""
    threshold: float
    """The one of the highest IoU, unless the settings name one."""
    trivial_iou: float
    """The better of all building and no building."""


@torch.inference_mode()
def validate(
    learner: Learner, source: Source, mine: Sequence[int], config: TrainConfig, ranks: Ranks, *, stop: Stop
) -> Validation | None:
    """Score the model as it is.

    Args:
        learner: The model.
        source: The val chips.
        mine: The numbers of those that this process looks at.
        config: The settings.
        ranks: This process; all must take part.
        stop: Whether it was told to stop; looked at after each chip.

    Returns:
        The scores; None if any of the processes was told to stop.
    """
    learner.eval()
    pinned = () if config.threshold == "auto" else (config.threshold,)
    curve, sums = ThresholdCurve(also=pinned), torch.zeros(3, dtype=torch.float64)
    chips = ahead(source.plain, mine)
    for batch in chips:
        [(logits, estimate)] = learner(batch.inputs, [batch.whole], encoded=source.encoded is not None)
        truth, known = batch.whole.truth, batch.whole.known
        parts = mask_losses(logits, estimate, truth, known)
        loss = parts.cross_entropy + config.dice_weight * parts.dice
        sums[:2] += torch.tensor([loss.sum().item(), len(loss)], dtype=torch.float64)
        probability = logits.sigmoid().float().cpu().numpy()
        curve.add(probability, truth.cpu().numpy() > 0, known.cpu().numpy() > 0)
        if stop.asked:
            break
    chips.close()
    learner.train()
    sums[2] = float(stop.asked)
    loss_sum, count, stops = ranks.total(sums).tolist()
    if stops:
        return None
    curve.histogram[:] = ranks.total(torch.from_numpy(curve.histogram)).numpy()
    threshold = curve.best_threshold() if config.threshold == "auto" else config.threshold
    return Validation(
        loss=loss_sum / count,
        iou=curve.counts(threshold).iou,
        threshold=threshold,
        trivial_iou=curve.trivial_iou,
    )
