"""SAM in two halves: encode a tile once, decode it under any prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from transformers import SamModel

from samft_core.bundle import PromptPolicy
from samft_core.sam.attention import run_block


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


def go_on() -> None:
    """What is done between two blocks where nobody may want to stop."""


def encode(model: SamModel, pixel_values: torch.Tensor, between_blocks: Callable[[], None] = go_on) -> torch.Tensor:
    """Image embeddings (batch, channels, grid, grid) of pixel values (batch, 3, input_px, input_px)."""
    return trunk(model, pixel_values, len(model.vision_encoder.layers), between_blocks)


def trunk(
    model: SamModel, pixel_values: torch.Tensor, blocks: int, between_blocks: Callable[[], None] = go_on
) -> torch.Tensor:
    """The first part of `encode`, which can be kept where it is frozen.

    Args:
        model: The SAM.
        pixel_values: (batch, 3, input_px, input_px).
        blocks: How many of the encoder's blocks belong to it.
        between_blocks: Called before each; an exception raised in it stops the work.

    Returns:
        What the last of these blocks makes, (batch, grid, grid, width); with all blocks, the embeddings.
    """
    encoder = model.vision_encoder
    hidden: torch.Tensor = encoder.patch_embed(pixel_values)
    if encoder.pos_embed is not None:
        hidden = hidden + encoder.pos_embed
    return _through(model, hidden, 0, blocks, between_blocks)


def head(model: SamModel, hidden: torch.Tensor, blocks: int) -> torch.Tensor:
    """The rest of `encode`: from what `trunk` gave with as many blocks to the embeddings."""
    every = len(model.vision_encoder.layers)
    return hidden if blocks == every else _through(model, hidden, blocks, every)


def _through(
    model: SamModel, hidden: torch.Tensor, first: int, last: int, between_blocks: Callable[[], None] = go_on
) -> torch.Tensor:
    """Pass some of the encoder's blocks, and its neck after the very last."""
    encoder = model.vision_encoder
    assert 0 <= first <= last <= len(encoder.layers)
    lean = hidden.device.type == "cpu" and not torch.is_grad_enabled()
    for block in encoder.layers[first:last]:
        between_blocks()
        hidden = run_block(block, hidden) if lean else block(hidden)
    if last == len(encoder.layers):
        hidden = encoder.neck(hidden)
    return hidden


def decode(
    model: SamModel, embeddings: torch.Tensor, prompt: Prompt, *, draw: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks from embeddings.

    Args:
        model: The SAM the embeddings are from.
        embeddings: (batch, channels, grid, grid).
        prompt: One prompt for each tile of the batch.
        draw: Whether the model is given boxes and points as masks too, as `Recipe.draw_prompts` says.

    Returns:
        Mask logits (batch, mask, mask), where mask is four times the grid, and SAM's own estimate of the masks'
        IoU (batch,).
    """
    positions = model.get_image_wide_positional_embeddings().repeat(len(embeddings), 1, 1, 1)
    asked = not (prompt.boxes is None and prompt.points is None)
    sparse, dense = model.prompt_encoder(
        input_points=prompt.points,
        input_labels=prompt.labels,
        input_boxes=prompt.boxes,
        input_masks=_drawn(model, prompt).to(embeddings.dtype) if draw and asked else None,
    )
    logits, iou = model.mask_decoder(
        image_embeddings=embeddings,
        image_positional_embeddings=positions,
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=False,
    )
    return logits[:, 0, 0], iou[:, 0, 0]


def _drawn(model: SamModel, prompt: Prompt) -> torch.Tensor:
    """A prompt's boxes, or squares of two patches around its points on the object, as masks (batch, 1, mask, mask)."""
    vision = model.config.vision_config
    cell_px = vision.patch_size / 4
    if prompt.boxes is not None:
        boxes, counts = prompt.boxes, torch.ones_like(prompt.boxes[..., 0], dtype=torch.bool)
    else:
        assert prompt.points is not None
        assert prompt.labels is not None
        points, half_px = prompt.points[:, 0], vision.patch_size
        boxes, counts = torch.cat([points - half_px, points + half_px], dim=-1), prompt.labels[:, 0] == 1
    side = vision.image_size // vision.patch_size * 4
    centres = (torch.arange(side, device=boxes.device) + 0.5) * cell_px - 0.5
    first, last = boxes[..., :2, None] - cell_px / 2, boxes[..., 2:, None] + cell_px / 2  # no box without a cell
    inside = (centres >= first) & (centres <= last)  # (batch, count, 2, side)
    masks: torch.Tensor = inside[:, :, 1, :, None] & inside[:, :, 0, None, :] & counts[..., None, None]
    return masks.sum(dim=1, keepdim=True) > 0


def enlarge(logits: torch.Tensor, tile_px: int) -> torch.Tensor:
    """Mask logits (batch, mask, mask) at the tile's own resolution (batch, tile_px, tile_px), bilinear."""
    return F.interpolate(logits[:, None], size=(tile_px, tile_px), mode="bilinear", align_corners=False)[:, 0]
