"""The toolbar, the panel and the map tools inside a QGIS without a window, with the toolkit's own worker."""

import json
import shutil
import time
from pathlib import Path
from statistics import median
from unittest.mock import ANY

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

from osgeo import gdal, ogr
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPoint,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.gui import QgsMapMouseEvent
from qgis.PyQt.QtCore import QEvent, QPoint, QSize, Qt
from qgis.PyQt.QtGui import QImage, QKeyEvent, QPainter
from qgis.PyQt.QtWidgets import QAction, QToolBar

EXTENT = QgsRectangle(500_010, 4_999_940, 500_060, 4_999_985)
BOX = QgsRectangle(500_004, 4_999_982, 500_015, 4_999_996)  # around the scene's first bright box
LOWER = 0.5  # below the bundle's threshold, which lies closely among what its untrained model says
NO_BUTTON = Qt.MouseButton.NoButton


@pytest.fixture(scope="module")
def worker(plugin, samft):
    """One for all the tests: torch takes long to import."""
    from samft.worker.client import Worker

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("SAMFT_EXECUTABLE", samft)
        worker = Worker()
        yield worker
        worker.close()


@pytest.fixture
def window(worker, toolkit, qgis_iface, qgis_canvas, made):
    from samft.gui.window import Window

    QgsSettings().setValue("samft/bundles", str(made / "bundle"))
    qgis_iface.messageBar().clear_messages()
    qgis_iface.messageBar().clearWidgets()
    opened = []
    window = Window(qgis_iface, worker, print, open_settings=lambda: opened.append(1), improve=lambda: None)
    window.opened = opened
    window.show()
    yield window
    window.remove()
    QgsProject.instance().clear()
    QgsSettings().remove("samft")


@pytest.fixture
def shown(window, qgis_canvas):
    """Adds a raster layer to the project and shows an extent of it."""

    def show(path, extent=EXTENT, provider="gdal"):
        layer = QgsRasterLayer(str(path), Path(path).stem, provider)
        assert layer.isValid()
        QgsProject.instance().addMapLayer(layer)
        qgis_canvas.setFixedSize(QSize(500, 450))
        QgsApplication.processEvents()
        qgis_canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
        qgis_canvas.setExtent(extent)
        window.dock.raster.setLayer(layer)
        return layer

    return show


@pytest.fixture
def scene(shown, made):
    return shown(made / "scene.tif")


def wait(until, timeout_s=120):
    deadline_s = time.monotonic() + timeout_s
    while not until():
        assert time.monotonic() < deadline_s, "nothing happened"
        QgsApplication.processEvents()
        time.sleep(0.01)


def settled(window):
    """Wait until there is nothing more to do, whatever was put off included."""
    wait(lambda: window._segmenting.busy is None and not window._segmenting.is_waiting)


def footprint_layers():
    return [layer for layer in QgsProject.instance().mapLayers().values() if isinstance(layer, QgsVectorLayer)]


def segmented(window):
    window.visible.trigger()
    settled(window)
    (layer,) = footprint_layers()
    return layer


def move(window, threshold):
    window.dock.outlines.threshold.setValue(threshold)
    settled(window)


def outlines(layer):
    """What is in a layer, whatever the order."""
    return sorted(feature.geometry().asWkt(3) for feature in layer.getFeatures())


def on_disk(path):
    """How many features a GeoPackage has, and its description."""
    source = ogr.Open(str(path))
    layer = source.GetLayer(0)
    return layer.GetFeatureCount(), layer.GetMetadataItem("DESCRIPTION")


def told(iface, level=Qgis.MessageLevel.Warning):
    QgsApplication.processEvents()
    return iface.messageBar().get_messages(level)


def mouse(tool, kind, at, button=NO_BUTTON, buttons=NO_BUTTON):
    """A mouse event at a place on the map."""
    pixel = tool.canvas().getCoordinateTransform().transform(at)
    place = QPoint(round(pixel.x()), round(pixel.y()))
    event = QgsMapMouseEvent(tool.canvas(), kind, place, button, buttons, Qt.KeyboardModifier.NoModifier)
    {
        QEvent.Type.MouseButtonPress: tool.canvasPressEvent,
        QEvent.Type.MouseMove: tool.canvasMoveEvent,
        QEvent.Type.MouseButtonRelease: tool.canvasReleaseEvent,
        QEvent.Type.MouseButtonDblClick: tool.canvasDoubleClickEvent,
    }[kind](event)


