"""The same ground as files of several CRSs and as map tiles, through samft:segment_raster.

The model is a stand-in (colour_samft.py): what it should find is known. All else is real: QGIS draws the tiles of a
real server on the loopback interface, the real toolkit reads, blends and outlines.
"""

import functools
import http.server
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)

ROOT = Path(__file__).parents[2]
GSD_M = 0.5
"""Of the bundle."""
FILES = ("utm", "rotated", "lonlat", "mercator")
CENTRE = (500_400.0, 5_000_300.0)
"""Of the ground, in UTM 33N; a building stands here."""
UTM = "EPSG:32633"


class Tiles(http.server.SimpleHTTPRequestHandler):
    status = None
    refused = ()

    def do_GET(self):
        self.asked.append(self.path)
        if self.status and int(self.path.split("/")[2]) % 2 == 1:
            self.refused.append(self.path)
            self.send_error(self.status)
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ground")
    python = os.environ.get("SAMFT_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    subprocess.run([python, Path(__file__).with_name("make_ground.py"), folder], check=True, timeout=600)
    return folder


@pytest.fixture(scope="module")
def truth(ground):
    source = ogr.Open(str(ground / "buildings.geojson"))
    return [QgsGeometry.fromWkt(feature.GetGeometryRef().ExportToWkt()) for feature in source.GetLayer(0)]


@pytest.fixture(scope="module")
def serve(ground):
    """Starts a server of the tiles; gives the layer's address. With a status, every other column answers that."""
    servers = []

    def start(status=None, refused=None, asked=None):
        handler = type(
            "Handler", (Tiles,), {"status": status, "refused": refused, "asked": [] if asked is None else asked}
        )
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(handler, directory=str(ground / "tiles"))
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"type=xyz&url=http://127.0.0.1:{server.server_port}/{{z}}/{{x}}/{{y}}.png&zmax=19&zmin=17"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def tiles(serve):
    return serve()


@pytest.fixture(scope="module")
def kept(plugin):
    """One worker for all tests, as in QGIS Desktop."""
    plugin.worker.close()
    plugin.worker._kept = True
    yield
    plugin.worker._kept = False
    plugin.worker.close()


@pytest.fixture
def segment(plugin, kept, colour_samft, toolkit, made):
    """Runs the algorithm; gives the footprints in UTM, as (geometry, area)."""
    import processing

    toolkit(colour_samft)

    def run(layer, extent=None, **parameters):
        parameters = {"INPUT": layer, "BUNDLE": str(made / "bundle"), "OUTPUT": "TEMPORARY_OUTPUT", **parameters}
        if extent is not None:
            parameters["EXTENT"] = text(extent)
        found = processing.run("samft:segment_raster", parameters, feedback=QgsProcessingFeedback(False))
        there = QgsCoordinateTransform(found["OUTPUT"].crs(), QgsCoordinateReferenceSystem(UTM), QgsProject.instance())
        outlines = []
        for feature in found["OUTPUT"].getFeatures():
            geometry = feature.geometry()
            geometry.transform(there)
            outlines.append(geometry)
        return outlines

    return run


def text(extent):
    return f"{extent.xMinimum()!r},{extent.xMaximum()!r},{extent.yMinimum()!r},{extent.yMaximum()!r} [{UTM}]"


def around(centre, width, height):
    return QgsRectangle(centre[0] - width / 2, centre[1] - height / 2, centre[0] + width / 2, centre[1] + height / 2)


def farthest_px(outlines, others):
    """How far apart any two that belong together are, in pixels of the model."""
    assert len(outlines) == len(others) > 0
    pairs = [(one, min(others, key=lambda other: other.distance(one.centroid()))) for one in outlines]
    return max(one.hausdorffDistanceDensify(other, 0.05) for one, other in pairs) / GSD_M


def test_every_layer_of_the_same_ground_gives_the_same_outlines(segment, ground, tiles, truth):
    extent = around(CENTRE, 84, 84)
    found = {name: segment(str(ground / f"{name}.tif"), extent) for name in FILES}
    layer = QgsRasterLayer(tiles, "tiles", "wms")
    assert layer.isValid()
    found["tiles"] = segment(layer, extent)
    apart_px = {name: round(farthest_px(outlines, found["utm"]), 3) for name, outlines in found.items()}
    off_px = {name: round(farthest_px(outlines, truth), 3) for name, outlines in found.items()}
    print(f"from the outlines of utm.tif: {apart_px}; from the truth: {off_px}, in pixels")
    assert max(apart_px.values()) <= 0.5
    assert max(off_px.values()) <= 0.5


def test_map_tiles_are_no_finer_than_the_model_needs(segment, serve):
    asked = []
    segment(QgsRasterLayer(serve(asked=asked), "tiles", "wms"), around(CENTRE, 84, 84))
    assert {path.split("/")[1] for path in asked} == {"18"}  # of 17 to 19; 0.42 m here, where the model has 0.5 m


@pytest.mark.parametrize(
    ("settings", "pixel", "level"),
    [
        ("zmax=19&zmin=17", 0.3, 19),
        ("zmax=19&zmin=17", 0.2, 19),  # there is none finer
        ("zmax=19&zmin=17", 10, 17),  # nor coarser
        ("zmax=22&zmin=0", 156543.03392804097 / 2**20, 20),  # just as fine
        ("zmax=22&zmin=0", 156543.03392804097 / 2**20 - 1e-3, 21),
        ("zmax=22&zmin=0&tilePixelRatio=2", 156543.03392804097 / 2**20, 19),
        ("zmax=22&zmin=0&tilePixelRatio=1.5", 156543.03392804097 / 2**20, 20),
        ("http-header:referer=https://example.com/a?b%3Dc&zmin=0", 0.01, 18),  # what QGIS takes for zmax
    ],
)
def test_the_level_of_map_tiles(plugin, settings, pixel, level):
    from samft.core.rendering import _tiles

    address = (
        f"type=xyz&url=https://example.com/%7Bz%7D/%7Bx%7D/%7By%7D.png?u%3Dhttps%253A%252F%252Fa%252Bb%262&{settings}"
    )
    layer = QgsRasterLayer(address, "tiles", "wms")
    after = _tiles(layer, pixel).source().split("&")
    assert [part for part in after if part.startswith("zmax=")] == [f"zmax={level}"]
    assert [part for part in after if not part.startswith("zmax=")] == [
        part for part in address.split("&") if not part.startswith("zmax=")
    ]


@pytest.mark.parametrize("settings", ["zmax=abc&zmin=0", "zmax=19&tilePixelRatio=two"])
def test_tiles_of_levels_that_are_no_numbers_are_drawn_by_their_own_provider(plugin, settings):
    from samft.core.rendering import _tiles

    layer = QgsRasterLayer(f"type=xyz&url=https://example.com/%7Bz%7D/%7Bx%7D/%7By%7D.png&{settings}", "tiles", "wms")
    assert layer.isValid()
    assert _tiles(layer, 0.5) is None


def test_other_layers_are_drawn_by_their_own_provider(plugin, ground):
    from samft.core.rendering import _tiles

    assert _tiles(QgsRasterLayer(str(ground / "mercator.tif"), "file"), 0.5) is None


def test_a_picture_lies_where_the_layer_does_though_pixels_are_not_square(plugin, ground, made, tmp_path):
    """In degrees a pixel is wider than high; a file stands for a server's layer here."""
    from samft.core.bundle import read_bundle
    from samft.core.map_grid import map_grid
    from samft.core.rendering import Picture

    layer = QgsRasterLayer(str(ground / "lonlat.tif"), "lonlat")
    grid = map_grid(layer.crs(), layer.extent().center(), read_bundle(made / "bundle"))
    extent = layer.extent()
    extent.scale(0.6)
    out = tmp_path / "picture.tif"
    Picture.of(layer, grid.width).write(out, grid, grid.around(extent), tell=lambda *_: None, cancelled=lambda: False)
    drawn = gdal.Open(str(out))
    image, place = drawn.ReadAsArray().astype(float), drawn.GetGeoTransform()
    right, bottom = place[0] + place[1] * drawn.RasterXSize, place[3] + place[5] * drawn.RasterYSize
    expected = gdal.Warp(
        "",
        str(ground / "lonlat.tif"),
        format="MEM",
        outputBounds=(place[0], bottom, right, place[3]),
        width=drawn.RasterXSize,
        height=drawn.RasterYSize,
        resampleAlg="average",
    ).ReadAsArray()[0]
    there = (expected > 0) & (image[3] > 0)
    assert there.mean() > 0.5
    assert abs(image[0] - expected)[there].mean() < 2


@pytest.mark.parametrize("kind", ["file", "tiles"])
def test_zoom_and_pan_do_not_matter(segment, ground, tiles, kind, colour_samft, made, tmp_path):
    layer = str(ground / "mercator.tif") if kind == "file" else QgsRasterLayer(tiles, "tiles", "wms")
    x, y = CENTRE
    views = [around((x, y), 30, 24), around((x + 8.3, y - 5.9), 60.7, 51.3), around((x - 3.1, y + 4.7), 100, 90)]
    seen = []
    for view in views:
        outlines = segment(layer, view)
        (here,) = [outline for outline in outlines if outline.contains(QgsGeometry.fromWkt(f"POINT({x} {y})"))]
        seen.append(here)
    if kind == "file":
        out = tmp_path / "cli.gpkg"
        command = [colour_samft, "segment", made / "bundle", layer, "--out", out]
        subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=300)
        crs = QgsCoordinateReferenceSystem("EPSG:3857"), QgsCoordinateReferenceSystem(UTM)
        there = QgsCoordinateTransform(*crs, QgsProject.instance())
        source = ogr.Open(str(out))
        for feature in source.GetLayer(0):
            outline = QgsGeometry.fromWkt(feature.GetGeometryRef().ExportToWkt())
            outline.transform(there)
            if outline.contains(QgsGeometry.fromWkt(f"POINT({x} {y})")):
                seen.append(outline)
        assert len(seen) == 4
    vertices = [[(point.x(), point.y()) for point in outline.vertices()] for outline in seen]
    for other in vertices[1:]:
        assert len(other) == len(vertices[0])
        assert [value for point in other for value in point] == pytest.approx(
            [value for point in vertices[0] for value in point], abs=1e-6
        )


