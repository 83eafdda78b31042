"""Scores, by hand, by brute force, by scikit-learn and by the SpaceNet metric written out plainly."""

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from samft_core.errors import InputError, LabelError
from samft_core.overlaps import IOU_THRESHOLDS
from samft_core.scores import (
    Counts,
    Overlaps,
    ThresholdCurve,
    compare_files,
    match_objects,
    object_report,
    overlaps_report,
    pixel_report,
    score_files,
)
from tests.conftest import UTM


class TestCounts:
    def test_by_hand(self):
        counts = Counts(tp=6, fp=2, fn=4)
        assert counts.iou == 6 / 12
        assert counts.precision == 6 / 8
        assert counts.recall == 6 / 10
        assert counts.f1 == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))

    def test_nothing_to_divide_by(self):
        nothing = Counts(tp=0, fp=0, fn=0)
        assert (nothing.iou, nothing.precision, nothing.recall, nothing.f1) == (0, 0, 0, 0)
        assert Counts(tp=0, fp=3, fn=0).recall == 0
        assert Counts(tp=0, fp=0, fn=3).precision == 0

    def test_sum(self):
        assert Counts(tp=1, fp=2, fn=3) + Counts(tp=10, fp=20, fn=30) == Counts(tp=11, fp=22, fn=33)

    def test_reports(self):
        counts = Counts(tp=6, fp=2, fn=4)
        assert pixel_report(counts) == {"iou": 0.5, "precision": 0.75, "recall": 0.6, "f1": pytest.approx(2 / 3)}
        assert object_report(counts, 0.5) == {
            "f1": pytest.approx(2 / 3), "precision": 0.75, "recall": 0.6, "tp": 6, "fp": 2, "fn": 4,
            "iou_threshold": 0.5,
        }  # fmt: skip


def chips(seed: int, count: int = 3) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Probabilities that lean towards the truth, the truth, and what counts."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        truth = rng.random((17, 23)) < 0.3
        probability = np.clip(rng.normal(0.35 + 0.3 * truth, 0.2), 0, 1).astype(np.float32)
        made.append((probability, truth, rng.random((17, 23)) < 0.9))
    return made


