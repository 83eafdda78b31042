"""A job that takes seconds: few small chips, a SAM of a thousandth of its size."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import write_raster
from tests.sam.conftest import small_config, with_random_weights
from tests.training.conftest import paint, squares, write_labels
from training.chips import Chips
from training.prepare import PrepareSettings, prepare
from training.scenes import loose_scenes

STEPS = 60
"""Enough to be interrupted in several times, few enough to be soon done."""

SETTINGS = {
    "train": "mask_decoder",
    "epochs": "60",
    "max_steps": str(STEPS),
    "batch_size": "2",
    "snapshot_every": "2",
    "validate_every": "20",
    "learning_rate": "0.001",
    "views": "1",
    "min_area_m2": "0",
    "threshold": "0.5",
}
"""As `samft train --set` takes them: a second or two of training after some seconds of starting."""


def went_on(log: str) -> bool:
    """Whether a start of a job went on with a run, by the chips that were seen when it first told of a step.

    A first step sees two chips in each of at most four processes; whoever goes on has several steps behind him.
    """
    return int(re.search(r"^training: (\d+) of", log, re.MULTILINE)[1]) > 8


def make_chips(folder: Path) -> Chips:
    """25 chips of 64 pixels at 0.5 m in FOLDER/chips, of the scene FOLDER/image.tif."""
    polygons = squares()
    image = write_raster(folder / "image.tif", paint(polygons))
    labels = write_labels(folder / "labels.gpkg", polygons)
    settings = PrepareSettings(size_px=64, gsd_m=0.5)
    return prepare(loose_scenes([str(image)], [str(labels)]), folder / "chips", settings=settings).chips


def make_base(folder: Path) -> Path:
    """A SAM of two blocks with random weights."""
    with_random_weights(small_config(), seed=0).save_pretrained(folder)
    return folder
