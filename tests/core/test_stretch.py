"""The stretch, with numbers done by hand."""

import numpy as np
import pytest

from samft_core.bands import Bands
from samft_core.errors import InputError
from samft_core.raster import open_raster
from samft_core.stretch import Stretch, StretchPolicy
from tests.conftest import assert_one_clear_line, write_raster

EVERYWHERE = np.ones((1, 101), dtype=bool)


def test_percentiles_of_0_to_100_are_themselves():
    sample = np.arange(101, dtype=np.uint16).reshape(1, 1, 101)
    assert StretchPolicy().of(sample, EVERYWHERE) == Stretch(low=(2.0,), high=(98.0,))
    assert StretchPolicy(lower_percentile=0, upper_percentile=50).of(sample, EVERYWHERE).high == (50.0,)


def test_each_band_for_itself():
    sample = np.stack([np.arange(101), 10 * np.arange(101) - 500]).astype(np.float32).reshape(2, 1, 101)
    assert StretchPolicy().of(sample, EVERYWHERE) == Stretch(low=(2.0, -480.0), high=(98.0, 480.0))


def test_only_valid_pixels_count():
    sample = np.append(np.arange(101), [60_000] * 99).astype(np.uint16).reshape(1, 1, 200)
    assert StretchPolicy().of(sample, np.arange(200).reshape(1, 200) < 101) == Stretch(low=(2.0,), high=(98.0,))


def test_uint8_stays_as_it_is():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    stretch = StretchPolicy().of(values // 2, np.ones((16, 16), dtype=bool))
    assert np.array_equal(stretch.apply(values.astype(np.float32)), values)


def test_constant_and_empty_samples_do_not_divide_by_zero():
    flat = StretchPolicy().of(np.full((1, 1, 101), 700, dtype=np.uint16), EVERYWHERE)
    assert flat.apply(np.full((1, 1, 1), 700, dtype=np.float32)) == 0
    nothing = StretchPolicy().of(np.full((3, 1, 101), 700, dtype=np.uint16), ~EVERYWHERE)
    assert nothing == Stretch(low=(0.0,) * 3, high=(1.0,) * 3)


def test_apply_rounds_to_the_nearest_and_clips():
    stretch = Stretch(low=(100.0,), high=(355.0,))  # one unit is one grey level
    values = np.array([-1e9, 99, 100, 100.4, 100.6, 354.4, 355, 1e9], dtype=np.float32).reshape(1, 1, 8)
    assert stretch.apply(values).tolist() == [[[0, 0, 0, 0, 1, 254, 255, 255]]]
    assert stretch.apply(values).dtype == np.uint8


@pytest.mark.parametrize(("lower", "upper"), [(50, 50), (60, 40), (-1, 98), (2, 101), (float("nan"), 98)])
def test_percentiles_out_of_order(lower, upper):
    with pytest.raises(InputError, match="percentiles") as caught:
        StretchPolicy(lower_percentile=lower, upper_percentile=upper)
    assert_one_clear_line(caught.value)


def test_a_raster_is_sampled_once_until_it_changes(tmp_path, monkeypatch):
    path, rng, samples, sample = tmp_path / "deep.tif", np.random.default_rng(0), [], Bands.stretch

    def counted(self, *given):
        samples.append(self)
        return sample(self, *given)

    def stretch():
        with open_raster(path) as raster:
            return raster.stretch

    monkeypatch.setattr(Bands, "stretch", counted)
    write_raster(path, rng.integers(100, 900, (3, 40, 50)).astype(np.uint16))
    first = stretch()
    assert stretch() == first
    assert len(samples) == 1
    write_raster(path, rng.integers(1000, 9000, (3, 41, 50)).astype(np.uint16))
    assert stretch() != first
    assert len(samples) == 2
