"""The training loop: chips in, bundle out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from samft_core.bundle import Bundle, Card, Recipe, load_bundle
from samft_core.errors import ChipsError, ConfigError, SamftError
from samft_core.output import whole_file
from samft_core.progress import Progress, silent
from samft_core.sam.base import load_base
from samft_core.sam.forward import decode, encode, enlarge, whole_tile
from samft_core.sam.segmenter import pick_device
from samft_core.sam.tiny import TINY
from samft_core.sam.weights import trained_weights, write_bundle
from samft_core.scores import ThresholdCurve
from training.batches import Batch, Source, embed
from training.chips import Chips
from training.config import TrainConfig, as_dict
from training.losses import mask_losses
from training.snapshot import check_same_run, claim, load_state, save_state

OVERLAP = 0.25
"""The share of a tile's side that neighbouring tiles have in common when a raster is segmented."""

METRICS = "metrics.jsonl"


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How the model does on chips it does not learn from."""

    loss: float
    """Cross-entropy plus weighted Dice."""
    iou: float
    """Pooled over all known pixels, at the best threshold."""
    threshold: float
    """The one of the highest IoU."""
    trivial_iou: float
    """The better of all building and no building."""


def train(
    chips: Chips,
    out: Path,
    *,
    model: str,
    config: TrainConfig,
    device: str = "auto",
    progress: Progress = silent,
) -> Bundle:
    """Fine-tune a model on a chips folder, or go on where an earlier call with the same settings was stopped.

    Args:
        chips: What to learn from; its val split chooses the best epoch and the threshold.
        out: The run's folder: `bundle/`, `checkpoints/`, `metrics.jsonl`.
        model: What to start from, as `samft_core.sam.base.load_base` takes it.
        config: The settings.
        device: cpu, cuda, mps, or auto.
        progress: Told about each step.

    Returns:
        The bundle of the best validated epoch.

    Raises:
        InputError: Chips, model or settings do not fit, or another run is in the folder.
        SamftError: The loss is not finite.
    """
    if model == TINY and config.train != "all":
        raise ConfigError(
            expected=f"train = all for {TINY}, whose encoder starts from random weights",
            got=f"train = {config.train}",
            remedy="leave the setting out, or start from another model",
        )
    checkpoints, settings = out / "checkpoints", {**as_dict(config), "model": model, "chips": chips.digest}
    if (out / "bundle").exists():
        finished = load_bundle(out / "bundle")
        check_same_run(finished.card.training.get("settings", {}), settings, out)
        return finished
    claim(checkpoints, settings)
    trainer = Trainer(chips, model, config, device, progress)
    state = load_state(checkpoints)
    if state:
        trainer.restore(state)
    while not trainer.done:
        trainer.run_epoch()
        with whole_file(out / METRICS, overwrite=True) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in trainer.metrics), encoding="utf-8")
        save_state(checkpoints, trainer.state())
    return trainer.write(out / "bundle", settings)


class Trainer:
    """The model, what it learns from, and where it stands.

    Args:
        chips: Train and val splits must both have chips.
        model_name: What to start from.
        config: The settings.
        device: cpu, cuda, mps, or auto.
        progress: Told about each step.
    """

    def __init__(self, chips: Chips, model_name: str, config: TrainConfig, device: str, progress: Progress) -> None:
        self._config, self._progress = config, progress
        self._device = pick_device(device)
        learn, check = chips.require("train"), chips.require("val")
        model, self._base = load_base(model_name, tile_px=chips.meta.size_px, seed=config.seed)
        self._model = model.to(self._device)
        self._recipe = _recipe(chips, self._model.config.vision_config.image_size, config)
        self._parameters = self._select_parameters()
        embeddings: dict[str, list[torch.Tensor]] = {}
        if config.train == "mask_decoder":
            for stage, some in (("encoding train chips", learn), ("encoding val chips", check)):
                embeddings[stage] = embed(self._model, some, self._recipe, self._device, stage, progress)
        self._learn = Source(
            learn,
            self._recipe,
            self._device,
            embeddings=embeddings.get("encoding train chips"),
            augment=config.augment,
        )
        self._check = Source(check, self._recipe, self._device, embeddings=embeddings.get("encoding val chips"))
        steps = config.epochs * math.ceil(len(learn) / config.batch_size)
        self._total_steps = min(steps, config.max_steps) if config.max_steps else steps
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99)
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, self._rate)
        self._epoch, self._step = 0, 0
        self._best: Validation | None = None
        self._best_weights: dict[str, torch.Tensor] = {}
        self.metrics: list[dict[str, Any]] = []
        """A line for each epoch that is behind us."""

    @property
    def done(self) -> bool:
        """Whether all steps are behind us."""
        return self._step >= self._total_steps

    def run_epoch(self) -> None:
        """Pass over the training chips once, validate if it is due, and note how it went."""
        started, losses = time.monotonic(), []
        self._model.train()
        for batch in self._learn.shuffled(size=self._config.batch_size, seed=self._config.seed, epoch=self._epoch):
            losses += [self._learn_from(batch)] * len(batch.truth)
            note = f"epoch {self._epoch + 1}, loss {sum(losses) / len(losses):.3f}"
            if self._best:
                note += f", best val IoU {self._best.iou:.3f}"
            self._progress("training", self._step, self._total_steps, note)
            if self.done:
                break
        self._epoch += 1
        seconds = time.monotonic() - started
        line: dict[str, Any] = {
            "epoch": self._epoch,
            "step": self._step,
            "loss": round(sum(losses) / len(losses), 5),
            "learning_rate": self._schedule.get_last_lr()[0],
            "chips_per_s": round(len(losses) / seconds, 2),
        }
        if self.done or self._epoch % self._config.validate_every == 0:
            result = self.validate()
            if self._best is None or result.iou > self._best.iou:
                self._best = result
                self._best_weights = trained_weights(self._model, self._config.train)
            line |= {f"val_{key}": round(value, 5) for key, value in vars(result).items()}
        self.metrics.append(line)

    @torch.inference_mode()
    def validate(self) -> Validation:
        """Score the model as it is on the val split."""
        self._model.eval()
        curve, losses = ThresholdCurve(), []
        for batch in self._check.ordered():
            logits, estimate = self._forward(batch, encoded=self._check.encoded)
            parts = mask_losses(logits, estimate, batch.truth, batch.known)
            losses.append((parts.cross_entropy + self._config.dice_weight * parts.dice).item())
            curve.add(logits.sigmoid().cpu().numpy(), batch.truth.cpu().numpy() > 0, batch.known.cpu().numpy() > 0)
        threshold = curve.best_threshold()
        return Validation(
            loss=sum(losses) / len(losses),
            iou=curve.counts(threshold).iou,
            threshold=threshold,
            trivial_iou=curve.trivial_iou,
        )

    def state(self) -> dict[str, Any]:
        """All that `restore` needs."""
        return {
            "weights": trained_weights(self._model, self._config.train),
            "optimizer": self._optimizer.state_dict(),
            "schedule": {"last_epoch": self._schedule.last_epoch},
            "epoch": self._epoch,
            "step": self._step,
            "best": vars(self._best) if self._best else None,
            "best_weights": self._best_weights,
            "metrics": self.metrics,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Stand where `state` was taken."""
        self._model.load_state_dict(state["weights"], strict=False)
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.last_epoch = state["schedule"]["last_epoch"]
        self._epoch, self._step = state["epoch"], state["step"]
        self._best = Validation(**state["best"]) if state["best"] else None
        self._best_weights, self.metrics = state["best_weights"], state["metrics"]

    def write(self, folder: Path, settings: dict[str, Any]) -> Bundle:
        """Write the best validated epoch as a bundle, with its threshold and the run's settings."""
        if self._best is None:
            raise SamftError("expected at least one validated epoch, got none; raise epochs or max_steps")
        self._model.load_state_dict(self._best_weights, strict=False)
        card = Card(
            recipe=dataclasses.replace(self._recipe, threshold=self._best.threshold),
            base_id=self._base.id,
            base_revision=self._base.revision,
            base_sha256=self._base.sha256,
            trained=self._config.train,
            training={"settings": settings, "validation": vars(self._best)},
        )
        return write_bundle(self._model, card, folder)

    def _learn_from(self, batch: Batch) -> float:
        """One optimizer step; gives the batch's loss."""
        logits, estimate = self._forward(batch, encoded=self._learn.encoded)
        parts = mask_losses(logits, estimate, batch.truth, batch.known)
        loss = parts.cross_entropy + self._config.dice_weight * parts.dice + self._config.iou_weight * parts.iou
        if not torch.isfinite(loss):
            raise SamftError(
                f"expected a finite loss, got {loss.item()} in step {self._step + 1}; "
                f"lower learning_rate and start again in another --out"
            )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, self._config.clip_norm)
        self._optimizer.step()
        self._schedule.step()
        self._step += 1
        return loss.item()

    def _forward(self, batch: Batch, *, encoded: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits at the tile's resolution and the IoU estimate, in float32."""
        half = torch.autocast(self._device.type, dtype=torch.bfloat16)
        with half if self._config.precision == "bf16" else contextlib.nullcontext():
            embeddings = batch.inputs if encoded else encode(self._model, batch.inputs)
            prompt = whole_tile(
                self._recipe.prompt, batch=len(embeddings), input_px=self._recipe.input_px, device=self._device
            )
            logits, estimate = decode(self._model, embeddings, prompt)
        return enlarge(logits.float(), self._recipe.tile_px), estimate.float()

    def _select_parameters(self) -> list[torch.nn.Parameter]:
        """Freeze all but what is to be trained, and list that."""
        self._model.requires_grad_(self._config.train == "all")
        self._model.mask_decoder.requires_grad_(True)
        return [parameter for parameter in self._model.parameters() if parameter.requires_grad]

    def _rate(self, step: int) -> float:
        """The learning rate's factor: a linear warm-up, then half a cosine down to 0."""
        warmup = max(1, round(self._config.warmup * self._total_steps))
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, self._total_steps - warmup)))


def _recipe(chips: Chips, input_px: int, config: TrainConfig) -> Recipe:
    meta = chips.meta
    if input_px < meta.size_px:
        raise ChipsError(
            expected=f"chips of at most {input_px} pixels, the model's input",
            got=f"{meta.size_px}",
            remedy=f"prepare them again with --size {input_px // 2}",
        )
    return Recipe(
        gsd_m=meta.gsd_m,
        bands=meta.bands,
        stretch=meta.stretch,
        tile_px=meta.size_px,
        overlap_px=round(meta.size_px * OVERLAP),
        input_px=input_px,
        prompt=config.prompt,
        threshold=0.5,
        min_area_m2=config.min_area_m2,
    )
