"""What a field says inside polygons, against rasterio's burning of pixel centres."""

import numpy as np
import pytest
import rasterio.features
import shapely
from hypothesis import given
from hypothesis import strategies as st

from samft_core.field import ArrayField
from samft_core.grid import Window
from samft_core.mosaic import Band
from samft_core.zonal import zones
from tests.core.test_rasterize import polygons
from tests.fakes import BandedField

HEIGHT, WIDTH = 24, 30


def make_field(seed: int, *, row: int = 0, col: int = 0, band_rows: int = HEIGHT) -> BandedField:
    rng = np.random.default_rng(seed)
    window = Window(row_px=row, col_px=col, height_px=HEIGHT, width_px=WIDTH)
    probability = rng.random((HEIGHT, WIDTH), dtype=np.float32)
    valid = rng.random((HEIGHT, WIDTH)) < 0.9
    return BandedField(Band(window=window, probability=probability * valid, valid=valid), band_rows)


@given(st.lists(polygons(), min_size=1, max_size=4), st.integers(0, 99), st.integers(1, HEIGHT))
def test_against_rasterio(shapes, seed, band_rows):
    field = make_field(seed, row=100, col=2000, band_rows=band_rows)
    shapes = shapely.transform(
        np.array(shapes, dtype=object), lambda points: points + np.array([0.0137, 0.0071])
    )  # no ties
    moved = shapely.transform(shapes, lambda points: points + np.array([2000, 100]))
    found = zones(field, moved)
    for i, shape in enumerate(shapes):
        inside = rasterio.features.rasterize([shape], out_shape=(HEIGHT, WIDTH), dtype=np.uint8).astype(bool)
        known = inside & field.band.valid
        assert found.unknown[i] == (inside & ~field.band.valid).any()
        if known.any():
            assert found.mean[i] == pytest.approx(field.band.probability[known].mean(), abs=1e-6)
            assert found.highest[i] == field.band.probability[known].max()
        else:
            assert found.highest[i] == -1


def test_between_all_centres_the_pixel_below_counts():
    field = make_field(1)
    sliver = shapely.box(3.1, 4.6, 3.4, 4.9)
    assert zones(field, np.array([sliver])).mean[0] == field.band.probability[4, 3]


def test_no_polygons():
    field = ArrayField(make_field(0).band)
    assert len(zones(field, np.array([], dtype=object)).mean) == 0
