"""Outlines from bands of rows: the same as from all rows at once, joined over every seam, with the holes that count."""

from unittest import mock

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from samft_core import outline as outline_module
from samft_core.grid import Window
from samft_core.mosaic import Band
from samft_core.outline import Style, outline, outline_array
from tests.conftest import make_grid
from tests.core.test_contours import drawn, same
from tests.core.test_regularize import blobs
from tests.fakes import BandedField

HEIGHT, WIDTH = 60, 50
GRID = make_grid(HEIGHT, WIDTH)


@pytest.fixture(autouse=True)
def _bands_as_they_come(monkeypatch):
    """Not swept together, so that these small ones have seams."""
    monkeypatch.setattr(outline_module, "BAND_PX", 0)


def outlines(probability: np.ndarray, rows: int, style: Style, *, valid: np.ndarray | None = None) -> np.ndarray:
    height, width = probability.shape
    known = np.ones(probability.shape, dtype=bool) if valid is None else valid
    window = Window(row_px=0, col_px=0, height_px=height, width_px=width)
    field = BandedField(Band(window=window, probability=probability * known, valid=known), rows)
    return np.concatenate([np.array([], dtype=object), *outline(field, make_grid(height, width), style)])


@given(blobs(), st.integers(1, 40), st.booleans(), st.sampled_from([0.0, 3.0]))
@settings(max_examples=40)
def test_any_bands_give_the_same_outlines(blob, rows, square, min_hole_m2):
    """However few rows they have, and whether they are swept together."""
    probability, valid = blob
    style = Style(threshold=0.5, square=square, min_hole_m2=min_hole_m2)
    at_once = outlines(probability, 40, style, valid=valid)
    for band_px in (0, 10 * probability.shape[1]):
        with mock.patch.object(outline_module, "BAND_PX", band_px):
            assert same(outlines(probability, rows, style, valid=valid), at_once)


@pytest.mark.parametrize("square", [True, False])
@pytest.mark.parametrize("chunk_vertices", [1, 60, 500])
def test_any_chunks_give_the_same_outlines(monkeypatch, chunk_vertices, square):
    """Noise is as crowded as it gets: what an outline must respect often is in another chunk."""
    noise = np.random.default_rng(5).random((80, 90)).astype(np.float32)
    valid = np.random.default_rng(6).random((80, 90)) > 0.02
    style = Style(threshold=0.5, square=square)
    monkeypatch.setattr(outline_module, "CHUNK_VERTICES", 10**9)
    at_once = outlines(noise, 32, style, valid=valid)
    monkeypatch.setattr(outline_module, "CHUNK_VERTICES", chunk_vertices)
    in_chunks = outlines(noise, 32, style, valid=valid)
    assert len(in_chunks) > 100
    assert shapely.to_wkb(in_chunks).tolist() == shapely.to_wkb(at_once).tolist()


def test_a_large_building_keeps_out_of_every_unknown_pixel():
    valid = np.ones((HEIGHT, WIDTH), dtype=bool)
    valid[4::8, 4::8] = False
    (found,) = outlines(np.full((HEIGHT, WIDTH), 0.9, dtype=np.float32), 16, Style(threshold=0.5), valid=valid)
    pixels = [shapely.box(col, row, col + 1, row + 1) for row, col in zip(*np.nonzero(~valid), strict=True)]
    assert len(found.interiors) == len(pixels)
    assert shapely.area(shapely.intersection(found, pixels)).max() < 1e-9
    assert found.area == pytest.approx(valid.sum(), rel=0.01)