class TestThresholdCurve:
    @given(seed=st.integers(0, 2**32 - 1), threshold=st.sampled_from([0.0, 0.01, 0.29, 0.5, 0.57, 0.7, 0.99]))
    def test_counts_by_brute_force(self, seed, threshold):
        curve = ThresholdCurve()
        expected = Counts(tp=0, fp=0, fn=0)
        for probability, truth, valid in chips(seed):
            curve.add(probability, truth, valid)
            found = probability.astype(np.float64) >= threshold
            expected += Counts(
                tp=int((found & truth & valid).sum()),
                fp=int((found & ~truth & valid).sum()),
                fn=int((~found & truth & valid).sum()),
            )
        assert curve.counts(threshold) == expected

    def test_ratios_by_scikit_learn(self):
        curve, found, true = ThresholdCurve(), [], []
        for probability, truth, valid in chips(7):
            curve.add(probability, truth, valid)
            found.append(probability[valid] >= 0.4)
            true.append(truth[valid])
        found, true = np.concatenate(found), np.concatenate(true)
        counts = curve.counts(0.4)
        assert counts.iou == pytest.approx(jaccard_score(true, found))
        assert counts.f1 == pytest.approx(f1_score(true, found))
        assert counts.precision == pytest.approx(precision_score(true, found))
        assert counts.recall == pytest.approx(recall_score(true, found))

    def test_a_probability_at_the_threshold_is_building(self):
        curve = ThresholdCurve()
        level = np.array([0.0, 0.25, 0.5, 0.75, 1.0], dtype=np.float32)
        curve.add(level, np.ones(5, dtype=bool), np.ones(5, dtype=bool))
        assert [curve.counts(threshold).tp for threshold in (0, 0.25, 0.26, 0.5, 0.51, 0.75, 0.76, 0.99)] == [
            5, 4, 3, 3, 2, 2, 1, 1,
        ]  # fmt: skip

    def test_best_threshold_by_brute_force(self):
        curve = ThresholdCurve()
        for chip in chips(3):
            curve.add(*chip)
        ious = [curve.counts(step / 100).iou for step in range(1, 100)]
        assert curve.counts(curve.best_threshold()).iou == max(ious)

    def test_best_threshold_is_the_middle_of_equals(self):
        curve = ThresholdCurve()
        curve.add(np.array([0.205, 0.805], np.float32), np.array([False, True]), np.array([True, True]))
        assert curve.best_threshold() == pytest.approx(0.51, abs=0.01)  # perfect from 0.21 to 0.80
        assert 0 < ThresholdCurve().best_threshold() < 1

    def test_trivial_iou_is_that_of_building_everywhere(self):
        curve = ThresholdCurve()
        truth = np.arange(20) < 3
        curve.add(np.zeros(20, np.float32), truth, np.arange(20) < 10)
        assert curve.trivial_iou == 3 / 10

    def test_thresholds(self):
        assert ThresholdCurve(steps=4).thresholds.tolist() == [0, 0.25, 0.5, 0.75]
        assert ThresholdCurve(steps=4, also=[0.3, 0.5]).thresholds.tolist() == [0, 0.25, 0.3, 0.5, 0.75]

    @given(seed=st.integers(0, 2**32 - 1), threshold=st.floats(0, 1))
    def test_a_threshold_named_beforehand_is_exact(self, seed, threshold):
        curve, found, missed = ThresholdCurve(also=[threshold]), 0, 0
        for probability, truth, valid in chips(seed):
            curve.add(probability, truth, valid)
            found += int((probability.astype(np.float64) >= threshold)[truth & valid].sum())
            missed += int((probability.astype(np.float64) < threshold)[truth & valid].sum())
        assert (curve.counts(threshold).tp, curve.counts(threshold).fn) == (found, missed)

    @pytest.mark.parametrize("threshold", [0.333, 0.005, 1.2, -0.1, float("nan")])
    def test_any_other_threshold_is_refused(self, threshold):
        with pytest.raises(InputError, match="a threshold that was counted at"):
            ThresholdCurve().counts(threshold)


def spacenet(predicted, truth, iou_threshold=0.5, scores=None) -> Counts:
    """The SpaceNet metric, from its description in Van Etten et al. 2018, section 4, and nothing else.

    Proposals are taken in the order of their confidence. Of the labels that are left, the one of the highest IoU is
    looked at: from the threshold on, the proposal is a true positive and the label is no longer left; below it, the
    proposal is a false positive. Labels that are left in the end are false negatives.
    """
    order = sorted(range(len(predicted)), key=lambda i: -scores[i]) if scores is not None else range(len(predicted))
    left, tp, fp = list(truth), 0, 0
    for i in order:
        best, best_iou = None, 0.0
        for place, label in enumerate(left):
            iou = predicted[i].intersection(label).area / predicted[i].union(label).area
            if iou > best_iou:
                best, best_iou = place, iou
        if best is not None and best_iou >= iou_threshold:
            del left[best]
            tp += 1
        else:
            fp += 1
    return Counts(tp=tp, fp=fp, fn=len(left))


def town(seed: int) -> tuple[list[shapely.Polygon], list[shapely.Polygon], list[float]]:
    """Crowded labels of any shape, proposals of many an IoU with them, copies on both sides, and few scores."""
    rng = np.random.default_rng(seed)

    def some_polygon() -> shapely.Polygon:
        middle, angle = rng.uniform(0, 30, 2), rng.uniform(0, 90)
        sides = [middle + rng.uniform(2, 6, 2) * sign for sign in (-1, 1)]
        return shapely.affinity.rotate(shapely.box(*sides[0], *sides[1]), angle)

    truth = [some_polygon() for _ in range(rng.integers(0, 9))]
    truth += [truth[i] for i in rng.integers(0, len(truth), rng.integers(0, 3))] if truth else []
    predicted = [shapely.affinity.translate(label, *rng.normal(0, 1.5, 2)) for label in truth if rng.random() < 0.8]
    predicted += [some_polygon() for _ in range(rng.integers(0, 4))]
    predicted += [predicted[i] for i in rng.integers(0, len(predicted), rng.integers(0, 4))] if predicted else []
    predicted += [label for label in truth if rng.random() < 0.3]
    return predicted, truth, rng.choice([0.3, 0.6, 0.9], len(predicted)).tolist()


