"""Claim: outlines lie where the walls are, and squared ones have a building's own corners.

usage: python benchmarks/outlines.py [COUNT]

Draws random buildings at 0.3 m with anti-aliasing, outlines them, and prints a table of what each way of outlining
makes of them. The package buildingregulariser 0.2.5 is measured too where it can be imported.
"""

import itertools
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import shapely
from shapely import MultiPolygon, Polygon, affinity

from samft_core.contours import contour
from samft_core.grid import Geometries
from samft_core.outline import PLAIN_TOLERANCE_PX, REACH_PX, TOLERANCE_PX
from samft_core.regularize import Surroundings, regularize

GSD_M = 0.3
SHORTEST_M, LONGEST_M = 6.0, 40.0
"""Any side of a building."""

Kind = Callable[[np.random.Generator], Polygon]
"""Draws a building, in metres."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """How far outlines are from the truth, as means over buildings."""

    area_bias: float
    """Relative."""
    area_error: float
    """Relative, without its sign."""
    distance_px: float
    """From the found outline to the true one."""
    distance_back_px: float
    """From the true outline to the found one."""
    iou: float
    corners_right: float
    """The share of buildings with as many corners as in truth."""


def rectangle(rng: np.random.Generator) -> Polygon:
    return shapely.box(0, 0, *rng.uniform(SHORTEST_M, LONGEST_M, 2))


def l_shape(rng: np.random.Generator) -> Polygon:
    width, height = rng.uniform(2 * SHORTEST_M, LONGEST_M, 2)
    x, y = rng.uniform(SHORTEST_M, width - SHORTEST_M), rng.uniform(SHORTEST_M, height - SHORTEST_M)
    return Polygon([(0, 0), (width, 0), (width, y), (x, y), (x, height), (0, height)])


def u_shape(rng: np.random.Generator) -> Polygon:
    width, height = rng.uniform(3 * SHORTEST_M, LONGEST_M), rng.uniform(2 * SHORTEST_M, LONGEST_M)
    left, right = _two_cuts(rng, width)
    y = rng.uniform(SHORTEST_M, height - SHORTEST_M)
    return Polygon(
        [(0, 0), (width, 0), (width, height), (right, height), (right, y), (left, y), (left, height), (0, height)]
    )


def t_shape(rng: np.random.Generator) -> Polygon:
    width, height = rng.uniform(3 * SHORTEST_M, LONGEST_M), rng.uniform(2 * SHORTEST_M, LONGEST_M)
    left, right = _two_cuts(rng, width)
    y = rng.uniform(SHORTEST_M, height - SHORTEST_M)
    return Polygon([(0, 0), (width, 0), (width, y), (right, y), (right, height), (left, height), (left, y), (0, y)])


def _two_cuts(rng: np.random.Generator, width: float) -> tuple[float, float]:
    """Where to cut a side in three that are long enough."""
    first, second = np.sort(rng.uniform(0, width - 3 * SHORTEST_M, 2))
    return first + SHORTEST_M, second + 2 * SHORTEST_M


def buildings(kinds: list[Kind], *, count: int, seed: int) -> Iterator[Polygon]:
    """Random buildings in pixels, of each kind in turn, turned by any angle, some pixels from the origin."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        turned = affinity.rotate(kinds[i % len(kinds)](rng), rng.uniform(0, 360))
        placed = affinity.scale(turned, 1 / GSD_M, 1 / GSD_M, origin=(0, 0))
        left, top, _, _ = placed.bounds
        x, y = rng.uniform(8, 9, 2)
        yield affinity.translate(placed, x - left, y - top)


