"""samft segment --cache: encoded once, segmented again, and kept within its limit."""

import geopandas
import pytest

from tests.cli.conftest import listing, write_scene
from tests.cli.test_whole_outputs import full  # noqa: F401


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept(root) -> list[str]:
    return [name for name in listing(root) if name.endswith(".npy")]


def test_the_second_time_nothing_is_encoded(good, bundle, scene, root, tmp_path, monkeypatch):
    good("segment", bundle, scene, "--out", tmp_path / "plain.gpkg")
    assert not root.exists()
    first = good("segment", bundle, scene, "--out", tmp_path / "first.gpkg", "--cache")
    files = kept(root)
    assert len(files) == 16  # tiles
    assert first.splitlines()[1] == f"embeddings for another time, 0.00 GB, in {root}"

    def refuse(*_):
        raise AssertionError("encoded again")

    monkeypatch.setattr("samft_core.sam.segmenter.encode", refuse)
    arguments = ("--out", tmp_path / "again.gpkg", "--cache", "--threshold", 0.4, "--probability", tmp_path / "p.tif")
    good("segment", bundle, scene, *arguments)
    good("segment", bundle, scene, "--out", tmp_path / "second.gpkg", "--cache")
    assert kept(root) == files
    plain, cached, again = (geopandas.read_file(tmp_path / f"{name}.gpkg") for name in ("plain", "first", "second"))
    assert plain.geometry.geom_equals_exact(cached.geometry, 0).all()
    assert plain.geometry.geom_equals_exact(again.geometry, 0).all()
    assert plain.score.equals(again.score)


def test_at_the_end_it_is_within_its_limit(good, bundle, scene, root, tmp_path, monkeypatch):
    monkeypatch.setenv("SAMFT_CACHE_GB", "0.0001")  # 100 kB; a tile takes 16 kB
    good("segment", bundle, scene, "--out", tmp_path / "a.gpkg", "--cache")
    assert 0 < len(kept(root)) <= 6


def test_a_limit_that_is_none(mistake, bundle, scene, root, tmp_path, monkeypatch):
    monkeypatch.setenv("SAMFT_CACHE_GB", "lots")
    line = mistake("segment", bundle, scene, "--out", tmp_path / "a.gpkg", "--cache")
    assert "expected a number of gigabytes in the environment variable SAMFT_CACHE_GB, got lots" in line
    assert listing(tmp_path) == []


def test_no_room_for_it(full, bundle, root, tmp_path):  # noqa: F811
    raster = write_scene(tmp_path / "scene.tif")
    line = full(16_000, "segment", bundle, raster, "--out", tmp_path / "a.gpkg", "--cache")
    assert f"expected to write into the cache of embeddings, {root}, got File too large" in line
    assert "SAMFT_CACHE" in line
    assert not (tmp_path / "a.gpkg").exists()
