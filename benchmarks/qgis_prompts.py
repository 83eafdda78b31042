"""Boxes and points on real buildings: what the worker outlines, beside what the whole tile's mask has there.

    .venv/bin/python benchmarks/qgis_prompts.py BUNDLE CHIPS RASTER LABELS

Asked are buildings of LABELS that lie whole in a chip of the split `test`, each with the box around it and with a point
in it, through `samft worker` as QGIS does it. The whole tile's mask is cut by the same box, or gives the part that the
same point is in. Scores are IoUs to the label, in the raster's CRS.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely

MOST = 100
SEED = 7
SMALLEST_M2 = 20.0


def main(bundle, chips, raster, labels):
    with rasterio.open(raster) as source:
        crs = source.crs.to_wkt()
    buildings = test_buildings(chips, labels, crs)
    boxes = shapely.box(*shapely.bounds(buildings).T)
    with tempfile.TemporaryDirectory() as folder, Worker() as worker:
        out = str(Path(folder) / "whole.fgb")
        bounds = list(shapely.total_bounds(shapely.buffer(boxes, 5)))
        worker.do(verb="segment", bundle=bundle, raster=raster, out=out, bounds=bounds, regularize=False)
        whole = shapely.union_all(geopandas.read_file(out).geometry.values)
        common = {"verb": "ask", "bundle": bundle, "raster": raster}
        began_s = time.monotonic()
        by_box = [worker.do(**common, box=list(box.bounds)) for box in boxes]
        box_ms = 1000 * (time.monotonic() - began_s) / len(boxes)
        points = shapely.get_coordinates(shapely.point_on_surface(buildings)).tolist()
        by_point = [worker.do(**common, points=[[*point, 1]]) for point in points]
    answers = {
        "whole tile's mask, cut by the box": shapely.intersection(boxes, whole),
        "asked by box": outlines(by_box),
        "whole tile's mask, the part with the point": parts_at(whole, points),
        "asked by one point": outlines(by_point),
        "the box itself": boxes,
    }
    print(f"{len(buildings)} buildings; {box_ms:.0f} ms a box\n")
    print("| answer | mean IoU | median | share above 0.5 |\n|---|---|---|---|")
    for name, found in answers.items():
        ious = overlaps(found, buildings)
        print(f"| {name} | {ious.mean():.3f} | {np.median(ious):.3f} | {(ious > 0.5).mean():.2f} |")


def test_buildings(chips, labels, crs):
    """Up to `MOST` of them, in the raster's CRS."""
    manifest = geopandas.read_parquet(Path(chips) / "manifest.parquet")
    ground = shapely.union_all(manifest[manifest["split"] == "test"].to_crs(crs).geometry.values)
    table = geopandas.read_file(labels)
    table = table[table.to_crs(table.estimate_utm_crs()).area >= SMALLEST_M2].to_crs(crs)
    inside = table.geometry.values[shapely.covered_by(table.geometry.values, ground)]
    inside = np.asarray(shapely.make_valid(np.asarray(inside)))
    return np.random.default_rng(SEED).permutation(inside)[:MOST]


def outlines(answers):
    return np.array([shapely.from_wkb(each["geometry"] or shapely.Polygon().wkb) for each in answers], dtype=object)


def parts_at(whole, points):
    parts, found = shapely.get_parts(whole), np.full(len(points), shapely.Polygon(), dtype=object)
    place, part = shapely.STRtree(parts).query(shapely.points(points), predicate="within")
    found[place] = parts[part]
    return found


def overlaps(found, truth):
    shared = shapely.area(shapely.intersection(found, truth))
    return shared / (shapely.area(found) + shapely.area(truth) - shared)


class Worker:
    """The toolkit's, spoken to in lines."""

    def __enter__(self):
        command = [sys.executable, "-m", "samft_core.cli.main", "worker"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._jobs = 0
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def do(self, **request):  # noqa: D102
        self._jobs += 1
        self._process.stdin.write(json.dumps({**request, "id": str(self._jobs)}).encode() + b"\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            reply = json.loads(line)
            assert reply["type"] != "error", reply["message"]
            if reply["type"] in ("result", "answer"):
                return reply
        raise EOFError("the worker has ended")


if __name__ == "__main__":
    main(*sys.argv[1:])
