"""Where a run stands: which validation is the best, and from when single buildings are asked for."""

import pytest

from training.config import from_mapping
from training.distributed import Ranks
from training.sources import planned_epochs
from training.standing import Standing
from training.validate import Validation


def check(iou: float) -> Validation:
    return Validation(loss=1.0, iou=iou, threshold=0.5, trivial_iou=0.4)


def test_the_best_is_the_highest_among_the_complete():
    """A higher IoU from before single buildings were asked for does not count then."""
    at, kept = Standing(), []
    for iou, complete in [(0.5, False), (0.7, False), (0.6, True), (0.55, True), (0.65, True), (0.64, True)]:
        at.note_check(check(iou), dict, complete=complete)
        kept.append((at.best.iou, at.checks_since_best))
    assert kept == [(0.5, 0), (0.7, 0), (0.6, 0), (0.6, 1), (0.65, 0), (0.65, 1)]
    assert Standing.of(at.state()) == at


@pytest.mark.parametrize(
    ("settings", "world", "epochs"),
    [
        ({"epochs": 7}, 1, 7),
        ({"epochs": 7, "max_steps": 10, "batch_size": 4}, 1, 2),
        ({"epochs": 7, "max_steps": 11, "batch_size": 4}, 1, 3),
        ({"epochs": 7, "max_steps": 11, "batch_size": 2, "accumulate": 2}, 1, 3),
        ({"epochs": 7, "max_steps": 11, "batch_size": 4}, 2, 4),
        ({"epochs": 3, "max_steps": 1000}, 1, 3),
    ],
)
def test_epochs_are_planned_as_steps_allow(settings, world, epochs):
    """17 chips make five steps of four, or three of eight."""
    assert planned_epochs(from_mapping(settings), 17, Ranks(world=world, local_world=world)) == epochs
