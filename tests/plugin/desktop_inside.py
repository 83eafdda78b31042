"""Runs inside QGIS Desktop (`qgis --code`): answers questions that lie as files in the folder SAMFT_DESKTOP.

A question is a Python expression in NAME.ask; NAME.answer gets its value as JSON. The mouse and the keys come from
outside, as a user's do.
"""

import json
import os
import pathlib
import traceback

from qgis.core import (
    QgsApplication,
    QgsLayoutItemMap,
    QgsPrintLayout,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QPoint, QRectF, QTimer
from qgis.PyQt.QtWidgets import QAction, QApplication, QMessageBox, QSlider, QStyle, QStyleOptionSlider
from qgis.utils import iface, loadPlugin, plugins, startPlugin, unloadPlugin  # noqa: F401 - questions name them

FOLDER = pathlib.Path(os.environ["SAMFT_DESKTOP"])


def window():
    return plugins["samft"].window


def middle(widget):
    """The screen's pixel in the middle of a widget."""
    place = widget.mapToGlobal(widget.rect().center())
    return [place.x(), place.y()]


def button(action):
    """The middle of an action's button in samft's toolbar."""
    return middle(window()._toolbar.widgetForAction(getattr(window(), action)))


def visible(name):
    """The widgets of a name that are to be seen."""
    return [each for each in QApplication.allWidgets() if each.objectName() == name and each.isVisible()]


def part(name):
    """The middle of a visible widget; None where there is none."""
    return next(map(middle, visible(name)), None)


def handle(name):
    """The middle of a visible slider's handle."""
    (slider,) = visible(name)
    option = QStyleOptionSlider()
    QSlider.initStyleOption(slider, option)
    control, knob = QStyle.ComplexControl.CC_Slider, QStyle.SubControl.SC_SliderHandle
    place = slider.mapToGlobal(slider.style().subControlRect(control, option, knob, slider).center())
    return [place.x(), place.y()]


def later(function):
    """Call what comes back only when a dialog is closed."""
    QTimer.singleShot(0, function)


def undo_count(name):
    return QgsProject.instance().mapLayersByName(name)[0].undoStack().count()


def on_map(x, y):
    """The screen's pixel of a place on the map."""
    pixel = iface.mapCanvas().getCoordinateTransform().transform(x, y)
    place = iface.mapCanvas().viewport().mapToGlobal(QPoint(round(pixel.x()), round(pixel.y())))
    return [place.x(), place.y()]


def load(path):
    """Add a raster layer, choose it, and show it in its own CRS; gives its extent."""
    layer = QgsRasterLayer(path, pathlib.Path(path).stem)
    QgsProject.instance().addMapLayer(layer)
    QgsProject.instance().setCrs(layer.crs())
    iface.setActiveLayer(layer)
    iface.mapCanvas().setExtent(layer.extent())
    iface.mapCanvas().refresh()
    box = layer.extent()
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def zoom(left, bottom, right, top):
    iface.mapCanvas().setExtent(QgsRectangle(left, bottom, right, top))
    iface.mapCanvas().refresh()


def trigger(name):
    """Do what one of QGIS's own actions does."""
    iface.mainWindow().findChild(QAction, name).trigger()


def open_layout(name):
    """Open a new print layout with the map on it."""
    layout = QgsPrintLayout(QgsProject.instance())
    layout.initializeDefaults()
    layout.setName(name)
    page = QgsLayoutItemMap(layout)
    page.attemptSetSceneRect(QRectF(10, 10, 200, 150))
    page.setExtent(iface.mapCanvas().extent())
    layout.addLayoutItem(page)
    QgsProject.instance().layoutManager().addLayout(layout)
    iface.openLayoutDesigner(layout)


def footprints():
    """How many features each vector layer has, by its name."""
    layers = QgsProject.instance().mapLayers().values()
    return {layer.name(): layer.featureCount() for layer in layers if isinstance(layer, QgsVectorLayer)}


def state():
    """What the panel says, and whether samft or the map is busy."""
    dock = window().dock
    drawing = iface.mapCanvas().isDrawing() or window()._segmenting.is_waiting
    asking = window()._prompting._asked is not None
    return {"status": dock.status.text(), "busy": not dock.cancel.isHidden() or drawing or asking}


def activate(name):
    """Make a layer the one that undo and editing tools work on."""
    iface.setActiveLayer(QgsProject.instance().mapLayersByName(name)[0])


def message():
    """What a message box asks; None where there is none."""
    return next((each.text() for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox)), None)


def tasks():
    return QgsApplication.taskManager().countActiveTasks()


def answer():
    for question in sorted(FOLDER.glob("*.ask")):
        text = question.read_text(encoding="utf-8")
        question.unlink()
        try:
            value = {"value": eval(text)}  # the test's own
        except Exception:  # noqa: BLE001 - told to whoever asks
            value = {"error": traceback.format_exc()}
        made = question.with_suffix(".part")
        made.write_text(json.dumps(value, default=str), encoding="utf-8")
        made.rename(question.with_suffix(".answer"))


iface.mainWindow().setGeometry(QApplication.primaryScreen().availableGeometry())  # lest a part of the panel is hidden
timer = QTimer(iface.mainWindow())
timer.timeout.connect(answer)
timer.start(50)
