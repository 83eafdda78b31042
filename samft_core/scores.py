"""How good a mask, or a set of footprints, is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.grid import Geometries
from samft_core.vectors import read_labels


def _ratio(part: float, whole: float) -> float:
    """part / whole, and 0 where there is nothing to divide by."""
    return part / whole if whole else 0.0


@dataclass(frozen=True, kw_only=True)
class Counts:
    """True positives, false positives and false negatives, and the ratios that follow from them.

    Where nothing was to be found and nothing was found, the ratios are 0, as there is nothing to be right about.
    """

    tp: int
    fp: int
    fn: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(tp=self.tp + other.tp, fp=self.fp + other.fp, fn=self.fn + other.fn)

    @property
    def iou(self) -> float:
        """tp / (tp + fp + fn), the Jaccard index."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """tp / (tp + fp)."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """tp / (tp + fn)."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2 tp / (2 tp + fp + fn), the harmonic mean of precision and recall."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


class ThresholdCurve:
    """Pixel counts for every threshold at once, pooled over all chips that were added.

    Args:
        steps: The number of thresholds; the i-th is i / steps.
    """

    def __init__(self, steps: int = 100) -> None:
        self.steps = steps
        self._histogram = np.zeros((2, steps + 1), dtype=np.int64)

    def add(
        self, probability: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_], valid: npt.NDArray[np.bool_]
    ) -> None:
        """Count one chip's valid pixels; all three arrays have the same shape."""
        index = np.floor(probability[valid].astype(np.float64) * self.steps + 1e-9).astype(np.int64)
        for side, chosen in enumerate((~truth[valid], truth[valid])):
            self._histogram[side] += np.bincount(index[chosen], minlength=self.steps + 1)

    @property
    def thresholds(self) -> npt.NDArray[np.float64]:
        """From 0 to below 1."""
        return np.arange(self.steps) / self.steps

    def counts(self, threshold: float) -> Counts:
        """The counts where a pixel is building if its probability is not below the threshold."""
        first = round(threshold * self.steps)
        negative, positive = self._histogram
        tp = int(positive[first:].sum())
        return Counts(tp=tp, fp=int(negative[first:].sum()), fn=int(positive.sum()) - tp)

    @property
    def trivial_iou(self) -> float:
        """The better IoU of the two answers that need no model: all building, and no building."""
        return self.counts(0.0).iou

    def best_threshold(self) -> float:
        """The threshold of the highest IoU; the middle one where several share it."""
        ious = np.array([self.counts(threshold).iou for threshold in self.thresholds[1:]])
        best = np.flatnonzero(ious == ious.max())
        return float(self.thresholds[1 + best[len(best) // 2]])


def match_objects(
    predicted: Geometries, truth: Geometries, *, iou_threshold: float = 0.5, scores: Sequence[float] | None = None
) -> Counts:
    """Count buildings found, as the SpaceNet challenges do (Van Etten et al. 2018, arXiv:1807.01232, section 4).

    One after the other, each predicted building takes the free true building it has the highest IoU with; it is a
    true positive if that IoU is at least the threshold, and the true building is no longer free.

    Args:
        predicted: Valid polygons.
        truth: Valid polygons in the same CRS.
        iou_threshold: Above 0.
        scores: The order of the predictions, the highest first; as given if None.
    """
    order = np.arange(len(predicted)) if scores is None else np.argsort(-np.asarray(scores), kind="stable")
    if len(predicted) == 0 or len(truth) == 0:
        return Counts(tp=0, fp=len(predicted), fn=len(truth))
    left, right = shapely.STRtree(truth).query(predicted, predicate="intersects")
    shared = shapely.area(shapely.intersection(predicted[left], truth[right]))
    iou = shared / (shapely.area(predicted)[left] + shapely.area(truth)[right] - shared)
    candidates: dict[int, list[tuple[float, int]]] = {}
    for i, j, value in zip(left.tolist(), right.tolist(), iou.tolist(), strict=True):
        candidates.setdefault(i, []).append((value, -j))
    free = np.ones(len(truth), dtype=np.bool_)
    tp = 0
    for i in order.tolist():
        value, minus_j = max((pair for pair in candidates.get(i, []) if free[-pair[1]]), default=(0.0, 0))
        if value >= iou_threshold:
            free[-minus_j] = False
            tp += 1
    return Counts(tp=tp, fp=len(predicted) - tp, fn=len(truth) - tp)


def score_files(footprints: str | Path, labels: str | Path, *, iou_threshold: float = 0.5) -> Counts:
    """Match the buildings of one vector file with those of another, whatever their CRS.

    Args:
        footprints: What was found; the attribute `score`, if there is one, orders the matching.
        labels: What is true.
        iou_threshold: The least IoU of a true positive.

    Raises:
        LabelError: A file is missing, empty of polygons where it must not be, or unreadable.
    """
    found, true = read_labels(footprints, may_be_empty=True), read_labels(labels)
    found = found.reprojected(true.crs)
    return match_objects(found.polygons, true.polygons, iou_threshold=iou_threshold, scores=found.scores)


def pixel_report(counts: Counts) -> dict[str, float]:
    """Pixel scores under the names of the JSON output."""
    return {"iou": counts.iou, "precision": counts.precision, "recall": counts.recall, "f1": counts.f1}


def object_report(counts: Counts, iou_threshold: float) -> dict[str, float]:
    """Object scores under the names of the JSON output."""
    return {
        "f1": counts.f1,
        "precision": counts.precision,
        "recall": counts.recall,
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
        "iou_threshold": iou_threshold,
    }
