"""A tile's colours as the encoder wants them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)[:, None, None]
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)[:, None, None]
"""ImageNet's colour statistics, which SAM was trained with."""


NEUTRAL = np.rint(MEAN * 255).astype(np.uint8)
"""The mean colour, (3, 1, 1): what stands for pixels without data, so that resampling carries none of theirs."""


def preprocess(image: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_], input_px: int) -> torch.Tensor:
    """Enlarge a tile to the encoder's input and normalise its colours, as SAM's own image processor does.

    Args:
        image: (3, tile, tile), 0 to 255.
        valid: (tile, tile); where False the encoder is given ImageNet's mean colour.
        input_px: The side of the encoder's input.

    Returns:
        (3, input_px, input_px), float32.
    """
    side = (input_px, input_px)
    picture = np.where(valid, image, NEUTRAL).transpose(1, 2, 0)
    known = valid
    if image.shape[1:] != side:
        picture = np.asarray(Image.fromarray(picture).resize(side, Image.Resampling.BILINEAR))
        known = np.asarray(Image.fromarray(valid).resize(side, Image.Resampling.NEAREST))
    scaled = picture.transpose(2, 0, 1).astype(np.float32) * np.float32(1 / 255)
    return torch.from_numpy(np.where(known, (scaled - MEAN) / STD, np.float32(0)))