# Corners on a coarse lattice: duplicates, ties, shared borders and IoUs of exactly 0.5 are common.
boxes = st.lists(
    st.builds(
        lambda x, y, width, height: shapely.box(x, y, x + width, y + height),
        st.integers(0, 4), st.integers(0, 4), st.integers(1, 3), st.integers(1, 3),
    ),
    max_size=9,
)  # fmt: skip


def as_array(polygons) -> np.ndarray:
    return np.array(polygons, dtype=object)


class TestMatchObjects:
    @given(predicted=boxes, truth=boxes, iou_threshold=st.sampled_from([0.25, 0.5, 0.6, 0.75]), data=st.data())
    def test_against_the_metric_written_out(self, predicted, truth, iou_threshold, data):
        scores = data.draw(
            st.none() | st.lists(st.sampled_from([0.1, 0.5, 0.9]), min_size=len(predicted), max_size=len(predicted))
        )
        found = match_objects(as_array(predicted), as_array(truth), iou_threshold=iou_threshold, scores=scores)
        assert found == spacenet(predicted, truth, iou_threshold, scores)

    @given(seed=st.integers(0, 2**32 - 1), ordered=st.booleans())
    def test_of_any_shape_against_the_metric_written_out(self, seed, ordered):
        predicted, truth, scores = town(seed)
        scores = scores if ordered else None
        overlaps = Overlaps.of(as_array(predicted), as_array(truth), scores=scores)
        for threshold in (0.25, *IOU_THRESHOLDS):
            assert overlaps.counts(threshold) == spacenet(predicted, truth, threshold, scores)

    @given(truth=boxes)
    def test_perfect(self, truth):
        distinct = list({box.wkt: box for box in truth}.values())
        assert match_objects(as_array(distinct), as_array(distinct)) == Counts(tp=len(distinct), fp=0, fn=0)

    def test_empty(self):
        three = as_array([shapely.box(i, 0, i + 0.5, 1) for i in range(3)])
        assert match_objects(three, as_array([])) == Counts(tp=0, fp=3, fn=0)
        assert match_objects(as_array([]), three) == Counts(tp=0, fp=0, fn=3)
        assert match_objects(as_array([]), as_array([])) == Counts(tp=0, fp=0, fn=0)

    @pytest.mark.parametrize(("shift", "tp"), [(0, 1), (9, 1), (10, 1), (10.1, 0), (30, 0)])
    def test_shifted(self, shift, tp):
        truth = as_array([shapely.box(0, 0, 30, 30)])
        moved = as_array([shapely.box(shift, 0, 30 + shift, 30)])  # IoU (30 - s) / (30 + s): 20 / 40 by a third
        assert match_objects(moved, truth) == Counts(tp=tp, fp=1 - tp, fn=1 - tp)

    def test_an_iou_of_exactly_the_threshold_counts(self):
        half = match_objects(as_array([shapely.box(0, 0, 1, 1)]), as_array([shapely.box(0, 0, 2, 1)]))
        assert half == Counts(tp=1, fp=0, fn=0)

    def test_two_buildings_found_as_one(self):
        truth = as_array([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 14, 10)])
        assert match_objects(as_array([shapely.box(0, 0, 14, 10)]), truth) == Counts(tp=1, fp=0, fn=1)  # 100 / 140
        even = as_array([shapely.box(0, 0, 10, 10), shapely.box(11, 0, 21, 10)])
        assert match_objects(as_array([shapely.box(0, 0, 21, 10)]), even) == Counts(tp=0, fp=1, fn=2)  # 100 / 210

    def test_one_building_found_twice(self):
        truth = as_array([shapely.box(0, 0, 10, 10)])
        assert match_objects(as_array([truth[0], truth[0]]), truth) == Counts(tp=1, fp=1, fn=0)

    def test_scores_decide_who_comes_first(self):
        # One candidate fits both labels, the other only the first: greedy matching depends on the order.
        truth = as_array([shapely.box(0, 0, 10, 10), shapely.box(0, 0, 10, 7)])
        both, first = shapely.box(0, 0, 10, 9), shapely.box(0, 2, 10, 10)  # with the first: 0.9, 0.8
        predicted = as_array([both, first])  # with the second: 0.78, 0.5
        assert match_objects(predicted, truth, iou_threshold=0.6, scores=[0.9, 0.8]) == Counts(tp=1, fp=1, fn=1)
        assert match_objects(predicted, truth, iou_threshold=0.6, scores=[0.8, 0.9]) == Counts(tp=2, fp=0, fn=0)

    def test_holes_matter(self):
        ring = shapely.box(0, 0, 10, 10) - shapely.box(1, 1, 9, 9)
        assert match_objects(as_array([shapely.box(0, 0, 10, 10)]), as_array([ring])).tp == 0  # 36 / 100

    def test_neighbours_that_only_touch_do_not_overlap(self):
        overlaps = Overlaps.of(as_array([shapely.box(0, 0, 1, 1)]), as_array([shapely.box(1, 0, 2, 1)]))
        assert overlaps.iou.size == 0


