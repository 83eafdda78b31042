"""Real imagery, where SAMFT_TEST_DATA names a folder of it."""

import os
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from shapely.geometry import shape

from samft_core.footprints import segment
from samft_core.raster import open_raster
from tests.fakes import ColourThreshold, make_bundle
from training.prepare import PrepareSettings, prepare
from training.scenes import loose_scenes, spacenet_scenes

DATA = Path(os.environ.get("SAMFT_TEST_DATA", "no-imagery"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="SAMFT_TEST_DATA names no folder of imagery")


def test_spacenet_scenes_of_two_resolutions_become_chips_of_one(tmp_path):
    made = prepare(spacenet_scenes(str(DATA / "spacenet")), tmp_path / "chips", settings=PrepareSettings(size_px=256))
    assert made.chips.meta.gsd_m == 0.5
    assert set(made.chips.manifest["scene"]) == {0, 1}
    for row in made.chips.manifest.itertuples():
        with rasterio.open(made.chips.path / row.image) as image:
            assert (image.count, image.dtypes[0], image.shape) == (3, "uint8", (256, 256))
            assert image.res == pytest.approx((0.5, 0.5), rel=0.01)
    assert made.chips.manifest.groupby("scene")["buildings"].sum().min() >= 3


def test_labels_of_a_dense_town_keep_their_area(tmp_path):
    """What the masks hold equals what the label polygons cover, in square metres on the ground."""
    banepa = DATA / "banepa"
    image, labels = banepa / "banepa_centre.tif", banepa / "banepa_centre_buildings.geojson"
    chips = prepare(loose_scenes([str(image)], [str(labels)]), tmp_path / "chips").chips
    burned = sum(chip.read().truth.sum() for name in ("train", "val", "test") for chip in chips.split(name))
    with rasterio.open(image) as source:
        outline = shapely.box(*source.bounds)
    frame = geopandas.read_file(labels).to_crs(3857)
    inside = shapely.union_all(shapely.make_valid(frame.geometry.to_numpy())).intersection(outline)
    in_utm = geopandas.GeoSeries([inside], crs=3857).to_crs(32645).area[0]
    assert burned * 0.3**2 == pytest.approx(in_utm, rel=0.005)


def test_no_footprint_lies_where_there_is_no_imagery():
    path = DATA / "banepa" / "banepa_unlabelled.tif"
    bundle = make_bundle(gsd_m=0.3, tile_px=256, overlap_px=64)
    found = segment(bundle, path, segmenter=ColourThreshold(90)).footprints
    with rasterio.open(path) as source:
        mask = source.dataset_mask()
        holes = [shape(outline) for outline, _ in rasterio.features.shapes(mask, mask == 0, transform=source.transform)]
    hole = shapely.union_all(holes)
    assert hole.area > 1000
    assert len(found) > 50
    assert shapely.area(shapely.intersection(found.geometry.to_numpy(), hole)).max() == 0


@pytest.mark.parametrize(
    ("name", "bands", "gsd_m"),
    [
        ("pan_uint16_epsg32616.tif", (1,), 0.5),
        ("spacenet_vegas_rgb_uint16_epsg4326.tif", (1, 2, 3), 0.27),
        ("wv3_las_vegas_band_R_epsg4326.tif", (1,), 0.27),
        ("jpeg_named_tif.tif", (1, 2, 3), 0.132),
    ],
)
def test_odd_files_are_read_whole(name, bands, gsd_m):
    with open_raster(DATA / "odd" / name) as raster:
        assert raster.bands == bands
        assert raster.grid.gsd_m == pytest.approx((gsd_m, gsd_m), rel=0.15)
        pixels = raster.read(raster.grid, raster.grid.window)
        assert pixels.image.shape == (3, *raster.grid.shape)
        assert pixels.valid.all()
        assert np.ptp(pixels.image) > 150
