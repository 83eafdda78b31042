"""Rasters and labels to chips, against rasterio and shapely."""

import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import rasterio.features
import rasterio.merge
import shapely

from samft_core.cli.main import run
from samft_core.errors import InputError, LabelError
from tests.conftest import UTM, UTM_HALF_METRE, write_raster
from tests.s3 import serve
from tests.training.conftest import SIDE, paint, squares, write_labels
from training.chips import open_chips
from training.prepare import PrepareSettings, prepare
from training.scenes import Scene, loose_scenes, spacenet_scenes, unsigned_unless_credentials

SMALL = PrepareSettings(size_px=64, gsd_m=0.5)


def test_chips_put_together_again_are_the_raster_and_its_labels(scene, chips):
    """At the raster's own resolution nothing is resampled: chips are its pixels, masks what rasterio burns."""
    with rasterio.open(scene[0]) as source:
        expected = source.read()
        labels = geopandas.read_file(scene[1]).to_crs(UTM)
        truth = rasterio.features.rasterize(labels.geometry, out_shape=(SIDE, SIDE), transform=source.transform)
    images, _ = rasterio.merge.merge([chips.path / name for name in chips.manifest["image"]])
    masks, _ = rasterio.merge.merge([chips.path / name for name in chips.manifest["mask"]])
    np.testing.assert_array_equal(images[:, :SIDE, :SIDE], expected)
    np.testing.assert_array_equal(masks[0, :SIDE, :SIDE], truth)


def test_manifest_is_geoparquet_with_relative_paths_and_footprints(chips):
    manifest = geopandas.read_parquet(chips.path / "manifest.parquet")
    assert {"image", "mask", "split", "geometry"} <= set(manifest.columns)
    assert set(manifest["split"]) == {"train", "val", "test"}
    for row in manifest.itertuples():
        with rasterio.open(chips.path / row.image) as image, rasterio.open(chips.path / row.mask) as mask:
            assert image.bounds == mask.bounds
            assert image.crs == rasterio.crs.CRS.from_string(UTM)
            outline = geopandas.GeoSeries([row.geometry], crs=manifest.crs).to_crs(UTM)[0]
            assert shapely.box(*image.bounds).symmetric_difference(outline).area < 1e-3
    meta = json.loads((chips.path / "chips.json").read_text())
    assert (meta["gsd_m"], meta["size_px"], meta["seed"]) == (0.5, 64, 0)


def test_splits_share_no_pixel(chips):
    parts = chips.manifest.to_crs(UTM).dissolve("split").geometry
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert shapely.intersection(parts[one], parts[other]).area < 1e-3


def known_ground(chips) -> dict[str, shapely.Geometry]:
    """The ground under each split's known pixels."""
    pieces = {"train": [], "val": [], "test": []}
    for row in chips.manifest.itertuples():
        with rasterio.open(chips.path / row.mask) as mask:
            known = mask.read(1) != 255
            outlines = rasterio.features.shapes(known.astype(np.uint8), known, transform=mask.transform)
            pieces[row.split] += [shapely.geometry.shape(outline) for outline, _ in outlines]
    return {name: shapely.union_all(outlines) for name, outlines in pieces.items()}


def test_overlapping_scenes_share_no_pixel_between_splits(tmp_path):
    """Two rasters of the same ground, off by 100 and 30 pixels: what one trains on, the other is not tested on."""
    polygons = squares()
    image = paint(polygons)
    shifted = UTM_HALF_METRE @ UTM_HALF_METRE.translation(100, 30)
    paths = [
        str(write_raster(tmp_path / "one.tif", image)),
        str(write_raster(tmp_path / "two.tif", image, transform=shifted)),
    ]
    labels = str(write_labels(tmp_path / "labels.gpkg", polygons))
    chips = prepare(loose_scenes(paths, [labels]), tmp_path / "chips", settings=SMALL).chips
    ground = known_ground(chips)
    assert all(ground[name].area > 500 for name in ("train", "val", "test"))
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert shapely.intersection(ground[one], ground[other]).area == 0
    parts = geopandas.read_parquet(chips.path / "buildings.parquet").to_crs(UTM)
    assert set(parts["chip"]) <= set(chips.manifest["chip"])
    assert set(parts.geom_type) == {"Polygon"}
    for row in chips.manifest.itertuples():
        assert row.buildings == (parts["chip"] == row.chip).sum()
        own = parts[parts["chip"] == row.chip].geometry.area.sum()
        with rasterio.open(chips.path / row.mask) as mask:
            burned = (mask.read(1) == 1).sum() * 0.25
        assert abs(own - burned) < 0.06 * max(own, 50)