def squares(*sides_m: float) -> np.ndarray:
    """Squares side by side, 100 m apart."""
    return as_array([shapely.box(100 * i, 0, 100 * i + side, side) for i, side in enumerate(sides_m)])


class TestOverlaps:
    def test_by_size(self):
        truth = squares(5, 9.9, 10, 19.9, 20, 30)  # 2 small, 2 medium, 2 large
        predicted = as_array(
            [truth[0], truth[2], truth[4], *(shapely.affinity.translate(truth[i], 0, 500) for i in (1, 3, 3, 5))]
        )
        sizes = Overlaps.of(predicted, truth).by_size()
        assert sizes == {
            "small": Counts(tp=1, fp=1, fn=1),
            "medium": Counts(tp=1, fp=2, fn=1),
            "large": Counts(tp=1, fp=1, fn=1),
        }

    def test_a_hit_counts_in_the_class_of_the_true_building(self):
        truth = squares(10)  # 100 m2, medium
        sizes = Overlaps.of(as_array([shapely.box(0, 0, 10, 8)]), truth).by_size()  # 80 m2
        assert sizes["medium"] == Counts(tp=1, fp=0, fn=0)
        assert sizes["small"] == sizes["large"] == Counts(tp=0, fp=0, fn=0)

    @given(seed=st.integers(0, 2**32 - 1))
    def test_sizes_add_up_to_all(self, seed):
        predicted, truth, _ = town(seed)
        overlaps = Overlaps.of(as_array(predicted), as_array(truth))
        assert sum(overlaps.by_size().values(), Counts(tp=0, fp=0, fn=0)) == overlaps.counts()

    def test_mean_over_iou_by_hand(self):
        # IoUs of 1, 0.75 and 0.5: found from 0.50 to 0.95, to 0.75 and at 0.50 alone
        truth = squares(10, 10, 10)
        predicted = as_array([truth[0], shapely.box(100, 0, 107.5, 10), shapely.box(200, 0, 205, 10)])
        overlaps = Overlaps.of(predicted, truth)
        assert list(overlaps.f1_by_iou) == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
        assert overlaps.mean_f1 == pytest.approx((1 * 1 + 5 * 2 / 3 + 4 * 1 / 3) / 10)

    @given(seeds=st.lists(st.integers(0, 2**32 - 1), max_size=4))
    def test_pooled_is_the_sum(self, seeds):
        towns = [town(seed) for seed in seeds]
        each = [Overlaps.of(as_array(found), as_array(true), scores=scores) for found, true, scores in towns]
        for threshold in (0.5, 0.7):
            summed = sum((overlaps.counts(threshold) for overlaps in each), Counts(tp=0, fp=0, fn=0))
            assert Overlaps.pooled(each).counts(threshold) == summed

    @given(seed=st.integers(0, 2**32 - 1), found_m2=st.sampled_from([0, 30, 50]), true_m2=st.sampled_from([0, 30, 50]))
    def test_without_the_small_ones(self, seed, found_m2, true_m2):
        predicted, truth, scores = town(seed)
        found = [i for i, polygon in enumerate(predicted) if polygon.area >= found_m2]
        true = [polygon for polygon in truth if polygon.area >= true_m2]
        kept = Overlaps.of(as_array(predicted), as_array(truth), scores=scores).at_least(
            predicted_m2=found_m2, true_m2=true_m2
        )
        expected = Overlaps.of(
            as_array([predicted[i] for i in found]), as_array(true), scores=[scores[i] for i in found]
        )
        for threshold in (0.5, 0.7):
            assert kept.counts(threshold) == expected.counts(threshold)
            assert kept.by_size(threshold) == expected.by_size(threshold)

    def test_report(self):
        report = overlaps_report(Overlaps.of(squares(10, 20), squares(10, 20, 30)))
        assert list(report) == [
            "f1", "precision", "recall", "tp", "fp", "fn", "iou_threshold", "mean_f1", "f1_by_iou", "by_size",
        ]  # fmt: skip
        assert (report["tp"], report["fp"], report["fn"]) == (2, 0, 1)
        assert report["mean_f1"] == pytest.approx(0.8)
        assert set(report["by_size"]["large"]) == {"f1", "precision", "recall", "tp", "fp", "fn"}


