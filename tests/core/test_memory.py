"""Memory follows a raster's width, not its height: twice the rows, the same peak."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from tests.conftest import UTM, UTM_HALF_METRE

pytest.importorskip("resource", reason="peak memory is told by POSIX")

ROOT = Path(__file__).parents[2]
WIDTH_PX, HEIGHT_PX, ROWS_PX = 3000, 4200, 60

SEGMENT = """
import resource, sys
from pathlib import Path
import samft_core.cog, samft_core.plan
from samft_core.batch import Batch, segment_into_one
from tests.fakes import ColourThreshold, make_bundle

samft_core.cog.CACHE_MB = samft_core.plan.CACHE_MB = 16  # so that both heights fill GDAL's cache
bundle = make_bundle(tile_px=256, overlap_px=64)
raster, out = sys.argv[1:]
batch = Batch(bundle=bundle, segmenter=ColourThreshold())
done = segment_into_one(batch, [raster], Path(out), probability=Path(out).with_suffix(".tif"))
print(done.footprints, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_town(path: Path, height_px: int) -> int:
    """Rows of houses, and how many there are."""
    strip = np.zeros((3, ROWS_PX, WIDTH_PX), dtype=np.uint8)
    for left in range(5, WIDTH_PX - 50, 50):
        strip[:, 12 : 12 + 20 + left % 23, left : left + 31] = 255
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "height": height_px, "width": WIDTH_PX, "crs": UTM}
    profile |= {"transform": UTM_HALF_METRE, "tiled": True, "compress": "zstd"}
    with rasterio.open(path, "w", **profile) as target:
        for row in range(0, height_px, ROWS_PX):
            target.write(strip, window=Window(0, row, WIDTH_PX, ROWS_PX))
    return len(range(5, WIDTH_PX - 50, 50)) * (height_px // ROWS_PX)


def test_twice_the_height_takes_the_same_memory(tmp_path):
    peaks = []
    for height in (HEIGHT_PX, 2 * HEIGHT_PX):
        houses = write_town(tmp_path / f"{height}.tif", height)
        command = [sys.executable, "-c", SEGMENT, tmp_path / f"{height}.tif", tmp_path / f"found-{height}.gpkg"]
        # Linux hands the peak of whoever starts a process on to it: from a shell, that is little
        command = ["sh", "-c", '"$0" "$@"; exit $?', *command]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
        found, peak = map(int, done.stdout.split())
        assert found == houses
        peaks.append(peak)
    field_kb = HEIGHT_PX * WIDTH_PX * 4 / 1024  # what one more copy of the probabilities would add
    assert peaks[1] - peaks[0] < 0.25 * field_kb, peaks
    assert peaks[1] < 1.1 * peaks[0]
