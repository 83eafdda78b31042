"""The same ground as rasters of several CRSs and as map tiles: `PYTHON make_ground.py OUT`, with the toolkit's Python.

OUT gets `utm.tif`, `rotated.tif`, `lonlat.tif`, `mercator.tif`, `tiles/Z/X/Y.png` and `buildings.geojson`, all of them
drawn from the same buildings: a pixel is as bright as its share of roof, to a sixteenth.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyproj
import rasterio
import shapely
import shapely.affinity
from affine import Affine
from PIL import Image

UTM = "EPSG:32633"
CENTRE = (500_400.0, 5_000_300.0)
SIDE_M = 110
PIXEL_M = 0.25
DARK, BRIGHT = 40, 200
ZOOMS = (17, 18, 19)
WORLD_M = 2 * 20_037_508.342789244


def buildings():
    """Boxes of several sizes and directions, metres apart, in UTM."""
    sizes = [(12, 8, 0), (15, 10, 20), (9, 9, 45), (20, 7, 70), (11, 14, 10), (8, 13, 33), (16, 9, 90), (10, 10, 60)]
    places = [(x, y) for y in (-30, 0, 30) for x in (-30, 0, 30)]
    for (x, y), (width, height, turn_deg) in zip(places, sizes, strict=False):
        box = shapely.affinity.rotate(shapely.box(-width / 2, -height / 2, width / 2, height / 2), turn_deg)
        yield shapely.affinity.translate(box, CENTRE[0] + x, CENTRE[1] + y)


def draw(roofs, transform, crs, height, width):
    """(height, width) brightness."""
    steps = (np.arange(4) + 0.5) / 4
    columns = (np.arange(width)[:, None] + steps).ravel()
    rows = (np.arange(height)[:, None] + steps).ravel()
    x, y = transform * np.meshgrid(columns, rows)
    x, y = pyproj.Transformer.from_crs(crs, UTM, always_xy=True).transform(x, y)
    roof = np.zeros(x.shape, bool)
    for polygon in roofs:
        left, bottom, right, top = polygon.bounds
        near = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
        roof[near] |= shapely.contains_xy(polygon, x[near], y[near])
    share = roof.reshape(height, 4, width, 4).mean(axis=(1, 3))
    return np.round(DARK + share * (BRIGHT - DARK)).astype(np.uint8)


def write(path, roofs, transform, crs, height, width):
    image = np.repeat(draw(roofs, transform, crs, height, width)[None], 3, axis=0)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": height, "width": width}
    with rasterio.open(path, "w", **profile, crs=crs, transform=transform, photometric="RGB") as target:
        target.write(image)


def around(crs):
    """The ground's box in another CRS."""
    half = SIDE_M / 2
    ground = shapely.box(CENTRE[0] - half, CENTRE[1] - half, CENTRE[0] + half, CENTRE[1] + half)
    to_crs = pyproj.Transformer.from_crs(UTM, crs, always_xy=True)
    return shapely.transform(ground, lambda points: np.column_stack(to_crs.transform(*points.T))).bounds


def make_ground(out):
    out.mkdir(parents=True, exist_ok=True)
    roofs = list(buildings())
    features = [{"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(roof)} for roof in roofs]
    (out / "buildings.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    count = round(SIDE_M / PIXEL_M)
    upright = Affine(PIXEL_M, 0, CENTRE[0] - SIDE_M / 2, 0, -PIXEL_M, CENTRE[1] + SIDE_M / 2)
    turned = Affine.translation(*CENTRE) * Affine.rotation(25) * Affine.translation(-CENTRE[0], -CENTRE[1]) * upright
    write(out / "utm.tif", roofs, upright, UTM, count, count)
    write(out / "rotated.tif", roofs, turned, UTM, count, count)
    for name, crs in (("lonlat", "EPSG:4326"), ("mercator", "EPSG:3857")):
        left, bottom, right, top = around(crs)
        transform = Affine((right - left) / count, 0, left, 0, (bottom - top) / count, top)
        write(out / f"{name}.tif", roofs, transform, crs, count, count)
    left, bottom, right, top = around("EPSG:3857")
    for zoom in ZOOMS:
        tile_m = WORLD_M / 2**zoom
        for x in range(int((left + WORLD_M / 2) // tile_m), int((right + WORLD_M / 2) // tile_m) + 1):
            for y in range(int((WORLD_M / 2 - top) // tile_m), int((WORLD_M / 2 - bottom) // tile_m) + 1):
                pixel_m = tile_m / 256
                corner = Affine(pixel_m, 0, x * tile_m - WORLD_M / 2, 0, -pixel_m, WORLD_M / 2 - y * tile_m)
                picture = np.repeat(draw(roofs, corner, "EPSG:3857", 256, 256)[..., None], 3, axis=2)
                path = out / "tiles" / str(zoom) / str(x) / f"{y}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(path)


if __name__ == "__main__":
    make_ground(Path(sys.argv[1]))