class TestScoreFiles:
    def write(self, path, polygons, crs=UTM, **columns):
        geopandas.GeoDataFrame(columns, geometry=list(polygons), crs=UTM).to_crs(crs).to_file(path)
        return path

    def test_whatever_the_crs(self, tmp_path):
        truth = [shapely.box(500_000 + 20 * i, 3_762_000, 500_010 + 20 * i, 3_762_010) for i in range(4)]
        found = [shapely.affinity.translate(truth[0], 1), *truth[1:3], shapely.affinity.translate(truth[0], 500)]
        labels = self.write(tmp_path / "truth.geojson", truth, "EPSG:4326")
        assert score_files(self.write(tmp_path / "a.gpkg", found), labels) == Counts(tp=3, fp=1, fn=1)

    def test_the_score_attribute_orders_the_matching(self, tmp_path):
        origin = 500_000, 3_762_000
        shapes = [
            shapely.affinity.translate(box, *origin)
            for box in (shapely.box(0, 0, 10, 10), shapely.box(0, 0, 10, 7), shapely.box(0, 0, 10, 9),
                        shapely.box(0, 2, 10, 10))
        ]  # fmt: skip
        labels = self.write(tmp_path / "truth.gpkg", shapes[:2])
        for scores, tp in (([0.9, 0.8], 1), ([0.8, 0.9], 2)):
            found = self.write(tmp_path / f"{tp}.gpkg", shapes[2:], score=scores)
            assert score_files(found, labels, iou_threshold=0.6).tp == tp

    def test_a_polygon_that_falls_apart_on_the_way_keeps_the_scores_in_step(self, tmp_path):
        # A notch 1 mm short of an edge of 0.8 degrees along a parallel; UTM's straight edge lies 300 m north of it.
        fragile = shapely.Polygon([(-117.4, 34), (-116.6, 34), (-116.6, 34.3), (-117.0, 34.00000001), (-117.4, 34.3)])
        house = shapely.box(-117.001, 33.9, -117, 33.901)
        found = geopandas.GeoDataFrame({"score": [0.2, 0.9]}, geometry=[fragile, house], crs="EPSG:4326")
        found.to_file(tmp_path / "found.gpkg")
        geopandas.GeoDataFrame(geometry=[house], crs="EPSG:4326").to_crs(UTM).to_file(tmp_path / "truth.gpkg")
        counts = score_files(tmp_path / "found.gpkg", tmp_path / "truth.gpkg")
        assert (counts.tp, counts.fn) == (1, 0)
        assert counts.fp == 3  # two triangles, and the tip of the notch that came out on the other side

    def test_nothing_found_is_no_error(self, tmp_path):
        labels = self.write(tmp_path / "truth.gpkg", [shapely.box(500_000, 3_762_000, 500_010, 3_762_010)])
        nothing = self.write(tmp_path / "found.gpkg", [], score=[])
        assert score_files(nothing, labels) == Counts(tp=0, fp=0, fn=1)