def drag(tool, box):
    start, end = QgsPointXY(box.xMinimum(), box.yMaximum()), QgsPointXY(box.xMaximum(), box.yMinimum())
    left = Qt.MouseButton.LeftButton
    mouse(tool, QEvent.Type.MouseButtonPress, start, left, left)
    mouse(tool, QEvent.Type.MouseMove, end, NO_BUTTON, left)
    mouse(tool, QEvent.Type.MouseButtonRelease, end, left)


def click(tool, x, y, button=Qt.MouseButton.LeftButton):
    mouse(tool, QEvent.Type.MouseButtonPress, QgsPointXY(x, y), button, button)
    mouse(tool, QEvent.Type.MouseButtonRelease, QgsPointXY(x, y), button)


def double_click(tool, x, y):
    click(tool, x, y)
    mouse(tool, QEvent.Type.MouseButtonDblClick, QgsPointXY(x, y), Qt.MouseButton.LeftButton)
    mouse(tool, QEvent.Type.MouseButtonRelease, QgsPointXY(x, y), Qt.MouseButton.LeftButton)


def press(tool, key):
    tool.keyPressEvent(QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier))


def test_visible_extent_into_a_layer_that_says_where_it_comes_from(window, scene, made, qgis_iface):
    layer = segmented(window)
    assert layer.name() == f"Footprints of scene, {made.name}"
    assert layer.featureCount() > 10
    assert layer.crs() == scene.crs()
    assert layer.isEditable()
    feature = next(layer.getFeatures())
    assert feature["raster"] == "scene"
    assert 0 < feature["score"] < 1
    assert feature["threshold"] == json.loads((made / "bundle" / "samft.json").read_text())["recipe"]["threshold"]
    assert feature["bundle"] in layer.metadata().abstract()
    assert json.loads(layer.metadata().history()[0])["bundle"] == feature["bundle"]
    assert layer.renderer().legendSymbolItems()[0].label() == "score below 0.6"
    (line,) = told(qgis_iface, Qgis.MessageLevel.Success)
    assert f"{layer.featureCount()} footprints. Ctrl+Z takes them back" in line
    assert window.dock.target.target().layer_id == layer.id()
    layer.undoStack().undo()
    assert layer.featureCount() == 0
    assert not layer.isModified()


def test_the_threshold_draws_anew_as_one_command(window, scene):
    layer = segmented(window)
    before, usual = outlines(layer), window.dock.outlines.threshold.value()
    move(window, LOWER)
    assert 0 < layer.featureCount() < len(before)  # they run together
    assert {feature["threshold"] for feature in layer.getFeatures()} == {LOWER}
    assert len(layer.metadata().history()) == 1
    assert layer.undoStack().count() == 1
    move(window, usual)
    assert outlines(layer) == before
    assert layer.undoStack().count() == 1
    smallest_m2 = round(median(feature["area_m2"] for feature in layer.getFeatures()), 1)
    window.dock.outlines.smallest.setValue(smallest_m2)
    settled(window)
    assert all(feature["area_m2"] >= smallest_m2 for feature in layer.getFeatures())
    assert 0 < layer.featureCount() < len(before)
    layer.undoStack().undo()
    assert layer.featureCount() == 0


@pytest.fixture
def sized(scene, qgis_canvas):
    """A canvas that knows how large it is; one that is never shown does not."""
    qgis_canvas.window().show()
    wait(lambda: qgis_canvas.mapSettings().outputSize().width() > 400)
    qgis_canvas.setExtent(EXTENT)
    yield qgis_canvas
    qgis_canvas.window().hide()