def test_rasters_that_only_touch_have_all_three_splits(tmp_path):
    """Sheets of an orthophoto, side by side, whose last chips reach beyond each sheet."""
    polygons = squares()
    image = paint(polygons)
    paths = []
    for sheet in range(4):
        transform = UTM_HALF_METRE @ UTM_HALF_METRE.translation(80 * sheet, 0)
        part = image[:, :, 80 * sheet : 80 * (sheet + 1)]
        paths.append(str(write_raster(tmp_path / f"{sheet}.tif", part, transform=transform)))
    labels = str(write_labels(tmp_path / "labels.gpkg", polygons))
    chips = prepare(loose_scenes(paths, [labels]), tmp_path / "chips", settings=SMALL).chips
    counts = chips.manifest["split"].value_counts()
    assert min(counts["val"], counts["test"]) >= 3
    assert counts["train"] > counts["val"]
    ground = known_ground(chips)
    assert sum(part.area for part in ground.values()) == pytest.approx(SIDE * SIDE * 0.25)


def test_a_label_file_on_no_raster_is_refused_even_with_an_area(tmp_path, scene):
    stray = str(write_labels(tmp_path / "stray.gpkg", [shapely.box(600_000, 3_800_000, 600_010, 3_800_010)]))
    area = str(write_labels(tmp_path / "area.gpkg", [shapely.box(499_000, 3_760_000, 502_000, 3_763_000)]))
    for labels in ([stray], [scene[1], stray]):
        with pytest.raises(LabelError, match=r"stray\.gpkg on one of the rasters"):
            prepare(loose_scenes([scene[0]], labels), tmp_path / "chips", aoi=area, settings=SMALL)


def test_spacenet_labels_that_miss_their_image_are_refused(tmp_path, scene):
    stray = str(write_labels(tmp_path / "stray.gpkg", [shapely.box(600_000, 3_800_000, 600_010, 3_800_010)]))
    with pytest.raises(LabelError, match="all within"):
        prepare([Scene(image=scene[0], labels=(stray,), may_be_empty=True)], tmp_path / "chips", settings=SMALL)


def test_the_bands_that_were_read_are_pinned(tmp_path, scene, chips):
    assert chips.meta.bands == (1, 2, 3)
    grey = str(write_raster(tmp_path / "grey.tif", paint(squares())[:1]))
    with pytest.raises(InputError, match=r"bands 1,2,3 in .*grey\.tif, got a raster of 1 band"):
        prepare(loose_scenes([scene[0], grey], [scene[1]]), tmp_path / "chips", settings=SMALL)


def test_empty_chips_are_kept_as_negatives(tmp_path):
    lonely = squares()[:1]
    image = str(write_raster(tmp_path / "image.tif", paint(lonely)))
    labels = str(write_labels(tmp_path / "labels.gpkg", lonely))
    chips = prepare(loose_scenes([image], [labels]), tmp_path / "chips", settings=SMALL).chips
    assert len(chips.manifest) == 25
    assert (chips.manifest["building_share"] == 0).sum() == 24


