"""Claim: `trace` turns a mask into a file of polygons in a fifth of the CPU time that anything else takes.

usage: python benchmarks/vectorize.py [--side 20000] [--rounds 3], with Debian's gdal-bin and python3-gdal installed

Side by side in one run on the same mask of buildings, each in a process of its own, round after round:

1. From the array in memory to the closed GeoPackage: CPU seconds of that, without imports and np.load, and the peak
   memory of the whole process, in which the array lies.
2. From GeoTIFF to GeoPackage: CPU seconds and peak memory of whole processes, with GDAL's cache at 64 MB.

Then the polygons of all are compared.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# Libraries are imported where they are used: each process shall hold its own, and one runs under another Python.

CELL_PX = 119
"""The side of the square that each building stands in; 20,000 x 20,000 pixels have room for 28,224."""

LAYER = "buildings"

EPSG = 32611

GEOTRANSFORM = (500_000, 0.3, 0, 3_762_000, 0, -0.3)
"""In GDAL's order."""

BAND_ROWS = 512
"""A row of the file's tiles."""

GDAL_PYTHON = "/usr/bin/python3"
"""What Debian's gdal_polygonize.py runs under, and has GDAL's own bindings."""

TIMED = "CPU seconds: "


@contextlib.contextmanager
def timed() -> Iterator[None]:
    """Tell the parent process what is spent here."""
    started = time.process_time()
    yield
    print(TIMED, time.process_time() - started)


