"""Evaluation with segmenters whose answers are known, and the pages it leaves."""

import re

import geopandas
import numpy as np
import pytest

from samft_core.errors import ChipsError
from tests.fakes import ColourThreshold, make_bundle
from training.chips import open_chips
from training.evaluate import MIN_AREAS_M2, choose_min_area_m2, evaluate, measure
from training.report import score_facts, write_evaluation_report


class Always:
    """The same answer everywhere."""

    def __init__(self, value: float) -> None:
        self.value = value

    def predict(self, pixels):
        return np.full(pixels.valid.shape, self.value, np.float32)


class Specks:
    """Perfect, but for a square of some pixels in a corner of every chip that it makes up."""

    def __init__(self, side_px: int) -> None:
        self.side_px = side_px

    def predict(self, pixels):
        probability = ColourThreshold(100).predict(pixels)
        probability[2 : 2 + self.side_px, -2 - self.side_px : -2] = 0.95
        return probability


def bundle_for(chips, **changes):
    meta = chips.meta
    return make_bundle(gsd_m=meta.gsd_m, tile_px=meta.size_px, bands=meta.bands, **changes)


def test_a_perfect_segmenter_scores_one(chips):
    result = evaluate(bundle_for(chips), chips, segmenter=ColourThreshold(100)).as_dict()
    assert result["pixel"] == {"iou": 1, "precision": 1, "recall": 1, "f1": 1}
    assert (result["object"]["f1"], result["object"]["fp"], result["object"]["fn"]) == (1, 0, 0)
    buildings = geopandas.read_parquet(chips.path / "buildings.parquet")
    names = {chip.name for chip in chips.split("test")}
    assert result["object"]["tp"] == buildings["chip"].isin(names).sum()


def test_all_and_nothing_score_as_worked_out_by_hand(chips):
    known = sum(chip.read().known.sum() for chip in chips.split("test"))
    truth = sum(chip.read().truth.sum() for chip in chips.split("test"))
    every = evaluate(bundle_for(chips), chips, segmenter=Always(0.9)).as_dict()
    none = evaluate(bundle_for(chips), chips, segmenter=Always(0.1)).as_dict()
    assert every["pixel"]["iou"] == pytest.approx(truth / known)
    assert every["trivial_iou"] == pytest.approx(truth / known)
    assert (none["pixel"]["iou"], none["object"]["tp"], none["object"]["fp"]) == (0, 0, 0)


def test_object_and_boundary_scores_of_a_perfect_segmenter(chips):
    result = evaluate(bundle_for(chips), chips, segmenter=ColourThreshold(100)).as_dict()
    assert result["object"]["mean_f1"] > 0.7  # corners are rounded, which small pieces at the chips' edges feel
    sizes = result["object"]["by_size"]
    assert sum(own["tp"] for own in sizes.values()) == result["object"]["tp"]
    assert sizes["large"]["tp"] == sizes["large"]["fn"] == 0  # squares of 100 m2, some of them cut
    assert result["boundary"] == {
        "f1": pytest.approx(1), "precision": pytest.approx(1), "recall": pytest.approx(1), "tolerance_m": 1.0,
    }  # fmt: skip


def test_a_cut_is_no_outline(chips):
    result = evaluate(bundle_for(chips), chips, segmenter=Always(0.9))
    assert result.objects.fp > 0
    assert result.boundary.found_m == 0  # all it drew are the chips' edges
    assert 0 < result.boundary.true_m < sum(polygon.length for polygon in buildings_m(chips))


def buildings_m(chips):
    """The true buildings of the test chips, in metres."""
    return np.concatenate([chips.buildings(chip, chip.grid().crs) for chip in chips.split("test")])


def test_found_buildings_below_the_minimum_area_are_left_out_and_true_ones_are_not(chips):
    result = evaluate(bundle_for(chips, min_area_m2=1000.0), chips, segmenter=ColourThreshold(100))
    assert (result.objects.tp, result.objects.fp, result.objects.fn) == (0, 0, len(buildings_m(chips)))