def test_a_server_that_fails_is_an_error_not_black_ground(segment, serve, monkeypatch):
    monkeypatch.setattr("samft.core.rendering.PAUSES_S", (0.1,))
    layer = QgsRasterLayer(serve(500, []), "tiles", "wms")
    with pytest.raises(QgsProcessingException, match=r"expected a picture of tiles, got from its server: .*Internal S"):
        segment(layer, around(CENTRE, 84, 84))


def test_no_server(segment, monkeypatch):
    monkeypatch.setattr("samft.core.rendering.PAUSES_S", (0.1,))
    layer = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png&zmax=19&zmin=17", "tiles", "wms")
    with pytest.raises(QgsProcessingException, match=r"got from its server: Connection refused; check the connection"):
        segment(layer, around(CENTRE, 84, 84))


def test_tiles_that_are_absent_are_empty_ground(segment, serve):
    refused = []
    layer = QgsRasterLayer(serve(404, refused), "tiles", "wms")
    assert segment(layer, around(CENTRE, 84, 84))
    assert refused


def test_where_there_is_no_picture_at_all(segment, tiles):
    layer = QgsRasterLayer(tiles, "tiles", "wms")
    with pytest.raises(QgsProcessingException, match=r"got empty ground \(its server answers 404\); zoom to where"):
        segment(layer, around((CENTRE[0] + 5000, CENTRE[1]), 84, 84))


