"""What embeddings are made from: what names them in a cache."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import SamModel

from samft_core.errors import InputError, ModelError

PREPROCESSING = 1
"""The version of `samft_core.sam.preprocess`; a change of what it gives for the same tile counts it up."""


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What embeddings depend on beside a tile's pixels."""

    encoder: str
    """SHA-256 of the part of the encoder that is passed: its tensors and what else shapes its answers."""
    blocks: int
    """How many of the encoder's blocks are passed; the neck too if all are."""
    input_px: int
    """The encoder's input, which a tile is enlarged to."""
    precision: str
    """What was computed in, such as fp32 or bf16."""
    dtype: Literal["float16", "float32"]
    """What is stored."""
    device: str = "cpu"
    """The kind of processor that computed it; others round differently."""
    preprocessing: int = PREPROCESSING
    """The version of how pixels become the encoder's input."""

    def __post_init__(self) -> None:
        if self.dtype not in ("float16", "float32"):
            raise InputError(
                expected="embeddings kept as float16 or float32", got=str(self.dtype), remedy="take float16"
            )

    @functools.cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name the folder of such embeddings."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def encoding_of(
    model: SamModel,
    *,
    input_px: int,
    blocks: int | None = None,
    precision: str = "fp32",
    dtype: Literal["float16", "float32"] = "float16",
) -> Encoding:
    """What the first blocks of a model's encoder make of tiles.

    Args:
        model: The SAM, on the device where it will encode.
        input_px: The encoder's input, which tiles are enlarged to.
        blocks: How many blocks are passed, and the neck if it is all of them; None for all.
        precision: What they compute in.
        dtype: What is stored.
    """
    every = len(model.vision_encoder.layers)
    passed = every if blocks is None else blocks
    if not 0 <= passed <= every:
        raise ModelError(
            expected=f"a part of the encoder's {every} blocks", got=str(passed), remedy=f"take 0 to {every} blocks"
        )
    return Encoding(
        encoder=_encoder_sha256(model, passed),
        blocks=passed,
        input_px=input_px,
        precision=precision,
        dtype=dtype,
        device=model.device.type,
    )


def tile_key(image: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> str:
    """What names a tile in a cache: SHA-256 of its pixels as `preprocess` gets them.

    Args:
        image: (3, tile, tile), 0 to 255. Flipped or turned, it is another tile.
        valid: (tile, tile).
    """
    digest = hashlib.sha256()
    for array in (image, valid):
        digest.update(f"{array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _encoder_sha256(model: SamModel, blocks: int) -> str:
    """Digest of the encoder's first blocks: its tensors, and the settings that no tensor shows."""
    encoder, config = model.vision_encoder, model.config.vision_config
    parts: dict[str, nn.Module] = {"patch_embed": encoder.patch_embed}
    parts |= {f"layers.{number}": encoder.layers[number] for number in range(blocks)}
    if blocks == len(encoder.layers):
        parts["neck"] = encoder.neck
    settings = {
        "heads": config.num_attention_heads,
        "activation": config.hidden_act,
        "epsilon": config.layer_norm_eps,
        "windows": [layer.window_size for layer in encoder.layers[:blocks]],
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    tensors = {f"{part}.{name}": value for part, module in parts.items() for name, value in module.state_dict().items()}
    if encoder.pos_embed is not None:
        tensors["pos_embed"] = encoder.pos_embed
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
