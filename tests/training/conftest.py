"""A small labelled scene, its chips, a SAM of a thousandth of its size, and ways to start a run of it."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import geopandas
import numpy as np
import pytest
import shapely
import torch

from samft_core.bundle import Bundle
from samft_core.progress import Progress, silent
from samft_core.sam.tiny import tiny_model
from tests.conftest import UTM, UTM_HALF_METRE, write_raster
from tests.sam.conftest import small_config, with_random_weights
from training.chips import Chips
from training.config import from_mapping
from training.loop import train
from training.prepare import PrepareSettings, prepare
from training.scenes import loose_scenes

SAMFT, TORCHRUN = (Path(sys.executable).with_name(name) for name in ("samft", "torchrun"))

END_S = 600
"""When a process of the tests counts as hung, on a machine that is busy with other things."""

SIDE = 320
"""Of the scene, in pixels of 0.5 m."""


def squares(step_px: int = 40, side_px: int = 20) -> list[shapely.Polygon]:
    """Squares of 10 m, 20 m apart, in map coordinates."""
    corners = range(10, SIDE - side_px, step_px)
    boxes = [shapely.box(x, y, x + side_px, y + side_px) for x in corners for y in corners]
    return [shapely.transform(box, lambda p: np.column_stack(UTM_HALF_METRE * p.T)) for box in boxes]


def paint(polygons: list[shapely.Polygon]) -> np.ndarray:
    """Bright buildings on a dark, noisy ground, (3, SIDE, SIDE)."""
    from rasterio.features import rasterize

    truth = rasterize(polygons, out_shape=(SIDE, SIDE), transform=UTM_HALF_METRE)
    noise = np.random.default_rng(0).integers(0, 60, size=(3, SIDE, SIDE))
    return (noise + 150 * truth).astype(np.uint8)


def write_labels(path: Path, polygons: list, crs: str = UTM) -> Path:
    geopandas.GeoDataFrame(geometry=polygons, crs=UTM).to_crs(crs).to_file(path)
    return path


@pytest.fixture(scope="session")
def scene(tmp_path_factory) -> tuple[str, str]:
    """A raster and its labels, in another CRS."""
    folder = tmp_path_factory.mktemp("scene")
    polygons = squares()
    image = write_raster(folder / "image.tif", paint(polygons))
    return str(image), str(write_labels(folder / "labels.gpkg", polygons, "EPSG:4326"))


@pytest.fixture(scope="session")
def chips(scene, tmp_path_factory) -> Chips:
    """25 chips of 64 pixels at 0.5 m."""
    out = tmp_path_factory.mktemp("chips") / "chips"
    settings = PrepareSettings(size_px=64, gsd_m=0.5)
    return prepare(loose_scenes([scene[0]], [scene[1]]), out, settings=settings).chips


@pytest.fixture(scope="session")
def base(tmp_path_factory) -> Path:
    """A SAM of two blocks with random weights, in a folder; a step of it takes some 0.02 s."""
    folder = tmp_path_factory.mktemp("base")
    with_random_weights(small_config(), seed=0).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory) -> Path:
    """samft-tiny's first weights in a folder, to be taken for a SAM whose encoder can be frozen; it learns quickly."""
    folder = tmp_path_factory.mktemp("tiny-base")
    tiny_model(input_px=64, seed=5).save_pretrained(folder)
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty folder for embeddings, of this test alone."""
    monkeypatch.setenv("SAMFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@contextlib.contextmanager
def without_pages() -> Iterator[None]:
    """Runs whose reports nobody looks at: drawing them takes longer than a hundred steps."""
    with patch("training.loop.write_progress_report"), patch("training.finish.write_training_report"):
        yield


@pytest.fixture
def no_pages() -> Iterator[None]:
    """The same for a test."""
    with without_pages():
        yield


def trained(chips: Chips, run: Path, base: Path, *, progress: Progress = silent, **settings: Any) -> Bundle:
    """Train in this process."""
    return train(chips, run, model=str(base), config=from_mapping(settings), device="cpu", progress=progress)


@contextlib.contextmanager
def started(
    chips: Chips, run: Path, base: Path, *, processes: int = 1, **settings: Any
) -> Iterator[subprocess.Popen[str]]:
    """The same by the command, in processes of its own; killed at the end if they still run."""
    command = [SAMFT, "train", chips.path, "--out", run, "--model", base, "--device", "cpu"]
    command += [word for key, value in settings.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    if processes > 1:
        command = [*torchrun(processes), *command]
    with _popen(command, processes) as process:
        yield process


def torchrun(processes: int) -> list[str | Path]:
    """What starts processes that train together."""
    return [TORCHRUN, "--standalone", "--nproc-per-node", str(processes), "--no-python"]


@contextlib.contextmanager
def _popen(command: list[str | Path], processes: int) -> Iterator[subprocess.Popen[str]]:
    threads = str(torch.get_num_threads() if processes == 1 else 1)  # the same numbers need as many threads
    process = subprocess.Popen(
        list(map(str, command)), stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": threads}
    )
    with process:
        try:
            yield process
        finally:
            process.terminate() if processes > 1 else process.kill()  # torchrun takes its processes along


def trained_together(
    chips: Chips,
    runs: dict[Path, dict[str, Any]],
    base: Path,
    job: Path,
    *,
    processes: int = 2,
    copies: dict[Path, Path] | None = None,
) -> str:
    """Train several runs, one after the other, in processes that are started once; gives what they said.

    Those in `copies` go on where others, whose folders it tells, were at their snapshots before the last.
    """
    copies = copies or {}
    described = [
        {"out": str(out), "settings": settings, "copy_of": str(copies.get(out, ""))} for out, settings in runs.items()
    ]
    job.write_text(json.dumps({"chips": str(chips.path), "model": str(base), "runs": described}))
    with _popen([*torchrun(processes), sys.executable, "-m", "tests.training.several", job], processes) as process:
        _, err = process.communicate(timeout=END_S)
    assert process.returncode == 0, err
    return err


def snapshots(run: Path) -> list[int]:
    """The steps after which a run has snapshots."""
    return sorted(int(path.stem.removeprefix("step-")) for path in (run / "checkpoints").glob("step-*.pt"))


def wait_for_step(run: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Wait until a run has a snapshot of a step, or a later one."""
    deadline = time.monotonic() + END_S
    while max(snapshots(run), default=0) < step and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


def state(run: Path, step: int | None = None) -> dict[str, Any]:
    """A run's snapshot after a step, or its newest."""
    path = run / "checkpoints" / f"step-{snapshots(run)[-1] if step is None else step:08d}.pt"
    found: dict[str, Any] = torch.load(path, weights_only=True)
    return found


def metrics(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics.jsonl."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def scalars(run: Path) -> dict[str, dict[int, float]]:
    """What a run told TensorBoard: values by name and step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    found = {name: events.Scalars(name) for name in events.Tags()["scalars"]}
    for name, values in found.items():
        assert len({value.step for value in values}) == len(values), f"a step of {name} twice"
    return {name: {value.step: value.value for value in values} for name, values in found.items()}


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest between two models' weights."""
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().max().item() for name in one)
