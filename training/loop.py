"""The training loop: chips in, bundle out."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from samft_core.ahead import ahead
from samft_core.bundle import Bundle, load_bundle
from samft_core.errors import ConfigError, SamftError
from samft_core.progress import Progress, silent
from samft_core.sam.base import load_base
from samft_core.sam.known import TINY
from samft_core.sam.weights import trained_weights
from training.average import WeightAverage
from training.batches import Batch
from training.chips import Chips
from training.config import TrainConfig, as_dict
from training.distributed import Ranks, together
from training.finish import finish
from training.follow import Board, Pace, require_tensorboard, write_metrics
from training.layout import layout, random_state, restore_random_state, tell_differences
from training.learner import Learner
from training.losses import mask_losses
from training.order import Step, epoch_steps
from training.precision import weights_in
from training.report import write_progress_report
from training.run import BUNDLE, CHECKPOINTS, check_same_run, claim
from training.snapshot import load_snapshot, save_snapshot
from training.sources import make_sources, readable, recipe_for
from training.standing import Standing
from training.stop import Stop, StoppedError, stop_on_signals
from training.validate import Validation, validate

SECONDS_BETWEEN_PAGES = 5.0

SMALLEST_SCALE = 2.0**-14
"""Of the loss in fp16: it is halved whenever gradients are too large, and only endless ones lead so far."""

_REMEDY = "the last snapshot is kept: lower learning_rate, or compute in fp32, and start in another --out"


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

    Under torchrun, every process calls this, and they train together.

    Args:
        chips: What to learn from; its val split chooses the best epoch, the threshold and the minimum area.
        out: The run's folder: `bundle/`, `checkpoints/`, `metrics.jsonl`, `report.html`.
        model: What to start from, as `samft_core.sam.base.load_base` takes it.
        config: The settings.
        device: cpu, cuda, mps, or auto.
        progress: Told about each step, by the first process alone. What it raises ends the run; after a step, and where
            no other processes train along, a snapshot is taken first.

    Returns:
        The bundle of the best validated epoch.

    Raises:
        InputError: Chips, model or settings do not fit, or another run is in the folder.
        StoppedError: SIGTERM or Ctrl-C came; a snapshot was taken.
        SamftError: The loss is not finite, memory ran out, or another process ended.
    """
    if model == TINY and config.train != "all":
        raise ConfigError(
            expected=f"train = all for {TINY}, whose encoder starts from random weights",
            got=f"train = {config.train}",
            remedy="leave the setting out, or start from another model",
        )
    if config.tensorboard:
        require_tensorboard()
    settings = {**as_dict(config), "model": model, "chips": chips.digest}
    with together(device) as (ranks, place), stop_on_signals() as stop, _clear_memory_errors(config):
        finished = ranks.by_first(lambda: _finished(out, settings))
        if finished:
            return finished
        told = progress if ranks.first else silent
        trainer = Trainer(chips, out, model=model, config=config, ranks=ranks, device=place, stop=stop, progress=told)
        with contextlib.closing(trainer):
            trainer.resume()
            trainer.run()
            return trainer.finish(settings)


