"""A job on its machine: what SageMaker left in /opt/ml becomes a run of `samft train`, and the run a model.

The run lies in the checkpoints, which SageMaker keeps: a job that is started again goes on from there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from samft_core.bundle import CARD, load_bundle, write_card
from samft_core.errors import InputError, SamftError
from samft_core.sam.known import REVISIONS
from training.aws import layout
from training.aws.start import ROOT, STOPPED, fail, say, unpack
from training.aws.torchrun import Node, Outcome, processes_here, run, threads_for
from training.run import BUNDLE, METRICS, REPORT

SECONDS_BETWEEN_LOOKS = 1.0
"""How often metrics.jsonl is looked at."""


def main() -> None:
    """Carry the job out, and end as SageMaker expects it: with its status, and a failure in one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))
    container = layout.Container(root=Path(os.environ.get(ROOT, "/opt/ml")))
    try:
        sys.exit(carry_out(container))
    except SamftError as error:
        fail(str(error), error.exit_code)
    except OSError as error:
        fail(f"expected room and rights for the job's files, got {error}; raise --volume-gb if it is full")


def carry_out(container: layout.Container) -> int:
    """Train, and leave the model; gives the exit status.

    Raises:
        SamftError: The job cannot be carried out, or training failed.
    """
    job = read_job(container)
    node, out = job.node, container.checkpoints / layout.RUN
    if node.first and (out / BUNDLE / CARD).is_file():
        say("note: THE CHECKPOINTS HOLD A FINISHED RUN: nothing is trained now, its bundle is delivered")
    chips = unpack_chips(container.channel(layout.CHIPS), Path(tempfile.mkdtemp(prefix="samft-chips-")))
    train = ["-m", "samft_core.cli.main", "train", str(chips), "--out", str(out), "--model", job.start]
    settings = [word for name, value in job.settings.items() for word in ("--set", f"{name}={value}")]
    with told_metrics(out / METRICS) if node.first else contextlib.nullcontext():
        outcome = run([*node.torchrun, *train, *settings], environment(job), say)
    if status := judge(outcome):
        return status
    if node.first:
        deliver(out, container.model, job)
    return 0


@dataclass(frozen=True, kw_only=True)
class Job:
    """What this machine is asked to do."""

    node: Node
    interface: str
    """The network that the machines reach each other on; may be empty."""
    model: str
    """What training starts from, as the user named it."""
    start: str
    """The same, as it is found on this machine."""
    settings: Mapping[str, str]
    """As `samft train --set` takes them."""