def test_nothing_is_learned_outside_the_area_of_complete_labels(tmp_path, scene):
    west = shapely.box(500_000, 3_761_840, 500_080, 3_762_000)
    area = str(write_labels(tmp_path / "area.gpkg", [west], "EPSG:3857"))
    chips = prepare(loose_scenes([scene[0]], [scene[1]]), tmp_path / "chips", aoi=area, settings=SMALL).chips
    masks, _ = rasterio.merge.merge([chips.path / name for name in chips.manifest["mask"]])
    known = masks[0] != 255
    assert 0.97 < known.sum() * 0.25 / (80 * 160) < 1.03
    assert np.flatnonzero(known.any(axis=0)).max() <= 161


def test_pixels_without_data_are_ignored(tmp_path, scene):
    image = paint(squares())
    valid = np.ones((SIDE, SIDE), bool)
    valid[100:150, 60:200] = False
    path = str(write_raster(tmp_path / "image.tif", image, mask=valid))
    chips = prepare(loose_scenes([path], [scene[1]]), tmp_path / "chips", settings=SMALL).chips
    masks, _ = rasterio.merge.merge([chips.path / name for name in chips.manifest["mask"]])
    np.testing.assert_array_equal(masks[0, :SIDE, :SIDE] == 255, ~valid)
    for chip in chips.split("train"):
        sample = chip.read()
        np.testing.assert_array_equal(sample.valid, sample.known)
        assert not sample.image[:, ~sample.valid].any()


def test_nodata_of_the_caller_is_ignored_in_training(tmp_path, scene):
    """A rim of black around an image that does not call it nodata."""
    image = np.maximum(paint(squares()), 1)
    image[:, :, :40] = 0
    path = str(write_raster(tmp_path / "image.tif", image))
    arguments = [path, "--labels", scene[1], "--size", "64", "--gsd", "0.5"]
    for out, more in (("plain", []), ("known", ["--nodata", "0"])):
        assert run(["prepare", *arguments, "--out", str(tmp_path / out), *more]) == 0
    plain, known = open_chips(tmp_path / "plain"), open_chips(tmp_path / "known")
    masks, _ = rasterio.merge.merge([known.path / name for name in known.manifest["mask"]])
    np.testing.assert_array_equal(masks[0, :SIDE, :SIDE] == 255, (image == 0).all(axis=0))
    assert known.meta.scenes[0]["nodata"] == ["0.0"] * 3
    assert plain.manifest["known_share"].mean() > known.manifest["known_share"].mean()


def test_one_file_per_band(tmp_path, scene, chips):
    """A list of files gives the chips of the raster they make."""
    with rasterio.open(scene[0]) as source:
        files = [write_raster(tmp_path / f"B{band}.tif", source.read(band)) for band in source.indexes]
    listed = loose_scenes([",".join(map(str, files))], [scene[1]])
    same = prepare(listed, tmp_path / "chips", settings=SMALL).chips
    assert same.meta.scenes[0]["image"] == "B1.tif,B2.tif,B3.tif"
    assert same.meta.bands == (1, 2, 3)
    for one, other in zip(chips.manifest.itertuples(), same.manifest.itertuples(), strict=True):
        here, there = (np.concatenate([rasterio.open(folder.path / name).read() for name in (row.image, row.mask)])
                       for folder, row in ((chips, one), (same, other)))  # fmt: skip
        np.testing.assert_array_equal(here, there)


def test_a_spacenet_folder_in_a_public_bucket(tmp_path, scene, monkeypatch):
    """Without credentials, as SpaceNet's own bucket is read."""
    labels = tmp_path / "labels.geojson"
    geopandas.read_file(scene[1]).to_file(labels)
    with serve() as s3:
        bucket = s3.new_bucket()
        s3.client().put_bucket_acl(Bucket=bucket, ACL="public-read")
        s3.upload(Path(scene[0]), bucket, key="AOI/PS-RGB/SN_PS-RGB_img1.tif", public=True)
        s3.upload(labels, bucket, key="AOI/geojson_buildings/SN_geojson_buildings_img1.geojson", public=True)
        s3.point_gdal_here(monkeypatch, credentials=False)
        with unsigned_unless_credentials():
            made = prepare(spacenet_scenes(f"s3://{bucket}/AOI"), tmp_path / "chips", settings=SMALL)
    assert len(made.chips.manifest) == 25
    assert made.chips.meta.scenes[0]["image"] == "SN_PS-RGB_img1.tif"


