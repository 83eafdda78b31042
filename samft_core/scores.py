"""How good a mask, or a set of footprints, is: pixel scores, and under one roof the scores of objects and outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from samft_core.boundary import BOUNDARY_M, Boundary, boundary_report, compare_outlines
from samft_core.comparison import Comparison, compare_files, score_files
from samft_core.counts import Counts
from samft_core.errors import InputError
from samft_core.overlaps import OBJECT_IOU, Overlaps, match_objects, object_report, overlaps_report

__all__ = [
    "BOUNDARY_M",
    "OBJECT_IOU",
    "Boundary",
    "Comparison",
    "Counts",
    "Overlaps",
    "ThresholdCurve",
    "boundary_report",
    "compare_files",
    "compare_outlines",
    "match_objects",
    "object_report",
    "overlaps_report",
    "pixel_report",
    "score_files",
]


class ThresholdCurve:
    """Pixel counts for many thresholds at once, pooled over all chips that were added.

    Args:
        steps: The number of thresholds; the i-th is i / steps.
        also: Further thresholds, from 0 to 1, to be counted at exactly.
    """

    def __init__(self, steps: int = 100, *, also: Sequence[float] = ()) -> None:
        self.steps = steps
        self._edges = np.unique(np.append(np.arange(steps + 1) / steps, also))
        self.histogram = np.zeros((2, len(self._edges)), dtype=np.int64)
        """(2, thresholds + 1): pixels of no building and of buildings between each threshold and the next."""

    def add(
        self, probability: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_], valid: npt.NDArray[np.bool_]
    ) -> None:
        """Count one chip's valid pixels; all three arrays have the same shape."""
        index = np.searchsorted(self._edges, probability[valid].astype(np.float64), side="right") - 1
        for side, chosen in enumerate((~truth[valid], truth[valid])):
            self.histogram[side] += np.bincount(index[chosen], minlength=len(self._edges))

    @property
    def thresholds(self) -> npt.NDArray[np.float64]:
        """From 0 to below 1."""
        return self._edges[:-1]

    def counts(self, threshold: float) -> Counts:
        """The counts where a pixel is building if its probability is not below the threshold.

        Raises:
            InputError: The threshold is none of those that are counted at.
        """
        first = int(np.argmin(np.abs(self._edges - threshold)))
        if not abs(self._edges[first] - threshold) < 1e-9:
            raise InputError(
                expected=f"a threshold that was counted at, such as {self._edges[first]:g}",
                got=f"{threshold:g}",
                remedy=f"round it to 1/{self.steps}, or name it in `also` when the curve is made",
            )
        negative, positive = self.histogram
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


def pixel_report(counts: Counts) -> dict[str, float]:
    """Pixel scores under the names of the JSON output."""
    return {"iou": counts.iou, "precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
