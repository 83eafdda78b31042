"""The field on disk: what goes in comes out, whatever the bands, and goes on where it ended."""

import json

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from samft_core.errors import OutputError
from samft_core.field import StoredField, resume_field
from samft_core.grid import Window
from samft_core.mosaic import Band
from tests.conftest import assert_one_clear_line, make_grid

GRID = make_grid(60, 50)
WINDOW = Window(row_px=7, col_px=3, height_px=40, width_px=30)


def whole(seed: int = 0) -> Band:
    rng = np.random.default_rng(seed)
    valid = rng.random((WINDOW.height_px, WINDOW.width_px)) < 0.8
    probability = rng.random(valid.shape, dtype=np.float32) * valid
    return Band(window=WINDOW, probability=probability, valid=valid)


def fill(field: StoredField, band: Band, heights: list[int]) -> None:
    row = field.rows_done
    for height in heights:
        rows = slice(row, row + height)
        field.append(Band(window=WINDOW.part(row, height), probability=band.probability[rows], valid=band.valid[rows]))
        row += height


@st.composite
def inner_windows(draw) -> Window:
    row, col = draw(st.integers(7, 46)), draw(st.integers(3, 32))
    height, width = draw(st.integers(1, 47 - row)), draw(st.integers(1, 33 - col))
    return Window(row_px=row, col_px=col, height_px=height, width_px=width)


@given(
    st.lists(inner_windows(), min_size=1, max_size=6),
    st.sampled_from([[40], [1, 39], [10, 10, 10, 10], [3] * 13 + [1]]),
)
def test_any_window_comes_back_to_the_bit(tmp_path_factory, windows, heights):
    field = StoredField(tmp_path_factory.mktemp("field"), grid=GRID, window=WINDOW)
    band = whole()
    fill(field, band, heights)
    assert field.missing is None
    for window in windows:
        place = window.relative_to(WINDOW)
        found = field.read(window)
        assert found.window == window
        assert np.array_equal(found.probability, band.probability[place.rows, place.cols])
        assert np.array_equal(found.valid, band.valid[place.rows, place.cols])


def test_goes_on_after_the_last_whole_band(tmp_path):
    job = {"raster": "a", "size": [1, 2]}
    folder = tmp_path / "field"
    fill(resume_field(folder, grid=GRID, window=WINDOW, job=job), whole(), [10, 12])
    (folder / "rows-00000041.tif").write_bytes(b"of no use: rows are missing before it")
    field = resume_field(folder, grid=GRID, window=WINDOW, job=job)
    assert field.rows_done == 22
    assert field.missing == Window(row_px=29, col_px=3, height_px=18, width_px=30)
    fill(field, whole(), [18])
    assert np.array_equal(field.read(WINDOW).probability, whole().probability)


def test_another_job_starts_anew(tmp_path):
    folder = tmp_path / "field"
    fill(resume_field(folder, grid=GRID, window=WINDOW, job={"raster": "a"}), whole(), [10])
    assert resume_field(folder, grid=GRID, window=WINDOW, job={"raster": "b"}).rows_done == 0
    assert [file.name for file in folder.iterdir()] == ["job.json"]
    assert json.loads((folder / "job.json").read_text()) == {"raster": "b"}


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError) as caught:
        resume_field(tmp_path, grid=GRID, window=WINDOW, job={})
    assert_one_clear_line(caught.value)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_band_is_a_raster_in_its_place(tmp_path):
    field = StoredField(tmp_path, grid=GRID, window=WINDOW)
    fill(field, whole(), [10, 12])
    with rasterio.open(tmp_path / "rows-00000017.tif") as source:
        assert source.crs.to_epsg() == 32611
        assert source.nodata == -1
        assert source.transform * (0, 0) == GRID.transform * (3, 17)
        assert np.array_equal(source.read_masks(1) > 0, whole().valid[10:22])


def test_a_damaged_band_is_one_line(tmp_path):
    field = StoredField(tmp_path, grid=GRID, window=WINDOW)
    fill(field, whole(), [40])
    path = tmp_path / "rows-00000007.tif"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(OutputError) as caught:
        field.read(WINDOW)
    assert_one_clear_line(caught.value)
    path.write_bytes(b"no raster at all")
    with pytest.raises(OutputError, match="run again") as caught:
        StoredField(tmp_path, grid=GRID, window=WINDOW)
    assert_one_clear_line(caught.value)
