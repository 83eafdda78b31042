"""The model as it learns: which weights move, and how a batch becomes masks."""

from __future__ import annotations

import torch
from torch import nn
from transformers import SamModel

from samft_core.bundle import Lora, Recipe
from samft_core.sam.forward import decode, enlarge, head, trunk
from samft_core.sam.lora import add_lora
from training.batches import Batch
from training.config import TrainConfig
from training.precision import layers_in

LORA_SCALE = 2.0
"""What adapters are multiplied by: alpha over rank."""


class Learner(nn.Module):
    """A SAM, the part of it that learns, and its forward pass from a batch.

    Args:
        model: The SAM that training starts from; adapters are added to it here.
        recipe: The sizes.
        config: The settings.
    """

    def __init__(self, model: SamModel, recipe: Recipe, config: TrainConfig) -> None:
        super().__init__()
        self.model = model
        self.lora = lora_of(model, config)
        self._recipe, self._config = recipe, config
        model.requires_grad_(config.train == "all")
        model.prompt_encoder.requires_grad_(False)
        model.shared_image_embedding.requires_grad_(False)
        model.mask_decoder.requires_grad_(True)
        if self.lora is not None:
            add_lora(model, self.lora, seed=config.seed)
        if config.checkpoint_gradients:
            _checkpoint_gradients(model)

    @property
    def frozen_blocks(self) -> int:
        """How many of the encoder's first blocks do not learn; all of them pass through its neck too."""
        return frozen_blocks(self.model, self._config)

    @property
    def parameters_that_learn(self) -> list[nn.Parameter]:
        """Those the optimizer moves."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def forward(self, batch: Batch, *, encoded: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Mask logits at the tile's resolution (batch, tile_px, tile_px) and SAM's estimate of their IoU (batch,).

        Args:
            batch: The chips.
            encoded: Whether its inputs are what the frozen blocks made of the pixels.
        """
        with layers_in(self._config.precision, batch.inputs.device):
            embeddings = head(self.model, batch.inputs, self.frozen_blocks) if encoded else self._encode(batch.inputs)
            answers = [decode(self.model, embeddings[asked.chips], asked.prompt) for asked in batch.asked]
        order = torch.argsort(torch.cat([asked.chips for asked in batch.asked]))
        dtype = batch.truth.dtype
        logits, estimate = (torch.cat(parts)[order].to(dtype) for parts in zip(*answers, strict=True))
        return enlarge(logits, self._recipe.tile_px), estimate

    def _encode(self, values: torch.Tensor) -> torch.Tensor:
        """Embeddings of pixel values; blocks that do not learn keep nothing for the backward pass."""
        frozen = self.frozen_blocks
        with torch.set_grad_enabled(torch.is_grad_enabled() and frozen == 0):
            hidden = trunk(self.model, values, frozen)
        return head(self.model, hidden, frozen)


def _checkpoint_gradients(model: SamModel) -> None:
    """Compute blocks again in the backward pass; what the method is called depends on transformers' version."""
    how = {"use_reentrant": False}
    if hasattr(model, "activation_checkpointing_enable"):
        model.activation_checkpointing_enable(how)
    else:
        model.gradient_checkpointing_enable(how)


def frozen_blocks(model: SamModel, config: TrainConfig) -> int:
    """How many of the encoder's first blocks do not learn."""
    depth: int = model.config.vision_config.num_hidden_layers
    if config.train == "mask_decoder":
        return depth
    return max(0, depth - config.lora_blocks) if config.train == "lora" and config.lora_blocks else 0


def lora_of(model: SamModel, config: TrainConfig) -> Lora | None:
    """The adapters that the settings ask for."""
    if config.train != "lora":
        return None
    depth: int = model.config.vision_config.num_hidden_layers
    return Lora(
        rank=config.lora_rank, alpha=LORA_SCALE * config.lora_rank, blocks=min(config.lora_blocks or depth, depth)
    )
