"""The made-up town: repeatable, plausible, georeferenced, and not to be solved by colour alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from affine import Affine
from rasterio import features
from rasterio.transform import array_bounds
from scipy import ndimage
from shapely import STRtree
from shapely.geometry import Point, Polygon, box
from shapely.ops import unary_union

from training.demo import GSD_M
from training.town import Town, make_town
from training.town_layout import make_plan

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]


@pytest.fixture(scope="module")
def town() -> Town:
    return make_town(seed=7, height_px=960, width_px=1088)


def footprint_labels(town: Town, *, transform: Affine | None = None) -> Labels:
    """Number i + 1 on the pixels of building i, 0 elsewhere."""
    shapes = ((b, i + 1) for i, b in enumerate(town.buildings))
    labels = features.rasterize(
        shapes, out_shape=town.image.shape[1:], transform=transform or town.transform, dtype="int32"
    )
    return np.asarray(labels)


def object_f1(found: Labels, true: Labels) -> float:
    """F1 of components against buildings, matched at an IoU above 0.5, which no object reaches twice."""
    n_found, n_true = int(found.max()), int(true.max())
    pairs = np.bincount(found.ravel().astype(np.int64) * (n_true + 1) + true.ravel())
    shared = np.zeros((n_found + 1) * (n_true + 1), np.int64)
    shared[: pairs.size] = pairs
    table = shared.reshape(n_found + 1, n_true + 1)
    union = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
    hits = int((table[1:, 1:] > 0.5 * union[1:, 1:]).sum())
    return 2 * hits / max(n_found + n_true, 1)


def colour_masks(town: Town, true: Mask) -> Iterator[tuple[str, Mask]]:
    """Masks of the best classifiers of a pixel's colour: P(building | colour) learnt on the very image."""
    for bits in (3, 4, 5):
        r, g, b = (town.image >> (8 - bits)).astype(np.int64)
        colour = (r << 2 * bits) + (g << bits) + b
        count = np.bincount(colour.ravel(), minlength=1 << 3 * bits)
        hits = np.bincount(colour.ravel(), weights=true.ravel(), minlength=1 << 3 * bits)
        chance = (hits / np.maximum(count, 1))[colour]
        for threshold in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6):
            yield f"{bits} bits > {threshold}", chance > threshold


def cleanings(mask: Mask) -> Iterator[tuple[str, Mask]]:
    """The mask as it is, and tidied in the classifier's favour."""
    yield "raw", mask
    for size in (5, 9):
        # The median of a mask is the majority in the window.
        yield f"median {size}", ndimage.uniform_filter(mask.astype(np.float32), size) > 0.5
    for size in (3, 5):
        yield f"opening {size}", ndimage.binary_opening(mask, np.ones((size, size)))


def components(mask: Mask, *, at_least_px: int) -> Labels:
    """Connected parts of a mask, numbered from 1, small ones dropped."""
    labels, _ = ndimage.label(mask)
    keep = np.bincount(labels.ravel()) >= at_least_px
    keep[0] = False
    return np.asarray((np.cumsum(keep) * keep)[labels], np.int32)


def best_colour_f1(town: Town) -> tuple[float, str]:
    """The highest object F1 over all colour classifiers and cleanings, and which one has it."""
    true = footprint_labels(town)
    return max(
        (object_f1(components(clean, at_least_px=100), true), f"{name}, {how}")
        for name, mask in colour_masks(town, true > 0)
        for how, clean in cleanings(mask)
    )


def outline_contrast(town: Town, *, shift_px: tuple[float, float]) -> float:
    """Mean image gradient on the footprints' outlines, moved by (columns, rows), over that off them."""
    grey = ndimage.gaussian_filter(town.image.mean(axis=0), 0.7)
    gradient = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1))
    t, (columns, rows) = town.transform, shift_px
    moved = Affine(t.a, t.b, t.c + columns * t.a, t.d, t.e, t.f + rows * t.e)
    labels = footprint_labels(town, transform=moved)
    # One pixel inside and one outside of every change of label.
    edge = ndimage.maximum_filter(labels, 3) != ndimage.minimum_filter(labels, 3)
    return float(gradient[edge].mean() / gradient[~edge].mean())


