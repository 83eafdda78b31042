"""Evaluation with segmenters whose answers are known, and the pages it leaves."""

import re

import geopandas
import numpy as np
import pytest

from samft_core.errors import ChipsError
from tests.fakes import ColourThreshold, make_bundle
from training.chips import open_chips
from training.evaluate import evaluate
from training.report import write_evaluation_report


class Always:
    """The same answer everywhere."""

    def __init__(self, value: float) -> None:
        self.value = value

    def predict(self, pixels):
        return np.full(pixels.valid.shape, self.value, np.float32)


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


def test_small_buildings_count_on_neither_side(chips):
    result = evaluate(bundle_for(chips, min_area_m2=1000.0), chips, segmenter=ColourThreshold(100))
    assert (result.objects.tp, result.objects.fp, result.objects.fn) == (0, 0, 0)


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
    assert "pixel IoU" in page
    assert len({panel.title.split(":")[0] for panel in result.panels}) == 3
