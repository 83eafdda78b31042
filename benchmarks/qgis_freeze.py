"""How long QGIS stands still, and what memory it takes, while the worker encodes with SAM's ViT-B; and second visits.

Run it with QGIS's Python; the toolkit's makes the bundle (the true architecture, random weights) and is the worker:

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 benchmarks/qgis_freeze.py
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
TILE_PX, GSD_M = 512, 0.3
BEAT_MS = 10


def make(out: Path) -> None:
    """Write the bundle and two rasters of a tile each; with the toolkit's Python."""
    sys.path.insert(0, str(ROOT))
    import numpy as np
    import rasterio
    import torch
    from affine import Affine
    from transformers import SamConfig, SamModel

    from samft_core.bundle import Card, Recipe
    from samft_core.sam.weights import write_bundle
    from samft_core.stretch import StretchPolicy

    recipe = Recipe(
        gsd_m=GSD_M, bands=None, stretch=StretchPolicy(), tile_px=TILE_PX, overlap_px=128, input_px=1024,
        prompt="box", threshold=0.5, min_area_m2=5.0,
    )  # fmt: skip
    torch.manual_seed(0)
    card = Card(recipe=recipe, base_id="samft-tiny", base_revision=None, base_sha256=None, trained="all")
    write_bundle(SamModel(SamConfig()), card, out / "bundle")
    for seed, name in enumerate(("a.tif", "b.tif")):
        image = np.random.default_rng(seed).integers(0, 255, (3, TILE_PX, TILE_PX), dtype=np.uint8)
        transform = Affine(GSD_M, 0, 500_000, 0, -GSD_M, 5_000_000)
        profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": TILE_PX, "width": TILE_PX}
        with rasterio.open(out / name, "w", **profile, crs="EPSG:32633", transform=transform) as target:
            target.write(image)


BESIDE = """
import sys, threading, time
over, longest, last = threading.Event(), 0.0, time.monotonic()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
while not over.is_set():
    time.sleep(0.01)
    now = time.monotonic()
    longest, last = max(longest, now - last), now
print(1000 * longest)
"""
"""An idle process's longest gap between two wakings, for which the machine and its other work are to blame."""


def memory_mb(field: str) -> float:
    """VmRSS or VmHWM of this process."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return float("nan")


def measure(folder: Path, samft: str) -> None:
    """Print the tables; in a QGIS."""
    from qgis.core import QgsApplication, QgsTask
    from qgis.PyQt.QtCore import QTimer

    (folder / "plugins").mkdir()
    (folder / "plugins" / "samft").symlink_to(ROOT / "qgis_plugin")
    sys.path.insert(0, str(folder / "plugins"))
    os.environ.update(SAMFT_EXECUTABLE=samft, XDG_CACHE_HOME=str(folder / "cache"))
    application = QgsApplication([], True)
    application.initQgis()
    from samft.worker.client import Worker
    from samft.worker.protocol import Segment

    worker, beats, outs = Worker(), [time.monotonic()], iter(range(99))
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.monotonic()))
    timer.start(BEAT_MS)

    def observe(work) -> tuple[float, float, float, float]:
        """Seconds, longest gap between heartbeats and that of an idle process in ms, memory at the end in MB."""
        beside = subprocess.Popen(
            [sys.executable, "-c", BESIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        del beats[:]
        began_s, over = time.monotonic(), []
        task = QgsTask.fromFunction("visit", lambda _: work(), on_finished=lambda *result: over.append(result))
        application.taskManager().addTask(task)
        while not over:
            application.processEvents()
            time.sleep(0.001)
        if over[0][0] is not None:
            raise over[0][0]
        gaps = [later - earlier for earlier, later in zip(beats, beats[1:])]  # noqa: B905, RUF007 - Python 3.9
        seconds = time.monotonic() - began_s
        beside_ms = float(beside.communicate("")[0])
        return seconds, 1000 * max(gaps), beside_ms, memory_mb("VmRSS")

    def visit(raster: str, **changes) -> object:
        out = str(folder / f"{next(outs)}.fgb")
        return worker.do(Segment(out, str(folder / "bundle"), str(folder / raster), out, **changes))

    part = (500_020.0, 4_999_900.0, 500_100.0, 4_999_980.0)
    steps = [
        ("nothing, for 10 s", lambda: time.sleep(10)),
        ("first visit, with starting the worker and loading ViT-B", lambda: visit("a.tif")),
        ("first visit to another tile", lambda: visit("b.tif")),
        ("second visit", lambda: visit("b.tif")),
        ("another threshold", lambda: visit("b.tif", threshold=0.4)),
        ("a part of it, embeddings kept", lambda: visit("b.tif", bounds=part)),
    ]
    print("| | s | longest freeze ms | an idle process's ms | QGIS memory MB |\n|---|---|---|---|---|")
    for name, work in steps:
        seconds, freeze_ms, beside_ms, resident_mb = observe(work)
        print(f"| {name} | {seconds:.2f} | {freeze_ms:.0f} | {beside_ms:.0f} | {resident_mb:.0f} |", flush=True)
    print(f"QGIS's peak: {memory_mb('VmHWM'):.0f} MB")
    worker.close()
    application.exitQgis()


def main() -> None:
    """Make what is needed, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samft", default=str(ROOT / ".venv/bin/samft"))
    parser.add_argument("--python", default=str(ROOT / ".venv/bin/python"))
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(options.make)
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([options.python, __file__, "--make", folder], check=True)
        measure(Path(folder), options.samft)


if __name__ == "__main__":
    main()