def test_too_large_an_area(segment, tiles):
    layer = QgsRasterLayer(tiles, "tiles", "wms")
    with pytest.raises(
        QgsProcessingException, match=r"up to 144 million pixels of 0.5 m .* km\); zoom in, or draw a sm"
    ):
        segment(layer, around(CENTRE, 9000, 9000))


def test_a_crs_that_the_user_has_given(segment, ground, truth, tmp_path):
    source = gdal.Open(str(ground / "utm.tif"))
    size = source.RasterXSize, source.RasterYSize
    bare = gdal.GetDriverByName("GTiff").Create(str(tmp_path / "bare.tif"), *size, 3)
    bare.SetGeoTransform(source.GetGeoTransform())
    bare.WriteRaster(0, 0, *size, source.ReadRaster())
    del bare
    layer = QgsProject.instance().addMapLayer(QgsRasterLayer(str(tmp_path / "bare.tif"), "bare"))
    try:
        layer.setCrs(QgsCoordinateReferenceSystem())
        with pytest.raises(QgsProcessingException, match=r"expected a layer with a CRS, got bare without one; set it"):
            segment(layer, around(CENTRE, 84, 84))
        layer.setCrs(QgsCoordinateReferenceSystem(UTM))
        assert farthest_px(segment(layer, around(CENTRE, 84, 84)), truth) <= 0.5
    finally:
        QgsProject.instance().removeMapLayer(layer.id())


def test_provenance_names_the_layer_and_no_temporary_file(plugin, colour_samft, toolkit, made, tiles):
    import processing

    toolkit(colour_samft)
    layer = QgsRasterLayer(tiles, "the town", "wms")
    parameters = {"INPUT": layer, "BUNDLE": str(made / "bundle"), "EXTENT": text(around(CENTRE, 30, 24))}
    parameters["OUTPUT"] = "TEMPORARY_OUTPUT"
    done = processing.run("samft:segment_raster", parameters, feedback=QgsProcessingFeedback(False))
    assert json.loads(done["PROVENANCE"])["raster"] == "the town"
