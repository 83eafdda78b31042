"""Scores, by hand, by brute force, by scikit-learn and by the SpaceNet metric written out plainly."""

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from samft_core.scores import Counts, ThresholdCurve, match_objects, object_report, pixel_report, score_files
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


def spacenet(predicted, truth, iou_threshold, scores=None) -> Counts:
    """Van Etten et al. 2018, written out: for each proposal in turn the free label of the highest IoU."""
    order = sorted(range(len(predicted)), key=lambda i: -scores[i]) if scores is not None else range(len(predicted))
    free, tp = list(range(len(truth))), 0
    for i in order:
        ious = [predicted[i].intersection(truth[j]).area / predicted[i].union(truth[j]).area for j in free]
        if ious and max(ious) >= iou_threshold:
            del free[int(np.argmax(ious))]
            tp += 1
    return Counts(tp=tp, fp=len(predicted) - tp, fn=len(free))


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
    @given(predicted=boxes, truth=boxes, iou_threshold=st.sampled_from([0.25, 0.45, 0.7]), data=st.data())
    def test_against_the_metric_written_out(self, predicted, truth, iou_threshold, data):
        scores = data.draw(
            st.none() | st.lists(st.sampled_from([0.1, 0.5, 0.9]), min_size=len(predicted), max_size=len(predicted))
        )
        found = match_objects(as_array(predicted), as_array(truth), iou_threshold=iou_threshold, scores=scores)
        assert found == spacenet(predicted, truth, iou_threshold, scores)

    @given(truth=boxes)
    def test_perfect(self, truth):
        distinct = list({box.wkt: box for box in truth}.values())
        assert match_objects(as_array(distinct), as_array(distinct)) == Counts(tp=len(distinct), fp=0, fn=0)

    def test_empty(self):
        three = as_array([shapely.box(i, 0, i + 0.5, 1) for i in range(3)])
        assert match_objects(three, as_array([])) == Counts(tp=0, fp=3, fn=0)
        assert match_objects(as_array([]), three) == Counts(tp=0, fp=0, fn=3)
        assert match_objects(as_array([]), as_array([])) == Counts(tp=0, fp=0, fn=0)

    @pytest.mark.parametrize(("shift", "tp"), [(0, 1), (3, 1), (3.4, 0), (10, 0)])
    def test_shifted(self, shift, tp):
        truth = as_array([shapely.box(0, 0, 10, 10)])
        moved = as_array([shapely.box(shift, 0, 10 + shift, 10)])  # IoU (10 - s) / (10 + s): 7 / 13 at 3, 0.49 at 3.4
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