def coverage(shape: Polygon | MultiPolygon) -> np.ndarray:
    """The exact share of each pixel that a shape covers, (height, width).

    Every piece of an outline within one pixel adds what lies to its right in that pixel, and all of the pixels
    beyond; a sum along each row does the rest.
    """
    _, _, right, bottom = shape.bounds
    signed = np.zeros((int(bottom) + 9, int(right) + 10))
    for ring in shapely.get_rings(shapely.get_parts(shapely.orient_polygons(shape))):
        for start, end in itertools.pairwise(shapely.get_coordinates(ring)):
            step = end - start
            spans = [(a, b) for a, b in zip(start, end, strict=True) if a != b]
            cuts = [(np.arange(np.ceil(min(span)), max(span)) - span[0]) / (span[1] - span[0]) for span in spans]
            pieces = start + np.sort(np.concatenate([[0, 1], *cuts]))[:, None] * step
            middle = (pieces[1:] + pieces[:-1]) / 2
            rise = np.diff(pieces[:, 1])
            col, row = np.floor(middle).astype(int).T
            beyond = middle[:, 0] - col
            np.add.at(signed, (row, col), rise * (1 - beyond))
            np.add.at(signed, (row, col + 1), rise * beyond)
    return np.abs(signed.cumsum(axis=1))[:, :-1].astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """What keeps a model's field from being the truth: walls not sharp, and smooth noise on top."""

    blur_px: float = 0
    """Of a Gaussian."""
    noise: float = 0
    """Standard deviation; never more than 0.4, so that it moves walls, but makes neither islands nor holes."""

    def apply(self, field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The field with this doubt in it."""
        waves = scipy.ndimage.gaussian_filter(rng.standard_normal(field.shape), 2.5)
        noise = np.clip(self.noise / waves.std() * waves, -0.4, 0.4)
        return (scipy.ndimage.gaussian_filter(field, self.blur_px) + noise).astype(np.float32)


def town(kinds: list[Kind], doubt: Doubt, *, count: int, seed: int) -> tuple[Geometries, Geometries]:
    """Random buildings far from each other, in pixels, and their contours as a model's field shows them."""
    rng = np.random.default_rng(seed)
    truth, contours = [], []
    for i, building in enumerate(buildings(kinds, count=count, seed=seed)):
        found = contour(doubt.apply(coverage(building), rng), 0.5)
        row, col = divmod(i, 20)
        for shape, shapes in ((building, truth), (found[np.argmax(shapely.area(found))], contours)):
            shapes.append(affinity.translate(shape, 256 * col, 256 * row))
    return np.array(truth, dtype=object), np.array(contours, dtype=object)


def simplified(contours: Geometries) -> Geometries:
    around = Surroundings(others=contours, own=np.arange(len(contours)))
    return regularize(contours, around, tolerance=PLAIN_TOLERANCE_PX, reach=REACH_PX, square=False)


def squared(contours: Geometries) -> Geometries:
    around = Surroundings(others=contours, own=np.arange(len(contours)))
    return regularize(contours, around, tolerance=TOLERANCE_PX, reach=REACH_PX, square=True)


def opponent(simplify_px: float, parallel_px: float) -> Callable[[Geometries], Geometries] | None:
    """The package buildingregulariser on one core, in metres, or None where it is not installed."""
    try:
        import geopandas
        from buildingregulariser import regularize_geodataframe
    except ImportError:
        return None

    def run(contours: Geometries) -> Geometries:
        frame = geopandas.GeoDataFrame(geometry=shapely.transform(contours, lambda points: points * GSD_M))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = regularize_geodataframe(
                frame, simplify_tolerance=simplify_px * GSD_M, parallel_threshold=parallel_px * GSD_M, num_cores=1
            )
        assert len(found) == len(contours)
        return shapely.transform(found.geometry.to_numpy(), lambda points: points / GSD_M)

    return run


def score(found: Geometries, truth: Geometries) -> Score:
    """Compare outlines with the true ones, in pixels."""
    areas = shapely.area(found) / shapely.area(truth) - 1
    overlap = shapely.area(shapely.intersection(found, truth))
    return Score(
        area_bias=float(areas.mean()),
        area_error=float(np.abs(areas).mean()),
        distance_px=float(np.mean([_distance(*pair) for pair in zip(found, truth, strict=True)])),
        distance_back_px=float(np.mean([_distance(*pair) for pair in zip(truth, found, strict=True)])),
        iou=float(np.mean(overlap / (shapely.area(found) + shapely.area(truth) - overlap))),
        corners_right=float(np.mean(shapely.get_num_coordinates(found) == shapely.get_num_coordinates(truth))),
    )


def _distance(one: Polygon, other: Polygon) -> float:
    """The mean distance to another outline of points two to a pixel along one."""
    line = one.boundary
    points = shapely.line_interpolate_point(
        shapely.get_parts(line)[:, None], np.linspace(0, 1, int(2 * line.length), endpoint=False), normalized=True
    )
    return float(shapely.distance(points, other.boundary).mean())


def compare(truth: Geometries, contours: Geometries, ways: dict[str, Callable[[Geometries], Geometries]]) -> None:
    for name, way in ways.items():
        way(contours[:2])  # compiled
        started = time.perf_counter()
        found = way(contours)
        spent_ms = 1000 * (time.perf_counter() - started) / len(contours)
        result = score(found, truth)
        print(
            f"| {name} | {len(truth)} | {100 * result.area_bias:+.3f} | {100 * result.area_error:.3f} "
            f"| {result.distance_px:.3f} / {result.distance_back_px:.3f} | {result.iou:.4f} "
            f"| {100 * result.corners_right:.1f} | {spent_ms:.2f} |",
            flush=True,
        )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    ways = {"contour": lambda contours: contours, "simplified": simplified, "squared": squared}
    # its README's 2 to 3 pixels with its default of 1 m, and what gave the highest IoU of 24 settings
    for simplify_px, parallel_px in ((2, 3.3), (3, 3.3), (0.5, 1)):
        rival = opponent(simplify_px, parallel_px)
        if rival:
            ways[f"buildingregulariser, {simplify_px} px, parallel {parallel_px} px"] = rival
    if len(ways) == 3:
        print("buildingregulariser cannot be imported: pip install buildingregulariser==0.2.5 to compare with it")
    kinds = {"rectangles and Ls": [rectangle, l_shape], "Us and Ts": [u_shape, t_shape]}
    doubts = {
        "anti-aliased": Doubt(),
        "blurred by 1 px": Doubt(blur_px=1),
        "blurred by 1 px, noise 0.15": Doubt(blur_px=1, noise=0.15),
        "blurred by 2 px, noise 0.15": Doubt(blur_px=2, noise=0.15),
    }
    for kind, makers in kinds.items():
        for name, doubt in doubts.items():
            truth, contours = town(makers, doubt, count=count, seed=1)
            print(f"\n{kind}, {name}\n")
            print("| outline | n | area bias % | area error % | distance px, back | IoU | corners right % | ms each |")
            print("|---|---|---|---|---|---|---|---|")
            compare(truth, contours, ways)


if __name__ == "__main__":
    main()
