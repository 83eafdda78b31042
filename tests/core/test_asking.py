"""One building by a box or points: which tile is asked, which outline is meant, and what is refused."""

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from samft_core.asking import Marks, ask, tile_for
from samft_core.errors import InputError, OutsideError
from samft_core.tiling import Lattice
from tests.conftest import UTM, assert_one_clear_line, make_grid
from tests.core.test_footprints import write_truth
from tests.fakes import PerfectSegmenter, make_bundle

LEFT_HOUSE, RIGHT_HOUSE = shapely.box(20, 30, 40, 50), shapely.box(60, 30, 75, 44)
FAR_HOUSE = shapely.box(150, 150, 170, 175)


class Answering(PerfectSegmenter):
    """Stands in for a SAM: its embedding is the tile, and it answers with all buildings in it, whatever it is asked."""

    def embed(self, pixels):
        self.seen.append(pixels)
        return pixels

    def answer_box(self, embedding, box):
        self.asked = box
        return self.predict(embedding)

    def answer_points(self, embedding, points, labels):
        self.asked = points, labels
        return self.predict(embedding)


@pytest.fixture
def grid():
    return make_grid(208, 208)


@pytest.fixture
def raster(grid, tmp_path):
    return write_truth(tmp_path / "town.tif", grid, [LEFT_HOUSE, RIGHT_HOUSE, FAR_HOUSE])


def on_map(grid, geometry):
    return grid.to_map(np.array([geometry]))[0]


def iou(grid, told, truth):
    truth = on_map(grid, truth)
    return told.geometry.intersection(truth).area / told.geometry.union(truth).area


class TestAnswers:
    @pytest.mark.parametrize("house", [LEFT_HOUSE, RIGHT_HOUSE, FAR_HOUSE])
    def test_a_box(self, raster, grid, house):
        told = ask(make_bundle(), raster, Marks(box=on_map(grid, house.buffer(1)).bounds), segmenter=Answering())
        assert iou(grid, told, house) > 0.95
        assert told.area_m2 == pytest.approx(house.area / 4, rel=0.05)
        assert told.score > 0.9
        assert told.provenance["prompt"] == {"box": on_map(grid, house.buffer(1)).bounds}

    def test_a_box_in_another_crs(self, raster, grid):
        to = pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
        box = shapely.transform(on_map(grid, LEFT_HOUSE), lambda p: np.column_stack(to.transform(p[:, 0], p[:, 1])))
        segmenter = Answering()
        told = ask(make_bundle(), raster, Marks(box=box.bounds, crs="EPSG:4326"), segmenter=segmenter)
        assert iou(grid, told, LEFT_HOUSE) > 0.95
        left, top, right, bottom = segmenter.asked
        assert (right - left, bottom - top) == pytest.approx((20, 20), abs=0.1)

    def test_ends_where_the_box_does(self, raster, grid):
        """Whatever the model has found beside it; of what is in the box, the most counts."""
        half, others = shapely.box(20, 30, 30, 50), shapely.box(28, 20, 78, 60)
        told = ask(make_bundle(), raster, Marks(box=on_map(grid, half).bounds), segmenter=Answering())
        assert iou(grid, told, half) > 0.95
        assert on_map(grid, half.buffer(0.01)).covers(told.geometry)
        told = ask(make_bundle(), raster, Marks(box=on_map(grid, others).bounds), segmenter=Answering())
        assert iou(grid, told, shapely.box(28, 30, 40, 50)) > 0.95

    def test_points(self, raster, grid):
        def asked(*points):
            places = tuple((*on_map(grid, shapely.Point(x, y)).coords[0], label) for x, y, label in points)
            return ask(make_bundle(), raster, Marks(points=places), segmenter=Answering())

        assert iou(grid, asked((30, 40, 1)), LEFT_HOUSE) > 0.95
        assert iou(grid, asked((30, 40, 0), (66, 40, 1)), RIGHT_HOUSE) > 0.95
        assert iou(grid, asked((66, 40, 1), (30, 40, 1), (22, 33, 1)), LEFT_HOUSE) > 0.95  # two of three

    def test_where_there_is_nothing(self, raster, grid):
        told = ask(make_bundle(), raster, Marks(points=((500_050.0, 3_761_990.0, 1),)), segmenter=Answering())
        assert (told.geometry, told.score, told.area_m2) == (None, 0.0, 0.0)

    def test_the_threshold(self, tmp_path, grid):
        raster = write_truth(tmp_path / "dim.tif", grid, [LEFT_HOUSE], level=150)
        marks = Marks(box=on_map(grid, LEFT_HOUSE).bounds)
        assert ask(make_bundle(), raster, marks, segmenter=Answering()).threshold == 0.5
        dim = ask(make_bundle(), raster, marks, threshold=0.7, segmenter=Answering())
        assert (dim.geometry, dim.threshold) == (None, 0.7)


