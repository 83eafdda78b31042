"""Boxes and clicks on real buildings: what the worker outlines, beside what the whole tile's mask has there.

    .venv/bin/python benchmarks/qgis_prompts.py BUNDLE CHIPS RASTER LABELS

Asked are buildings of LABELS that lie whole in a chip of the split `test`, each with the box around it, and with a
point in it, through `samft worker` as QGIS does it. Each further click is where interactive segmentation is commonly
tried: in the middle of the largest part that is missing (on the building) or too much (off it). The whole tile's mask
is cut by the same box, or gives the part that the first point is in. Scores are IoUs to the label, in the raster's CRS.
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
from shapely.ops import polylabel

MOST = 100
CLICKS = 5
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
        clicked = [clicks(worker, common, *each) for each in zip(buildings, points, strict=True)]
    answers = {
        "whole tile's mask, cut by the box": shapely.intersection(boxes, whole),
        "asked by box": np.array([outline(answer) for answer in by_box], dtype=object),
        "whole tile's mask, the part with the point": parts_at(whole, points),
        **{
            f"asked by {count} click{'s' * (count > 1)}": np.array(found)
            for count, found in enumerate(zip(*clicked, strict=True), start=1)
        },
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


def clicks(worker, common, building, point):
    """What is outlined after each of some clicks."""
    points, found = [[*point, 1]], []
    for _ in range(CLICKS):
        found.append(outline(worker.do(**common, points=points)))
        points.append(next_click(found[-1], building) or points[-1])
    return found


def next_click(found, building):
    """Where most is wrong: the inmost point of the largest part, and whether it is on the building."""
    wrong = [(part, label) for label, some in ((1, building - found), (0, found - building)) for part in surfaces(some)]
    if not wrong:
        return None
    part, label = max(wrong, key=lambda each: each[0].area)
    return [*polylabel(part, max(part.area, 1e-9) ** 0.5 / 20).coords[0], label]


def surfaces(geometry):
    return [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and part.area > 0]


def outline(answer):
    return shapely.from_wkb(answer["geometry"] or shapely.Polygon().wkb)


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
