"""The page in Settings > Options, with the real toolkit behind it."""

import time

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

from qgis.core import QgsApplication, QgsSettings

PATIENCE_S = 600


def wait(done):
    """Let QGIS work until something is so."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline_s, "waited in vain"
        QgsApplication.processEvents()
        time.sleep(0.02)


@pytest.fixture
def page(plugin, toolkit, tmp_path, monkeypatch):
    """A page with the toolkit that SAMFT_EXECUTABLE names, in an empty home."""
    from samft.gui.settings_page import SettingsPageFactory

    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("executable", "bundles"):
        QgsSettings().remove(f"samft/{name}")
    changes = []
    factory = SettingsPageFactory(plugin.log, lambda: changes.append(True))
    made = factory.createWidget()
    made.changes, made.factory = changes, factory
    made.resize(700, 500)
    made.show()
    yield made
    made.hide()
    for name in ("executable", "bundles"):
        QgsSettings().remove(f"samft/{name}")


def test_it_is_found_by_its_name_and_title(page):
    assert page.objectName() == "samftOptions"
    assert page.factory.title() == "samft"
    assert not page.factory.icon().isNull()


def test_one_click_says_what_works(page, samft):
    assert page.verdict.text() == f"Not tested yet: {samft}"
    page.test.click()
    assert not page.test.isEnabled()
    assert page.verdict.text().startswith("Testing ")
    wait(page.test.isEnabled)
    assert page.verdict.text().startswith("It works: samft 0.1.0 on Python 3.")
    assert "Models run on: " in page.verdict.text()


def test_find_lists_what_is_there_and_takes_the_first(page, samft):
    page.find.click()
    wait(page.find.isEnabled)
    assert not page.found.isHidden()
    assert page.found.itemText(0) == f"samft 0.1.0: {samft}"
    assert page.executable.filePath() == samft


def test_a_wrong_command_is_told_in_one_line(page, toolkit, tmp_path):
    page.executable.setFilePath(str(tmp_path / "nothing"))
    page.test.click()
    assert page.verdict.text().startswith(
        f"expected the samft command of an installed samft toolkit, got no program {tmp_path}"
    )
    wrong = tmp_path / "samft"
    wrong.write_text("#!/bin/sh\necho no worker; exit 3\n")
    wrong.chmod(0o755)
    page.executable.setFilePath(str(wrong))
    page.test.click()
    wait(page.test.isEnabled)
    assert page.verdict.text().startswith("expected ")
    assert "\n" not in page.verdict.text()
    page.find.click()
    wait(page.find.isEnabled)
    assert str(wrong) not in [page.found.itemData(row) for row in range(page.found.count())]


def test_choices_are_kept_on_ok_and_the_worker_changes_with_them(page, samft, tmp_path):
    page.bundles.setFilePath(str(tmp_path))
    page.apply()
    assert QgsSettings().value("samft/bundles") == str(tmp_path)
    assert page.changes == []
    page.executable.setFilePath(samft)
    assert QgsSettings().value("samft/executable") is None
    page.apply()
    assert QgsSettings().value("samft/executable") == samft
    assert page.changes == [True]
    page.executable.setFilePath("")
    page.apply()
    assert QgsSettings().value("samft/executable") is None


def test_leaving_the_page_stops_what_it_asked(page):
    page.test.click()
    page.hide()
    started_s = time.monotonic()
    wait(page.test.isEnabled)
    assert time.monotonic() - started_s < 60
    assert not page.verdict.text().startswith("It works")


def test_the_log_says_when_a_worker_started_and_ended(page, plugin, samft):
    page.find.click()
    wait(page.find.isEnabled)
    text = plugin.log.path.read_text()
    assert "samft worker 0.1.0 started as process " in text
    assert f": {samft}\n" in text
    assert "samft worker ended" in text
