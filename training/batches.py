"""From chips to the tensors a step works on."""

from __future__ import annotations

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
from training.prompts import BOX, Request, random_request


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Some chips of a batch that are prompted alike."""

    chips: torch.Tensor
    """Their places in the batch."""
    prompt: Prompt


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some chips, on the device."""

    inputs: torch.Tensor
    """Pixel values (batch, 3, input_px, input_px), or what the frozen trunk of the encoder made of them."""
    asked: tuple[Asked, ...]
    """How they are prompted; every chip once."""
    truth: torch.Tensor
    """(batch, tile_px, tile_px), 1 where building."""
    known: torch.Tensor
    """(batch, tile_px, tile_px), 1 where to learn."""


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
    prompted: float = 0.0
    """The share of views in which one building is asked for."""

    def random(self, indices: Sequence[int], *, seed: int, epoch: int) -> Batch:
        """Chips in random views, which follow from seed, epoch and chip alone."""
        return self._batch([self._random(index, np.random.default_rng([seed, epoch, index])) for index in indices])

    def plain(self, index: int) -> Batch:
        """One chip as it is, asked for all its buildings."""
        chip = self.chips[index]
        if self.encoded is not None:
            return self._batch([(_truth_alone(chip.read_mask()), None, self.encoded(chip, 0))])
        sample = chip.read()
        return self._batch([(sample, None, self._pixel_values(sample))])

    def _random(self, index: int, rng: np.random.Generator) -> tuple[Sample, Request | None, torch.Tensor]:
        chip = self.chips[index]
        one = rng.random() < self.prompted
        view = int(rng.integers(self.views)) if self.augment == "flips" else 0
        instances = self.folder.instances(chip) if one else None
        sample = _truth_alone(chip.read_mask()) if self.encoded is not None else chip.read()
        sample = flipped_view(Sample(**{**vars(sample), "instances": instances}), view)
        if self.augment in ("shift", "turn"):
            sample = random_view(sample, rng, turn=self.augment == "turn")
        request = None
        if sample.instances is not None:
            request = random_request(sample.instances, rng, scale=self.recipe.input_px / self.recipe.tile_px)
        inputs = self.encoded(chip, view) if self.encoded is not None else self._pixel_values(sample)
        return sample, request, inputs

    def _batch(self, items: Sequence[tuple[Sample, Request | None, torch.Tensor]]) -> Batch:
        truth = np.stack([sample.truth if asked is None else asked.truth for sample, asked, _ in items])
        known = np.stack([sample.known for sample, _, _ in items])

        def on_device(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.to(self.device, self.dtype)

        return Batch(
            inputs=on_device(torch.stack([inputs for _, _, inputs in items])),
            asked=self._prompts([request for _, request, _ in items]),
            truth=on_device(torch.from_numpy(truth)),
            known=on_device(torch.from_numpy(known)),
        )

    def _prompts(self, requests: Sequence[Request | None]) -> tuple[Asked, ...]:
        """Chips with the same kind of prompt go together; the whole tile's box is a box like others."""
        groups: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault(request.kind if request else self.recipe.prompt, []).append(place)
        return tuple(
            Asked(
                chips=torch.tensor(places, device=self.device), prompt=self._prompt(kind, [requests[i] for i in places])
            )
            for kind, places in groups.items()
        )

    def _prompt(self, kind: str, requests: Sequence[Request | None]) -> Prompt:
        whole = whole_tile(self.recipe.prompt, batch=1, input_px=self.recipe.input_px, device=self.device)
        if kind == "none":
            return whole
        boxes = whole.boxes[0, 0].tolist() if whole.boxes is not None else None
        values = [request.at if request else boxes for request in requests]
        numbers = torch.tensor(values, device=self.device, dtype=self.dtype)[:, None]
        if kind == BOX:
            return Prompt(boxes=numbers)
        return Prompt(points=numbers[:, None], labels=torch.ones(len(values), 1, 1, device=self.device))

    def _pixel_values(self, sample: Sample) -> torch.Tensor:
        return preprocess(sample.image, sample.valid, self.recipe.input_px)


def _truth_alone(mask: npt.NDArray[np.uint8]) -> Sample:
    """A chip whose pixels are not needed."""
    nothing = np.zeros((0, *mask.shape), dtype=np.uint8)
    return Sample(image=nothing, valid=np.ones(mask.shape, dtype=np.bool_), mask=mask)
