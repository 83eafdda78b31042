"""LoRA: adapters in the attention of the encoder's last blocks (Hu et al. 2021, arXiv:2106.09685), by peft."""

from __future__ import annotations

import torch
from transformers import SamModel

from samft_core.bundle import Lora
from samft_core.errors import ModelError

ADAPTED = ("attn.qkv", "attn.proj")
"""The layers of a block that get adapters."""
MARKS = (".lora_A.", ".lora_B.")
"""What the names of adapters' tensors hold, and no others'."""


def add_lora(model: SamModel, lora: Lora, *, seed: int) -> None:
    """Put adapters into a model, which answers as before until they learn.

    Only the adapters and the mask decoder are left to be trained.

    Args:
        model: A SAM without adapters; changed in place.
        lora: Where they go, and how large they are.
        seed: Of their first weights; the global random numbers go on as if nothing was.

    Raises:
        ModelError: The encoder has not so many blocks.
    """
    from peft import LoraConfig, inject_adapter_in_model  # takes seconds

    every = len(model.vision_encoder.layers)
    if lora.blocks > every:
        raise ModelError(
            expected=f"adapters in at most the encoder's {every} blocks",
            got=str(lora.blocks),
            remedy=f"take 1 to {every} of its last blocks",
        )
    adapted = [f"vision_encoder.layers.{i}.{name}" for i in range(every - lora.blocks, every) for name in ADAPTED]
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=0.0, bias="none", target_modules=adapted)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model)
    model.requires_grad_(False)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = is_adapter(name) or name.startswith("mask_decoder.")


def merge_lora(model: SamModel) -> SamModel:
    """Add adapters to the weights they stand beside: the same model, in place, plain again."""
    from peft.tuners.lora import LoraLayer

    for name, layer in list(model.named_modules()):
        if isinstance(layer, LoraLayer):
            layer.merge()
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, layer.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config
    return model


def is_adapter(name: str) -> bool:
    """Whether a tensor of this name belongs to an adapter."""
    return any(mark in name for mark in MARKS)
