"""samft-tiny: a SAM small enough to be trained whole on a laptop, from random weights.

Its shape is SAM's; its first weights are not plain noise. Patches start as a cosine transform, positions as sines and
cosines, and attention heads look at neighbouring patches, as a convolution would (after ConViT, d'Ascoli et al. 2021,
arXiv:2103.10697). On the synthetic town that gained a little: val IoU 0.537 against 0.518 after 96 steps, one seed.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from transformers import SamConfig, SamModel
from transformers.models.sam.modeling_sam import (
    SamPatchEmbeddings,
    SamPromptEncoder,
    SamVisionAttention,
    SamVisionEncoder,
)

PATCH_PX = 8
"""Half as wide as SAM's, so that a tile need not be enlarged; masks have half the tile's resolution."""

WIDTH, HEADS = 192, 6

FREQUENCIES = torch.linspace(math.pi / 32, 2.0, 8)
"""Of the positions, in radians per patch; their cosines add up to a peak about one patch wide."""

POSITION_CHANNELS = 4 * len(FREQUENCIES)
"""A cosine and a sine for each frequency, for rows and for columns."""

EMBEDDED = 0.02
"""The standard deviation of tokens at first."""

DRAWN = 3.0
"""What masks add to embeddings, whose standard deviation is 1, has one of about 1.9 with it."""

NEIGHBOURS = ((0.3, -1, 0), (0.3, 1, 0), (0.3, 0, -1), (0.3, 0, 1), (0.08, 0, 0), (0.0, 0, 0))
"""Where each attention head looks at first: sharpness, then rows and columns from the own patch."""


def tiny_config(input_px: int) -> SamConfig:
    """A SamConfig of about 2 M parameters for tiles of `input_px` pixels."""
    return SamConfig(
        vision_config={
            "hidden_size": WIDTH,
            "output_channels": 128,
            "num_hidden_layers": 6,
            "num_attention_heads": HEADS,
            "image_size": input_px,
            "patch_size": PATCH_PX,
            "window_size": 16,
            "global_attn_indexes": [3],
            "num_pos_feats": 64,
            "mlp_ratio": 2.0,
            "use_abs_pos": True,
            "use_rel_pos": False,
        },
        prompt_encoder_config={
            "hidden_size": 128,
            "image_size": input_px,
            "patch_size": PATCH_PX,
            "mask_input_channels": 8,
        },
        mask_decoder_config={"hidden_size": 128, "mlp_dim": 256, "num_attention_heads": 4, "iou_head_hidden_dim": 64},
    )


def tiny_model(*, input_px: int, seed: int) -> SamModel:
    """samft-tiny with first weights that follow from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SamModel(tiny_config(input_px))
        model.apply(_initialise)
        _scale_positions(model)
    return model.eval()


@torch.no_grad()
def _initialise(module: nn.Module) -> None:
    """Give a layer weights of a useful size; transformers' own (standard deviation 1e-10) do not learn."""
    if isinstance(module, SamVisionAttention):
        _look_nearby(module.qkv)
    elif isinstance(module, SamVisionEncoder):
        _place(module.pos_embed)
    elif isinstance(module, SamPromptEncoder):
        _tell_apart(module)
    elif isinstance(module, SamPatchEmbeddings):
        _see_frequencies(module.projection)
    elif isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=EMBEDDED)


def _tell_apart(prompts: SamPromptEncoder) -> None:
    """Make what kind a point is as loud as where it is, and a mask twice as loud, since prompts are not learned.

    What stands for no mask stays small: it is added to the embeddings of every image.
    """
    for kind in (*prompts.point_embed, prompts.not_a_point_embed):
        kind.weight.div_(EMBEDDED)
    prompts.mask_embed.conv3.weight.mul_(DRAWN)


@torch.no_grad()
def _scale_positions(model: SamModel) -> None:
    """Give the sines of positions SAM's frequencies, of a standard deviation of 1.

    transformers' own are so high (half the encoder's width) that the codes of neighbours have nothing in common.
    """
    positions = model.shared_image_embedding
    positions.positional_embedding.div_(positions.scale)


def _place(positions: torch.Tensor) -> None:
    """Write positions (1, rows, columns, channels) as cosines and sines, into the channels set apart for them."""
    rows, columns = positions.shape[1:3]
    positions.zero_()
    by_row = torch.arange(rows)[:, None] * FREQUENCIES
    by_column = torch.arange(columns)[:, None] * FREQUENCIES
    count = len(FREQUENCIES)
    for start, angles, shape in ((0, by_row, (1, rows, 1, -1)), (2 * count, by_column, (1, 1, columns, -1))):
        positions[..., start : start + count] = angles.cos().reshape(shape)
        positions[..., start + count : start + 2 * count] = angles.sin().reshape(shape)


def _look_nearby(qkv: nn.Linear) -> None:
    """Start each head at one neighbour: turn its query's position by the way there.

    The product of two positions is the sum over the frequencies f of cos(f d), which peaks at distance d = 0.
    """
    width = qkv.in_features // HEADS
    query, key, _ = qkv.weight.view(3, HEADS, width, qkv.in_features)
    count = len(FREQUENCIES)
    for head, (sharpness, *way) in enumerate(NEIGHBOURS):
        gain = math.sqrt(sharpness * math.sqrt(width))
        for axis, steps in enumerate(way):
            turn = FREQUENCIES * steps
            for k in range(count):
                cos, sin = 2 * count * axis + k, 2 * count * axis + count + k
                key[head, cos, cos] += gain
                key[head, sin, sin] += gain
                query[head, cos, cos] += gain * math.cos(turn[k])
                query[head, cos, sin] -= gain * math.sin(turn[k])
                query[head, sin, sin] += gain * math.cos(turn[k])
                query[head, sin, cos] += gain * math.sin(turn[k])


def _see_frequencies(projection: nn.Conv2d) -> None:
    """Start patches as a cosine transform of brightness and two colour differences, low frequencies first.

    Images hold ever less of higher frequencies (about 1/f); weighting them by f lets edges be seen from the start.
    """
    count, channels, side, _ = projection.weight.shape
    steps = torch.arange(side)
    cosines = torch.cos(math.pi * (steps + 0.5) * steps[:, None] / side)
    cosines /= cosines.norm(dim=1, keepdim=True)
    colours = torch.tensor([[1.0, 1.0, 1.0], [2.0, 0.0, -2.0], [-1.0, 2.0, -1.0]]) / math.sqrt(3)
    frequency = torch.hypot(steps[:, None].float(), steps.float()).clamp(min=0.3)
    filters = torch.einsum("uv,uy,vx,kc->uvkcyx", frequency, cosines, cosines, colours)
    order = torch.argsort(frequency.flatten().repeat_interleave(channels), stable=True)[: count - POSITION_CHANNELS]
    projection.weight.zero_()
    projection.weight[POSITION_CHANNELS:] = filters.reshape(-1, channels, side, side)[order]
    if projection.bias is not None:
        nn.init.zeros_(projection.bias)
