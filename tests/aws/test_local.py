"""The job on this machine: what it leaves, Ctrl-C and again, and what it says when it cannot."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from samft_core.bundle import load_bundle
from tests.aws.small_job import SETTINGS, STEPS, make_base, make_chips, went_on
from tests.cli.conftest import HEAR_CTRL_C
from tests.training.conftest import END_S, without_pages
from training.chips import open_chips
from training.config import resolve
from training.loop import train

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

SAMFT = Path(sys.executable).with_name("samft")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("local")
    make_chips(folder)
    make_base(folder / "base")
    return folder


def local(folder: Path, out: Path, *, chips: Path | None = None) -> subprocess.Popen[str]:
    """`samft submit --local`, in an environment without AWS."""
    command = [SAMFT, "submit", chips or folder / "chips", "--local", "--out", out, "--model", folder / "base"]
    command += [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.Popen(
        [*map(str, command), "--processes-per-node", "1", "--instance-type", "ml.c5.xlarge"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**clean, "OMP_NUM_THREADS": str(torch.get_num_threads()), "PIP_NO_INDEX": "1"},
        preexec_fn=HEAR_CTRL_C,  # noqa: PLW1509
    )


def steps(out: Path) -> list[int]:
    return [int(path.stem.removeprefix("step-")) for path in out.glob(".job/checkpoints/run/checkpoints/step-*.pt")]


def test_ctrl_c_and_again_gives_what_samft_train_gives(folder, tmp_path):
    with local(folder, tmp_path / "out") as process:
        until = time.monotonic() + END_S
        while max(steps(tmp_path / "out"), default=0) < 4 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=END_S)
    assert process.returncode == 130, said
    assert "error: stopped by SIGTERM after step " in said
    assert said.splitlines()[-1].startswith("error: interrupted; ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".job"]
    with local(folder, tmp_path / "out") as process:
        said, _ = process.communicate(timeout=END_S)
    assert process.returncode == 0, said
    assert went_on(said)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["bundle", "metrics.jsonl", "report.html"]
    card = load_bundle(tmp_path / "out" / "bundle").card
    assert card.base_id == str(folder / "base")
    config = resolve(tiny=False, assignments=[f"{key}={value}" for key, value in SETTINGS.items()])
    with without_pages():
        here = train(
            open_chips(folder / "chips"), tmp_path / "run", model=str(folder / "base"), config=config, device="cpu"
        )
    assert card.weights_sha256 == here.card.weights_sha256
    last = json.loads((tmp_path / "out" / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == STEPS

    with local(folder, tmp_path / "out") as process:  # there is nothing left to do
        said, _ = process.communicate(timeout=END_S)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("error: expected a folder without a bundle, got ")


def test_a_job_that_fails_says_why(folder, tmp_path):
    shutil.copytree(folder / "chips", tmp_path / "chips")
    damaged = min((tmp_path / "chips" / "images").iterdir())
    damaged.write_bytes(b"no image")
    with local(folder, tmp_path / "out", chips=tmp_path / "chips") as process:
        said, _ = process.communicate(timeout=END_S)
    assert process.returncode == 1, said
    assert said.splitlines()[-1].startswith(f"error: expected chip {damaged.stem} in ")
    assert "Traceback" not in said
    assert not (tmp_path / "out" / "bundle").exists()
