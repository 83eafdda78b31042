"""How good a model is when it is asked for single buildings, by a box or by a point."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.overlaps import SMALLEST_PX
from samft_core.raster import Pixels
from training.chips import Chip, Chips, Split, numbered

if TYPE_CHECKING:
    from samft_core.sam.segmenter import SamSegmenter

MOST_CHIPS = 12
MOST_BUILDINGS = 20
"""How many chips of a split, and buildings of each, are asked for; spread evenly."""


@dataclass(frozen=True, kw_only=True)
class PromptScores:
    """Mean IoU of single buildings, each a mask at the bundle's threshold against the building's own pixels."""

    buildings: int
    box_iou: float
    """Asked for by the box around it, where the answer ends."""
    point_iou: float
    """Asked for by a point on it."""
    cut_iou: float
    """Not asked for: what the whole tile's mask has inside the box."""

    def as_dict(self) -> dict[str, Any]:
        """The scores as JSON values."""
        return asdict(self)


def score_prompts(segmenter: SamSegmenter, chips: Chips, *, split: Split) -> PromptScores | None:
    """Ask for single buildings of a split; None where there is none large enough.

    Args:
        segmenter: The model.
        chips: Chips at its resolution and size.
        split: train, val or test.
    """
    chosen = _spread(chips.require(split), MOST_CHIPS)
    ious = np.concatenate([_chip_ious(segmenter, chips, chip) for chip in chosen])
    if len(ious) == 0:
        return None
    box, point, cut = ious.mean(axis=0).tolist()
    return PromptScores(buildings=len(ious), box_iou=box, point_iou=point, cut_iou=cut)


def _chip_ious(segmenter: SamSegmenter, chips: Chips, chip: Chip) -> npt.NDArray[np.float64]:
    """IoU by box, by point and of the cut whole mask, for some buildings of a chip: (buildings, 3)."""
    import torch

    from samft_core.sam.forward import Prompt

    sample, grid = chip.read(), chip.grid()
    polygons = grid.to_pixel(chips.buildings(chip, grid.crs))
    numbers = numbered(polygons, grid.shape)
    areas = np.bincount(numbers.ravel(), minlength=len(polygons) + 1)[1:]
    wanted = _spread(np.flatnonzero(areas >= SMALLEST_PX).tolist(), MOST_BUILDINGS)
    if not wanted:
        return np.empty((0, 3))
    scale = segmenter.recipe.input_px / segmenter.recipe.tile_px
    boxes = shapely.bounds(polygons[wanted]) * scale - [0, 0, 1, 1]
    points = shapely.get_coordinates(shapely.point_on_surface(polygons[wanted])) * scale - 0.5
    embedding = segmenter.embed(Pixels(image=sample.image, valid=sample.valid))
    by_box = segmenter.answer(embedding, Prompt(boxes=torch.tensor(boxes, dtype=torch.float32)[:, None]))
    by_point = segmenter.answer(
        embedding,
        Prompt(points=torch.tensor(points, dtype=torch.float32)[:, None, None], labels=torch.ones(len(wanted), 1, 1)),
    )
    whole = segmenter.answer(embedding, segmenter.whole_tile())[0]
    rows = []
    for place, index in enumerate(wanted):
        truth = (numbers == index + 1) & sample.known
        left, top, right, bottom = shapely.bounds(polygons[index])
        inside = np.zeros_like(truth)
        inside[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
        masks = (np.where(inside, by_box[place], 0), by_point[place], np.where(inside, whole, 0))
        rows.append([_iou((mask >= segmenter.recipe.threshold) & sample.known, truth) for mask in masks])
    return np.array(rows)


def _iou(found: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float:
    either = (found | truth).sum()
    return float((found & truth).sum() / either) if either else 0.0


def _spread(items: list[Any], most: int) -> list[Any]:
    """At most so many of them, evenly spaced."""
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[place] for place in places]