class TestTile:
    @given(st.data())
    def test_holds_the_prompt_and_stays_on_the_raster(self, data):
        height, width = data.draw(st.integers(20, 400)), data.draw(st.integers(20, 400))
        lattice = Lattice(grid=make_grid(height, width), tile_px=64, overlap_px=16)
        x, y = data.draw(st.floats(0, width)), data.draw(st.floats(0, height))
        places = np.array([(x, y), (min(width, x + data.draw(st.floats(0, 56))), min(height, y + 20))])
        window = tile_for(lattice, places)
        (left, top), (right, bottom) = places
        assert (window.height_px, window.width_px) == (64, 64)
        assert window.col_px <= left
        assert right <= window.col_px + 64
        assert window.row_px <= top
        assert bottom <= window.row_px + 64
        for start, length in ((window.row_px, height), (window.col_px, width)):
            assert start >= 0
            assert start + 64 <= max(length, 64)

    def test_is_one_of_the_lattices_where_it_can_be(self):
        lattice = Lattice(grid=make_grid(208, 208), tile_px=64, overlap_px=16)
        for x, y in np.random.default_rng(0).uniform(0, 200, (200, 2)):
            window = tile_for(lattice, np.array([(x, y), (x + 8, y + 8)]))
            assert window.row_px % 48 == 0
            assert window.col_px % 48 == 0

    def test_is_its_own_for_what_lies_across_tiles(self):
        lattice = Lattice(grid=make_grid(208, 208), tile_px=64, overlap_px=16)
        window = tile_for(lattice, np.array([(40.0, 60.0), (85.0, 70.0)]))
        assert window.col_px == 32  # a multiple of 8, with the box in the middle
        assert window.row_px == 48


class TestMistakes:
    @pytest.mark.parametrize(
        ("marks", "complaint"),
        [
            ({}, "expected a box or points, got both or neither"),
            ({"box": (0, 0, 1, 1), "points": ((0, 0, 1),)}, "expected a box or points"),
            ({"points": ((0, 0, 0),)}, "expected a point on the building, got none"),
            ({"box": (0, 0, float("nan"), 1)}, "expected a place on the map"),
        ],
    )
    def test_what_means_nothing(self, marks, complaint):
        with pytest.raises(InputError, match=complaint) as error:
            Marks(**marks)
        assert_one_clear_line(error.value)

    def test_off_the_raster(self, raster):
        with pytest.raises(OutsideError, match="expected a prompt on the raster") as error:
            ask(make_bundle(), raster, Marks(box=(0, 0, 10, 10)), segmenter=Answering())
        assert_one_clear_line(error.value)

    def test_larger_than_a_tile(self, raster, grid):
        box = on_map(grid, shapely.box(5, 5, 105, 60)).bounds
        with pytest.raises(InputError, match=r"expected a prompt within 32 m.* got one 50 m across") as error:
            ask(make_bundle(), raster, Marks(box=box), segmenter=Answering())
        assert_one_clear_line(error.value)

    def test_a_crs_that_is_none(self, raster):
        with pytest.raises(InputError, match="EPSG:4326, got moon"):
            ask(make_bundle(), raster, Marks(box=(0, 0, 1, 1), crs="moon"), segmenter=Answering())