def make(folder: str, side: str) -> None:
    """Draw turned rectangles and L-shapes, every fifth with a courtyard, into an array and an uncompressed GeoTIFF."""
    import numpy as np
    import rasterio
    import rasterio.features
    import shapely
    from affine import Affine
    from shapely.affinity import rotate, translate

    rng = np.random.default_rng(20)
    buildings = []
    for row, col in np.ndindex(int(side) // CELL_PX, int(side) // CELL_PX):
        width, height = rng.uniform(20, 62, 2)
        shape = shapely.box(-width / 2, -height / 2, width / 2, height / 2)
        kind = rng.random()
        if kind < 0.3:
            shape -= shapely.box(0, 0, width, height)
        elif kind < 0.5:
            shape -= shapely.box(-width / 4, -height / 4, width / 4, height / 4)
        x, y = (np.array([col, row]) + 0.5) * CELL_PX + rng.uniform(-10, 10, 2)
        buildings.append(translate(rotate(shape, rng.uniform(0, 90), origin=(0, 0)), x, y))
    mask = rasterio.features.rasterize(buildings, (int(side), int(side)), dtype=np.uint8)
    np.save(Path(folder, "mask.npy"), mask)
    profile = {"driver": "GTiff", "count": 1, "height": int(side), "width": int(side), "dtype": "uint8", "nodata": 0}
    profile |= {"crs": f"EPSG:{EPSG}", "transform": Affine.from_gdal(*GEOTRANSFORM)}
    profile |= {"tiled": True, "blockxsize": BAND_ROWS, "blockysize": BAND_ROWS}
    with rasterio.open(Path(folder, "mask.tif"), "w", **profile) as target:
        target.write(mask, 1)


def grid_of(height: int, width: int):
    """Where the mask lies."""
    import pyproj
    from affine import Affine

    from samft_core.grid import Grid

    return Grid(crs=pyproj.CRS(EPSG), transform=Affine.from_gdal(*GEOTRANSFORM), height=height, width=width)


def write(polygons, labels, out: str) -> None:
    """Write polygons in bulk."""
    import pyogrio.raw
    import shapely

    place = {"driver": "GPKG", "layer": LAYER, "crs": f"EPSG:{EPSG}", "geometry_type": "Polygon"}
    pyogrio.raw.write(out, shapely.to_wkb(polygons), [labels], ["value"], **place)


def load_compiled() -> None:
    """Have numba load what it compiled in an earlier run, and Python all modules."""
    import numpy as np
    import pyogrio.raw  # noqa: F401

    from samft_core.tracing import trace

    trace(np.ones((1, 1), dtype=np.uint8))


def samft_trace(source: str, out: str) -> None:
    import numpy as np

    from samft_core.tracing import trace

    load_compiled()
    mask = np.load(source)
    with timed():
        polygons, labels = trace(mask, grid=grid_of(*mask.shape))
        write(polygons, labels, out)


def samft_contour(source: str, out: str) -> None:
    import numpy as np

    from samft_core.contours import contour

    load_compiled()
    contour(np.ones((2, 2), dtype=np.float32), 0.5)
    mask = np.load(source)
    with timed():
        polygons = grid_of(*mask.shape).to_map(contour(mask.astype(np.float32), 0.5))
        write(polygons, np.ones(len(polygons), dtype=np.int64), out)


def gdal_polygonize(source: str, out: str) -> None:
    """GDAL's own function; its fastest way: the array as its own mask, straight into the file, in one transaction."""
    import numpy as np
    from osgeo import gdal, gdal_array, ogr, osr

    gdal.UseExceptions()
    mask = np.load(source)
    with timed():
        raster = gdal_array.OpenArray(mask)
        raster.SetGeoTransform(GEOTRANSFORM)
        band, crs = raster.GetRasterBand(1), osr.SpatialReference()
        crs.ImportFromEPSG(EPSG)
        target = ogr.GetDriverByName("GPKG").CreateDataSource(out)
        layer = target.CreateLayer(LAYER, crs, ogr.wkbPolygon)
        layer.CreateField(ogr.FieldDefn("value", ogr.OFTInteger))
        target.StartTransaction()
        gdal.Polygonize(band, band, layer, 0, [])
        target.CommitTransaction()
        del layer, target  # which closes the file


def rasterio_shapes(source: str, out: str) -> None:
    import numpy as np
    import pyogrio.raw  # noqa: F401
    from affine import Affine
    from rasterio.features import shapes
    from shapely.geometry import shape

    mask = np.load(source)
    with timed():
        outlines = shapes(mask, mask=mask != 0, transform=Affine.from_gdal(*GEOTRANSFORM))
        polygons, values = zip(*((shape(outline), value) for outline, value in outlines), strict=True)
        write(np.array(polygons, dtype=object), np.array(values, dtype=np.int64), out)


def segment_geospatial(source: str, out: str) -> None:
    """What `raster_to_vector` of segment-geospatial 1.4.2 does with what it read, step by step."""
    import geopandas
    import numpy as np
    import pyogrio.raw  # noqa: F401
    from affine import Affine
    from rasterio.features import shapes
    from shapely.geometry import shape

    bands = np.load(source)[np.newaxis]
    with timed():
        outlines = shapes(bands, mask=bands != 0, transform=Affine.from_gdal(*GEOTRANSFORM))
        features = [{"geometry": shape(outline), "properties": {"value": value}} for outline, value in outlines]
        frame = geopandas.GeoDataFrame.from_features(features)
        frame.set_crs(epsg=EPSG, inplace=True)
        frame.to_file(out, driver="GPKG", layer=LAYER)


def samft_trace_bands(source: str, out: str) -> None:
    """From file to file, with some rows in memory at a time."""
    import rasterio
    from rasterio.windows import Window

    from samft_core.tracing import trace_bands

    with rasterio.open(source) as raster:
        starts = range(0, raster.height, BAND_ROWS)
        windows = [Window(0, row, raster.width, min(BAND_ROWS, raster.height - row)) for row in starts]
        bands = (raster.read(1, window=window) for window in windows)
        polygons, labels = trace_bands(bands, grid=grid_of(*raster.shape))
    write(polygons, labels, out)


def compile_time(empty_cache: str) -> None:
    """Print what the first call takes in a process that finds nothing compiled."""
    os.environ["NUMBA_CACHE_DIR"] = empty_cache
    import numpy as np

    from samft_core.tracing import trace

    print("\nOnce per machine and type of label, numba compiles trace, in neither table.")
    with timed():
        trace(np.ones((1, 1), dtype=np.uint8))


def compare(source: str, ours: str, *others: str) -> None:
    """Print whether files hold the same polygons in pixels, where map coordinates' rounding does not matter."""
    import numpy as np
    import pyogrio
    import shapely
    from affine import Affine

    size, inverse = np.count_nonzero(np.load(source)), ~Affine.from_gdal(*GEOTRANSFORM)

    def polygons_of(path: str):
        frame = pyogrio.read_dataframe(path)
        polygons, values = frame.geometry.to_numpy().copy(), frame["value"].to_numpy()
        pixels = np.column_stack(inverse * shapely.get_coordinates(polygons).T)
        assert np.abs(pixels - pixels.round()).max() < 1e-5
        return shapely.set_coordinates(polygons, pixels.round()), values

    polygons, labels = polygons_of(ours)
    holes, vertices = shapely.get_num_interior_rings(polygons).sum(), shapely.get_num_coordinates(polygons).sum()
    print(f"\nOurs: {len(polygons)} polygons, valid: {shapely.is_valid(polygons).sum()}, {holes} holes, ", end="")
    print(f"{vertices} vertices, area {shapely.area(polygons).sum():.0f} of the buildings' {size} pixels")
    for path in others:
        theirs, values = polygons_of(path)
        theirs = shapely.make_valid(theirs)
        inner = shapely.point_on_surface(polygons)
        which, match = shapely.STRtree(theirs).query(inner, predicate="within")
        is_same = shapely.equals(polygons[which], theirs[match]) & (labels[which] == values[match])
        same = len(np.unique(match[is_same]))
        print(f"{Path(path).stem}: {len(theirs)} polygons, of which equal to one of ours in shape and value: {same}")


def child(task: str, *arguments: object, python: str = sys.executable) -> list[str]:
    """The command that runs one of this file's functions."""
    return [python, __file__, "--child", task, *map(str, arguments)]


FROM_ARRAY = {
    "samft: trace": "samft_trace",
    "GDAL's Polygonize in C++": "gdal_polygonize",
    "rasterio.features.shapes, shapely": "rasterio_shapes",
    "segment-geospatial's raster_to_vector, its steps replicated": "segment_geospatial",
    "samft: contour of the mask as float32": "samft_contour",
}

FROM_FILE = {"samft: trace_bands": "samft_trace_bands", "gdal_polygonize.py": "gdal_polygonize.py"}


def command(task: str, folder: Path) -> list[str]:
    """What turns the mask into the task's GeoPackage."""
    array, raster, out = folder / "mask.npy", folder / "mask.tif", folder / f"{task}.gpkg"
    if task == "gdal_polygonize.py":
        return [task, "-q", str(raster), str(out), LAYER, "value"]
    source = array if task in FROM_ARRAY.values() else raster
    return child(task, source, out, python=GDAL_PYTHON if task == "gdal_polygonize" else sys.executable)


def measured(task: str, folder: Path) -> tuple[float, float]:
    """CPU seconds, of the timed part where there is one, and the peak memory in MB, of one turn."""
    (folder / f"{task}.gpkg").unlink(missing_ok=True)
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command(task, folder), stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        log.seek(0)
        text = log.read()
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{task} failed:\n{text}")
    spent = [float(line.removeprefix(TIMED)) for line in text.splitlines() if line.startswith(TIMED)]
    return spent[0] if spent else usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def bench(side: int, rounds: int, folder: Path) -> None:
    subprocess.run(child("make", folder, side), check=True)
    tables = {"from array to GeoPackage": FROM_ARRAY, "from GeoTIFF to GeoPackage, whole process": FROM_FILE}
    tasks = [task for table in tables.values() for task in table.values()]
    turns: dict[str, list[tuple[float, float]]] = {task: [] for task in tasks}
    for number in range(rounds + 1):  # the first warms the disk's and numba's caches
        for task in tasks:
            figures = measured(task, folder)
            if number:
                turns[task].append(figures)
    print(f"{side} x {side} pixels of uint8, medians of {rounds} rounds")
    for title, table in tables.items():
        print(f"\n| {title} | CPU s | times the first's | peak memory MB |\n|---|---|---|---|")
        medians = {task: [statistics.median(column) for column in zip(*turns[task], strict=True)] for task in tasks}
        first_s, _ = medians[next(iter(table.values()))]
        for name, task in table.items():
            cpu_s, peak_mb = medians[task]
            print(f"| {name} | {cpu_s:.2f} | {cpu_s / first_s:.1f} | {peak_mb:.0f} |")
    subprocess.run(child("compile_time", folder / "cache"), check=True)
    outs = [folder / f"{task}.gpkg" for task in tasks if task != "samft_contour"]
    subprocess.run(child("compare", folder / "mask.npy", *outs), check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=20_000, help="pixels")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "GDAL_CACHEMAX": "64"}
    with tempfile.TemporaryDirectory() as folder:
        bench(options.side, options.rounds, Path(folder))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        name, *arguments = sys.argv[2:]
        globals()[name](*arguments)
    else:
        main()
