"""Pictures for the reports, as data URIs that need no other file."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke

from samft_core.grid import Geometries
from samft_core.overlaps import Overlaps
from samft_core.scores import ThresholdCurve
from training.cells import Cell
from training.evaluate import Panel

matplotlib.use("Agg")

TRUTH, FOUND, MUTED = "#0b84a5", "#e4572e", "#6f6f6f"
OUTLINE, TRUE_OUTLINE = "#ffd23f", "#7df9ff"
"""Seen on any roof, over a dark halo: what was found, and what is true."""


def panels(chips: Sequence[Panel], threshold: float) -> str:
    """Three panes a chip: truth over the image, probability, hard mask."""
    figure = Figure(figsize=(10.5, 3.6 * len(chips)), layout="constrained")
    axes = figure.subplots(len(chips), 3, squeeze=False)
    for row, chip in zip(axes, chips, strict=True):
        row[0].imshow(_over(chip.sample.image, chip.sample.truth))
        row[0].set_title(f"{chip.title}\ntruth over image", loc="left")
        shown = row[1].imshow(np.where(chip.sample.known, chip.probability, np.nan), vmin=0, vmax=1, cmap="viridis")
        row[1].set_title("probability", loc="left")
        figure.colorbar(shown, ax=row[1], fraction=0.045)
        row[2].imshow(_verdict(chip, threshold))
        row[2].set_title(f"mask at {threshold:.2f}: hit, missed, false", loc="left")
        for axis in row:
            axis.set_axis_off()
    return _uri(figure, photograph=True)


def footprints(image: npt.NDArray[np.uint8], found: Geometries, truth: Geometries | None = None) -> str:
    """Footprints (and true outlines, dashed) over an image, in its pixel coordinates."""
    height, width = image.shape[1:]
    figure = Figure(figsize=(10.5, 10.5 * height / width), layout="constrained")
    axis = figure.subplots()
    axis.imshow(image.transpose(1, 2, 0), extent=(0, width, height, 0))
    if truth is not None:
        _draw(axis, truth, edge=TRUE_OUTLINE, line="--")
    _draw(axis, found, edge=OUTLINE, line="-")
    axis.set_axis_off()
    return _uri(figure, photograph=True)


def training_curves(lines: Sequence[Mapping[str, Any]]) -> str:
    """Loss and validation IoU over the epochs."""
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    checked = [line for line in lines if "val_iou" in line]
    left.plot([line["epoch"] for line in lines], [line["loss"] for line in lines], color=FOUND, label="train")
    left.plot([x["epoch"] for x in checked], [x["val_loss"] for x in checked], color=TRUTH, marker=".", label="val")
    left.set(xlabel="epoch", ylabel="loss", title="Loss")
    right.plot([x["epoch"] for x in checked], [x["val_iou"] for x in checked], color=TRUTH, marker=".", label="val")
    if checked:
        right.axhline(checked[-1]["val_trivial_iou"], color=MUTED, linestyle=":", label="all or nothing")
    right.set(xlabel="epoch", ylabel="pixel IoU", title="Validation IoU", ylim=(0, 1))
    for axis in (left, right):
        _plain(axis)
    return _uri(figure)


def evaluation_curves(curve: ThresholdCurve, threshold: float, overlaps: Overlaps) -> str:
    """Pixel IoU, precision and recall at every threshold; beside it, object F1 at every IoU."""
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    counts = [curve.counts(value) for value in curve.thresholds]
    left.plot(curve.thresholds, [count.iou for count in counts], color=FOUND, label="IoU")
    left.plot(curve.thresholds, [count.precision for count in counts], color=TRUTH, label="precision")
    left.plot(curve.thresholds, [count.recall for count in counts], color=TRUTH, linestyle="--", label="recall")
    left.axvline(threshold, color=MUTED, linestyle=":", label=f"chosen on val: {threshold:.2f}")
    left.set(xlabel="threshold", title="Pixels", xlim=(0, 1), ylim=(0, 1))
    _plain(left)
    _object_curve(right, overlaps)
    return _uri(figure)


def object_curve(overlaps: Overlaps) -> str:
    """Object F1 at every IoU."""
    figure = Figure(figsize=(6.5, 3.4), layout="constrained")
    _object_curve(figure.subplots(), overlaps)
    return _uri(figure)


def cells(squares: Sequence[Cell]) -> str:
    """Squares of the ground, side by side: what was hit, missed and made up."""
    figure = Figure(figsize=(10.5, 4.2), layout="constrained")
    axes = figure.subplots(1, 3, squeeze=False)[0]
    for axis, square in zip(axes, squares, strict=False):
        _draw(axis, square.met, edge=MUTED, fill="#d9d9d9", halo=False)
        _draw(axis, square.missed, edge=TRUTH, fill=TRUTH + "50", halo=False)
        _draw(axis, square.hits, edge="black", halo=False)
        _draw(axis, square.false, edge=FOUND, fill=FOUND + "50", halo=False)
        left, bottom, right, top = square.bounds
        axis.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xticks=[], yticks=[])
        axis.set_title(square.title, loc="left", fontsize=9)
    for axis in axes[len(squares) :]:
        axis.set_axis_off()
    return _uri(figure)


def _over(image: npt.NDArray[np.uint8], truth: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """An image with the truth laid over it."""
    tint = np.array(matplotlib.colors.to_rgb(TRUTH)) * 255
    picture = image.transpose(1, 2, 0).astype(np.float64)
    picture[truth] = 0.45 * picture[truth] + 0.55 * tint
    return np.asarray(picture, dtype=np.uint8)


def _verdict(chip: Panel, threshold: float) -> npt.NDArray[np.float64]:
    """A hard mask: white where right, coloured where not, grey where unknown."""
    found, truth = chip.probability >= threshold, chip.sample.truth
    picture = np.zeros((*truth.shape, 3))
    picture[found & truth] = 1
    picture[~found & truth] = matplotlib.colors.to_rgb(TRUTH)
    picture[found & ~truth] = matplotlib.colors.to_rgb(FOUND)
    picture[~chip.sample.known] = 0.5
    return picture


def _object_curve(axis: Axes, overlaps: Overlaps) -> None:
    thresholds, f1 = list(overlaps.f1_by_iou), list(overlaps.f1_by_iou.values())
    axis.plot(thresholds, f1, color=FOUND, marker=".", label=f"F1, {overlaps.mean_f1:.3f} in the mean")
    axis.set(xlabel="IoU from which a building counts as found", title="Objects", xlim=(0.5, 1), ylim=(0, 1))
    _plain(axis)


def _draw(
    axis: Axes, polygons: Geometries, *, edge: str, line: str = "-", fill: str = "none", halo: bool = True
) -> None:
    for polygon in polygons:
        rings = [polygon.exterior, *polygon.interiors]
        path = Outline.make_compound_path(*(Outline(shapely.get_coordinates(ring), closed=True) for ring in rings))
        patch = PathPatch(path, facecolor=fill, edgecolor=edge, linewidth=1.0, linestyle=line)
        if halo:
            patch.set_path_effects([withStroke(linewidth=2.0, foreground="#00000090")])
        axis.add_patch(patch)


def _plain(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25)
    axis.legend(frameon=False)


def _uri(figure: Figure, *, photograph: bool = False) -> str:
    """A figure as a data URI: JPEG for what shows imagery, PNG for lines."""
    buffer = io.BytesIO()
    if photograph:
        figure.savefig(buffer, format="jpeg", dpi=150, pil_kwargs={"quality": 85})
    else:
        figure.savefig(buffer, format="png", dpi=110)
    kind = "jpeg" if photograph else "png"
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode()
