"""What the frozen part of the encoder makes of every chip: computed once, kept in the cache, shared by processes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import SamModel

from samft_core.ahead import ahead
from samft_core.bundle import Recipe
from samft_core.errors import SamftError
from samft_core.progress import Progress
from samft_core.sam.embeddings import EmbeddingCache, in_words
from samft_core.sam.encoding import encoding_of, tile_key
from samft_core.sam.forward import trunk
from samft_core.sam.preprocess import preprocess
from training.augment import flipped_view
from training.chips import Chip
from training.config import TrainConfig
from training.distributed import Ranks
from training.precision import layers_in

log = logging.getLogger("samft")

GPU_BATCH = 4
"""Chips that a GPU encodes at once, always as many; a CPU gains nothing by it."""

Job = tuple[Chip, int]
"""A chip in one of its flips and rotations."""


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """The encoder's frozen first blocks and the cache of their answers."""

    model: SamModel
    blocks: int
    recipe: Recipe
    device: torch.device
    precision: str
    cache: EmbeddingCache
    keys: dict[tuple[str, int], str]
    """Of chips, by name and view."""

    def encoded(self, chip: Chip, view: int) -> torch.Tensor:
        """A chip's answer from the cache; computed again if somebody has deleted it."""
        key = self.keys[chip.name, view]
        try:
            return self.cache.read(key)
        except KeyError:
            log.warning("%s is not in the cache any more, and is encoded again", chip.name)
            self._encode([(chip, view)])
            return self.cache.read(key)

    def fill(self, jobs: Sequence[Job], stage: str, progress: Progress) -> None:
        """Encode what is not in the cache yet."""
        size = 1 if self.device.type == "cpu" else GPU_BATCH
        groups = [jobs[start : start + size] for start in range(0, len(jobs), size)]
        progress(stage, 0, len(jobs))
        done = 0
        for group, values in zip(groups, ahead(self._pixel_values, groups), strict=True):
            self._encode(group, values)
            done += len(group)
            progress(stage, done, len(jobs))

    def _pixel_values(self, jobs: Sequence[Job]) -> torch.Tensor:
        samples = [flipped_view(chip.read(), view) for chip, view in jobs]
        return torch.stack([preprocess(sample.image, sample.valid, self.recipe.input_px) for sample in samples])

    @torch.inference_mode()
    def _encode(self, jobs: Sequence[Job], values: torch.Tensor | None = None) -> None:
        values = self._pixel_values(jobs) if values is None else values
        if self.device.type != "cpu":  # the same shape every time, so that an answer does not depend on its company
            values = torch.cat([values, values[-1:].expand(GPU_BATCH - len(values), -1, -1, -1)])
        try:
            with layers_in(self.precision, self.device):
                answers = trunk(self.model, values.to(self.device, self.model.dtype), self.blocks)
        except torch.cuda.OutOfMemoryError as error:
            raise SamftError(
                f"expected {GPU_BATCH} chips to be encoded at once in {self.precision} on the GPU, got "
                f"{str(error).splitlines()[0]}; set precision=bf16, or take a smaller model"
            ) from error
        for (chip, view), answer in zip(jobs, answers, strict=False):
            self.cache.write(self.keys[chip.name, view], answer)


def cached_trunk(
    model: SamModel,
    learn: Sequence[Chip],
    check: Sequence[Chip],
    *,
    blocks: int,
    recipe: Recipe,
    config: TrainConfig,
    device: torch.device,
    ranks: Ranks,
    progress: Progress,
) -> Trunk:
    """Encode every chip that this node's processes need, unless the cache has it.

    Args:
        model: The model, on the device.
        learn: The training chips of this node, in each of the views in use.
        check: The val chips of this node, as they are.
        blocks: How many of the encoder's blocks are frozen.
        recipe: How pixels become the encoder's input.
        config: The settings: views, precision, kind and limit of the cache.
        device: Where to compute.
        ranks: This process; the processes of a node share the work.
        progress: Told about each chip.

    Raises:
        OutputError: The cache would become larger than the limit, or than the disk.
    """
    views = config.views if config.augment == "flips" else 1
    jobs = [(chip, view) for chip in learn for view in range(views)] + [(chip, 0) for chip in check]
    encoding = encoding_of(
        model,
        input_px=recipe.input_px,
        blocks=blocks,
        precision=config.precision,
        dtype="float16" if config.cache == "fp16" else "float32",
    )
    cache = EmbeddingCache(encoding)
    mine = jobs[ranks.local_rank :: ranks.local_world]
    found: dict[tuple[str, int], str] = {}
    for place, (job, key) in enumerate(zip(mine, ahead(_key, mine), strict=True)):
        progress("looking into the cache", place, len(mine))
        found[job[0].name, job[1]] = key
    progress("looking into the cache", len(mine), len(mine))
    keys = {name: key for some in ranks.gather(found) for name, key in some.items()}
    result = Trunk(
        model=model, blocks=blocks, recipe=recipe, device=device, precision=config.precision, cache=cache, keys=keys
    )
    by_key = {keys[chip.name, view]: (chip, view) for chip, view in jobs}
    missing = [job for key, job in by_key.items() if key not in cache]
    shape = _shape(model, blocks)
    cache.require_room(len(missing), shape, int(config.cache_limit_gb * 1e9), there=len(by_key) - len(missing))
    _tell(len(jobs), len(missing), cache, shape, ranks)
    ranks.wait()  # all have looked before anybody writes
    result.fill(missing[ranks.local_rank :: ranks.local_world], "encoding chips", progress)
    ranks.wait()
    return result


def _key(job: Job) -> str:
    chip, view = job
    sample = flipped_view(chip.read(), view)
    return tile_key(sample.image, sample.valid)


def _shape(model: SamModel, blocks: int) -> tuple[int, ...]:
    """Of what the first blocks make of one chip."""
    vision = model.config.vision_config
    grid = vision.image_size // vision.patch_size
    whole = blocks == vision.num_hidden_layers
    return (vision.output_channels, grid, grid) if whole else (grid, grid, vision.hidden_size)


def _tell(wanted: int, missing: int, cache: EmbeddingCache, shape: tuple[int, ...], ranks: Ranks) -> None:
    if ranks.first:
        each = cache.bytes_each(shape)
        log.info(
            "%d views of chips, %s each, %s in all in %s: %d are there, %d to encode%s",
            wanted,
            in_words(each),
            in_words(wanted * each),
            cache.folder,
            wanted - missing,
            missing,
            f"; each of {ranks.nodes} nodes keeps its own chips and shuffles among them" if ranks.nodes > 1 else "",
        )