def previewed(window, canvas):
    """Where the preview paints something: (rows, columns) of the canvas."""
    image = QImage(canvas.mapSettings().outputSize(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    window._segmenting._preview.paint(painter)
    painter.end()
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return np.frombuffer(bits, np.uint8).reshape(image.height(), image.width(), 4)[..., :3].min(axis=-1) < 255


def covered(geometries, crs, canvas, every):
    """Which of every so many pixels of the canvas polygons cover, the middle one of each so many."""
    union = QgsGeometry.unaryUnion(geometries)
    union.transform(QgsCoordinateTransform(crs, canvas.mapSettings().destinationCrs(), QgsProject.instance()))
    engine = QgsGeometry.createGeometryEngine(union.constGet())
    engine.prepareGeometry()
    place = canvas.getCoordinateTransform().toMapCoordinatesF
    size = canvas.mapSettings().outputSize()
    rows, columns = ([at + 0.5 for at in range(every // 2, side, every)] for side in (size.height(), size.width()))
    return np.array([[engine.contains(QgsPoint(place(x, y))) for x in columns] for y in rows])


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3857", "EPSG:4326"])
def test_another_threshold_is_shown_before_its_outlines_are_there(window, scene, sized, crs):
    layer = segmented(window)
    there = QgsCoordinateTransform(scene.crs(), QgsCoordinateReferenceSystem(crs), QgsProject.instance())
    sized.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
    sized.setExtent(there.transformBoundingBox(EXTENT))
    window.dock.outlines.square.setChecked(False)
    window.dock.outlines.smallest.setValue(0)
    settled(window)
    before = outlines(layer)
    window.dock.outlines.threshold.setValue(LOWER)
    mask = previewed(window, sized)
    assert outlines(layer) == before
    settled(window)
    wait(lambda: not window._segmenting._preview.is_shown)
    assert not previewed(window, sized).any()
    expected = covered([feature.geometry() for feature in layer.getFeatures()], layer.crs(), sized, 5)
    assert 0.1 < expected.mean() < 0.9
    alike = {
        (down, right): (np.roll(mask, (down, right), (0, 1))[2::5, 2::5] == expected).mean()
        for down, right in ((0, 0), (3, 0), (-3, 0), (0, 3), (0, -3))
    }
    assert alike[0, 0] > 0.9  # a pixel of the model has 5 on the map, and its outline runs between the centres
    assert alike[0, 0] > 0.02 + max(value for moved, value in alike.items() if moved != (0, 0))


def test_what_is_shown_follows_the_newest_threshold_and_goes_with_a_cancel(window, sized):
    layer = segmented(window)
    window.dock.outlines.smallest.setValue(3)
    assert not previewed(window, sized).any()  # it would say nothing of areas
    settled(window)
    before = outlines(layer)
    window.dock.outlines.threshold.setValue(0.9)
    assert not previewed(window, sized).any()  # nothing is that sure
    window.dock.outlines.threshold.setValue(0.1)
    assert previewed(window, sized).mean() > 0.9
    window.dock.outlines.threshold.setValue(LOWER)
    assert 0.1 < previewed(window, sized).mean() < 0.9
    wait(lambda: window._segmenting.busy is not None)
    window.dock.cancel.click()
    assert not previewed(window, sized).any()
    assert outlines(layer) == before
    settled(window)
    assert outlines(layer) == before


def test_a_threshold_that_is_moved_while_the_model_runs_is_shown_too(window, sized):
    window.visible.trigger()
    wait(lambda: window._segmenting.busy is not None)
    window.dock.outlines.threshold.setValue(LOWER)
    assert not window._segmenting._preview.is_shown
    wait(lambda: window._segmenting._preview.is_shown)
    settled(window)
    (layer,) = footprint_layers()
    assert {feature["threshold"] for feature in layer.getFeatures()} == {LOWER}


@pytest.mark.parametrize("rotation", [0, 30])
def test_what_is_shown_lies_right_though_its_extent_is_large_and_the_map_has_another_crs(window, sized, rotation):
    """A block of 40 m at the far corner of 20 km, which are bent on the map by 60 m."""
    from samft.core.preview import Preview

    utm = QgsCoordinateReferenceSystem("EPSG:32633")
    values = np.zeros((2000, 2000), np.uint8)
    values[1980:1984, 1980:1984] = 254
    image = QImage(values.tobytes(), 2000, 2000, 2000, QImage.Format.Format_Indexed8).copy()
    block = QgsRectangle(519_800, 4_980_160, 519_840, 4_980_200)
    mercator = QgsCoordinateReferenceSystem("EPSG:3857")
    sized.setDestinationCrs(mercator)
    sized.setRotation(rotation)
    there = QgsCoordinateTransform(utm, mercator, QgsProject.instance()).transformBoundingBox(block)
    sized.setExtent(there.buffered(20))
    window._segmenting._preview.show_at(Preview(image, (500_000, 10, 0, 5_000_000, 0, -10), utm, None), 0.5)
    mask = previewed(window, sized)
    expected = covered([QgsGeometry.fromRect(block)], utm, sized, 5)
    sized.setRotation(0)
    assert 0.05 < expected.mean() < 0.5
    assert (mask[2::5, 2::5] == expected).mean() > 0.985
    sized.setExtent(QgsRectangle(0, 0, 1000, 1000))
    assert not previewed(window, sized).any()


def test_what_is_shown_goes_though_the_layer_is_hidden(window, sized):
    layer = segmented(window)
    sized.setLayers([each for each in sized.layers() if each is not layer])
    move(window, LOWER)
    wait(lambda: not window._segmenting._preview.is_shown)


def test_what_is_shown_ends_with_the_drawn_area(window, sized):
    triangle = QgsGeometry.fromWkt("Polygon((500010 4999940, 500060 4999940, 500010 4999985, 500010 4999940))")
    window._segment_area(triangle)
    settled(window)
    window.dock.outlines.threshold.setValue(0.1)
    mask = previewed(window, sized)
    place = sized.getCoordinateTransform().toMapCoordinates
    rows, columns = (range(0, side, 5) for side in mask.shape)
    inside = np.array([[triangle.contains(place(x, y)) for x in columns] for y in rows])
    assert 0.3 < inside.mean() < 0.7
    assert (mask[::5, ::5] == inside).mean() > 0.98
    settled(window)


def test_what_the_user_has_edited_stays(window, scene):
    layer = segmented(window)
    first, second = list(layer.getFeatures())[:2]
    corrected = QgsGeometry.fromRect(QgsRectangle(500_020, 4_999_950, 500_022, 4_999_952))
    layer.beginEditCommand("user's")
    layer.changeGeometry(first.id(), corrected)
    added = QgsFeature(layer.fields())
    added.setGeometry(QgsGeometry.fromRect(QgsRectangle(500_030, 4_999_950, 500_031, 4_999_951)))
    layer.addFeature(added)
    layer.endEditCommand()
    for threshold in (LOWER, LOWER - 0.001):
        move(window, threshold)
        assert layer.getFeature(first.id()).geometry().equals(corrected)
        assert layer.getFeature(added.id()).hasGeometry()
        assert not layer.getFeature(second.id()).hasGeometry()
        assert layer.undoStack().count() == 3  # found, user's, drawn anew
    layer.undoStack().undo()
    assert layer.getFeature(second.id()).geometry().equals(second.geometry())


def test_what_is_saved_or_undone_stays(window, scene):
    layer = segmented(window)
    usual = window.dock.outlines.threshold.value()
    layer.undoStack().undo()
    move(window, LOWER)
    assert not window._segmenting._preview.is_shown
    assert layer.featureCount() == 0
    layer.rollBack()
    window.visible.trigger()
    settled(window)
    assert layer.commitChanges()
    saved = outlines(layer)
    assert saved
    move(window, usual)
    assert not window._segmenting._preview.is_shown
    assert outlines(layer) == saved
    assert not layer.isEditable()
    assert window.dock.status.text() == "The latest footprints are saved or undone and stay as they are."


def test_a_layer_of_another_crs_and_other_fields(window, scene, qgis_canvas):
    target = QgsVectorLayer(
        "MultiPolygonZ?crs=EPSG:4326&field=name:string&field=score:double&field=area_m2:integer", "mine", "memory"
    )
    QgsProject.instance().addMapLayer(target)
    target.startEditing()
    mine = QgsFeature(target.fields())
    mine.setGeometry(QgsGeometry.fromWkt("MultiPolygonZ(((1 1 0, 1 2 0, 2 2 0, 1 1 0)))"))
    target.addFeature(mine)
    window.dock.target.choose(target)
    expected = segmented(window).featureCount()
    assert [field.name() for field in target.fields()] == ["name", "score", "area_m2"]
    found = [feature for feature in target.getFeatures() if feature.id() != mine.id()]
    assert len(found) == expected - 1 > 10
    there = QgsCoordinateTransform(scene.crs(), target.crs(), QgsProject.instance()).transformBoundingBox(
        qgis_canvas.extent()
    )
    assert all(there.buffered(1e-4).contains(feature.geometry().boundingBox()) for feature in found)
    assert all(0 < feature["score"] < 1 and feature["area_m2"] > 0 for feature in found)
    target.undoStack().undo()
    assert [feature.id() for feature in target.getFeatures()] == [mine.id()]


def test_segmenting_again_adds_only_what_is_new(window, scene, qgis_iface):
    layer = segmented(window)
    before = outlines(layer)
    window.visible.trigger()
    settled(window)
    assert outlines(layer) == before
    assert f"{len(before)} were there already." in told(qgis_iface, Qgis.MessageLevel.Success)[-1]


def test_a_new_geopackage(window, scene, tmp_path, qgis_iface):
    path = tmp_path / "my footprints.gpkg"
    window.dock.target.kind.setCurrentIndex(1)
    window.dock.target.file.setFilePath(str(path))
    layer = segmented(window)
    count = layer.featureCount()
    assert count > 10
    assert layer.source().startswith(str(path))
    assert [entry.name for entry in tmp_path.iterdir() if not entry.name.startswith(path.name)] == []
    assert on_disk(path) == (0, ANY)  # nothing is saved before the user saves
    layer.undoStack().undo()
    layer.undoStack().redo()
    assert layer.commitChanges()
    saved, description = on_disk(path)
    assert saved == count
    assert json.loads(description)["raster"].endswith("scene.tif")
    window.dock.target.kind.setCurrentIndex(1)
    window._agree = lambda question: True
    window.visible.trigger()
    assert f"expected a new file, got {path.name}, which is open here" in told(qgis_iface)[-1].replace("Exp", "exp")


def test_an_existing_file_is_not_replaced_without_asking(window, scene, tmp_path, qgis_iface):
    path = tmp_path / "precious.gpkg"
    path.write_text("precious")
    window.dock.target.kind.setCurrentIndex(1)
    window.dock.target.file.setFilePath(str(path))
    questions = []
    window._agree = questions.append
    window.visible.trigger()
    assert questions == [f"Replace {path}?"]
    assert path.read_text() == "precious"
    assert "which exists; choose another name" in told(qgis_iface)[-1]


def test_a_drawn_polygon_cuts(window, scene, qgis_iface):
    window.area.trigger()
    tool = window._area
    for x, y in ((500_012, 4_999_942), (500_050, 4_999_942), (500_050, 4_999_980)):
        click(tool, x, y)
    double_click(tool, 500_030, 4_999_980)
    settled(window)
    (layer,) = footprint_layers()
    area = QgsGeometry.fromWkt(
        "Polygon((500012 4999942, 500050 4999942, 500050 4999980, 500030 4999980, 500012 4999942))"
    )
    assert layer.featureCount() > 3
    assert all(
        area.buffer(tool.canvas().mapUnitsPerPixel(), 4).contains(feature.geometry()) for feature in layer.getFeatures()
    )
    for feature in layer.getFeatures():
        assert feature["area_m2"] == pytest.approx(feature.geometry().area(), rel=0.01)


def test_a_dragged_rectangle_and_escape(window, scene):
    window.area.trigger()
    tool = window._area
    for x, y in ((500_012, 4_999_942), (500_050, 4_999_942), (500_050, 4_999_980)):
        click(tool, x, y)
    press(tool, Qt.Key.Key_Escape)
    double_click(tool, 500_030, 4_999_980)
    assert window._segmenting.busy is None
    drag(tool, QgsRectangle(500_012, 4_999_942, 500_050, 4_999_980))
    settled(window)
    (layer,) = footprint_layers()
    boxes = [feature.geometry().boundingBox() for feature in layer.getFeatures()]  # QGIS 3.40 has no extent of an edit
    assert 0 < max(box.xMaximum() for box in boxes) - min(box.xMinimum() for box in boxes) < 38.5


def test_prompt_by_box(window, scene, qgis_iface):
    window.box.trigger()
    drag(window._prompting.box, BOX)
    wait(lambda: window._prompting._asked is None)
    (layer,) = footprint_layers()
    (feature,) = layer.getFeatures()
    assert feature.geometry().intersects(QgsGeometry.fromRect(BOX))
    assert "prompt" in json.loads(layer.metadata().history()[0])
    assert layer.undoStack().count() == 1
    layer.undoStack().undo()
    assert layer.featureCount() == 0


def test_prompt_by_points(window, scene):
    move(window, LOWER)
    window.points.trigger()
    tool, prompting = window._prompting.points, window._prompting
    mouse(tool, QEvent.Type.MouseMove, BOX.center())
    wait(lambda: prompting._seen is not None)
    assert tool.band.asGeometry().area() > 0
    assert not footprint_layers()
    click(tool, BOX.center().x(), BOX.center().y())
    click(tool, BOX.xMinimum() - 3, BOX.center().y(), Qt.MouseButton.RightButton)
    wait(lambda: prompting._asked is None and prompting._seen is not None)
    assert [label for *_, label in prompting._seen[0].points] == [1, 0]
    press(tool, Qt.Key.Key_Backspace)
    assert tool.points == ()
    assert tool.band.asGeometry().isEmpty()
    double_click(tool, BOX.center().x(), BOX.center().y())
    wait(lambda: bool(footprint_layers()))
    assert footprint_layers()[0].featureCount() == 1


def test_map_tiles_through_the_panel(window, shown, made, tmp_path, qgis_iface):
    """What QGIS draws and has no pixels of: the visible extent, a preview under the mouse, a box."""
    gdal.Translate(str(tmp_path / "map.mbtiles"), str(made / "scene.tif"), format="MBTILES")
    shown(f"type=mbtiles&url={(tmp_path / 'map.mbtiles').as_uri()}", provider="wms")
    prompting = window._prompting
    window.points.trigger()
    mouse(prompting.points, QEvent.Type.MouseMove, BOX.center())
    wait(lambda: prompting._seen is not None)
    assert not footprint_layers()
    window.box.trigger()
    drag(prompting.box, BOX)
    wait(lambda: prompting.said.startswith("Added: "))
    (layer,) = footprint_layers()
    assert layer.crs().authid() == "EPSG:3857"
    assert layer.featureCount() == 1
    window.visible.trigger()
    settled(window)
    assert footprint_layers() == [layer]
    assert layer.featureCount() > 10
    assert not told(qgis_iface)


def test_cancelling_frees_the_panel_at_once(window, shown, made, qgis_iface):
    shown(made / "wide.tif", QgsRectangle(500_000, 4_999_680, 500_320, 5_000_000))
    window.visible.trigger()
    assert not window.dock.cancel.isHidden()
    window.dock.cancel.click()
    assert window.dock.cancel.isHidden()
    assert window.dock.status.text() == "Cancelled."
    wait(lambda: QgsApplication.taskManager().countActiveTasks() == 0)
    assert not footprint_layers()


def test_stopping_keeps_what_is_there(window, shown, made, qgis_iface):
    shown(made / "wide.tif", QgsRectangle(500_000, 4_999_680, 500_320, 5_000_000))
    window.visible.trigger()
    wait(lambda: "finding buildings" in window.dock.status.text())
    window.dock.keep.click()
    settled(window)
    assert "Not all of the extent was looked at." in told(qgis_iface, Qgis.MessageLevel.Success)[-1]
    (layer,) = footprint_layers()
    assert layer.featureCount() >= 0


def test_layers_removed_in_the_middle_of_a_job(window, scene, qgis_iface):
    target = QgsVectorLayer("Polygon?crs=EPSG:4326", "mine", "memory")
    QgsProject.instance().addMapLayer(target)
    window.dock.target.choose(target)
    window.visible.trigger()
    QgsProject.instance().removeMapLayers([target.id(), scene.id()])
    settled(window)
    assert "The footprints are in a new temporary layer." in told(qgis_iface)[-1]
    (layer,) = footprint_layers()
    assert layer.featureCount() > 10
    assert layer.crs().authid() == "EPSG:32633"


def test_a_project_closed_in_the_middle_of_a_job(window, scene):
    window.visible.trigger()
    QgsProject.instance().clear()
    wait(lambda: QgsApplication.taskManager().countActiveTasks() == 0)
    assert not footprint_layers()
    assert window._segmenting.busy is None


def no_layer(window, shown, made, tmp_path):
    return "Expected a raster layer, got none"


def no_crs(window, shown, made, tmp_path):
    shown(made / "scene.tif").setCrs(QgsCoordinateReferenceSystem())
    return "Expected a layer with a CRS, got scene without one"


def no_file(window, shown, made, tmp_path):
    shutil.copy(made / "scene.tif", tmp_path / "gone.tif")
    shown(tmp_path / "gone.tif")
    (tmp_path / "gone.tif").unlink()
    return "Expected a raster, got no file"


def extent_off_the_layer(window, shown, made, tmp_path):
    shown(made / "scene.tif", QgsRectangle(400_000, 4_000_000, 400_100, 4_000_100))
    return "got one that lies off it; zoom to the layer"


def no_bundle(window, shown, made, tmp_path):
    shown(made / "scene.tif")
    QgsSettings().remove("samft")
    window.dock.refresh()
    return "Expected a model, got none"


def bands_that_do_not_fit(window, shown, made, tmp_path):
    shutil.copytree(made / "bundle", tmp_path / "odd")
    card = json.loads((tmp_path / "odd" / "samft.json").read_text())
    card["recipe"]["bands"] = [5, 6, 7]
    (tmp_path / "odd" / "samft.json").write_text(json.dumps(card))
    shown(made / "scene.tif")
    window.dock.model.choose(str(tmp_path / "odd"))
    assert "Does not fit" in window.dock.model.about.text()
    return "band"


def read_only_target(window, shown, made, tmp_path):
    shown(made / "scene.tif")
    target = QgsVectorLayer("Polygon?crs=EPSG:4326", "locked", "memory")
    target.setReadOnly(True)
    QgsProject.instance().addMapLayer(target)
    window.dock.target.choose(target)
    return "got locked, which is read-only"


def no_folder(window, shown, made, tmp_path):
    shown(made / "scene.tif")
    window.dock.target.kind.setCurrentIndex(1)
    window.dock.target.file.setFilePath(str(tmp_path / "nowhere" / "new.gpkg"))
    return "Expected a folder"


@pytest.mark.parametrize(
    "mistake",
    [no_layer, no_crs, no_file, extent_off_the_layer, no_bundle, bands_that_do_not_fit, read_only_target, no_folder],
)
def test_mistakes_are_told_in_one_line(mistake, window, shown, made, tmp_path, qgis_iface):
    expected = mistake(window, shown, made, tmp_path)
    window.visible.trigger()
    settled(window)
    (line,) = told(qgis_iface)
    assert expected in line
    assert "\n" not in line
    assert all(layer.featureCount() == 0 for layer in footprint_layers())


def test_no_toolkit_offers_the_settings(window, scene, toolkit, qgis_iface):
    toolkit("/nowhere/samft")
    window.visible.trigger()
    item = qgis_iface.messageBar().currentItem()
    assert "got no program /nowhere/samft" in item.text()
    item.findChild(object, "samftSetUp").click()
    assert window.opened == [1]


def test_hovering_tells_no_errors(window, scene, qgis_iface, toolkit):
    toolkit("/nowhere/samft")
    window.points.trigger()
    mouse(window._prompting.points, QEvent.Type.MouseMove, BOX.center())
    wait(lambda: "no program" in window.dock.status.text())
    assert qgis_iface.messageBar().currentItem() is None


def test_everything_has_a_name_an_icon_and_a_tip_and_goes_again(plugin, worker, toolkit, qgis_iface):
    from samft.gui.window import Window

    main = qgis_iface.mainWindow()

    def parts():
        QgsApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return {
            child.objectName()
            for kind in (QAction, QToolBar)
            for child in main.findChildren(kind)
            if child.objectName().startswith("samft")
        }

    assert parts() == set()
    scene_items = len(qgis_iface.mapCanvas().scene().items())
    window = Window(qgis_iface, worker, print, open_settings=lambda: None, improve=lambda: None)
    window.show()
    assert parts() >= {
        "samftSegmentVisible",
        "samftSegmentArea",
        "samftPromptBox",
        "samftPromptPoints",
        "samftPanel",
        "samftToolBar",
    }
    for action in window._actions:
        assert not action.icon().isNull()
        assert action.toolTip()
        assert action.statusTip()
    window.remove()
    assert parts() == set()
    assert len(qgis_iface.mapCanvas().scene().items()) == scene_items
