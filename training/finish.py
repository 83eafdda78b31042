"""The end of a run: threshold and minimum area are chosen on the val chips, the bundle and its report are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samft_core.bundle import Bundle, Card, Recipe
from samft_core.progress import Progress
from samft_core.sam.base import BaseModel
from samft_core.sam.embeddings import EmbeddingCache
from samft_core.sam.segmenter import SamSegmenter
from samft_core.sam.weights import write_bundle
from training.chips import Chips
from training.config import TrainConfig
from training.evaluate import choose_min_area_m2, measure
from training.learner import Learner
from training.report import write_training_report
from training.run import BUNDLE, CHECKPOINTS
from training.validate import Validation


def finish(
    learner: Learner,
    *,
    base: BaseModel,
    chips: Chips,
    out: Path,
    recipe: Recipe,
    best: Validation,
    config: TrainConfig,
    settings: Mapping[str, Any],
    cache: EmbeddingCache | None,
    progress: Progress,
) -> Bundle:
    """Write RUN/bundle and RUN/report.html.

    Args:
        learner: The model, with the best weights.
        base: What it started from.
        chips: The chips folder.
        out: The run's folder.
        recipe: The recipe, without threshold and minimum area.
        best: The best validation.
        config: The settings.
        settings: The same with model and chips, as the bundle tells them.
        cache: What the whole encoder made of the val chips, if it was frozen.
        progress: Told about each chip.
    """
    device = next(learner.parameters()).device
    segmenter = SamSegmenter(learner.model.float(), recipe, str(device), cache=cache)
    pinned_m2 = 0.0 if config.min_area_m2 == "auto" else config.min_area_m2
    recipe = dataclasses.replace(recipe, threshold=best.threshold, min_area_m2=pinned_m2)
    evaluation = measure(recipe, chips, split="val", segmenter=segmenter, progress=progress)
    chosen_m2 = choose_min_area_m2(evaluation) if config.min_area_m2 == "auto" else pinned_m2
    if chosen_m2 != pinned_m2:
        recipe = dataclasses.replace(recipe, min_area_m2=chosen_m2)
        evaluation = measure(recipe, chips, split="val", segmenter=segmenter, progress=progress)
    card = Card(
        recipe=recipe,
        base_id=base.id,
        base_revision=base.revision,
        base_sha256=base.sha256,
        trained=config.train,
        lora=learner.lora,
        training={
            "settings": settings,
            "validation": {**vars(best), "object_f1": evaluation.objects.f1},
        },
    )
    staged = write_bundle(learner.model, card, out / CHECKPOINTS / BUNDLE)
    write_training_report(staged, evaluation, out)
    staged.path.replace(out / BUNDLE)  # last, for it is what says that the run is over
    return dataclasses.replace(staged, path=out / BUNDLE)
