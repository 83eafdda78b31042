"""Where a run's batches come from: chips that can be read, and what a frozen encoder makes of them."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from samft_core.ahead import ahead
from samft_core.bundle import Recipe
from samft_core.errors import ChipsError
from samft_core.progress import Progress
from samft_core.sam.embeddings import EmbeddingCache
from training.batches import Source
from training.chips import Chip, Chips
from training.config import TrainConfig
from training.distributed import Ranks
from training.encode import cached_trunk
from training.learner import Learner
from training.order import own_chips
from training.precision import weights_in

log = logging.getLogger("samft")

OVERLAP = 0.25
"""The share of a tile's side that neighbouring tiles have in common when a raster is segmented."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What one process learns from and is checked on."""

    learn: Source
    check: Source
    check_mine: Sequence[int]
    """The numbers of the val chips that this process looks at."""
    by_node: bool
    """Whether each node draws from its own training chips."""
    cache: EmbeddingCache | None
    """Where the chips' embeddings are, if the whole encoder is frozen."""


def make_sources(
    chips: Chips,
    learner: Learner,
    recipe: Recipe,
    *,
    config: TrainConfig,
    ranks: Ranks,
    device: torch.device,
    progress: Progress,
) -> Sources:
    """The batches of a run; encodes all chips where the encoder is frozen.

    Raises:
        ChipsError: A split is empty.
        OutputError: The cache would become too large.
    """
    learn, check = chips.require("train"), chips.require("val")
    if not any((chip.read_mask() == 1).any() for chip in check):
        raise ChipsError(
            expected=f"buildings on the val chips of {chips.path}, to choose the best epoch and the threshold by",
            got=f"none on {len(check)} chips",
            remedy="prepare a larger area, or draw the splits with another --seed",
        )
    caches = config.caches and learner.frozen_blocks > 0
    by_node = caches and ranks.nodes > 1
    own = own_chips(len(check), ranks, by_node=True)
    trunk = None
    if caches:
        trunk = cached_trunk(
            learner.model,
            [learn[index] for index in own_chips(len(learn), ranks, by_node=by_node)],
            [check[index] for index in own],
            blocks=learner.frozen_blocks,
            recipe=recipe,
            config=config,
            device=device,
            ranks=ranks,
            progress=progress,
        )
    checked = Source(
        folder=chips,
        chips=check,
        recipe=recipe,
        device=device,
        dtype=weights_in(config.precision),
        encoded=trunk.encoded if trunk else None,
    )
    return Sources(
        learn=dataclasses.replace(
            checked,
            chips=learn,
            augment=config.augment,
            views=config.views,
            prompts_per_chip=config.prompts_per_chip,
            prompts_from=config.prompts_from * planned_epochs(config, len(learn), ranks),
        ),
        check=checked,
        check_mine=own[ranks.local_rank :: ranks.local_world],
        by_node=by_node,
        cache=trunk.cache if trunk and _segments_alike(config, device) else None,
    )


def recipe_for(chips: Chips, input_px: int, config: TrainConfig) -> Recipe:
    """What training pins; threshold and minimum area are chosen at its end.

    Raises:
        ChipsError: Chips are larger than the model's input.
    """
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
        min_area_m2=0.0,
        draw_prompts=config.draw_prompts,
    )


def planned_epochs(config: TrainConfig, chips: int, ranks: Ranks) -> int:
    """How many epochs a run has, unless patience ends it."""
    if not config.max_steps:
        return config.epochs
    steps = math.ceil(chips / (config.batch_size * config.accumulate * ranks.world))
    return min(config.epochs, math.ceil(config.max_steps / steps))


def _segments_alike(config: TrainConfig, device: torch.device) -> bool:
    """Whether what is cached is what segmenting would make: all of the encoder's work, computed in the same way."""
    same = config.train == "mask_decoder" and config.cache == "fp16" and config.precision == "fp32"
    return same and device.type == "cpu"  # a GPU encodes chips in company, which rounds otherwise


def readable(chips: Chips, *, config: TrainConfig, ranks: Ranks, progress: Progress) -> Chips:
    """The folder without the train and val chips that cannot be read; each is looked at by one process.

    Raises:
        ChipsError: There is one, and the settings do not say to skip it; or a split is empty.
    """
    every = [chip for split in ("train", "val") for chip in chips.require(split)]
    mine = every[ranks.rank :: ranks.world]
    mistakes = {}
    for place, (chip, mistake) in enumerate(zip(mine, ahead(_mistake, mine), strict=True)):
        progress("looking at chips", place, len(mine))
        if mistake:
            mistakes[chip.name] = mistake
    progress("looking at chips", len(mine), len(mine))
    found = {name: mistake for some in ranks.gather(mistakes) for name, mistake in some.items()}
    if found and config.bad_chips == "refuse":
        raise found[min(found)]
    if found and ranks.first:
        log.warning("left out: %s", "; ".join(f"{name} ({found[name].got})" for name in sorted(found)))
    return chips.without(found)


def _mistake(chip: Chip) -> ChipsError | None:
    try:
        chip.read()
    except ChipsError as error:
        return error
    return None
