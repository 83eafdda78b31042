"""Memory and time of `segment` over height: 20,000 x 20,000 and 40,000 x 20,000 pixels, tens of thousands of buildings.

A stand-in for the model reads the answer out of the picture, so that all that is measured is samft's own: reading,
blending, keeping, outlining, squaring, writing. Each run is a process of its own; runs of the two heights alternate.

    python benchmarks/scale.py [--width 20000] [--rounds 1]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
import rasterio.windows
import shapely
from affine import Affine

STEP_PX = 118
"""One building in each square of this side."""
ROWS = 512
TRANSFORM = Affine(0.3, 0.0, 500_000.0, 0.0, -0.3, 3_800_000.0)


def buildings(height: int, width: int) -> np.ndarray:
    """Rotated rectangles, the same ones wherever two sizes share ground."""
    rows, cols = np.mgrid[: height // STEP_PX, : width // STEP_PX].reshape(2, -1)
    shapes = []
    for row, col in zip(rows.tolist(), cols.tolist(), strict=True):
        rng = np.random.default_rng((row, col))
        x, y = (col + 0.5) * STEP_PX, (row + 0.5) * STEP_PX
        half = rng.uniform(10, 38, 2)
        box = shapely.box(x - half[0], y - half[1], x + half[0], y + half[1])
        shapes.append(shapely.affinity.rotate(box, rng.uniform(0, 90)))
    return np.array(shapes, dtype=object)


def write_raster(path: Path, height: int, width: int) -> int:
    """The picture, and how many buildings are in it."""
    shapes = buildings(height, width)
    tree = shapely.STRtree(shapes)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 90, (3, ROWS, width), dtype=np.uint8)
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "height": height, "width": width, "tiled": True}
    profile |= {"compress": "zstd", "zstd_level": 1, "crs": "EPSG:32611", "transform": TRANSFORM, "photometric": "rgb"}
    with rasterio.open(path, "w", **profile, bigtiff="IF_SAFER") as target:
        for row in range(0, height, ROWS):
            count = min(ROWS, height - row)
            touching = shapes[tree.query(shapely.box(0, row, width, row + count))]
            image = noise[:, :count].copy()
            burned = rasterio.features.rasterize(
                touching, out_shape=(count, width), transform=Affine.translation(0, row), dtype="uint8"
            )
            image[:, burned > 0] = 230
            target.write(image, window=rasterio.windows.Window(0, row, width, count))
    return len(shapes)


def measured(raster: str, out: str) -> None:
    """Segment a raster and print seconds of wall and of CPU, peak memory, and what was found."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from samft_core.batch import Batch, segment_into_one
    from tests.fakes import PerfectSegmenter, make_bundle

    class Forgetful(PerfectSegmenter):
        def predict(self, pixels):
            self.seen.clear()
            return super().predict(pixels)

    bundle = make_bundle(gsd_m=0.3, tile_px=512, overlap_px=128, min_area_m2=5.0)
    wall = time.perf_counter()
    start = time.process_time()
    done = segment_into_one(Batch(bundle=bundle, segmenter=Forgetful()), [raster], Path(out))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(time.perf_counter() - wall, time.process_time() - start, usage.ru_maxrss / 1024, done.footprints)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        measured(*options.run)
        return
    heights = (options.width, 2 * options.width)
    results: dict[int, list[list[float]]] = {height: [] for height in heights}
    with tempfile.TemporaryDirectory() as folder:
        counts = {height: write_raster(Path(folder, f"{height}.tif"), height, options.width) for height in heights}
        for number in range(options.rounds):
            for height in heights:
                run = ["--run", f"{folder}/{height}.tif", f"{folder}/{height}-{number}.gpkg"]
                printed = subprocess.run([sys.executable, __file__, *run], check=True, capture_output=True, text=True)
                results[height].append([float(value) for value in printed.stdout.split()])
    print("| height x width | buildings | found | wall s | CPU s | peak MB |\n|---|---|---|---|---|---|")
    median = {
        height: [statistics.median(column) for column in zip(*results[height], strict=True)] for height in heights
    }
    for height, (wall, cpu, peak, found) in median.items():
        print(f"| {height} x {options.width} | {counts[height]} | {found:.0f} | {wall:.0f} | {cpu:.0f} | {peak:.0f} |")
    (_, cpu, peak, _), (_, cpu_tall, peak_tall, _) = median.values()
    print(f"\nTwice the height: {cpu_tall / cpu:.2f} times the CPU seconds, {peak_tall / peak:.3f} times the memory.")


if __name__ == "__main__":
    main()
