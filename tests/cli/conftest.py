"""A raster with its labels, chips and bundles of them, and what every mistake must look like."""

import contextlib
import functools
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from samft_core.bundle import Card, Recipe
from samft_core.cli.main import run
from samft_core.stretch import StretchPolicy
from tests.conftest import UTM, write_raster
from training.prepare import PrepareSettings, prepare
from training.scenes import loose_scenes

SAMFT = Path(sys.executable).with_name("samft")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
HEAR_CTRL_C = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL) if os.name == "posix" else None
"""For a process started by tests that run in the background, where a shell has Ctrl-C ignored."""
SIDE_PX = 192
TILE_PX = 64

HIDDEN_BY_DEFAULT = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python itself does not show to a user."""


def houses() -> list[shapely.Polygon]:
    """Nine houses of 10 m by 8 m, one in each tile of the scene."""
    lefts = np.arange(3) * 32 + 500_010.0
    tops = 3_762_000.0 - np.arange(3) * 32 - 10
    return [shapely.box(left, top - 8, left + 10, top) for top in tops for left in lefts]


def write_vector(path: Path, geometries: Sequence[shapely.Geometry], *, crs: str = UTM) -> Path:
    frame = geopandas.GeoDataFrame(geometry=list(geometries), crs=crs)
    frame.to_file(path, driver=None if len(frame) else "GPKG")
    return path


def write_scene(path: Path, side_px: int = SIDE_PX) -> Path:
    """Bright houses on dark, noisy ground."""
    image = np.random.default_rng(0).integers(30, 70, (3, side_px, side_px), dtype=np.uint8)
    for house in houses():
        left, bottom, right, top = shapely.transform(house, lambda points: (points - (500_000, 3_762_000)) * 2).bounds
        image[:, int(-top) : int(-bottom), int(left) : int(right)] = 210
    return write_raster(path, image, photometric="rgb")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="session")
def scene(folder: Path) -> Path:
    return write_scene(folder / "scene.tif")


@pytest.fixture(scope="session")
def labels(folder: Path) -> Path:
    return write_vector(folder / "labels.gpkg", houses())


@pytest.fixture(scope="session")
def chips(folder: Path, scene: Path, labels: Path) -> Path:
    settings = PrepareSettings(gsd_m=0.5, size_px=TILE_PX)
    return prepare(loose_scenes([str(scene)], [str(labels)]), folder / "chips", settings=settings).chips.path


@pytest.fixture(scope="session")
def bundle(folder: Path) -> Path:
    """An untrained samft-tiny."""
    from samft_core.sam.known import TINY
    from samft_core.sam.tiny import tiny_model
    from samft_core.sam.weights import write_bundle

    recipe = Recipe(
        gsd_m=0.5,
        bands=(1, 2, 3),
        stretch=StretchPolicy(),
        tile_px=TILE_PX,
        overlap_px=16,
        input_px=TILE_PX,
        prompt="box",
        threshold=0.5,
        min_area_m2=4.0,
    )
    card = Card(recipe=recipe, base_id=TINY, base_revision=None, base_sha256=None, trained="all")
    return write_bundle(tiny_model(input_px=TILE_PX, seed=0), card, folder / "bundle").path


@pytest.fixture
def good(capfd):
    """Runs the command, which must succeed, and gives its stdout."""

    def call(*arguments: object) -> str:
        status = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert status == 0, err
        return out

    return call


@pytest.fixture
def bad(capfd):
    """Runs the command, which must fail, and gives its status and its stderr."""

    def call(*arguments: object) -> tuple[int, str]:
        status = run([str(argument) for argument in arguments])
        assert status != 0
        return status, capfd.readouterr().err

    return call


@pytest.fixture
def mistake(capfd, caplog):
    """Runs the command on a user's mistake and gives the one line it is told in."""

    def call(*arguments: object) -> str:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for kind in HIDDEN_BY_DEFAULT:
                warnings.simplefilter("ignore", kind)
            status = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert status == 2
        assert out == ""
        assert [str(warning.message) for warning in warned] == []  # the command would show them on stderr
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
        return clear_line(err)

    return call


def clear_line(err: str) -> str:
    """The one line of stderr, which says what was expected, what came and what to do."""
    assert err.endswith("\n")
    (line,) = err.splitlines()
    head, _, remedy = line.rpartition("; ")
    assert line.startswith("error: expected ")
    assert ", got " in head
    assert remedy
    return line


def last_clear_line(err: str) -> str:
    """The same where lines of progress go before it."""
    *before, line = err.splitlines(keepends=True)
    assert all(": " in text and " of " in text for text in before), err
    return clear_line(line)


def listing(folder: Path) -> list[str]:
    """Everything below a folder, hidden names too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def samft(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    command = [SAMFT, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=ENVIRONMENT | environment
    )


@contextlib.contextmanager
def running(*arguments: object):
    """The command, started; killed at the end if it still runs."""
    process = subprocess.Popen(
        [SAMFT, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        preexec_fn=HEAR_CTRL_C,  # noqa: PLW1509  # no other thread matters between fork and exec
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
