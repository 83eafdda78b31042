"""How good a model is on chips whose truth is known."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.boundary import NO_BOUNDARY, Boundary, boundary_report, compare_outlines
from samft_core.bundle import Bundle, Recipe
from samft_core.counts import Counts
from samft_core.errors import ChipsError
from samft_core.grid import Grid
from samft_core.outline import Style, outline_array
from samft_core.overlaps import SMALLEST_PX, Overlaps, overlaps_report
from samft_core.predict import Segmenter
from samft_core.progress import Progress, silent
from samft_core.raster import Pixels
from samft_core.scores import ThresholdCurve, pixel_report
from samft_core.tracing import trace
from training.chips import Chip, Chips, Sample, Split
from training.prompted import PromptScores, score_prompts

EDGE_PX = 1.0
"""An outline so near to a chip's edge, or to what is not known, may be a cut, and is not judged."""

IOU_AT = tuple(step / 10 for step in range(1, 10))
"""The thresholds whose pixel IoU is told."""

MIN_AREAS_M2 = (0.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0)
"""What the minimum area of footprints is chosen from."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A chip to look at."""

    title: str
    sample: Sample
    probability: npt.NDArray[np.float32]
    """(size, size)."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model's scores on one split."""

    recipe: Recipe
    """What the model obeyed; all scores are given at its threshold and minimum area."""
    split: Split
    chips: int
    curve: ThresholdCurve
    """Pixel counts at every threshold, pooled over all known pixels."""
    overlaps: Overlaps
    """The buildings that count, found and true, of all chips."""
    boundary: Boundary
    """How far their outlines run along each other, pooled over all chips."""
    panels: tuple[Panel, ...]
    """The chips of the best, the median and the worst IoU."""
    bundle: str = ""
    """The hash of the bundle that the model is from, if it is from one."""
    prompts: PromptScores | None = None
    """How it answers when it is asked for single buildings, if it can be."""

    @property
    def threshold(self) -> float:
        """The recipe's own."""
        return self.recipe.threshold

    @property
    def pixels(self) -> Counts:
        """Pixel counts at the recipe's threshold."""
        return self.curve.counts(self.threshold)

    @property
    def objects(self) -> Counts:
        """Buildings found, at IoU 0.5."""
        return self.overlaps.counts()

    def as_dict(self) -> dict[str, Any]:
        """The scores as JSON values."""
        return {
            "pixel": pixel_report(self.pixels),
            "object": overlaps_report(self.overlaps),
            "boundary": boundary_report(self.boundary),
            "trivial_iou": self.curve.trivial_iou,
            "threshold": self.threshold,
            "best_threshold": self.curve.best_threshold(),
            "iou_by_threshold": {f"{value:.2f}": self.curve.counts(value).iou for value in IOU_AT},
            "min_area_m2": self.recipe.min_area_m2,
            "split": self.split,
            "chips": self.chips,
            "bundle": self.bundle,
            **({"prompts": self.prompts.as_dict()} if self.prompts else {}),
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
    """Score a bundle on a split, as `measure` does, and when it is asked for single buildings.

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
    from samft_core.sam.segmenter import SamSegmenter

    recipe = bundle.card.recipe
    _check_fit(recipe, chips)
    chips.require(split)  # before the model is loaded
    model = segmenter or bundle.segmenter(device)
    result = measure(recipe, chips, split=split, segmenter=model, progress=progress)
    prompts = score_prompts(model, chips, split=split) if isinstance(model, SamSegmenter) else None
    return dataclasses.replace(result, bundle=bundle.card.hash, prompts=prompts)


def measure(
    recipe: Recipe, chips: Chips, *, split: Split, segmenter: Segmenter, progress: Progress = silent
) -> Evaluation:
    """Score a model on a split.

    Pixel scores are pooled over all known pixels of all chips. For object and boundary scores each chip is outlined
    on its own; buildings, found or true, are cut at its edge. True buildings of at least `SMALLEST_PX` pixels count;
    found ones below the recipe's minimum area are left out, as when a raster is segmented. Outlines are simplified,
    not squared; what may be a cut is not judged as an outline.

    Args:
        recipe: What the model obeys; threshold and minimum area among it.
        chips: Chips at the recipe's resolution and size.
        split: train, val or test.
        segmenter: The model.
        progress: Told about each chip.

    Raises:
        ChipsError: The split is empty, or the chips do not fit the recipe.
    """
    _check_fit(recipe, chips)
    chosen = chips.require(split)
    curve, overlaps, boundary, ious = ThresholdCurve(also=[recipe.threshold]), [], NO_BOUNDARY, []
    for done, chip in enumerate(chosen):
        progress(f"evaluating {split}", done, len(chosen))
        sample = chip.read()
        probability = predict(segmenter, sample)
        alone = ThresholdCurve(also=[recipe.threshold])
        for each in (curve, alone):
            each.add(probability, sample.truth, sample.known)
        ious.append(alone.counts(recipe.threshold).iou)
        own_overlaps, own_boundary = _judge(recipe, chips, chip, sample, probability)
        overlaps.append(own_overlaps)
        boundary += own_boundary
    progress(f"evaluating {split}", len(chosen), len(chosen))
    return Evaluation(
        recipe=recipe,
        split=split,
        chips=len(chosen),
        curve=curve,
        overlaps=Overlaps.pooled(overlaps),
        boundary=boundary,
        panels=_panels(segmenter, chosen, ious),
    )


def choose_min_area_m2(evaluation: Evaluation) -> float:
    """The minimum area of footprints, among `MIN_AREAS_M2`, that gives the highest object F1; the smallest of equals.

    Holes stay as they were outlined: filling the small ones, as segmenting does with a minimum area, changes little.

    Args:
        evaluation: On the val split, of a recipe without a minimum area.
    """
    assert evaluation.recipe.min_area_m2 == 0
    f1 = [evaluation.overlaps.at_least(predicted_m2=area_m2).counts().f1 for area_m2 in MIN_AREAS_M2]
    return MIN_AREAS_M2[int(np.argmax(f1))]


def predict(model: Segmenter, sample: Sample) -> npt.NDArray[np.float32]:
    """A chip's probabilities, 0 where the truth is not known."""
    return model.predict(Pixels(image=sample.image, valid=sample.valid)) * sample.known


def _check_fit(recipe: Recipe, chips: Chips) -> None:
    meta = chips.meta
    wanted = (recipe.tile_px, recipe.gsd_m, recipe.bands)
    found = (meta.size_px, meta.gsd_m, meta.bands)
    if wanted != found:
        raise ChipsError(
            expected=f"chips of {wanted[0]} px at {wanted[1]} m, bands {wanted[2] or 'by default'}",
            got=f"{found[0]} px at {found[1]} m, bands {found[2] or 'by default'} in {chips.path}",
            remedy=f"prepare them with --size {wanted[0]} --gsd {wanted[1]}",
        )


def _judge(
    recipe: Recipe, chips: Chips, chip: Chip, sample: Sample, probability: npt.NDArray[np.float32]
) -> tuple[Overlaps, Boundary]:
    """Hold a chip's outlines against its buildings."""
    grid = chip.grid()
    style = Style(threshold=recipe.threshold, square=False, min_hole_m2=recipe.min_area_m2)
    found = outline_array(probability, sample.known, grid, style)
    true = grid.to_pixel(chips.buildings(chip, grid.crs))
    found_m2, true_m2 = grid.areas_m2(grid.to_map(found)), grid.areas_m2(grid.to_map(true))
    counted, called_for = found_m2 >= recipe.min_area_m2, true_m2 >= SMALLEST_PX * recipe.gsd_m**2
    found, true = grid.to_metres(found[counted]), grid.to_metres(true[called_for])
    overlaps = Overlaps.of(found, true, predicted_m2=found_m2[counted], true_m2=true_m2[called_for])
    return overlaps, compare_outlines(found, true, within=uncut(sample.known, grid))


def uncut(known: npt.NDArray[np.bool_], grid: Grid) -> shapely.Geometry:
    """Where no outline is a cut, in metres: what is known, but for `EDGE_PX` along its border."""
    area = np.array([grid.window.box]) if known.all() else trace(known)[0]
    return shapely.union_all(grid.to_metres(area)).buffer(-EDGE_PX * float(np.mean(grid.gsd_m)))


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
