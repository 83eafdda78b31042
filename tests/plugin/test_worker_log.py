"""The worker's log: bounded, cheap, told to QGIS where a user may need it, shared by threads."""

import threading
import time

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")


@pytest.fixture
def log(plugin, tmp_path):
    from samft.worker import log as module

    told = []
    made = module.WorkerLog(tmp_path / "samft" / "worker.log", tell=told.append)
    made.told = told
    yield made
    made.close()


def test_lines_are_kept_with_their_time_and_folders_are_made(log):
    log("loading the model\ndone")
    first, second = log.path.read_text().splitlines()
    assert first.endswith(" loading the model")
    assert second.endswith(" done")
    assert time.strptime(first[:19], "%Y-%m-%d %H:%M:%S")


def test_nothing_is_made_before_the_first_line(log):
    log.close()
    assert not log.path.parent.exists()


def test_beyond_the_limit_the_older_half_goes(log, monkeypatch):
    monkeypatch.setattr("samft.worker.log.LIMIT_BYTES", 10_000)
    for number in range(900):
        log(f"line {number} {'x' * 50}")
    text = log.path.read_text()
    assert 4_000 < len(text) < 10_000
    lines = text.splitlines()
    numbers = [int(line.split()[3]) for line in lines]
    assert numbers == list(range(numbers[0], 900))


def test_a_flood_is_counted_and_left_out(log):
    started_s = time.monotonic()
    for number in range(200_000):
        log(f"error: {number}")
    took_s = time.monotonic() - started_s
    log.close()
    lines = log.path.read_text().splitlines()
    assert len(lines) <= (took_s + 2) * 1002
    left_out = sum(int(line.split()[3]) for line in lines if line.endswith("were left out"))
    assert left_out + sum(" error: " in line for line in lines) == 200_000
    assert 20 <= len(log.told) <= 20 * (took_s / 60 + 2)


def test_a_long_line_is_cut(log):
    log("y" * 1_000_000)
    assert len(log.path.read_text()) < 2_100


def test_only_what_a_user_may_need_is_told(log):
    log("Loading weights: 100%")
    log("Traceback (most recent call last):\n  File x\nrasterio.errors.RasterioIOError: no such file")
    log("warning: slow disk")
    assert log.told == ["rasterio.errors.RasterioIOError: no such file", "warning: slow disk"]


def test_a_folder_that_cannot_be_written_stops_nobody(plugin, tmp_path):
    from samft.worker.log import WorkerLog

    (tmp_path / "file").write_text("no folder")
    WorkerLog(tmp_path / "file" / "worker.log")("a line")


def test_threads_share_it(log):
    threads = [threading.Thread(target=lambda: [log("a line") for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line[20:] for line in log.path.read_text().splitlines()] == ["a line"] * 400


def test_the_plugin_writes_it_into_the_profile(plugin):
    from qgis.core import QgsApplication

    assert str(plugin.log.path) == f"{QgsApplication.qgisSettingsDirPath().rstrip('/')}/samft/worker.log"
