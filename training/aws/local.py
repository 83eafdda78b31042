"""A job on this machine: the same files in the same places, carried out by the same code, without AWS."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from samft_core.bundle import CARD, Bundle, load_bundle
from samft_core.errors import OutputError, SamftError
from samft_core.output import check_output, whole_folder
from samft_core.progress import Progress, silent
from training.aws.layout import CODE, START, Container
from training.aws.staged import Staged
from training.aws.staging import write_staged
from training.aws.start import INSTALLED, ROOT, STOPPED
from training.run import BUNDLE, METRICS, REPORT

JOB = ".job"
"""In the folder that is asked for, until the job is done: what would be /opt/ml, with the checkpoints."""

HOST = "localhost"

SNAPSHOT_S = 60
"""How long processes have for a snapshot after Ctrl-C; they are killed then."""


class StoppedError(SamftError):
    """A job on this machine was told to stop, and can go on later."""

    exit_code = STOPPED


def run_locally(
    hyperparameters: Mapping[str, str], staged: Staged, out: Path, *, progress: Progress = silent
) -> Bundle:
    """Carry a job out on this machine, or go on where an earlier call with the same arguments was stopped.

    What the job says goes to this process's output. Ctrl-C and SIGTERM let it take a snapshot first.

    Args:
        hyperparameters: The job's.
        staged: What it would find on S3.
        out: The folder to get what `samft jobs fetch` would: `bundle/`, `metrics.jsonl`, `report.html`.
        progress: Told about the bytes that are laid out.

    Raises:
        OutputError: There is a bundle already, or the folder cannot be written.
        StoppedError: SIGTERM came.
        KeyboardInterrupt: Ctrl-C came.
        SamftError: The job failed.
    """
    if (out / BUNDLE).exists():
        raise OutputError(
            expected="a folder without a bundle", got=f"{out / BUNDLE}", remedy="use it, or choose another --out"
        )
    container = Container(root=out.resolve() / JOB)
    check_output(container.root, overwrite=True)
    _lay_out(container, hyperparameters, staged, progress)
    status, interrupted = _carry_out(container)
    if interrupted:
        raise KeyboardInterrupt
    if status == STOPPED:
        raise StoppedError(f"stopped by SIGTERM; run the same command again to go on in {out}")
    if status:
        said = container.failure.read_text(encoding="utf-8").strip() if container.failure.exists() else ""
        raise SamftError(said or f"expected the job to end well, got exit status {status}; see what it said")
    return _deliver(container, out)


def _lay_out(container: Container, hyperparameters: Mapping[str, str], staged: Staged, progress: Progress) -> None:
    """Fill the folders as SageMaker does on a fresh machine that has the checkpoints of an earlier one."""
    for left in (container.root / "input", container.root / "scratch", container.model, container.failure.parent):
        shutil.rmtree(left, ignore_errors=True)
    write_staged(staged, container.channel(CODE).parent, progress=progress)
    for folder in (container.config, container.checkpoints, container.root / "scratch"):
        folder.mkdir(parents=True, exist_ok=True)
    channels = {name: {"TrainingInputMode": "File"} for name in staged.channels}
    place = {"current_host": HOST, "hosts": [HOST], "network_interface_name": ""}
    written = {"hyperparameters": dict(hyperparameters), "resourceconfig": place, "inputdataconfig": channels}
    for name, content in written.items():
        (container.config / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _carry_out(container: Container) -> tuple[int, bool]:
    """Run the job; gives its exit status, and whether Ctrl-C came."""
    environment = {
        "SAMFT_CACHE": str(container.root / "cache"),
        **os.environ,
        ROOT: str(container.root),
        "TMPDIR": str(container.root / "scratch"),
        "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(SNAPSHOT_S),
    }
    command = [sys.executable, str(container.channel(CODE) / START), INSTALLED]
    # in a session of its own, so that Ctrl-C comes here alone, and SIGTERM there
    with subprocess.Popen(command, env=environment, start_new_session=True) as process, _sigterm_goes_to(process):  # noqa: S603
        try:
            return process.wait(), False
        except KeyboardInterrupt:
            process.terminate()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                return process.wait(), True
            finally:
                signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _sigterm_goes_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        process.terminate()

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _deliver(container: Container, out: Path) -> Bundle:
    """Put what would be in model.tar.gz where it is asked for, the bundle last, and clear the rest away."""
    for name in (METRICS, REPORT):
        (container.model / name).replace(out / name)
    with whole_folder(out / BUNDLE, overwrite=False, made_with=CARD) as folder:
        shutil.copytree(container.model / BUNDLE, folder, dirs_exist_ok=True)
    shutil.rmtree(container.root)
    return load_bundle(out / BUNDLE)
