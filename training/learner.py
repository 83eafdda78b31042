"""The model as it learns: which weights move, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from transformers import SamModel

from samft_core.bundle import Lora, Recipe
from samft_core.sam.forward import decode, enlarge, head, trunk
from samft_core.sam.lora import add_lora
from training.batches import Asked
from training.config import TrainConfig
from training.precision import layers_in

LORA_SCALE = 2.0
"""What adapters are multiplied by: alpha over rank."""

Answer = tuple[torch.Tensor, torch.Tensor]
"""Mask logits and estimates of their IoU."""


class Learner(nn.Module):
    """A SAM, the part of it that learns, and its forward pass.

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

    def forward(self, inputs: torch.Tensor, asked: Sequence[Asked], *, encoded: bool) -> list[Answer]:
        """What the model answers to whatever it is asked, the encoder's work being shared.

        Args:
            inputs: Of a batch.
            asked: Of the same batch.
            encoded: Whether the inputs are what the frozen blocks made of the pixels.

        Returns:
            For each of `asked`, mask logits at the tile's resolution (count, tile_px, tile_px) and SAM's estimate of
            their IoU (count,).
        """
        with layers_in(self._config.precision, inputs.device):
            embeddings = head(self.model, inputs, self.frozen_blocks) if encoded else self._encode(inputs)
            draw = self._recipe.draw_prompts
            answers = [decode(self.model, embeddings[some.chips], some.prompt, draw=draw) for some in asked]
        side, dtype = self._recipe.tile_px, inputs.dtype
        return [(enlarge(logits.to(dtype), side), estimate.to(dtype)) for logits, estimate in answers]

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
