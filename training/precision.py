"""What numbers layers compute in."""

from __future__ import annotations

import contextlib

import torch

LAYERS = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Precisions in which layers compute in half the bits while weights keep theirs."""


def layers_in(precision: str, device: torch.device) -> contextlib.AbstractContextManager[None]:
    """A context in which layers compute in a precision, as `TrainConfig` names it."""
    if precision not in LAYERS:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=LAYERS[precision])


def weights_in(precision: str) -> torch.dtype:
    """What the weights are kept in."""
    return torch.float64 if precision == "fp64" else torch.float32
