"""How far outlines run along each other: by hand, by GEOS's buffers, and by a distance transform of fine pixels."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.features import rasterize
from scipy.ndimage import distance_transform_edt

from samft_core.boundary import NO_BOUNDARY, Boundary, boundary_report, compare_outlines
from tests.core.test_scores import as_array, town

SQUARE = as_array([shapely.box(0, 0, 10, 10)])

CELL_M = 0.02
"""The side of the pixels that the distance transform works on."""


def moved(polygons: np.ndarray, x: float, y: float = 0.0) -> np.ndarray:
    return shapely.transform(polygons, lambda points: points + np.array([x, y]))


def test_by_less_than_the_tolerance_all_is_right():
    assert compare_outlines(moved(SQUARE, 0.6, 0.6), SQUARE) == Boundary(found_m=40, right_m=40, true_m=40, met_m=40)


def test_by_more_than_the_tolerance_half_is_right():
    # Of a square of 10 m moved by 2 m: 9 m each of the sides it slid along, and 1 m at both ends of the one inside.
    result = compare_outlines(moved(SQUARE, 2), SQUARE)
    assert vars(result) == pytest.approx({"found_m": 40, "right_m": 20, "true_m": 40, "met_m": 20})
    assert (result.precision, result.recall, result.f1) == pytest.approx((0.5, 0.5, 0.5))


def test_precision_and_recall_part_where_sizes_differ():
    two = np.append(SQUARE, moved(SQUARE, 50))
    result = compare_outlines(SQUARE, two)
    assert (result.precision, result.recall, result.f1) == (1, 0.5, pytest.approx(2 / 3))


def test_another_tolerance():
    assert compare_outlines(moved(SQUARE, 2), SQUARE, tolerance_m=2.1).f1 == 1
    assert compare_outlines(moved(SQUARE, 1, 1), SQUARE, tolerance_m=0.5).right_m == pytest.approx(2 * 2 * 0.5)


def test_holes_have_outlines():
    ring = as_array([shapely.box(0, 0, 10, 10) - shapely.box(3, 3, 7, 7)])
    assert compare_outlines(SQUARE, ring) == Boundary(found_m=40, right_m=40, true_m=56, met_m=40)


def test_nothing_on_either_side():
    nothing = as_array([])
    assert compare_outlines(nothing, nothing) == NO_BOUNDARY
    assert NO_BOUNDARY.f1 == 0
    assert compare_outlines(SQUARE, nothing) == Boundary(found_m=40, right_m=0, true_m=0, met_m=0)
    assert compare_outlines(nothing, SQUARE) == Boundary(found_m=0, right_m=0, true_m=40, met_m=0)


def test_lengths_add_up():
    total = compare_outlines(SQUARE, SQUARE) + compare_outlines(moved(SQUARE, 50), SQUARE)
    assert total == Boundary(found_m=80, right_m=40, true_m=80, met_m=40)
    assert boundary_report(total) == {"f1": 0.5, "precision": 0.5, "recall": 0.5, "tolerance_m": 1.0}


def test_what_lies_outside_is_not_judged():
    # Both end at an edge, x = 0; there they agree, but that is the edge's doing.
    found, true = as_array([shapely.box(0, 0, 5, 10)]), as_array([shapely.box(0, 0, 10, 10)])
    result = compare_outlines(found, true, within=shapely.box(0.5, -50, 50, 50))
    # top and bottom from 0.5 to 5; of the far side 1 m at both ends
    assert vars(result) == pytest.approx({"found_m": 19, "right_m": 11, "true_m": 29, "met_m": 11})


@given(seed=st.integers(0, 2**32 - 1), tolerance_m=st.sampled_from([0.3, 1.0, 2.5]))
def test_against_buffers(seed, tolerance_m):
    predicted, truth, _ = town(seed)
    result = compare_outlines(as_array(predicted), as_array(truth), tolerance_m=tolerance_m)
    for lines, others, length in ((predicted, truth, result.right_m), (truth, predicted, result.met_m)):
        around = shapely.union_all(shapely.buffer(shapely.boundary(others), tolerance_m, quad_segs=256))
        inside = shapely.intersection(shapely.boundary(as_array(lines)), around)
        assert length == pytest.approx(shapely.length(inside).sum(), abs=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_against_a_distance_transform(seed):
    """To within 1 % of the outline's length: the pixels are a fiftieth of the tolerance."""
    predicted, truth, _ = town(seed)
    if not predicted or not truth:
        pytest.skip("an empty side")
    corner, far = np.array([-12.0, -12.0]), 54.0
    shape = (int(far / CELL_M), int(far / CELL_M))
    result = compare_outlines(as_array(predicted), as_array(truth))
    for lines, others, share in ((predicted, truth, result.precision), (truth, predicted, result.recall)):
        outlines = shapely.transform(shapely.boundary(as_array(others)), lambda points: (points - corner) / CELL_M)
        drawn = rasterize(outlines, out_shape=shape, all_touched=True).astype(bool)
        distance_m = distance_transform_edt(~drawn) * CELL_M
        points = np.concatenate(
            [shapely.get_coordinates(shapely.segmentize(polygon.exterior, CELL_M)) for polygon in lines]
        )
        col, row = np.floor((points - corner) / CELL_M).astype(int).T
        inside = (col >= 0) & (row >= 0) & (col < shape[1]) & (row < shape[0])
        near = np.zeros(len(points), bool)
        near[inside] = distance_m[row[inside], col[inside]] <= 1
        assert share == pytest.approx(near.mean(), abs=0.01)
