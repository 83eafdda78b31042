"""A small labelled scene and its chips."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from tests.conftest import UTM, UTM_HALF_METRE, write_raster
from training.chips import Chips
from training.prepare import PrepareSettings, prepare
from training.scenes import loose_scenes

SIDE = 320
"""Of the scene, in pixels of 0.5 m."""


def squares(step_px: int = 40, side_px: int = 20) -> list[shapely.Polygon]:
    """Squares of 10 m, 20 m apart, in map coordinates."""
    corners = range(10, SIDE - side_px, step_px)
    boxes = [shapely.box(x, y, x + side_px, y + side_px) for x in corners for y in corners]
    return [shapely.transform(box, lambda p: np.column_stack(UTM_HALF_METRE * p.T)) for box in boxes]


def paint(polygons: list[shapely.Polygon]) -> np.ndarray:
    """Bright buildings on a dark, noisy ground, (3, SIDE, SIDE)."""
    from rasterio.features import rasterize

    truth = rasterize(polygons, out_shape=(SIDE, SIDE), transform=UTM_HALF_METRE)
    noise = np.random.default_rng(0).integers(0, 60, size=(3, SIDE, SIDE))
    return (noise + 150 * truth).astype(np.uint8)


def write_labels(path: Path, polygons: list, crs: str = UTM) -> Path:
    geopandas.GeoDataFrame(geometry=polygons, crs=UTM).to_crs(crs).to_file(path)
    return path


@pytest.fixture(scope="session")
def scene(tmp_path_factory) -> tuple[str, str]:
    """A raster and its labels, in another CRS."""
    folder = tmp_path_factory.mktemp("scene")
    polygons = squares()
    image = write_raster(folder / "image.tif", paint(polygons))
    return str(image), str(write_labels(folder / "labels.gpkg", polygons, "EPSG:4326"))


@pytest.fixture(scope="session")
def chips(scene, tmp_path_factory) -> Chips:
    """25 chips of 64 pixels at 0.5 m."""
    out = tmp_path_factory.mktemp("chips") / "chips"
    settings = PrepareSettings(size_px=64, gsd_m=0.5)
    return prepare(loose_scenes([scene[0]], [scene[1]]), out, settings=settings).chips
