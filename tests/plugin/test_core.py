"""Bundles, extents and the fixed grid of pictures, without a worker."""

import json
import shutil

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsPointXY,
    QgsRasterLayer,
    QgsRectangle,
)

CONTEXT = QgsCoordinateTransformContext()
XYZ = "type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png&zmax=19&zmin=0"


def crs(code):
    return QgsCoordinateReferenceSystem(code)


@pytest.fixture
def bundle(plugin, made):
    from samft.core.bundle import read_bundle

    return read_bundle(made / "bundle")


@pytest.fixture
def scene(plugin, made):
    return QgsRasterLayer(str(made / "scene.tif"), "scene")


def test_a_bundle_says_what_its_card_says(bundle, made):
    recipe = json.loads((made / "bundle" / "samft.json").read_text())["recipe"]
    assert (bundle.gsd_m, bundle.threshold, bundle.bands) == (recipe["gsd_m"], recipe["threshold"], None)
    assert bundle.name == made.name
    assert bundle.about.startswith("all of samft-tiny, 0.5 m pixels, 20")
    assert len(bundle.hash) == 12


def test_what_is_no_bundle(bundle, made, tmp_path):
    from samft.core.bundle import BundleError, read_bundle

    with pytest.raises(BundleError, match=r"expected a bundle, a folder with samft.json, got no folder .*nowhere; "):
        read_bundle(tmp_path / "nowhere")
    for text, problem in (("{", "something else"), ('{"format": 9}', "got format 9"), ('{"format": 1}', "'recipe'")):
        (tmp_path / "samft.json").write_text(text)
        with pytest.raises(BundleError, match=problem) as error:
            read_bundle(tmp_path)
        assert "\n" not in str(error.value)


def test_bundles_in_a_folder(bundle, made, tmp_path):
    from samft.core.bundle import bundles_in

    shutil.copytree(made / "bundle", tmp_path / "town")
    shutil.copytree(made / "bundle", tmp_path / "run" / "bundle")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "samft.json").write_text("{")
    assert [found.name for found in bundles_in(tmp_path)] == ["run", "town"]
    assert [found.path for found in bundles_in(tmp_path / "town")] == [tmp_path / "town"]
    assert bundles_in(tmp_path / "nowhere") == []


def test_whether_a_bundle_fits(bundle, scene):
    import dataclasses

    from samft.core.bundle import fit

    assert fit(bundle, scene).startswith("Fits: pixels of 0.5 m")
    assert "5.0 times coarser than the model's 0.1 m" in fit(dataclasses.replace(bundle, gsd_m=0.1), scene)
    assert "10 times finer than the model's 5 m" in fit(dataclasses.replace(bundle, gsd_m=5.0), scene)
    assert "looks at band 4, and the layer has 3" in fit(dataclasses.replace(bundle, bands=(4, 3, 2)), scene)
    assert "will be rendered at the model's 0.5 m" in fit(bundle, QgsRasterLayer(XYZ, "tiles", "wms"))


@pytest.mark.parametrize(
    ("extent", "code"),
    [
        ((-180, -90, 180, 90), "EPSG:4326"),
        ((-2e7, -2e7, 2e7, 2e7), "EPSG:3857"),
        ((499_000, 4_999_000, 501_000, 5_001_000), ""),
    ],
)
def test_all_of_a_layer_is_seen_from_any_crs(scene, extent, code):
    from samft.core.extent import extent_on

    found = extent_on(scene, QgsRectangle(*extent), crs(code), CONTEXT)
    for name in ("xMinimum", "yMinimum", "xMaximum", "yMaximum"):
        assert getattr(found, name)() == pytest.approx(getattr(scene.extent(), name)(), abs=0.01)


def test_a_place_on_a_map_of_the_world(plugin):
    from samft.core.extent import extent_on

    world = QgsRasterLayer(XYZ, "tiles", "wms")
    found = extent_on(world, QgsRectangle(500_358, 5_000_258, 500_442, 5_000_342), crs("EPSG:32633"), CONTEXT)
    assert found.center().x() == pytest.approx(1_670_359, abs=5)
    assert found.width() == pytest.approx(84 * 1.417, rel=0.01)


def test_extents_that_show_nothing(scene):
    from samft.core.extent import ExtentError, area_on, extent_on

    with pytest.raises(ExtentError, match="expected an extent with some area, got an empty one"):
        extent_on(scene, QgsRectangle(), crs("EPSG:32633"), CONTEXT)
    with pytest.raises(ExtentError, match="expected an area to look in, got an empty one"):
        area_on(scene, QgsGeometry(), crs("EPSG:32633"), CONTEXT)
    for place, code in (((0, 0, 9, 9), "EPSG:4326"), ((0, 0, 100, 100), "EPSG:32633")):
        with pytest.raises(ExtentError, match="expected an extent that touches the layer scene, got one that lies off"):
            extent_on(scene, QgsRectangle(*place), crs(code), CONTEXT)
    scene.setCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(ExtentError, match="expected a layer with a CRS, got scene without one"):
        extent_on(scene, QgsRectangle(0, 0, 1, 1), crs("EPSG:32633"), CONTEXT)


@pytest.mark.parametrize("code", ["EPSG:3857", "EPSG:4326", "EPSG:32633"])
def test_the_grid_does_not_depend_on_the_extent(bundle, code):
    from samft.core.ground import step_m
    from samft.core.map_grid import map_grid

    place = {"EPSG:3857": (1_670_359, 5_646_142), "EPSG:4326": (15.005, 45.155), "EPSG:32633": (500_400, 5_000_300)}
    x, y = place[code]
    grid = map_grid(crs(code), QgsPointXY(x, y), bundle)
    assert grid == map_grid(crs(code), QgsPointXY(x + 900 * grid.width, y + 900 * grid.height), bundle)
    sides = step_m(crs(code), QgsPointXY(x, y), grid.width, grid.height)
    assert sides == pytest.approx((bundle.gsd_m, bundle.gsd_m), rel=0.01)
    for shift_px in (0, 0.3, 17.7, 47.9, 48.1):
        box = QgsRectangle(x, y, x + 90.4 * grid.width, y + 30.2 * grid.height)
        box = QgsRectangle(box.xMinimum() + shift_px * grid.width, box.yMinimum(), box.xMaximum(), box.yMaximum())
        pixels = grid.around(box)
        assert pixels.col % grid.stride_px == pixels.row % grid.stride_px == 0
        assert (pixels.width - grid.overlap_px) % grid.stride_px == (pixels.height - grid.overlap_px) % grid.stride_px
        room = grid.bounds(pixels)
        assert room.xMinimum() + 14 * grid.width <= box.xMinimum() <= room.xMinimum() + 80 * grid.width
        assert box.xMaximum() + 14 * grid.width <= room.xMaximum() <= box.xMaximum() + 80 * grid.width
