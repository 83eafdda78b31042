"""Polygons to pixels, against shapely's point in polygon at the pixels' centres."""

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from samft_core.rasterize import rasterize
from tests.conftest import make_grid

TRANSFORMS = {
    "north-up": Affine(0.5, 0, 500_000, 0, -0.5, 3_762_000),
    "south-up": Affine(0.5, 0, 500_000, 0, 0.5, 3_762_000),
    "rotated": Affine.translation(500_000, 3_762_000) * Affine.rotation(33) * Affine.scale(0.5, -0.4),
}


def centres(height: int, width: int) -> np.ndarray:
    """Points at the pixels' centres, (height, width)."""
    rows, cols = np.mgrid[:height, :width] + 0.5
    return shapely.points(cols, rows)


@st.composite
def polygons(draw) -> shapely.Polygon:
    """A star-shaped polygon, often with a hole, partly beyond a grid of 24 x 30 pixels."""
    count = draw(st.integers(3, 9))
    angles = (np.arange(count) + np.array(draw(st.lists(st.floats(0, 0.9), min_size=count, max_size=count)))) / count
    radii = np.array(draw(st.lists(st.floats(2, 15), min_size=count, max_size=count)))
    x, y = draw(st.floats(-3, 33)), draw(st.floats(-3, 27))
    around = np.column_stack((np.cos(2 * np.pi * angles), np.sin(2 * np.pi * angles)))
    hole = [0.4 * around * radii[:, None] + (x, y)] if draw(st.booleans()) else []
    return shapely.Polygon(around * radii[:, None] + (x, y), hole)


@pytest.mark.parametrize("name", TRANSFORMS)
@given(shapes=st.lists(polygons().filter(lambda shape: shape.is_valid), min_size=1, max_size=4))
def test_a_pixel_is_inside_if_its_centre_is(name, shapes):
    grid = make_grid(24, 30, transform=TRANSFORMS[name])
    found = rasterize(grid.to_map(np.array(shapes, dtype=object)), grid)
    points = centres(24, 30)
    inside = np.any([shapely.contains(shape, points) for shape in shapes], axis=0)
    clear = np.min([shapely.distance(shape.boundary, points) for shape in shapes], axis=0) > 1e-5
    assert np.array_equal(found[clear], inside[clear])
    assert clear.mean() > 0.9


def test_by_hand():
    grid = make_grid(4, 6)  # 0.5 m pixels from (500000, 3762000)
    square = shapely.box(500_000.5, 3_761_998.5, 500_002, 3_761_999.5)
    expected = np.zeros((4, 6), dtype=bool)
    expected[1:3, 1:4] = True
    assert np.array_equal(rasterize(np.array([square]), grid), expected)


def test_a_polygon_between_the_centres_leaves_nothing():
    grid = make_grid(4, 6)
    sliver = grid.to_map(shapely.box(1.6, 0, 2.4, 4))
    assert not rasterize(np.array([sliver]), grid).any()


@pytest.mark.parametrize("polygons", [[], [shapely.box(0, 0, 1, 1)]], ids=["none", "far away"])
def test_nothing_to_burn(polygons):
    found = rasterize(np.array(polygons, dtype=object), make_grid(4, 6))
    assert found.shape == (4, 6)
    assert found.dtype == bool
    assert not found.any()
