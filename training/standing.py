"""Where a run stands: how far it is, how it went, and the best so far."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from training.config import TrainConfig
from training.validate import Validation


@dataclass(kw_only=True)
class Standing:
    """All that changes in a run beside the model and its optimizer."""

    epoch: int = 0
    """Epochs that are behind us."""
    step: int = 0
    """Optimizer steps that are behind us."""
    seen: int = 0
    """Chips of this epoch that are behind us, on all processes."""
    loss_sum: float = 0.0
    """The sum of their losses."""
    best: Validation | None = None
    best_complete: bool = False
    """Whether it came after single buildings had been asked for, if they are at all."""
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    checks_since_best: int = 0
    """Validations since then."""
    metrics: list[dict[str, Any]] = field(default_factory=list)
    """A line for each epoch."""

    @property
    def loss(self) -> float:
        """This epoch's mean loss so far."""
        return self.loss_sum / self.seen if self.seen else math.nan

    def enough_steps(self, config: TrainConfig) -> bool:
        """Whether the settings allow no further step."""
        return 0 < config.max_steps <= self.step

    def done(self, config: TrainConfig) -> bool:
        """Whether there is nothing left to learn or to validate."""
        stale = 0 < config.patience <= self.checks_since_best
        return self.seen == 0 and (self.epoch >= config.epochs or self.enough_steps(config) or stale)

    def validation_due(self, config: TrainConfig) -> bool:
        """Whether a validation follows the epoch whose steps are behind us."""
        after = self.epoch + 1
        return after % config.validate_every == 0 or after >= config.epochs or self.enough_steps(config)

    def chips(self, count: int) -> int:
        """Chips seen in all epochs, each of `count`."""
        return self.epoch * count + self.seen

    def planned_chips(self, config: TrainConfig, count: int) -> int:
        """Chips to be seen in the whole run, as far as can be told."""
        every = config.epochs * count
        if config.max_steps and self.step:
            return min(every, round(self.chips(count) / self.step * config.max_steps))
        return every

    def rate(self, config: TrainConfig, count: int, *, step_chips: int) -> float:
        """The learning rate's factor for the next step: a linear warm-up, then half a cosine down to 0.

        It follows the share of the run that is behind us, in chips or, where `max_steps` ends it earlier, in steps; so
        it goes on smoothly when a run is resumed on another number of processes.
        """
        every = config.epochs * count
        before, after = self.chips(count) / every, (self.chips(count) + step_chips) / every
        if config.max_steps and self.step / config.max_steps > before:
            before, after = self.step / config.max_steps, (self.step + 1) / config.max_steps
        if before < config.warmup:
            return min(1.0, after / config.warmup)
        return 0.5 * (1 + math.cos(math.pi * (before - config.warmup) / (1 - config.warmup)))

    def note_check(
        self, result: Validation, weights: Callable[[], dict[str, torch.Tensor]], *, complete: bool = True
    ) -> None:
        """Keep the weights, which are asked for only then, if no validation was better.

        Args:
            result: The validation.
            weights: Gives the weights.
            complete: Whether all that the settings ask for has begun to be learned; such an epoch wins over others.
        """
        self.checks_since_best += 1
        if self.best is None or (complete, result.iou) > (self.best_complete, self.best.iou):
            self.best, self.best_complete = result, complete
            self.best_weights, self.checks_since_best = weights(), 0

    def state(self) -> dict[str, Any]:
        """The same as tensors and plain values."""
        return {**vars(self), "best": asdict(self.best) if self.best else None}

    @classmethod
    def of(cls, state: dict[str, Any]) -> Standing:
        """What `state` gave."""
        return cls(**{**state, "best": Validation(**state["best"]) if state["best"] else None})
