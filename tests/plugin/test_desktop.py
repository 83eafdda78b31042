"""The real QGIS Desktop: found, prompted, redrawn, cancelled, undone and set up with the mouse."""

import contextlib
import os
import time
from pathlib import Path

import desktop
import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

missing = desktop.absent()
pytestmark = pytest.mark.skipif(missing is not None, reason=f"needs the program {missing}")

BANEPA = Path(os.environ.get("SAMFT_TEST_DATA", "/nowhere")) / "banepa" / "banepa_unlabelled.tif"
"""A real town, where it is at hand; what the untrained model of the tests says about it is no matter."""


@pytest.fixture(scope="module")
def qgis(tmp_path_factory, plugins, samft, made):
    with desktop.Desktop(tmp_path_factory.mktemp("desktop"), plugins, samft, made / "bundle") as running:
        yield running


def counts(qgis):
    return qgis.ask("footprints()")


def rest(qgis):
    qgis.wait("not state()['busy']", 300)


def has_colour(picture, colour):
    """Whether a colour of the footprints' style is on a picture of the screen."""
    from qgis.PyQt.QtGui import QColor, QImage

    image, wanted = QImage(str(picture)), QColor(colour)
    hits = sum(
        abs(seen.red() - wanted.red()) + abs(seen.green() - wanted.green()) + abs(seen.blue() - wanted.blue()) < 12
        for x in range(image.width())
        for y in range(160, image.height(), 3)
        for seen in [image.pixelColor(x, y)]
    )
    return hits > 20


def test_a_user_at_work(qgis, made, tmp_path):
    left, bottom, _, top = qgis.ask(f"load({str(made / 'scene.tif')!r})")
    qgis.ask(f"zoom({left + 10}, {bottom + 20}, {left + 60}, {top - 15})")
    rest(qgis)

    qgis.click(qgis.ask("button('visible')"))
    qgis.wait("footprints()", 300)
    rest(qgis)
    (name,) = counts(qgis)
    found = counts(qgis)[name]
    assert found > 10
    qgis.picture(tmp_path / "found.png")
    assert has_colour(tmp_path / "found.png", "#ff4d6d")  # scores just above 0.5

    x, y = qgis.ask("handle('samftThresholdSlider')")
    qgis.drag((x, y), (x - 10, y), (x - 20, y))
    qgis.wait(f"footprints()[{name!r}] != {found}")
    rest(qgis)
    assert qgis.ask(f"undo_count({name!r})") == 1

    qgis.ask(f"activate({name!r})")
    qgis.key("ctrl+z")
    qgis.wait(f"footprints()[{name!r}] == 0")

    qgis.click(qgis.ask("button('box')"))
    corners = (left + 12, top - 17), (left + 14, top - 19), (left + 24, top - 28)
    qgis.drag(*(qgis.ask(f"on_map({x}, {y})") for x, y in corners))
    qgis.wait(f"footprints()[{name!r}] == 1")
    qgis.ask(f"activate({name!r})")
    qgis.key("ctrl+z")
    qgis.wait(f"footprints()[{name!r}] == 0")


def test_cancel(qgis, made):
    qgis.ask(f"load({str(BANEPA if BANEPA.exists() else made / 'wide.tif')!r})")
    before = counts(qgis)
    rest(qgis)
    qgis.click(qgis.ask("button('visible')"))
    qgis.wait("not window().dock.cancel.isHidden()")
    qgis.click(qgis.ask("part('samftCancel')"))
    qgis.wait("window().dock.cancel.isHidden()", 5)
    assert qgis.ask("state()")["status"] == "Cancelled."
    assert counts(qgis) == before


def test_the_settings_page(qgis, samft, tmp_path):
    qgis.ask("later(plugins['samft']._open_settings)")
    qgis.wait("part('samftExecutable') is not None")
    qgis.picture(tmp_path / "settings.png")
    qgis.key("Escape")
    qgis.wait("part('samftExecutable') is None")


def test_a_print_layout_and_a_3d_view_may_be_open(qgis, made):
    left, bottom, _, top = qgis.ask(f"load({str(made / 'scene.tif')!r})")
    qgis.ask(f"zoom({left + 10}, {bottom + 20}, {left + 60}, {top - 15})")
    qgis.ask("open_layout('page')")
    qgis.ask("trigger('mActionNew3DMapCanvas')")
    titles = "[each.windowTitle() for each in QApplication.topLevelWidgets() if each.isVisible()]"
    qgis.wait(f"any('3D' in title for title in {titles})")
    rest(qgis)
    before = counts(qgis)
    qgis.ask("window().visible.trigger()")
    qgis.wait(f"footprints() != {before}", 300)
    rest(qgis)
    assert {"*page", "3D Map 1"} <= set(qgis.ask(titles))
    qgis.ask("[each.close() for each in QApplication.topLevelWidgets() if each.windowTitle() in ('*page', '3D Map 1')]")
    qgis.wait(f"len({titles}) == 1")


def test_unloaded_in_the_middle_of_a_job(qgis, made):
    qgis.ask(f"load({str(made / 'wide.tif')!r})")
    rest(qgis)
    before = counts(qgis)
    qgis.ask("window().visible.trigger()")
    qgis.wait("not window().dock.cancel.isHidden()")
    assert workers(qgis.folder)
    assert qgis.ask("unloadPlugin('samft')")
    qgis.wait("tasks() == 0")
    wait_s = time.monotonic() + 30
    while workers(qgis.folder):
        assert time.monotonic() < wait_s
        time.sleep(0.1)
    assert qgis.ask("visible('samftToolBar')") == []
    assert qgis.ask("loadPlugin('samft') and startPlugin('samft')")
    assert len(qgis.ask("visible('samftToolBar')")) == 1
    assert counts(qgis) == before


def test_closing_in_the_middle_of_a_job(qgis, made):
    """The last one: QGIS ends, and the worker with it."""
    qgis.ask(f"load({str(made / 'wide.tif')!r})")
    rest(qgis)
    qgis.click(qgis.ask("button('visible')"))
    qgis.wait("not window().dock.cancel.isHidden()")
    assert workers(qgis.folder)
    qgis.ask("QgsProject.instance().setDirty(False)")
    qgis.ask("later(iface.actionExit().trigger)")
    qgis.wait("message() is not None")
    assert "Buildings in wide" in qgis.ask("message()")  # QGIS asks whether to cancel its tasks
    qgis.key("Return")
    qgis.wait("tasks() == 0")
    qgis.ask("later(iface.actionExit().trigger)")
    qgis.wait("message() is not None")  # it warns of layers in the system's folder for temporary files
    qgis.key("alt+y")
    assert qgis.qgis.wait(timeout=300) == 0
    assert not workers(qgis.folder)


def workers(folder):
    """The processes `samft worker` of this desktop, which its home tells."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            home = f"HOME={folder}".encode() in (process / "environ").read_bytes().split(b"\0")
            if home and b"worker" in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(process.name)
    return found
