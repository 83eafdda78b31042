"""What is there when somebody has seen enough, and outlines drawn anew from the same probabilities."""

import geopandas.testing
import numpy as np
import pytest
import shapely

from samft_core.footprints import segment
from samft_core.progress import Enough
from tests.conftest import make_grid
from tests.core.test_footprints import write_truth
from tests.fakes import PerfectSegmenter, make_bundle

SIDE_PX = 208
"""Four by four tiles of 64 that share 16."""


@pytest.fixture
def raster(tmp_path):
    buildings = [shapely.box(x, y, x + 17, y + 13) for x in range(4, 190, 25) for y in range(5, 190, 21)]
    return write_truth(tmp_path / "town.tif", make_grid(SIDE_PX, SIDE_PX), buildings)


def enough_after(tiles):
    def progress(stage, done, total, note=""):
        if stage == "segmenting" and done == tiles:
            raise Enough

    return progress


def find(raster, **settings):
    return segment(make_bundle(), raster, segmenter=PerfectSegmenter(), **settings)


class TestEnough:
    @pytest.mark.parametrize("tiles", [1, 3, 4, 6, 15])
    def test_what_is_known_is_what_the_whole_has(self, raster, tiles):
        whole, some = find(raster), find(raster, progress=enough_after(tiles))
        assert whole.complete
        assert not some.complete
        assert some.provenance["complete"] is False
        row, col = divmod(tiles, 4)
        known = np.zeros((SIDE_PX, SIDE_PX), bool)
        for number in range(16):  # by hand: tile number n starts at 48 times its row and column
            top, left = 48 * (number // 4), 48 * (number % 4)
            known[top : top + 64, left : left + 64] |= number < tiles
        for number in range(tiles, 16):
            top, left = 48 * (number // 4), 48 * (number % 4)
            known[top : top + 64, left : left + 64] = False
        np.testing.assert_array_equal(some.valid, known)
        np.testing.assert_array_equal(some.probability, whole.probability * known)
        inside = shapely.union_all(some.grid.to_map(np.array([shapely.box(0, 0, 48 * 4 + 16, 48 * row + 16)])))
        assert 0 < len(some.footprints) < len(whole.footprints) or tiles == 1
        assert all(polygon.within(inside.buffer(32)) for polygon in some.footprints.geometry) or col

    def test_going_on_gives_the_whole(self, raster, tmp_path):
        some = find(raster, progress=enough_after(10), folder=tmp_path / "field")
        segmenter = PerfectSegmenter()
        whole = segment(make_bundle(), raster, segmenter=segmenter, folder=tmp_path / "field")
        assert not some.complete
        assert whole.complete
        assert len(segmenter.seen) == 12  # the rows of the first row of tiles are known for good
        geopandas.testing.assert_geodataframe_equal(whole.footprints, find(raster).footprints)

    def test_before_anything_is_there(self, raster):
        with pytest.raises(Enough):
            find(raster, progress=enough_after(0))

    def test_after_the_last_tile_all_is_there(self, raster):
        assert find(raster, progress=enough_after(16)).complete

    def test_within_a_tile(self, raster):
        class Interrupted(PerfectSegmenter):
            def predict(self, pixels):
                if len(self.seen) == 5:
                    raise Enough
                return super().predict(pixels)

        some = segment(make_bundle(), raster, segmenter=Interrupted())
        assert not some.complete
        np.testing.assert_array_equal(some.valid, find(raster, progress=enough_after(5)).valid)


class TestRestyled:
    def test_as_if_segmented_so(self, raster):
        settings = {"threshold": 0.8, "min_area_m2": 30.0, "min_hole_m2": 1.0, "regularize": False}
        segmenter = PerfectSegmenter()
        found = segment(make_bundle(), raster, segmenter=segmenter)
        looked = len(segmenter.seen)
        again, afresh = found.restyled(**settings), find(raster, **settings)
        geopandas.testing.assert_geodataframe_equal(again.footprints, afresh.footprints)
        assert again.provenance == afresh.provenance
        assert again.provenance["job"] != found.provenance["job"]
        assert len(segmenter.seen) == looked

    def test_without_settings_the_bundles_own(self, raster):
        found = find(raster, threshold=0.9)
        assert found.restyled().provenance == find(raster).provenance


def test_pixels_that_are_the_models_already(raster, tmp_path):
    """A raster a little off the bundle's resolution, as a map that was rendered for it may be."""
    grid = make_grid(SIDE_PX, SIDE_PX)
    off = write_truth(
        tmp_path / "off.tif",
        make_grid(SIDE_PX, SIDE_PX, transform=grid.transform @ type(grid.transform).scale(1.01)),
        [shapely.box(20, 30, 60, 50)],
    )
    assert find(off).lattice.shape == (210, 210)
    as_is = find(off, as_is=True)
    assert as_is.lattice.shape == (SIDE_PX, SIDE_PX)
    assert as_is.footprints.area_m2[0] == pytest.approx(40 * 20 * 0.25 * 1.01**2, rel=1e-2)
    assert as_is.provenance["job"] != find(off).provenance["job"]
