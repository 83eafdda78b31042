"""Claim: with a true ViT-B, all that is not the image encoder costs under 5 % of `segment`'s wall time.

usage: python benchmarks/encoder_share.py [--side 1664]

The model is SAM's ViT-B with random weights, so that its work is real and its answer is not: the answer comes from the
picture, 60 buildings to the hectare, and so the work after the model is real as well. Tiles of 512 px enlarged to 1024.
Timed from the raster to the written GeoPackage, the model being loaded; the encoder's share is timed inside it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import SamConfig, SamModel

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.scale import write_raster
from samft_core.batch import Batch, segment_into_one
from samft_core.bundle import Recipe
from samft_core.raster import Pixels
from samft_core.sam.segmenter import SamSegmenter
from samft_core.stretch import StretchPolicy
from tests.fakes import PerfectSegmenter, make_bundle

TILE_PX = 512


class Both:
    """Has the model predict, and answers with what is in the picture."""

    def __init__(self) -> None:
        recipe = Recipe(
            gsd_m=0.3, bands=None, stretch=StretchPolicy(), tile_px=TILE_PX, overlap_px=128, input_px=1024,
            prompt="box", threshold=0.5, min_area_m2=5.0,
        )  # fmt: skip
        model = SamModel(SamConfig())
        self.tiles, self.encoder_s, self.model_s = 0, 0.0, 0.0
        model.vision_encoder.patch_embed.register_forward_pre_hook(self._begin)
        model.vision_encoder.neck.register_forward_hook(self._end)
        self._model, self._truth = SamSegmenter(model, recipe, "cpu"), PerfectSegmenter()

    def _begin(self, *_: object) -> None:
        self._began = time.perf_counter()

    def _end(self, *_: object) -> None:
        self.encoder_s += time.perf_counter() - self._began

    def predict(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """The answer, after the model's work."""
        began = time.perf_counter()
        self._model.predict(pixels)
        self.model_s += time.perf_counter() - began
        self.tiles += 1
        return self._truth.predict(pixels)


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1664, help="pixels of 0.3 m")
    options = parser.parse_args()
    bundle = make_bundle(gsd_m=0.3, tile_px=TILE_PX, overlap_px=128, min_area_m2=5.0)
    with tempfile.TemporaryDirectory() as folder:
        buildings = write_raster(Path(folder, "a.tif"), options.side, options.side)
        for name in ("warm-up.gpkg", "a.gpkg"):  # the first run compiles and loads
            side = options.side if name == "a.gpkg" else 512
            write_raster(Path(folder, f"{side}.tif"), side, side)
            model = Both()
            began = time.perf_counter()
            batch = Batch(bundle=bundle, segmenter=model)
            done = segment_into_one(batch, [f"{folder}/{side}.tif"], Path(folder, name))
            wall = time.perf_counter() - began
    print(f"{torch.get_num_threads()} threads, {options.side} x {options.side} px, {model.tiles} tiles, ", end="")
    print(f"{done.footprints} of {buildings} buildings written")
    print("| | s | share of wall |\n|---|---|---|")
    rest = wall - model.model_s
    for what, seconds in (
        ("wall, raster to GeoPackage", wall),
        ("encoder", model.encoder_s),
        ("all that is not the encoder", wall - model.encoder_s),
        ("- of it the decoder and moving tensors", model.model_s - model.encoder_s),
        ("- of it reading, blending, keeping, outlining, writing", rest),
    ):
        print(f"| {what} | {seconds:.2f} | {100 * seconds / wall:.1f} % |")


if __name__ == "__main__":
    main()
