"""Predicted and true buildings, which of them overlap, and which of them are matched: the object scores."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.counts import Counts
from samft_core.grid import Geometries

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

OBJECT_IOU = 0.5
"""The least IoU of a building that counts as found."""

IOU_THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))
"""From 0.50 to 0.95, as COCO averages over (Lin et al. 2014, arXiv:1405.0312)."""

SMALLEST_PX = 20
"""A true building of fewer pixels does not count in an image: `min_area` of solaris' `spacenet_buildings_2`, which as
here leaves out true buildings only."""

MEDIUM_M2 = 100.0
"""The least area of a medium building; below it, a building is small: a shed, a garage, a hut."""

LARGE_M2 = 400.0
"""The least area of a large building: a block, a hall."""

SIZES: Mapping[str, tuple[float, float]] = {
    "small": (0.0, MEDIUM_M2),
    "medium": (MEDIUM_M2, LARGE_M2),
    "large": (LARGE_M2, math.inf),
}
"""The size classes: from so many m2 to below so many."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlaps:
    """How large predicted and true buildings are, and which of them overlap how much.

    Intersections are what takes time; they are computed once, and any IoU threshold and any minimum area follow.
    """

    predicted_m2: Floats
    """(predicted,), areas."""
    true_m2: Floats
    """(true,), areas."""
    rank: Indices
    """(predicted,), the place of each in the order in which they are matched."""
    pairs: Indices
    """(2, pairs), a predicted and a true building that overlap."""
    iou: Floats
    """(pairs,), above 0."""

    @classmethod
    def of(
        cls,
        predicted: Geometries,
        truth: Geometries,
        *,
        predicted_m2: Floats | None = None,
        true_m2: Floats | None = None,
        scores: Sequence[float] | None = None,
    ) -> Overlaps:
        """Overlay predicted and true buildings.

        Args:
            predicted: Valid polygons.
            truth: Valid polygons in the same coordinates, any whose areas are in proportion to those on the ground.
            predicted_m2: Areas on the ground; those of the polygons as they are if None.
            true_m2: The same for the truth.
            scores: The order of the predictions, the highest first; as given if None.
        """
        count = len(predicted)
        order = np.arange(count) if scores is None else np.argsort(-np.asarray(scores), kind="stable")
        rank = np.empty(count, dtype=np.int64)
        rank[order] = np.arange(count)
        left, right = shapely.STRtree(truth).query(predicted, predicate="intersects")
        shared = shapely.area(shapely.intersection(predicted[left], truth[right]))
        iou = shared / (shapely.area(predicted)[left] + shapely.area(truth)[right] - shared)
        return cls(
            predicted_m2=shapely.area(predicted) if predicted_m2 is None else predicted_m2,
            true_m2=shapely.area(truth) if true_m2 is None else true_m2,
            rank=rank,
            pairs=np.stack((left, right))[:, iou > 0],
            iou=iou[iou > 0],
        )

    @classmethod
    def pooled(cls, several: Sequence[Overlaps]) -> Overlaps:
        """Those of several images as one; buildings of different images do not overlap."""
        if not several:
            return cls.of(np.array([], dtype=object), np.array([], dtype=object))
        found = np.cumsum([0, *(len(each.predicted_m2) for each in several)])
        true = np.cumsum([0, *(len(each.true_m2) for each in several)])
        shifts = [np.array([[i], [j]]) for i, j in zip(found, true, strict=True)]
        return cls(
            predicted_m2=np.concatenate([each.predicted_m2 for each in several]),
            true_m2=np.concatenate([each.true_m2 for each in several]),
            rank=np.concatenate([each.rank + first for each, first in zip(several, found, strict=False)]),
            pairs=np.concatenate([each.pairs + shift for each, shift in zip(several, shifts, strict=False)], axis=1),
            iou=np.concatenate([each.iou for each in several]),
        )

    def at_least(self, *, predicted_m2: float = 0.0, true_m2: float = 0.0) -> Overlaps:
        """The same without the buildings below a minimum area."""
        predicted, true = self.predicted_m2 >= predicted_m2, self.true_m2 >= true_m2
        kept = predicted[self.pairs[0]] & true[self.pairs[1]]
        number = np.stack(
            [(np.cumsum(side) - 1)[index] for side, index in zip((predicted, true), self.pairs, strict=True)]
        )
        return Overlaps(
            predicted_m2=self.predicted_m2[predicted],
            true_m2=self.true_m2[true],
            rank=self.rank[predicted],
            pairs=number[:, kept],
            iou=self.iou[kept],
        )

    def matches(self, iou_threshold: float = OBJECT_IOU) -> Indices:
        """Who is matched with whom, as the SpaceNet challenges do (Van Etten et al. 2018, arXiv:1807.01232, section 4).

        One after the other, each predicted building takes the free true building it has the highest IoU with, the
        first of equals; it is a true positive if that IoU is at least the threshold, and the true building is no
        longer free.

        Returns:
            (2, matched), a predicted and a true building.
        """
        # what is below the threshold cannot be matched, whether or not it would be the highest that is free
        enough = np.flatnonzero(self.iou >= iou_threshold)
        predicted, true = self.pairs[:, enough]
        order = np.lexsort((true, -self.iou[enough], self.rank[predicted]))
        matched: dict[int, int] = {}
        taken: set[int] = set()
        for i, j in zip(predicted[order].tolist(), true[order].tolist(), strict=True):
            if i not in matched and j not in taken:
                matched[i] = j
                taken.add(j)
        return np.array([list(matched), list(matched.values())], dtype=np.int64).reshape(2, -1)

    def counts(self, iou_threshold: float = OBJECT_IOU) -> Counts:
        """Buildings found, made up and missed."""
        tp = self.matches(iou_threshold).shape[1]
        return Counts(tp=tp, fp=len(self.predicted_m2) - tp, fn=len(self.true_m2) - tp)

    def by_size(self, iou_threshold: float = OBJECT_IOU) -> dict[str, Counts]:
        """The counts by size class, which add up to all.

        A true building counts, found or missed, in its own class, a false positive in that of its own area, as COCO's
        evaluation has it (pycocotools, `cocoeval.py`); the matching is that of all buildings together.
        """
        predicted, true = self.matches(iou_threshold)
        false = np.ones(len(self.predicted_m2), dtype=np.bool_)
        false[predicted] = False
        counts = {}
        for name, (least_m2, most_m2) in SIZES.items():
            own = (self.true_m2 >= least_m2) & (self.true_m2 < most_m2)
            made_up = false & (self.predicted_m2 >= least_m2) & (self.predicted_m2 < most_m2)
            tp = int(own[true].sum())
            counts[name] = Counts(tp=tp, fp=int(made_up.sum()), fn=int(own.sum()) - tp)
        return counts

    @functools.cached_property
    def f1_by_iou(self) -> dict[float, float]:
        """The F1 at each of `IOU_THRESHOLDS`."""
        return {threshold: self.counts(threshold).f1 for threshold in IOU_THRESHOLDS}

    @property
    def mean_f1(self) -> float:
        """The mean F1 over `IOU_THRESHOLDS`."""
        return sum(self.f1_by_iou.values()) / len(IOU_THRESHOLDS)


