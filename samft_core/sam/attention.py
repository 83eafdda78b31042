"""SAM's encoder blocks on a CPU without gradients: the same numbers in a fraction of the memory.

transformers writes all position biases of a block down at once (800 MB in a global block of ViT-B) before it attends.
Here bunches of queries attend one after the other, each with its own biases.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from transformers.models.sam.modeling_sam import SamVisionAttention, SamVisionLayer

BUNCH_BYTES = 80 << 20
"""How much the position biases of some queries may take: a tenth of a global block's of ViT-B."""


def run_block(layer: SamVisionLayer, hidden: torch.Tensor) -> torch.Tensor:
    """What an encoder block makes of (batch, grid, grid, width), as the block itself would."""
    height, width = hidden.shape[1:3]
    seen = layer.layer_norm1(hidden)
    if layer.window_size > 0:
        seen, padded = layer.window_partition(seen, layer.window_size)
        seen = attend(layer.attn, seen)
        seen = layer.window_unpartition(seen, layer.window_size, padded, (height, width))
    else:
        seen = attend(layer.attn, seen)
    hidden = hidden + seen
    result: torch.Tensor = hidden + layer.mlp(layer.layer_norm2(hidden))
    return result


def attend(attention: SamVisionAttention, hidden: torch.Tensor) -> torch.Tensor:
    """Multi-head attention with decomposed relative positions (Li et al. 2022, MViTv2, arXiv:2112.01526).

    Args:
        attention: The block's own layers.
        hidden: (windows, height, width, channels).

    Returns:
        The same shape.
    """
    windows, height, width, channels = hidden.shape
    heads, count = attention.num_attention_heads, height * width
    qkv = attention.qkv(hidden).reshape(windows, count, 3, heads, channels // heads).permute(2, 0, 3, 1, 4)
    query, key, value = qkv.unbind(0)
    answer = torch.empty_like(query)
    row_bytes = windows * heads * width * count * query.element_size()
    rows = max(1, BUNCH_BYTES // row_bytes)
    for first in range(0, height, rows):
        some = slice(first * width, (first + rows) * width)
        positions = _positions(query[:, :, some], attention, first, height, width) if attention.use_rel_pos else None
        answer[:, :, some] = F.scaled_dot_product_attention(query[:, :, some], key, value, attn_mask=positions)
    merged = answer.transpose(1, 2).reshape(windows, height, width, channels)
    projected: torch.Tensor = attention.proj(merged)
    return projected


def _positions(query: torch.Tensor, attention: SamVisionAttention, first: int, height: int, width: int) -> torch.Tensor:
    """What the way from each query to each key is worth: (windows, heads, queries, height * width).

    Args:
        query: Some rows of queries (windows, heads, queries, channels).
        attention: The block's own tables of positions.
        first: The first of those rows.
        height: All rows.
        width: All columns.
    """
    some = query.unflatten(2, (-1, width))
    down = attention.get_rel_pos(height, height, attention.rel_pos_h)[first : first + some.shape[2]].to(query.dtype)
    across = attention.get_rel_pos(width, width, attention.rel_pos_w).to(query.dtype)
    by_row = torch.einsum("nhrcd,rkd->nhrck", some, down)[..., :, None]
    by_column = torch.einsum("nhrcd,ckd->nhrck", some, across)[..., None, :]
    return (by_row + by_column).flatten(4).flatten(2, 3)
