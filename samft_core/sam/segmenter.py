"""A trained SAM that turns a tile's pixels into building probabilities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from transformers import SamModel

from samft_core.bundle import Recipe
from samft_core.errors import ModelError
from samft_core.raster import Pixels
from samft_core.sam.forward import decode, encode, enlarge, whole_tile
from samft_core.sam.preprocess import preprocess


class SamSegmenter:
    """A SAM under a bundle's recipe.

    Args:
        model: The SAM.
        recipe: What training pinned.
        device: Where to compute: cpu, cuda, mps, or auto.
    """

    def __init__(self, model: SamModel, recipe: Recipe, device: str = "auto") -> None:
        self.recipe = recipe
        self.device = pick_device(device)
        self.model = model.to(self.device).eval()

    @torch.inference_mode()
    def predict(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Building probabilities (tile_px, tile_px) of one tile."""
        values = preprocess(pixels.image, pixels.valid, self.recipe.input_px)[None].to(self.device)
        prompt = whole_tile(self.recipe.prompt, batch=1, input_px=self.recipe.input_px, device=self.device)
        logits, _ = decode(self.model, encode(self.model, values), prompt)
        probability: npt.NDArray[np.float32] = enlarge(logits.float(), self.recipe.tile_px).sigmoid()[0].cpu().numpy()
        return probability


def pick_device(name: str) -> torch.device:
    """The device of a name; `auto` takes a GPU where there is one.

    Raises:
        ModelError: It is not at hand.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    kind, colon, number = name.partition(":")
    there = available.get(kind, False)
    if colon:
        there = there and kind == "cuda" and number.isdecimal() and int(number) < torch.cuda.device_count()
    if not there:
        raise ModelError(
            expected=f"a device among auto, {', '.join(k for k, known in available.items() if known)}",
            got=name,
            remedy="leave --device out to take the best at hand",
        )
    return torch.device(name)
