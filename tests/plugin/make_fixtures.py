"""What the plugin's and the worker's tests need from the toolkit: `PYTHON make_fixtures.py OUT`, with its own Python.

OUT gets `scene.tif`, `wide.tif`, which takes long enough to be stopped in, and `bundle`, an untrained samft-tiny
whose threshold lies among what it says about the scene, so that there is something to outline.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from samft_core import Card, Recipe, StretchPolicy, segment
from samft_core.sam.tiny import tiny_model
from samft_core.sam.weights import write_bundle

GSD_M = 0.5
TILE_PX = 64


def make_fixtures(out):
    out.mkdir(parents=True, exist_ok=True)
    write_scene(out / "scene.tif", side_px=160)
    write_scene(out / "wide.tif", side_px=640)
    recipe = Recipe(
        gsd_m=GSD_M,
        bands=None,
        stretch=StretchPolicy(),
        tile_px=TILE_PX,
        overlap_px=16,
        input_px=TILE_PX,
        prompt="box",
        threshold=0.5,
        min_area_m2=4.0,
    )
    card = Card(recipe=recipe, base_id="samft-tiny", base_revision=None, base_sha256=None, trained="all")
    model = tiny_model(input_px=TILE_PX, seed=7)
    probability = segment(write_bundle(model, card, out / "bundle"), out / "scene.tif").probability
    recipe = dataclasses.replace(recipe, threshold=round(float(np.quantile(probability, 0.8)), 6))
    write_bundle(model, dataclasses.replace(card, recipe=recipe), out / "bundle")


def write_scene(path, *, side_px):
    """Bright boxes on a dark, noisy ground, in UTM 33N."""
    rng = np.random.default_rng(3)
    image = rng.integers(30, 70, (3, side_px, side_px), dtype=np.uint8)
    for top in range(10, side_px - 30, 50):
        for left in range(10, side_px - 30, 40):
            image[:, top : top + 24, left : left + 18] = np.array([200, 120, 90], np.uint8)[:, None, None]
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": side_px, "width": side_px}
    transform = Affine(GSD_M, 0, 500_000, 0, -GSD_M, 5_000_000)
    with rasterio.open(path, "w", **profile, crs="EPSG:32633", transform=transform, photometric="RGB") as target:
        target.write(image)


if __name__ == "__main__":
    make_fixtures(Path(sys.argv[1]))