def test_true_buildings_of_few_pixels_do_not_count(chips, monkeypatch):
    monkeypatch.setattr("training.evaluate.SMALLEST_PX", 100)  # 25 m2 at 0.5 m
    areas_m2 = np.array([polygon.area for polygon in buildings_m(chips)])
    assert 0 < (areas_m2 < 24).sum() < len(areas_m2)
    result = evaluate(bundle_for(chips), chips, segmenter=ColourThreshold(100))
    assert (result.objects.tp, result.objects.fn) == ((areas_m2 > 24.9).sum(), 0)
    assert result.objects.fp == (areas_m2 < 24.9).sum()


def test_a_model_is_measured_without_a_bundle(chips):
    bundle, model = bundle_for(chips), ColourThreshold(120)
    measured = measure(bundle.card.recipe, chips, split="test", segmenter=model).as_dict()
    evaluated = evaluate(bundle, chips, segmenter=model).as_dict()
    assert measured == {**evaluated, "bundle": ""}
    assert evaluated["bundle"] == bundle.card.hash


@pytest.mark.parametrize("threshold", [0.333, 0.5])
def test_any_threshold_is_judged_exactly(chips, threshold):
    result = evaluate(bundle_for(chips, threshold=threshold), chips, segmenter=Always(0.4))
    known = sum(chip.read().known.sum() for chip in chips.split("test"))
    assert result.pixels.tp + result.pixels.fp == (known if threshold < 0.4 else 0)


class TestMinimumArea:
    def measured(self, chips, segmenter):
        return measure(bundle_for(chips).card.recipe, chips, split="val", segmenter=segmenter)

    def test_specks_are_left_out(self, chips):
        # a speck of 4 by 4 pixels is 4 m2; the smallest piece of a building, 6 by 6, is 9 m2
        result = self.measured(chips, Specks(4))
        assert result.objects.fp > 0
        assert choose_min_area_m2(result) == 5

    def test_without_specks_nothing_is(self, chips):
        assert choose_min_area_m2(self.measured(chips, ColourThreshold(100))) == 0

    def test_the_smallest_of_equals(self, chips):
        result = self.measured(chips, Always(0.1))
        assert choose_min_area_m2(result) == 0

    def test_by_brute_force(self, chips):
        result = self.measured(chips, Specks(9))
        f1 = {}
        for area_m2 in MIN_AREAS_M2:
            recipe = bundle_for(chips, min_area_m2=area_m2).card.recipe
            f1[area_m2] = measure(recipe, chips, split="val", segmenter=Specks(9)).objects.f1
        assert choose_min_area_m2(result) == max(f1, key=f1.get)


def test_scores_as_rows(chips):
    rows = score_facts(evaluate(bundle_for(chips), chips, segmenter=ColourThreshold(100)).as_dict())
    assert any(name.startswith("small buildings, below 100 m") for name in rows)
    assert rows["boundary F1 within 1 m"] == "1.000"


def test_chips_of_another_size_are_refused(chips):
    with pytest.raises(ChipsError, match=r"chips of 128 px at 0\.5 m.*got 64 px at 0\.5 m"):
        evaluate(make_bundle(gsd_m=0.5, tile_px=128), chips, segmenter=Always(0.5))


def test_a_missing_chip_is_named(chips, tmp_path):
    import shutil

    copy = tmp_path / "chips"
    shutil.copytree(chips.path, copy)
    name = open_chips(copy).split("test")[0].name
    (copy / "images" / f"{name}.tif").unlink()
    with pytest.raises(ChipsError, match=name):
        evaluate(bundle_for(chips), open_chips(copy), segmenter=Always(0.5))


def test_the_page_works_offline_and_shows_best_median_and_worst(chips, tmp_path):
    result = evaluate(bundle_for(chips), chips, segmenter=ColourThreshold(100))
    write_evaluation_report(result, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert page.count("data:image/") == 2
    for words in ("pixel IoU", "boundary F1 within 1 m", "mean over IoU 0.5 to 0.95", "large buildings, from 400 m"):
        assert words in page
    assert len({panel.title.split(":")[0] for panel in result.panels}) == 3