class Trainer:
    """The model, what it learns from, and where it stands.

    Args:
        chips: Train and val splits must both have chips.
        out: The run's folder.
        model: What to start from.
        config: The settings.
        ranks: This process.
        device: Where to compute.
        stop: Whether it was told to stop.
        progress: Told about each step.
    """

    def __init__(
        self,
        chips: Chips,
        out: Path,
        *,
        model: str,
        config: TrainConfig,
        ranks: Ranks,
        device: torch.device,
        stop: Stop,
        progress: Progress,
    ) -> None:
        self._out, self._config, self._ranks = out, config, ranks
        self._device, self._stop, self._progress = device, stop, progress
        self._at = Standing()
        sam, self._base = load_base(model, tile_px=chips.meta.size_px, seed=config.seed)
        self._recipe = recipe_for(chips, sam.config.vision_config.image_size, config)
        self._chips = readable(chips, config=config, ranks=ranks, progress=self._tell)
        self._learner = Learner(sam.to(device, weights_in(config.precision)), self._recipe, config)
        self._sources = make_sources(
            self._chips, self._learner, self._recipe, config=config, ranks=ranks, device=device, progress=self._tell
        )
        self._net: nn.Module = _shared(self._learner) if ranks.world > 1 else self._learner
        self._optimizer = torch.optim.AdamW(
            self._learner.parameters_that_learn,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            betas=(0.9, 0.99),
        )
        self._average = WeightAverage(self._learner.parameters_that_learn, config.average)
        self._scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
        self._pace: Pace
        self._page_written_s = -math.inf
        self._board: Board | None = None

    def run(self) -> None:
        """Train until it is done."""
        if self._ranks.first and self._config.tensorboard:
            self._board = Board(self._out, self._at.step)
        self._learner.train()
        self._pace = Pace(self._at.chips(len(self._sources.learn.chips)))
        while not self._at.done(self._config):
            started_s, before = time.monotonic(), self._at.seen
            for step, batches in self._steps():
                if self._at.enough_steps(self._config):
                    break
                self._learn(step, batches)
            self._end_epoch(chips_per_s=(self._at.seen - before) / (time.monotonic() - started_s))

    def close(self) -> None:
        """Let go of what the processes share while they are together.

        Later, it would hold Python's lock and wait for gloo's threads, which wait for that lock.
        """
        self._net = self._learner

    def _steps(self) -> Iterator[tuple[Step, Iterator[Batch]]]:
        """The rest of this epoch's steps, and the batches of each, which are made ahead."""
        config, sources, epoch = self._config, self._sources, self._at.epoch
        steps = list(
            epoch_steps(
                len(sources.learn.chips),
                seed=config.seed,
                epoch=epoch,
                size=config.batch_size,
                accumulate=config.accumulate,
                ranks=self._ranks,
                by_node=sources.by_node,
                seen=self._at.seen,
            )
        )
        indices = (some for step in steps for some in step.chips)
        batches = ahead(lambda some: sources.learn.random(some, seed=config.seed, epoch=epoch), indices)
        with contextlib.closing(batches):
            for step in steps:
                yield step, itertools.islice(batches, len(step.chips))

    def _learn(self, step: Step, batches: Iterator[Batch]) -> None:
        """One optimizer step."""
        config, at = self._config, self._at
        rate = config.learning_rate * at.rate(config, len(self._sources.learn.chips), step_chips=step.total)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        told = torch.zeros(2, dtype=torch.float64)
        for number, batch in enumerate(batches, start=1):
            with self._in_step(last=number == len(step.chips)):
                loss = self._loss(batch) * (0 if step.stand_in else 1)
                # the mean over the chips of the whole step: DDP divides the sum over processes by their number
                self._scaler.scale(loss * self._ranks.world / step.total).backward()
            told[0] += loss.item()
        told[1] = float(self._stop.asked)
        loss_sum, stops = self._ranks.total(told).tolist()
        self._require_finite("loss", loss_sum, step)
        self._scaler.unscale_(self._optimizer)
        norm = nn.utils.clip_grad_norm_(self._learner.parameters_that_learn, config.clip_norm).item()
        if not self._scaler.is_enabled():  # which leaves out steps whose gradients are too large for fp16
            self._require_finite("gradient", norm, step)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._scaler.is_enabled() and self._scaler.get_scale() < SMALLEST_SCALE:
            self._require_finite("gradient in fp16", math.inf, step)
        self._average.update(at.step)
        at.step, at.seen, at.loss_sum = at.step + 1, at.seen + step.total, at.loss_sum + loss_sum
        try:
            self._report_step(loss_sum / step.total)
        except BaseException:  # whoever is told has had enough
            if self._ranks.world == 1:
                self._save()
            raise
        if stops or at.step % config.snapshot_every == 0:
            self._save()
        if stops:
            raise StoppedError(at.step, self._out, self._stop.by)

    def _loss(self, batch: Batch) -> torch.Tensor:
        """The sum over chips of the loss of all buildings and the mean loss of those asked for alone."""
        asked = (batch.whole, *batch.single)
        answers = self._net(batch.inputs, asked, encoded=self._sources.learn.encoded is not None)
        losses = []
        for some, (logits, estimate) in zip(asked, answers, strict=True):
            parts = mask_losses(logits, estimate, some.truth, some.known)
            each = parts.cross_entropy + self._config.dice_weight * parts.dice + self._config.iou_weight * parts.iou
            losses.append((some.weight * each).sum())
        return torch.stack(losses).sum()

    def _in_step(self, *, last: bool) -> contextlib.AbstractContextManager[None]:
        """Processes exchange gradients after the last batch of a step alone."""
        if isinstance(self._net, DistributedDataParallel) and not last:
            return self._net.no_sync()
        return contextlib.nullcontext()

    def _end_epoch(self, *, chips_per_s: float) -> None:
        """Validate if it is due, and note how the epoch went."""
        at = self._at
        result = self._validate() if at.validation_due(self._config) else None
        at.epoch += 1
        line: dict[str, Any] = {
            "epoch": at.epoch,
            "step": at.step,
            "loss": round(at.loss, 5),
            "learning_rate": self._optimizer.param_groups[0]["lr"],
            "chips_per_s": round(chips_per_s, 2),
        }
        at.seen, at.loss_sum = 0, 0.0
        if result:
            line |= {f"val_{key}": round(value, 5) for key, value in vars(result).items()}
        at.metrics.append(line)
        if self._ranks.first:
            write_metrics(self._out, at.metrics)
            self._write_page()
        if self._board:
            self._board.write(at.step, {key: value for key, value in line.items() if key != "step"})

    def _validate(self) -> Validation:
        """Score the average of the weights on the val chips, and keep it if none was better."""
        sources, at = self._sources, self._at
        with self._average.in_place():
            result = validate(
                self._learner, sources.check, sources.check_mine, self._config, self._ranks, stop=self._stop
            )
            if result:
                if not math.isfinite(result.loss):
                    raise SamftError(f"expected a finite loss on the val chips, got {result.loss}; {_REMEDY}")
                complete = at.epoch + 1 > sources.learn.prompts_from
                at.note_check(
                    result, lambda: trained_weights(self._learner.model, self._config.train), complete=complete
                )
                return result
        self._save()  # as it is before the validation, which comes again
        raise StoppedError(at.step, self._out, self._stop.by)

    def _write_page(self) -> None:
        """The report so far, but not so often that drawing slows short epochs."""
        now_s = time.monotonic()
        if now_s - self._page_written_s >= SECONDS_BETWEEN_PAGES:
            write_progress_report(self._out, self._at.metrics, epochs=self._config.epochs)
            self._page_written_s = now_s

    def _report_step(self, loss: float) -> None:
        at, count = self._at, len(self._sources.learn.chips)
        seen, every = at.chips(count), at.planned_chips(self._config, count)
        best = f", best val IoU {at.best.iou:.3f}" if at.best else ""
        note = f"epoch {at.epoch + 1}, loss {at.loss:.3f}{best}, {self._pace.tell(seen, every - seen)}"
        if self._board:
            self._board.write(at.step, {"step_loss": loss})
        self._tell("training", seen, every, note)  # last: it may raise, and what is behind it is in a snapshot then

    def _tell(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Tell how far it is; before anything is learned, a stop needs no snapshot."""
        if self._at.step == 0 and self._stop.asked:
            raise StoppedError(0, self._out, self._stop.by)
        self._progress(stage, done, total, note)

    def _tell_at_end(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Tell how far it is; all steps are in a snapshot, so a stop needs none."""
        if self._stop.asked:
            raise StoppedError(self._at.step, self._out, self._stop.by)
        self._progress(stage, done, total, note)

    def _require_finite(self, what: str, value: float, step: Step) -> None:
        if math.isfinite(value):
            return
        names = ", ".join(self._sources.learn.chips[index].name for some in step.chips for index in some)
        raise SamftError(
            f"expected a finite {what}, got {value} in step {self._at.step + 1} (epoch {self._at.epoch + 1}; chips "
            f"{names}); {_REMEDY}"
        )

    def _save(self) -> None:
        """Write a snapshot of all processes."""
        random = self._ranks.gather(random_state(self._device))

        def save() -> None:
            state = {
                "weights": trained_weights(self._learner.model, self._config.train),
                "average": self._average.tensors,
                "optimizer": self._optimizer.state_dict(),
                "scaler": self._scaler.state_dict(),
                "standing": self._at.state(),
                "random": random,
                "layout": layout(self._ranks, self._device),
                "settings": as_dict(self._config),
            }
            save_snapshot(self._out / CHECKPOINTS, self._at.step, state)

        self._ranks.by_first(save)

    def resume(self) -> None:
        """Stand where the newest snapshot was taken, if there is one."""
        state = self._ranks.by_first(lambda: load_snapshot(self._out / CHECKPOINTS))
        if state is None:
            return
        self._learner.model.load_state_dict(state["weights"], strict=False)
        self._average.restore(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self._at = Standing.of(state["standing"])
        if self._ranks.rank < len(state["random"]):
            restore_random_state(state["random"][self._ranks.rank], self._device)
        if self._ranks.first:
            tell_differences(state["layout"], layout(self._ranks, self._device))

    def finish(self, settings: dict[str, Any]) -> Bundle:
        """Write the best validated epoch as a bundle, with its threshold, its minimum area and the settings."""
        at = self._at
        if at.best is None:
            raise SamftError("expected at least one validated epoch, got none; raise epochs or max_steps")
        self._save()
        self._learner.model.load_state_dict(at.best_weights, strict=False)
        best = at.best
        return self._ranks.by_first(
            lambda: finish(
                self._learner,
                base=self._base,
                chips=self._chips,
                out=self._out,
                recipe=self._recipe,
                best=best,
                config=self._config,
                settings=settings,
                cache=self._sources.cache,
                progress=self._tell_at_end,
            )
        )


def _shared(learner: Learner) -> DistributedDataParallel:
    """A learner whose gradients are those of all processes.

    They are packed in the same way in every step, for what three numbers add up to depends on their order. DDP would
    pack them anew after a run's first step, and after the first of a resumed one, unless it looks for weights that got
    none; it finds none here, and warns of it.
    """
    warnings.filterwarnings("ignore", "find_unused_parameters=True was specified")
    return DistributedDataParallel(learner, find_unused_parameters=True)


def _finished(out: Path, settings: dict[str, Any]) -> Bundle | None:
    """The bundle of a run that is over; or None, and the folder is this run's.

    Raises:
        ConfigError: Another run is in the folder.
    """
    if not (out / BUNDLE).exists():
        claim(out, settings)
        return None
    bundle = load_bundle(out / BUNDLE)
    check_same_run(bundle.card.training.get("settings", {}), settings, out)
    return bundle


@contextlib.contextmanager
def _clear_memory_errors(config: TrainConfig) -> Iterator[None]:
    """Say which setting to lower when a GPU's memory does not suffice."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        if config.train == "mask_decoder" or config.checkpoint_gradients:
            remedy = "raise accumulate as you lower batch_size"
        else:
            remedy = "raise accumulate as you lower batch_size, or set checkpoint_gradients=true"
        raise SamftError(
            f"expected batch_size = {config.batch_size} in {config.precision} to fit the GPU, got "
            f"{str(error).splitlines()[0]}; {remedy}, and run the same command with another --out"
        ) from error