class TestCompareFiles:
    """The same ground in any CRS."""

    def write(self, path, polygons, crs):
        geopandas.GeoDataFrame(geometry=list(polygons), crs=UTM).to_crs(crs).to_file(path)
        return path

    @pytest.mark.parametrize("found_crs", [UTM, "EPSG:4326", "EPSG:3857", "EPSG:2229"])
    @pytest.mark.parametrize("true_crs", [UTM, "EPSG:4326", "EPSG:3857"])
    def test_scores_do_not_depend_on_the_crs(self, tmp_path, found_crs, true_crs):
        predicted, truth, _ = town(3)
        origin = 500_000, 3_762_000
        predicted, truth = (
            [shapely.affinity.translate(polygon, *origin) for polygon in side] for side in (predicted, truth)
        )
        same = compare_files(
            self.write(tmp_path / "a.gpkg", predicted, UTM), self.write(tmp_path / "b.gpkg", truth, UTM)
        )
        found = compare_files(
            self.write(tmp_path / "c.gpkg", predicted, found_crs), self.write(tmp_path / "d.gpkg", truth, true_crs)
        )
        assert 0 < same.as_dict()["boundary"]["f1"] < 1
        assert found.overlaps.iou == pytest.approx(same.overlaps.iou, rel=1e-6)
        assert found.as_dict()["object"] == same.as_dict()["object"]
        assert vars(found.boundary) == pytest.approx(vars(same.boundary), rel=1e-6)

    def test_metres_are_those_on_the_ground(self, tmp_path):
        # At 60 degrees north, Web Mercator's metre is half a metre: this is a square of 15 m, moved by 0.8 m.
        square = shapely.box(0, 8_399_737, 30, 8_399_767)
        for name, shift in (("truth", 0.0), ("found", 1.6)):
            frame = geopandas.GeoDataFrame(geometry=[shapely.affinity.translate(square, shift)], crs="EPSG:3857")
            frame.to_file(tmp_path / f"{name}.gpkg")
        result = compare_files(tmp_path / "found.gpkg", tmp_path / "truth.gpkg")
        assert result.overlaps.true_m2 == pytest.approx(225, rel=0.01)
        assert result.overlaps.by_size()["medium"].tp == 1
        assert result.boundary.true_m == pytest.approx(60, rel=0.005)
        assert result.boundary.f1 == 1

    def test_on_both_sides_of_the_180th_meridian(self, tmp_path):
        houses = [shapely.box(179.999, -17, 179.9991, -16.9999), shapely.box(-179.9991, -17, -179.999, -16.9999)]
        geopandas.GeoDataFrame(geometry=houses, crs="EPSG:4326").to_file(tmp_path / "a.gpkg")
        result = compare_files(tmp_path / "a.gpkg", tmp_path / "a.gpkg")
        assert result.overlaps.counts() == Counts(tp=2, fp=0, fn=0)
        assert np.ptp(shapely.total_bounds(result.true)[[0, 2]]) < 250  # metres, not around the world

    def test_labels_off_the_earth_are_refused(self, tmp_path):
        metres = geopandas.GeoDataFrame(geometry=[shapely.box(500_000, 3_762_000, 500_010, 3_762_010)], crs="EPSG:4326")
        metres.to_file(tmp_path / "a.gpkg")
        with pytest.raises(LabelError, match="labels on the Earth"):
            compare_files(tmp_path / "a.gpkg", tmp_path / "a.gpkg")
