"""A trained SAM that turns a tile's pixels into building probabilities."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from transformers import SamModel

from samft_core.bundle import Recipe
from samft_core.errors import ModelError
from samft_core.raster import Pixels
from samft_core.sam.embeddings import EmbeddingCache, cache_limit_bytes
from samft_core.sam.encoding import encoding_of, tile_key
from samft_core.sam.forward import Prompt, decode, encode, enlarge, go_on, whole_tile
from samft_core.sam.memory import keep_memory
from samft_core.sam.preprocess import preprocess

PROMPTS_AT_ONCE = 16
"""How many prompts are decoded together; each takes as much memory as the tile's embeddings, several times."""


class SamSegmenter:
    """A SAM under a bundle's recipe.

    Args:
        model: The SAM.
        recipe: What training pinned.
        device: Where to compute: cpu, cuda, mps, or auto.
        cache: Where embeddings are kept, float16; it must be of this model's encoder.
    """

    def __init__(
        self, model: SamModel, recipe: Recipe, device: str = "auto", cache: EmbeddingCache | None = None
    ) -> None:
        assert cache is None or cache.encoding.dtype == "float16"
        self.recipe = recipe
        self.device = pick_device(device)
        self.model = model.to(self.device).eval()
        self.cache = cache
        self.between_blocks: Callable[[], None] = go_on
        """Called before each of the encoder's blocks; an exception raised in it stops the work."""

    @torch.inference_mode()
    def embed(self, pixels: Pixels) -> torch.Tensor:
        """What the encoder makes of one tile, (channels, grid, grid), on the model's device.

        It is rounded to float16, as the cache keeps it, whether there is a cache or not: an answer does not depend on
        where its embeddings come from.
        """
        if self.cache is None:
            return self._encode(pixels)
        key = tile_key(pixels.image, pixels.valid)
        try:
            return self.cache.read(key).to(self.device)
        except KeyError:
            embedding = self._encode(pixels)
            self.cache.write(key, embedding)
            return embedding

    @torch.inference_mode()
    def answer(self, embedding: torch.Tensor, prompt: Prompt) -> npt.NDArray[np.float32]:
        """Probabilities under each of some prompts for the same tile.

        Args:
            embedding: Of the tile, from `embed`.
            prompt: Boxes or points, the first axis counting the prompts; or neither, for one answer.

        Returns:
            (count, tile_px, tile_px).
        """
        parts = [value for value in (prompt.boxes, prompt.points) if value is not None]
        count = len(parts[0]) if parts else 1
        side = self.recipe.tile_px
        answers = np.empty((count, side, side), dtype=np.float32)
        for first in range(0, count, PROMPTS_AT_ONCE):
            some = slice(first, min(first + PROMPTS_AT_ONCE, count))
            embeddings = embedding.float().expand(some.stop - some.start, *embedding.shape)
            logits, _ = decode(self.model, embeddings, self._part(prompt, some), draw=self.recipe.draw_prompts)
            answers[some] = enlarge(logits.float(), side).sigmoid().cpu().numpy()
        return answers

    def answer_box(self, embedding: torch.Tensor, box: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Probabilities (tile_px, tile_px) of the building in a box (left, top, right, bottom) of tile pixels."""
        corners = box * self._scale - (0, 0, 1, 1)
        return self._one(embedding, Prompt(boxes=torch.tensor(corners, dtype=torch.float32)[None, None]))

    def answer_points(
        self, embedding: torch.Tensor, points: npt.NDArray[np.float64], labels: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        """Probabilities (tile_px, tile_px) of the building that points mean.

        Args:
            embedding: Of the tile, from `embed`.
            points: (count, 2) as x, y in the tile's pixels.
            labels: 1 on the building, 0 off it.
        """
        places = torch.tensor(points * self._scale - 0.5, dtype=torch.float32)
        return self._one(embedding, Prompt(points=places[None, None], labels=torch.tensor(labels)[None, None]))

    def predict(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Building probabilities (tile_px, tile_px) of one tile."""
        return self._one(self.embed(pixels), self.whole_tile())

    def whole_tile(self) -> Prompt:
        """What all buildings of a tile are asked for with."""
        return whole_tile(self.recipe.prompt, batch=1, input_px=self.recipe.input_px, device=self.device)

    @property
    def _scale(self) -> float:
        """Pixels of the encoder's input in one of the tile's."""
        return self.recipe.input_px / self.recipe.tile_px

    def _one(self, embedding: torch.Tensor, prompt: Prompt) -> npt.NDArray[np.float32]:
        probability: npt.NDArray[np.float32] = self.answer(embedding, prompt)[0]
        return probability

    def _encode(self, pixels: Pixels) -> torch.Tensor:
        values = preprocess(pixels.image, pixels.valid, self.recipe.input_px)[None].to(self.device)
        return encode(self.model, values, self.between_blocks)[0].half()

    def _part(self, prompt: Prompt, some: slice) -> Prompt:
        """Some of the prompts, on the model's device."""
        given = {field.name: getattr(prompt, field.name) for field in dataclasses.fields(Prompt)}
        return Prompt(**{name: None if value is None else value[some].to(self.device) for name, value in given.items()})


def open_cache(model: SamModel, recipe: Recipe) -> EmbeddingCache:
    """The cache of what a model makes of tiles, on the device where it is.

    Raises:
        InputError: The environment variable SAMFT_CACHE_GB is no size.
    """
    return EmbeddingCache(encoding_of(model, input_px=recipe.input_px), limit_bytes=cache_limit_bytes())


def pick_device(name: str) -> torch.device:
    """The device of a name; `auto` takes a GPU where there is one.

    On a CPU, the process keeps memory for what is computed next (`samft_core.sam.memory`).

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
    if kind == "cpu":
        keep_memory()
    return torch.device(name)


def describe_device() -> tuple[str, str]:
    """The version of torch, and where models will run, in words."""
    device = pick_device("auto")
    where = f"{torch.cuda.get_device_name(device)} (cuda)" if device.type == "cuda" else device.type.upper()
    return torch.__version__, where
