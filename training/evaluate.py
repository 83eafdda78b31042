"""How good a bundle is on chips whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from samft_core.bundle import Bundle
from samft_core.errors import ChipsError
from samft_core.footprints import Segmenter
from samft_core.outline import Style, outline_array
from samft_core.progress import Progress, silent
from samft_core.raster import Pixels
from samft_core.scores import Counts, ThresholdCurve, match_objects, object_report, pixel_report
from training.chips import Chip, Chips, Sample, Split

OBJECT_IOU = 0.5
"""The least IoU of a building that counts as found."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A chip to look at."""

    title: str
    sample: Sample
    probability: npt.NDArray[np.float32]
    """(size, size)."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A bundle's scores on one split."""

    bundle: Bundle
    split: Split
    chips: int
    threshold: float
    """The bundle's own, at which all scores are given."""
    curve: ThresholdCurve
    """Pixel counts at every threshold, pooled over all known pixels."""
    objects: Counts
    """Buildings found, at IoU 0.5, pooled over all chips."""
    panels: tuple[Panel, ...]
    """The chips of the best, the median and the worst IoU."""

    @property
    def pixels(self) -> Counts:
        """Pixel counts at the bundle's threshold."""
        return self.curve.counts(self.threshold)

    def as_dict(self) -> dict[str, Any]:
        """The scores as JSON values."""
        return {
            "pixel": pixel_report(self.pixels),
            "object": object_report(self.objects, OBJECT_IOU),
            "trivial_iou": self.curve.trivial_iou,
            "threshold": self.threshold,
            "best_threshold": self.curve.best_threshold(),
            "split": self.split,
            "chips": self.chips,
            "bundle": self.bundle.card.hash,
        }


def evaluate(
    bundle: Bundle,
    chips: Chips,
    *,
    split: Split = "test",
    segmenter: Segmenter | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Evaluation:
    """Score a bundle on a split.

    Pixel scores are pooled over all known pixels of all chips. For object scores each chip is outlined on its own;
    buildings, found or true, are cut at its edge, and those below the bundle's minimum area are left out on both
    sides. Outlines are simplified, not squared.

    Args:
        bundle: The model.
        chips: Chips at the bundle's resolution and size.
        split: train, val or test.
        segmenter: A loaded model; loaded from the bundle if None.
        device: Where to compute, if the model is loaded here.
        progress: Told about each chip.

    Raises:
        ChipsError: The split is empty, or the chips do not fit the bundle.
    """
    _check_fit(bundle, chips)
    chosen = chips.require(split)
    model = segmenter or bundle.segmenter(device)
    curve, objects, ious = ThresholdCurve(), Counts(tp=0, fp=0, fn=0), []
    threshold = bundle.card.recipe.threshold
    for done, chip in enumerate(chosen):
        progress(f"evaluating {split}", done, len(chosen))
        sample = chip.read()
        probability = predict(model, sample)
        alone = ThresholdCurve()
        for each in (curve, alone):
            each.add(probability, sample.truth, sample.known)
        ious.append(alone.counts(threshold).iou)
        objects += _count_objects(chips, chip, probability, sample, bundle)
    progress(f"evaluating {split}", len(chosen), len(chosen))
    return Evaluation(
        bundle=bundle,
        split=split,
        chips=len(chosen),
        threshold=threshold,
        curve=curve,
        objects=objects,
        panels=_panels(model, chosen, ious),
    )


def predict(model: Segmenter, sample: Sample) -> npt.NDArray[np.float32]:
    """A chip's probabilities, 0 where the truth is not known."""
    return model.predict(Pixels(image=sample.image, valid=sample.valid)) * sample.known


def _check_fit(bundle: Bundle, chips: Chips) -> None:
    recipe, meta = bundle.card.recipe, chips.meta
    wanted = (recipe.tile_px, recipe.gsd_m, recipe.bands)
    found = (meta.size_px, meta.gsd_m, meta.bands)
    if wanted != found:
        raise ChipsError(
            expected=f"chips of {wanted[0]} px at {wanted[1]} m, bands {wanted[2] or 'by default'}",
            got=f"{found[0]} px at {found[1]} m, bands {found[2] or 'by default'} in {chips.path}",
            remedy=f"prepare them with --size {wanted[0]} --gsd {wanted[1]}",
        )


def _count_objects(
    chips: Chips, chip: Chip, probability: npt.NDArray[np.float32], sample: Sample, bundle: Bundle
) -> Counts:
    recipe, grid = bundle.card.recipe, chip.grid()
    style = Style(threshold=recipe.threshold, square=False, min_hole_m2=recipe.min_area_m2)
    found = grid.to_map(outline_array(probability, sample.known, grid, style))
    true = chips.buildings(chip, grid.crs)
    found = found[grid.areas_m2(found) >= recipe.min_area_m2]
    true = true[grid.areas_m2(true) >= recipe.min_area_m2]
    return match_objects(found, true, iou_threshold=OBJECT_IOU)


def _panels(model: Segmenter, chips: list[Chip], ious: list[float]) -> tuple[Panel, ...]:
    ranked = np.argsort(ious, kind="stable")[::-1]
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    chosen = {int(ranked[place]): name for name, place in reversed(places.items())}
    panels = []
    for index, name in reversed(chosen.items()):
        sample = chips[index].read()
        title = f"{name}: chip {chips[index].name}, IoU {ious[index]:.3f}"
        panels.append(Panel(title=title, sample=sample, probability=predict(model, sample)))
    return tuple(panels)