@pytest.mark.parametrize("square", [True, False])
@pytest.mark.parametrize("rows", [*range(1, 30), 60])
def test_every_seam_position(rows, square):
    """Seams at every row: one building with a courtyard stays one, its neighbours stay apart."""
    yard = shapely.affinity.rotate(shapely.box(8, 6, 36, 48) - shapely.box(15, 15, 29, 38), 12)
    beside = shapely.affinity.rotate(shapely.box(38.5, 5, 46, 52), 12, origin=(22, 27))
    field = drawn(shapely.union_all([yard, beside]), HEIGHT, WIDTH)
    found = outlines(field, rows, Style(threshold=0.5, square=square))
    assert len(found) == 2
    courtyard, neighbour = sorted(found, key=lambda polygon: polygon.bounds[0])
    assert courtyard.intersection(yard).area / courtyard.union(yard).area > 0.97
    assert neighbour.intersection(beside).area / neighbour.union(beside).area > 0.95
    assert len(courtyard.interiors) == 1
    assert same(found, outlines(field, HEIGHT, Style(threshold=0.5, square=square)))


@given(st.data())
@settings(max_examples=30)
def test_axis_aligned_buildings_keep_the_masks_area(data):
    """Corners that a contour rounds off come back when they are squared."""
    field = np.zeros((120, 120), dtype=np.float32)
    for row in range(5, 120, 39):
        for col in range(5, 120, 39):
            height, width = data.draw(st.integers(8, 34)), data.draw(st.integers(8, 34))
            field[row : row + height, col : col + width] = 1
            if min(height, width) > 20 and data.draw(st.booleans()):
                field[row + 7 : row + 14, col + 6 : col + 14] = 0
    found = outlines(field, data.draw(st.integers(1, 120)), Style(threshold=0.5))
    assert len(found) == 9
    assert shapely.area(found).sum() == pytest.approx(field.sum(), rel=0.002)
    assert {len(polygon.exterior.coords) for polygon in found} == {5}


def test_north_comes_first_and_as_soon_as_it_can():
    field = np.zeros((200, 30), dtype=np.float32)
    for row in range(5, 200, 20):
        field[row : row + 9, 5:20] = 1
    window = Window(row_px=0, col_px=0, height_px=200, width_px=30)
    banded = BandedField(Band(window=window, probability=field, valid=field >= 0), 20)
    tops = [polygons[0].bounds[1] for polygons in outline(banded, make_grid(200, 30), Style(threshold=0.5))]
    assert len(tops) == 10
    assert tops == sorted(tops)


class TestHoles:
    def field(self) -> np.ndarray:
        """A block with holes of 4, 16 and 100 pixels (1, 4 and 25 m2), and one of 144 with a building in it."""
        field = np.ones((HEIGHT, WIDTH), dtype=np.float32)
        for row, col, side in ((3, 3, 2), (3, 10, 4), (3, 20, 10), (20, 20, 12)):
            field[row : row + side, col : col + side] = 0
        field[25:27, 25:27] = 1
        return field

    @pytest.mark.parametrize(("min_hole_m2", "kept"), [(0, 4), (2, 3), (10, 2), (30, 1), (1000, 1)])
    def test_those_above_a_size_are_kept(self, min_hole_m2, kept):
        found = outlines(self.field(), 7, Style(threshold=0.5, square=False, min_hole_m2=min_hole_m2))
        block, inner = sorted(found, key=shapely.area, reverse=True)
        assert len(block.interiors) == kept
        assert block.intersection(inner).area == 0  # never filled over a building

    def test_what_is_not_known_is_no_hole_to_fill(self):
        valid = np.ones((HEIGHT, WIDTH), dtype=bool)
        valid[40:43, 10:14] = False
        style = Style(threshold=0.5, min_hole_m2=1000)
        (block,) = outlines(np.ones((HEIGHT, WIDTH), dtype=np.float32), 11, style, valid=valid)
        assert block.intersection(shapely.box(10, 40, 14, 43)).area < 1e-9

    def test_hole_size_is_in_square_metres_of_the_ground(self):
        """The lattice's pixels are about 0.5 m."""
        field = self.field()
        for limit, kept in ((3.9 / 0.9996**2, 3), (4.1 / 0.9996**2, 2)):
            found = outline_array(
                field, field >= 0, GRID, Style(threshold=0.5, square=False, min_hole_m2=limit - 0.125)
            )
            assert len(max(found, key=shapely.area).interiors) == kept
