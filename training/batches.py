"""From chips to the tensors a step works on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import SamModel

from samft_core.bundle import Recipe
from samft_core.progress import Progress
from samft_core.sam.forward import encode
from samft_core.sam.preprocess import preprocess
from training.augment import random_view
from training.chips import Chip, Sample


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some chips, on the device."""

    inputs: torch.Tensor
    """Pixel values (batch, 3, input_px, input_px), or embeddings (batch, channels, grid, grid)."""
    truth: torch.Tensor
    """(batch, tile_px, tile_px), 1 where building."""
    known: torch.Tensor
    """(batch, tile_px, tile_px), 1 where to learn."""


class Source:
    """Chips as batches: read anew each time, or as embeddings that were computed once.

    Args:
        chips: The chips, in a fixed order.
        recipe: How pixels become the encoder's input.
        device: Where the batches go.
        embeddings: One (channels, grid, grid) for each chip, where the encoder is frozen.
        augment: The random views that chips are seen in, as in `TrainConfig`.
    """

    def __init__(
        self,
        chips: Sequence[Chip],
        recipe: Recipe,
        device: torch.device,
        *,
        embeddings: Sequence[torch.Tensor] | None = None,
        augment: str = "none",
    ) -> None:
        self.chips = chips
        self._recipe = recipe
        self._device = device
        self._embeddings = embeddings
        self._augment = augment if embeddings is None else "none"

    @property
    def encoded(self) -> bool:
        """Whether `Batch.inputs` are embeddings."""
        return self._embeddings is not None

    def shuffled(self, *, size: int, seed: int, epoch: int) -> Iterator[Batch]:
        """One pass in random order; order and views follow from seed, epoch and chip alone."""
        order = np.random.default_rng([seed, epoch]).permutation(len(self.chips))
        for start in range(0, len(order), size):
            yield self._batch(order[start : start + size].tolist(), chance=(seed, epoch))

    def ordered(self) -> Iterator[Batch]:
        """One pass, chip by chip."""
        for index in range(len(self.chips)):
            yield self._batch([index], chance=None)

    def __len__(self) -> int:
        return len(self.chips)

    def _batch(self, indices: list[int], chance: tuple[int, int] | None) -> Batch:
        samples = [self.chips[index].read() for index in indices]
        if self._augment != "none" and chance is not None:
            samples = [
                random_view(sample, np.random.default_rng([*chance, index]), turn=self._augment == "turn")
                for index, sample in zip(indices, samples, strict=True)
            ]
        if self._embeddings is not None:
            inputs = torch.stack([self._embeddings[index] for index in indices]).float()
        else:
            inputs = torch.stack([self._pixel_values(sample) for sample in samples])
        truth = torch.from_numpy(np.stack([sample.truth for sample in samples])).float()
        known = torch.from_numpy(np.stack([sample.known for sample in samples])).float()
        return Batch(inputs=inputs.to(self._device), truth=truth.to(self._device), known=known.to(self._device))

    def _pixel_values(self, sample: Sample) -> torch.Tensor:
        return preprocess(sample.image, sample.valid, self._recipe.input_px)


@torch.inference_mode()
def embed(
    model: SamModel, chips: Sequence[Chip], recipe: Recipe, device: torch.device, stage: str, progress: Progress
) -> list[torch.Tensor]:
    """Encode every chip once, in float16 on the CPU; 2 MiB a chip for SAM's own sizes."""
    embeddings = []
    for done, chip in enumerate(chips):
        progress(stage, done, len(chips))
        sample = chip.read()
        values = preprocess(sample.image, sample.valid, recipe.input_px)[None].to(device)
        embeddings.append(encode(model, values)[0].to("cpu", torch.float16))
    progress(stage, len(chips), len(chips))
    return embeddings
