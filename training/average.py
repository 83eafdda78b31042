"""A moving average of the weights, which wavers less than they do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import nn


class WeightAverage:
    """An exponential moving average of the weights that learn (Polyak and Juditsky 1992, with weights that fade).

    Args:
        parameters: Those that the optimizer moves.
        decay: What stays of the average in a step; 0 for the weights themselves. It rises to this value with the
            steps, as (1 + steps) / (10 + steps), so that first weights are soon forgotten.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self._parameters, self._decay = list(parameters), decay
        self.tensors = [parameter.detach().clone() for parameter in parameters] if decay else []
        """The average, in the parameters' order; part of a snapshot."""

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after so many steps in."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for tensor, parameter in zip(self.tensors, self._parameters, strict=bool(self._decay)):
            tensor.lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def restore(self, tensors: Sequence[torch.Tensor]) -> None:
        """Stand where a snapshot was taken."""
        for tensor, kept in zip(self.tensors, tensors, strict=True):
            tensor.copy_(kept)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Have the model hold the average for a while."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for tensor, parameter in zip(self.tensors, self._parameters, strict=bool(self._decay)):
            parameter.data, tensor.data = tensor.data, parameter.data