def test_same_seed_same_town() -> None:
    one, two = (make_town(seed=3, height_px=200, width_px=260) for _ in range(2))
    assert np.array_equal(one.image, two.image)
    assert one.buildings == two.buildings
    assert (one.crs, one.transform) == (two.crs, two.transform)


def test_other_seed_other_town() -> None:
    one, two = (make_town(seed=seed, height_px=200, width_px=260) for seed in (3, 4))
    assert not np.array_equal(one.image, two.image)
    assert one.transform != two.transform


def test_image_is_as_asked() -> None:
    town = make_town(seed=0, height_px=120, width_px=180, gsd_m=0.5)
    assert town.image.shape == (3, 120, 180)
    assert town.image.dtype == np.uint8
    assert (town.transform.a, town.transform.e) == (0.5, -0.5)


@pytest.mark.parametrize("size", [{"height_px": 0, "width_px": 9}, {"height_px": 9, "width_px": 9, "gsd_m": 0.0}])
def test_empty_image_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected a size of at least 1 by 1 px"):
        make_town(seed=0, **size)


def test_buildings_are_valid_apart_and_inside(town: Town) -> None:
    buildings = list(town.buildings)
    assert all(isinstance(b, Polygon) and b.is_valid for b in buildings)
    frame = box(*array_bounds(*town.image.shape[1:], town.transform))
    assert all(frame.contains(b) for b in buildings)
    first, second = STRtree(buildings).query(buildings, predicate="intersects")
    overlaps = [buildings[i].intersection(buildings[j]).area for i, j in zip(first, second, strict=True) if i < j]
    assert max(overlaps, default=0.0) < 1e-6
    assert overlaps, "expected some buildings to share a wall"


def test_buildings_are_as_dense_and_large_as_in_a_town(town: Town) -> None:
    areas_m2 = np.array([b.area for b in town.buildings])
    town_m2 = town.image[0].size * 0.3**2
    assert 0.13 < areas_m2.sum() / town_m2 < 0.28
    assert 800 < len(areas_m2) / (town_m2 / 1e6) < 3000
    assert 75 < np.median(areas_m2) < 180
    assert 15 < areas_m2.min() < 40
    assert 500 < areas_m2.max() < 1900
    assert any(len(b.exterior.coords) > 5 for b in town.buildings)


def test_trees_hide_little_of_any_roof() -> None:
    plan = make_plan(rng=np.random.default_rng(5), width_m=200.0, height_m=200.0)
    crowns = unary_union([Point(t.center_m).buffer(t.radius_m) for t in plan.trees])
    hidden = [o.intersection(crowns).area / o.area for o in plan.outlines]
    assert 0.0 < max(hidden) < 0.05


def test_footprints_lie_on_image_edges(town: Town) -> None:
    in_place = outline_contrast(town, shift_px=(0, 0))
    shifted = [outline_contrast(town, shift_px=s) for s in ((3, 0), (-3, 0), (0, 3), (0, -3))]
    print(f"outline contrast {in_place:.2f}, moved by 3 px {max(shifted):.2f}")
    assert in_place > 1.6
    assert in_place > 1.2 * max(shifted)


@pytest.mark.parametrize(("seed", "gsd_m"), [(7, 0.3), (0, GSD_M)], ids=["30 cm", "the demo's"])
def test_colour_alone_does_not_find_buildings(seed: int, gsd_m: float) -> None:
    f1, how = best_colour_f1(make_town(seed=seed, height_px=960, width_px=1088, gsd_m=gsd_m))
    print(f"best colour classifier: object F1 {f1:.3f} ({how})")
    assert f1 < 0.5
