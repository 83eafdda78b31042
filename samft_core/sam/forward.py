"""SAM in two halves: encode a tile once, decode it under any prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from transformers import SamModel

PromptPolicy = Literal["box", "none"]
"""How a whole tile is prompted: a box around all of it, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What SAM is asked for, in pixels of the encoder's input; without points and box, the whole tile."""

    boxes: torch.Tensor | None = None
    """(batch, 1, 4) as left, top, right, bottom."""
    points: torch.Tensor | None = None
    """(batch, 1, count, 2) as x, y."""
    labels: torch.Tensor | None = None
    """(batch, 1, count): 1 on the object, 0 off it."""


def whole_tile(policy: PromptPolicy, *, batch: int, input_px: int, device: torch.device) -> Prompt:
    """The prompt for everything in a tile, the same in training and inference."""
    if policy == "none":
        return Prompt()
    corners = torch.tensor([0.0, 0.0, input_px - 1.0, input_px - 1.0], device=device)
    return Prompt(boxes=corners.expand(batch, 1, 4))


def encode(model: SamModel, pixel_values: torch.Tensor) -> torch.Tensor:
    """Image embeddings (batch, channels, grid, grid) of pixel values (batch, 3, input_px, input_px)."""
    embeddings: torch.Tensor = model.vision_encoder(pixel_values).last_hidden_state
    return embeddings


def decode(model: SamModel, embeddings: torch.Tensor, prompt: Prompt) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks from embeddings.

    Args:
        model: The SAM the embeddings are from.
        embeddings: (batch, channels, grid, grid).
        prompt: One prompt for each tile of the batch.

    Returns:
        Mask logits (batch, mask, mask), where mask is four times the grid, and SAM's own estimate of the masks'
        IoU (batch,).
    """
    positions = model.get_image_wide_positional_embeddings().repeat(len(embeddings), 1, 1, 1)
    sparse, dense = model.prompt_encoder(
        input_points=prompt.points, input_labels=prompt.labels, input_boxes=prompt.boxes, input_masks=None
    )
    logits, iou = model.mask_decoder(
        image_embeddings=embeddings,
        image_positional_embeddings=positions,
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=False,
    )
    return logits[:, 0, 0], iou[:, 0, 0]


def enlarge(logits: torch.Tensor, tile_px: int) -> torch.Tensor:
    """Mask logits (batch, mask, mask) at the tile's own resolution (batch, tile_px, tile_px), bilinear."""
    return F.interpolate(logits[:, None], size=(tile_px, tile_px), mode="bilinear", align_corners=False)[:, 0]