def test_building_parts_cover_what_the_masks_show(chips):
    for chip in chips.split("train"):
        grid = chip.grid()
        parts = chips.buildings(chip, grid.crs)
        assert abs(shapely.area(parts).sum() - 0.25 * chip.read().truth.sum()) <= 1e-3 * max(
            1, shapely.area(parts).sum()
        )
        assert shapely.union_all(parts).difference(grid.footprint.buffer(1e-4)).area < 1e-6


def test_multipolygons_and_broken_outlines(tmp_path, scene):
    pair = shapely.MultiPolygon(squares()[:2])
    x, y = 500_060.0, 3_761_900.0
    bow_tie = shapely.Polygon([(x, y), (x + 20, y + 10), (x + 20, y), (x, y + 10)])
    labels = str(write_labels(tmp_path / "labels.gpkg", [pair, bow_tie]))
    made = prepare(loose_scenes([scene[0]], [labels]), tmp_path / "chips", settings=SMALL)
    assert made.repaired == 1
    burned = sum(chip.read().truth.sum() for split in ("train", "val", "test") for chip in made.chips.split(split))
    assert abs(burned * 0.25 - (200 + 100)) < 15  # the tie's two triangles hold half of its box


def test_labels_elsewhere_quote_both_extents(tmp_path, scene):
    far = shapely.box(600_000, 3_800_000, 600_010, 3_800_010)
    labels = str(write_labels(tmp_path / "labels.gpkg", [far]))
    with pytest.raises(LabelError, match=r"\(500000\.0, 3761840\.0.*got 1 polygons.*600000\.0, 3800000\.0"):
        prepare(loose_scenes([scene[0]], [labels]), tmp_path / "chips", settings=SMALL)
    assert not (tmp_path / "chips").exists()


def test_the_coarsest_scene_sets_the_resolution_but_not_below_30_cm(tmp_path, scene):
    fine = UTM_HALF_METRE @ UTM_HALF_METRE.scale(0.2)
    image = str(write_raster(tmp_path / "fine.tif", paint(squares()), transform=fine))
    settings = PrepareSettings(size_px=64)
    alone = prepare(loose_scenes([image], [scene[1]]), tmp_path / "one", settings=settings).chips
    both = prepare(loose_scenes([image, scene[0]], [scene[1]]), tmp_path / "two", settings=settings).chips
    assert alone.meta.gsd_m == 0.3
    assert both.meta.gsd_m == 0.5


def test_only_a_chips_folder_is_overwritten(tmp_path, scene):
    (tmp_path / "chips").mkdir()
    (tmp_path / "chips" / "mine").write_text("keep")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="holds something else"):
            prepare(loose_scenes([scene[0]], [scene[1]]), tmp_path / "chips", settings=SMALL, overwrite=overwrite)
    assert (tmp_path / "chips" / "mine").read_text() == "keep"
    prepare(loose_scenes([scene[0]], [scene[1]]), tmp_path / "new", settings=SMALL)
    with pytest.raises(InputError, match="--overwrite"):
        prepare(loose_scenes([scene[0]], [scene[1]]), tmp_path / "new", settings=SMALL)
    prepare(loose_scenes([scene[0]], [scene[1]]), tmp_path / "new", settings=SMALL, overwrite=True)
    assert len(open_chips(tmp_path / "new").manifest) == 25


def test_an_empty_spacenet_label_file_means_no_buildings(tmp_path, scene):
    empty = tmp_path / "empty.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    scenes = [Scene(image=scene[0], labels=(str(empty),), may_be_empty=True)]
    chips = prepare(scenes, tmp_path / "chips", settings=SMALL).chips
    assert chips.manifest["building_share"].max() == 0
    with pytest.raises(LabelError, match="empty"):
        prepare(loose_scenes([scene[0]], [str(empty)]), tmp_path / "other", settings=SMALL)
