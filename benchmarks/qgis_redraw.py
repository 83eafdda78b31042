"""From a move of the threshold slider to its preview on the map and to the redrawn layer, in QGIS.

    QT_QPA_PLATFORM=offscreen SAMFT_EXECUTABLE=.venv/bin/samft \
        .venv-qgis/bin/python benchmarks/qgis_redraw.py RASTER BUNDLE

RASTER has at least 2048 pixels of the bundle's resolution a side; its middle, 2048 x 2048 of them, is segmented once,
then the slider goes to each of a row of thresholds. The preview, what the threshold finds as a coloured mask, is there
when the canvas has been painted with it; a move ends when the map is painted with the new footprints.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[1]
SIDE_PX = 2048
THRESHOLDS = (0.45, 0.5, 0.55, 0.6, 0.65, 0.5, 0.4, 0.35, 0.45, 0.55)


def main(raster, bundle):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "samft").symlink_to(ROOT / "qgis_plugin")
        sys.path.insert(0, folder)
        from qgis.core import QgsApplication
        from qgis.gui import QgsMapCanvas

        application = QgsApplication([], True)
        application.initQgis()
        canvas = QgsMapCanvas()
        canvas.resize(1200, 900)
        canvas.setCachingEnabled(True)  # as QGIS Desktop does: layers that did not change are not drawn again
        canvas.show()
        rows = measured(application, canvas, raster, bundle)
        application.exitQgis()
    print(
        "| threshold | footprints | previewed after s | redrawn after s | of it the worker s |\n|---|---|---|---|---|"
    )
    for threshold, count, *times_s in rows:
        print(f"| {threshold} | {count} | " + " | ".join(f"{each_s:.3f}" for each_s in times_s) + " |")
    for name, column in (("previewed", 2), ("redrawn", 3)):
        times_s = [row[column] for row in rows]
        print(f"\n{name}: median {statistics.median(times_s):.3f} s, longest {max(times_s):.3f} s")


class Clock:
    """A worker that knows how long the latest job took."""

    def __init__(self, worker):
        self._worker, self.spent_s = worker, 0.0

    def do(self, *arguments, **options):  # noqa: D102
        began_s = time.monotonic()
        try:
            return self._worker.do(*arguments, **options)
        finally:
            self.spent_s = time.monotonic() - began_s


def measured(application, canvas, path, bundle):
    from qgis.core import QgsProject, QgsRasterLayer, QgsRectangle
    from samft.core.bundle import read_bundle
    from samft.core.ground import pixel_size_m
    from samft.core.raster_source import RasterSource
    from samft.core.target import Target
    from samft.gui.outline_box import Outlines
    from samft.gui.segmenting import Segmenting
    from samft.tasks.segment import Order
    from samft.worker.client import Worker

    project, card, layer = QgsProject.instance(), read_bundle(bundle), QgsRasterLayer(path, "raster")
    project.addMapLayer(layer)
    side = SIDE_PX * card.gsd_m / pixel_size_m(layer) * layer.rasterUnitsPerPixelX()
    extent = QgsRectangle.fromCenterAndSize(layer.extent().center(), side, side)
    canvas.setDestinationCrs(layer.crs())
    canvas.setExtent(extent)
    worker, said = Worker(), []
    clock = Clock(worker)
    messages = SimpleNamespace(tell=print, note=print, error=said.append)
    segmenting = Segmenting(clock, canvas, messages, print)
    order = Order(
        source=RasterSource(layer, card, extent),
        layer="raster",
        crs=layer.crs(),
        bundle=bundle,
        area=None,
        threshold=card.threshold,
        min_area_m2=card.min_area_m2,
        regularize=True,
        target_crs=layer.crs(),
        context=project.transformContext(),
    )

    painted = []
    canvas.mapCanvasRefreshed.connect(lambda: painted.append(True))

    def wait():
        while segmenting.busy is not None or segmenting.is_waiting:
            application.processEvents()
            time.sleep(0.001)
        assert not said, said
        painted.clear()
        canvas.refresh()
        while not painted:
            application.processEvents()
            time.sleep(0.001)

    def moved(threshold):
        began_s = time.monotonic()
        segmenting.draw_anew(Outlines(threshold, card.min_area_m2, True))
        canvas.viewport().repaint()
        previewed_s = time.monotonic() - began_s
        wait()
        return threshold, found.featureCount(), previewed_s, time.monotonic() - began_s, clock.spent_s

    began_s = time.monotonic()
    segmenting.start(order, Target(), "footprints")
    wait()
    print(f"first: {time.monotonic() - began_s:.1f} s")
    (found,) = [each for each in project.mapLayers().values() if each is not layer]
    canvas.setLayers([found, layer])
    wait()
    rows = [moved(threshold) for threshold in THRESHOLDS]
    segmenting.forget()
    worker.close()
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:])