def match_objects(
    predicted: Geometries,
    truth: Geometries,
    *,
    iou_threshold: float = OBJECT_IOU,
    scores: Sequence[float] | None = None,
) -> Counts:
    """Count buildings found, as `Overlaps.matches` does.

    Args:
        predicted: Valid polygons.
        truth: Valid polygons in the same CRS.
        iou_threshold: Above 0.
        scores: The order of the predictions, the highest first; as given if None.
    """
    return Overlaps.of(predicted, truth, scores=scores).counts(iou_threshold)


def object_report(counts: Counts, iou_threshold: float) -> dict[str, float]:
    """Object scores at one threshold under the names of the JSON output."""
    return {**_ratios(counts), "iou_threshold": iou_threshold}


def overlaps_report(overlaps: Overlaps) -> dict[str, Any]:
    """All object scores under the names of the JSON output."""
    return {
        **object_report(overlaps.counts(), OBJECT_IOU),
        "mean_f1": overlaps.mean_f1,
        "f1_by_iou": {f"{threshold:.2f}": f1 for threshold, f1 in overlaps.f1_by_iou.items()},
        "by_size": {name: _ratios(counts) for name, counts in overlaps.by_size().items()},
    }


def _ratios(counts: Counts) -> dict[str, float]:
    return {
        "f1": counts.f1,
        "precision": counts.precision,
        "recall": counts.recall,
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
    }
