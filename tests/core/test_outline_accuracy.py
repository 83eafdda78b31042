"""Outlines of 500 random buildings lie where the walls are, and squared ones have the buildings' own corners."""

import numpy as np
import pytest
import shapely

from benchmarks.outlines import (
    GSD_M,
    LONGEST_M,
    SHORTEST_M,
    Doubt,
    buildings,
    coverage,
    l_shape,
    rectangle,
    score,
    simplified,
    squared,
    t_shape,
    town,
    u_shape,
)
from tests.core.test_regularize import angles_deg

COUNT = 500


@pytest.fixture(scope="module")
def sharp() -> tuple[np.ndarray, np.ndarray]:
    """Rectangles and Ls drawn with anti-aliasing at 0.3 m, and their contours."""
    return town([rectangle, l_shape], Doubt(), count=COUNT, seed=7)


class TestSample:
    """The buildings are what they are said to be."""

    def test_sides_and_angles(self):
        sample = list(buildings([rectangle, l_shape, u_shape, t_shape], count=40, seed=3))
        assert [len(building.exterior.coords) - 1 for building in sample] == [4, 6, 8, 8] * 10
        for building in sample:
            sides_m = GSD_M * np.hypot(*np.diff(building.exterior.coords, axis=0).T)
            assert SHORTEST_M - 1e-9 <= sides_m.min() <= sides_m.max() <= LONGEST_M + 1e-9
            assert angles_deg(building) == pytest.approx([90] * len(sides_m))

    def test_coverage_is_exact(self):
        for building in buildings([rectangle, u_shape], count=4, seed=5):
            field = coverage(building)
            assert field.sum(dtype=float) == pytest.approx(building.area, rel=1e-6)
            for row, col in ((20, 20), (40, 31), (9, 30), (25, 12)):
                pixel = shapely.box(col, row, col + 1, row + 1)
                assert field[row, col] == pytest.approx(building.intersection(pixel).area, abs=1e-6)


class TestAccuracy:
    def test_contours(self, sharp):
        truth, contours = sharp
        found = score(contours, truth)
        assert abs(found.area_bias) < 0.002
        assert found.distance_px < 0.1
        assert found.distance_back_px < 0.1

    def test_simplified(self, sharp):
        truth, contours = sharp
        found = score(simplified(contours), truth)
        assert abs(found.area_bias) < 0.002
        assert found.distance_px < 0.1
        assert found.distance_back_px < 0.1

    def test_squared(self, sharp):
        truth, contours = sharp
        found = score(squared(contours), truth)
        assert found.iou >= score(contours, truth).iou
        assert found.corners_right >= 0.9

    @pytest.mark.parametrize("kinds", [[rectangle, l_shape], [u_shape, t_shape]], ids=["rectangles-Ls", "Us-Ts"])
    @pytest.mark.parametrize("doubt", [Doubt(blur_px=1), Doubt(blur_px=1, noise=0.15)], ids=["blurred", "noisy"])
    def test_squared_where_the_field_is_not_sure(self, kinds, doubt):
        truth, contours = town(kinds, doubt, count=100, seed=11)
        found = score(squared(contours), truth)
        assert found.iou >= score(contours, truth).iou
        assert found.corners_right >= 0.97