def read_job(container: layout.Container) -> Job:
    """Read what SageMaker wrote about the job.

    Raises:
        InputError: It is not what samft submits.
    """
    try:
        given, place, channels = (
            json.loads((container.config / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("hyperparameters", "resourceconfig", "inputdataconfig")
        )
        given = {name: plain(value) for name, value in given.items()}
        hosts = sorted(place["hosts"], key=lambda host: (len(host), host))  # algo-10 after algo-9
        node = Node(
            hosts=tuple(hosts),
            rank=hosts.index(place["current_host"]),
            processes=processes_here(given.get(layout.PROCESSES, "auto")),
        )
        model = given[layout.MODEL_NAME]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            expected=f"a job as samft submit describes it in {container.config}",
            got=f"something else ({error!r})",
            remedy="submit it with samft",
        ) from error
    for name in (layout.CHIPS, layout.CODE, layout.MODEL):
        mode = channels.get(name, {}).get("TrainingInputMode", "File")
        if mode not in ("File", "FastFile"):
            raise InputError(expected=f"channel {name} in mode File or FastFile", got=mode, remedy="change its mode")
    return Job(
        node=node,
        interface=str(place.get("network_interface_name") or ""),
        model=model,
        start=str(container.channel(layout.MODEL)) if layout.MODEL in channels else model,
        settings={name: value for name, value in given.items() if name not in layout.NOT_SETTINGS},
    )


def plain(value: str) -> str:
    """A hyperparameter as the user gave it: some launchers put strings into JSON once more."""
    with contextlib.suppress(ValueError):
        decoded = json.loads(value)
        return decoded if isinstance(decoded, str) else value
    return value


def unpack_chips(channel: Path, folder: Path) -> Path:
    """Put the chips together from their tar files, each read once from beginning to end.

    Args:
        channel: Where they are.
        folder: Exists, empty.

    Returns:
        The folder.

    Raises:
        InputError: Some are missing, or damaged.
        OSError: There is no room.
    """
    parts = sorted(channel.glob("*.tar"))
    planned = parts[0].stem.rpartition("-of-")[2] if parts else "some"
    if planned != f"{len(parts):05d}":
        raise InputError(
            expected=f"{planned} tar files of chips in {channel}", got=str(len(parts)), remedy="submit the job again"
        )
    try:
        for part in parts:
            unpack(part, folder)
    except ValueError as error:
        raise InputError(expected=f"chips in {part}", got=str(error), remedy="submit the job again") from error
    return folder


def environment(job: Job) -> dict[str, str]:
    """The processes' environment: threads for each, a cache outside of what is kept, and the way to the others."""
    found = {
        "OMP_NUM_THREADS": str(threads_for(job.node.processes)),
        "SAMFT_CACHE": str(Path(tempfile.gettempdir()) / "samft-cache"),
        **os.environ,
    }
    if len(job.node.hosts) > 1 and job.interface:
        found = {"GLOO_SOCKET_IFNAME": job.interface, "NCCL_SOCKET_IFNAME": job.interface, **found}
    return found


@contextlib.contextmanager
def told_metrics(path: Path) -> Iterator[None]:
    """Tell each new line of metrics.jsonl in the log, once, as the job's metric definitions read it."""
    told, done = len(_lines(path)), threading.Event()

    def tell() -> None:
        nonlocal told
        lines = _lines(path)
        for line in lines[told:]:
            say(layout.metric_line(json.loads(line)))
        told = max(told, len(lines))  # after a kill there are fewer, until the run is where it was

    def watch() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            tell()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
        tell()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def judge(outcome: Outcome) -> int:
    """The job's exit status after training.

    Raises:
        SamftError: Training failed.
    """
    if outcome.status == 0:
        return 0
    if outcome.stopped:
        say("note: told to stop; the run goes on from its last snapshot when the job is started again")
        return STOPPED
    if outcome.error.startswith("stopped by SIGTERM"):
        say("note: another machine of this job was told to stop, so this one ends too")
        return STOPPED
    if outcome.error:
        raise SamftError(outcome.error)
    if outcome.killed:
        raise SamftError(
            "expected memory enough, got a process that was killed; lower batch_size, or take an instance with more"
        )
    raise SamftError(f"expected training to end well, got exit status {outcome.status}; see the job's log")


def deliver(run_folder: Path, model: Path, job: Job) -> None:
    """Copy what a finished run leaves to the folder that the model is taken from."""
    model.mkdir(parents=True, exist_ok=True)
    shutil.copytree(run_folder / BUNDLE, model / BUNDLE, dirs_exist_ok=True)
    for name in (REPORT, METRICS):
        shutil.copy2(run_folder / name, model / name)
    if job.start != job.model:
        _name_base(model / BUNDLE, job.model)
    say(f"note: bundle {load_bundle(model / BUNDLE).card.hash} is in {model / BUNDLE}")


def _name_base(folder: Path, name: str) -> None:
    """Let a bundle call its base what the user calls it, not by its place on this machine."""
    repo, _, commit = name.partition("@")
    revision = commit or REVISIONS.get(repo)
    card = load_bundle(folder).card
    settings = {**card.training.get("settings", {}), "model": name}
    write_card(
        dataclasses.replace(
            card,
            base_id=repo if revision else name,
            base_revision=revision,
            training={**card.training, "settings": settings},
        ),
        folder,
    )


if __name__ == "__main__":
    main()
