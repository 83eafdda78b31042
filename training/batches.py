"""From chips to the tensors a step works on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from samft_core.bundle import Recipe
from samft_core.sam.forward import Prompt, whole_tile
from samft_core.sam.preprocess import preprocess
from training.augment import flipped_view, random_view
from training.chips import Chip, Chips, Sample
from training.prompts import BOX, POINT, Request, random_requests


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Chips of a batch that are prompted alike, and the right answers."""

    chips: torch.Tensor
    """(count,), places in the batch; a chip may come more than once."""
    prompt: Prompt
    """One for each of them."""
    truth: torch.Tensor
    """(count, tile_px, tile_px), 1 where building."""
    known: torch.Tensor
    """(count, tile_px, tile_px), 1 where to learn."""
    weight: torch.Tensor
    """(count,), of the answer in its chip's loss."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some chips, on the device."""

    inputs: torch.Tensor
    """Pixel values (batch, 3, input_px, input_px), or what the frozen trunk of the encoder made of them."""
    whole: Asked
    """All buildings of each chip, in the chips' order."""
    single: tuple[Asked, ...] = ()
    """Single buildings, by boxes and by points."""


Encoded = Callable[[Chip, int], torch.Tensor]
"""What the frozen trunk makes of a chip in one of its flips and rotations, without a batch dimension."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Chips as batches."""

    folder: Chips
    chips: Sequence[Chip]
    """Those to draw from, in a fixed order."""
    recipe: Recipe
    device: torch.device
    dtype: torch.dtype = torch.float32
    encoded: Encoded | None = None
    """Where a frozen trunk's answers come from; None to take pixels."""
    augment: str = "none"
    """As in `TrainConfig`."""
    views: int = 1
    prompts_per_chip: float = 0.0
    """Single buildings asked for beside all, as in `TrainConfig`."""
    prompts_from: float = 0.0
    """The first epoch in which they are."""

    def random(self, indices: Sequence[int], *, seed: int, epoch: int) -> Batch:
        """Chips in random views, which follow from seed, epoch and chip alone."""
        rngs = [np.random.default_rng([seed, epoch, index]) for index in indices]
        asks = epoch >= self.prompts_from
        return self._batch([self._random(index, rng, asks=asks) for index, rng in zip(indices, rngs, strict=True)])

    def plain(self, index: int) -> Batch:
        """One chip as it is, asked for all its buildings."""
        chip = self.chips[index]
        if self.encoded is not None:
            return self._batch([(_truth_alone(chip.read_mask()), (), self.encoded(chip, 0))])
        sample = chip.read()
        return self._batch([(sample, (), self._pixel_values(sample))])

    def _random(self, index: int, rng: np.random.Generator, *, asks: bool) -> Drawn:
        chip = self.chips[index]
        count = math.floor(self.prompts_per_chip + rng.random()) if asks else 0
        view = int(rng.integers(self.views)) if self.augment == "flips" else 0
        instances = self.folder.instances(chip) if count else None
        sample = _truth_alone(chip.read_mask()) if self.encoded is not None else chip.read()
        sample = flipped_view(Sample(**{**vars(sample), "instances": instances}), view)
        if self.augment in ("shift", "turn"):
            sample = random_view(sample, rng, turn=self.augment == "turn")
        requests: Sequence[Request] = ()
        if sample.instances is not None:
            requests = random_requests(sample.instances, rng, count=count, scale=self._scale)
        inputs = self.encoded(chip, view) if self.encoded is not None else self._pixel_values(sample)
        return sample, requests, inputs

    def _batch(self, drawn: Sequence[Drawn]) -> Batch:
        samples, inputs = [sample for sample, _, _ in drawn], [values for _, _, values in drawn]
        singles = [(place, request) for place, (_, requests, _) in enumerate(drawn) for request in requests]
        by_kind = [[(place, request) for place, request in singles if request.kind == kind] for kind in (BOX, POINT)]
        shares = [1 / max(1, len(requests)) for _, requests, _ in drawn]
        return Batch(
            inputs=self._on_device(torch.stack(inputs)),
            whole=Asked(
                chips=torch.arange(len(samples), device=self.device),
                prompt=whole_tile(
                    self.recipe.prompt, batch=len(samples), input_px=self.recipe.input_px, device=self.device
                ),
                truth=self._stacked([sample.truth for sample in samples]),
                known=self._stacked([sample.known for sample in samples]),
                weight=torch.ones(len(samples), device=self.device, dtype=self.dtype),
            ),
            single=tuple(self._singles(some, samples, shares) for some in by_kind if some),
        )

    def _singles(
        self, some: Sequence[tuple[int, Request]], samples: Sequence[Sample], shares: Sequence[float]
    ) -> Asked:
        """Requests of one kind, each with its chip's place; a chip's requests weigh as much as its whole tile."""
        places = [place for place, _ in some]
        at = torch.tensor([request.at for _, request in some], device=self.device, dtype=self.dtype)[:, None]
        ones = torch.ones(len(some), 1, 1, device=self.device)
        return Asked(
            chips=torch.tensor(places, device=self.device),
            prompt=Prompt(boxes=at) if some[0][1].kind == BOX else Prompt(points=at[:, None], labels=ones),
            truth=self._stacked([request.truth for _, request in some]),
            known=self._stacked([samples[place].known for place in places]),
            weight=torch.tensor([shares[place] for place in places], device=self.device, dtype=self.dtype),
        )

    @property
    def _scale(self) -> float:
        """Pixels of the encoder's input in one of a chip's."""
        return self.recipe.input_px / self.recipe.tile_px

    def _stacked(self, masks: Sequence[npt.NDArray[np.bool_]]) -> torch.Tensor:
        return self._on_device(torch.from_numpy(np.stack(masks)))

    def _on_device(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, self.dtype)

    def _pixel_values(self, sample: Sample) -> torch.Tensor:
        return preprocess(sample.image, sample.valid, self.recipe.input_px)


Drawn = tuple[Sample, Sequence[Request], torch.Tensor]
"""A view of a chip, the single buildings to ask for in it, and what the encoder is given."""


def _truth_alone(mask: npt.NDArray[np.uint8]) -> Sample:
    """A chip whose pixels are not needed."""
    nothing = np.zeros((0, *mask.shape), dtype=np.uint8)
    return Sample(image=nothing, valid=np.ones(mask.shape, dtype=np.bool_), mask=mask)
