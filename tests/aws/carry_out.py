"""SageMaker's machines: a recorded CreateTrainingJob request, carried out by processes with an /opt/ml of their own.

Each machine is a set of namespaces: its processes, its mounts (/opt/ml and /etc/hosts are its own), its name and, where
there are two, its network, which a cable (a veth pair) joins to the other's. While a machine runs, S3 follows what lies
in /opt/ml/checkpoints, deletions too; when it starts, it is filled from there.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import threading
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OPT_ML = Path("/opt/ml")
SYNC_S = 0.1
END_S = 600
"""When a job of the tests counts as hung, on a machine that is busy with other things."""

ISOLATED = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]

BOOT = """
set -e
hostname "$1"
mount --bind "$2/hosts" /etc/hosts
mount --bind "$2/ml" /opt/ml
read cable
if [ "$cable" ]; then
    mount --bind "$2/resolv.conf" /etc/resolv.conf
    ip link set lo up
    ip addr add "$cable" dev eth0
    ip link set eth0 up
fi
shift 2
cd /
exec "$@"
"""
"""What a machine does first; then it is the job's entrypoint, as its process 1."""


@functools.cache
def why_not(count: int) -> str:
    """Why machines cannot be had here; empty if they can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "namespaces with an /opt/ml of their own need Linux and root"
    for tool in ("unshare", "nsenter", "ip", "mount"):
        if not shutil.which(tool):
            return f"no {tool} on this machine"
    network, attempt = ([], "true") if count == 1 else (["--net"], "ip link add one type veth peer name two")
    command = [*ISOLATED, *network, "sh", "-c", attempt]
    tried = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    return f"the kernel forbids it: {tried.stderr.strip()}" if tried.returncode else ""


def make_image(folder: Path) -> Path:
    """An environment with all that this one has but samft, as a training image has it; gives the programs' folder."""
    venv.create(folder, symlinks=True, with_pip=False)
    there = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(("samft", "__editable__", "__pycache__")) and not (there / path.name).exists():
            (there / path.name).symlink_to(path)
    return folder / "bin"


@dataclass(kw_only=True)
class Machine:
    """One of a job's hosts, from its boot to its end."""

    name: str
    folder: Path
    process: subprocess.Popen[str]
    synced: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Size and time of each file of the checkpoints as S3 has it."""

    @property
    def ml(self) -> Path:
        """Its /opt/ml."""
        return self.folder / "ml"

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.folder / "log").read_text(encoding="utf-8")

    @property
    def init(self) -> int:
        """Its process 1, in our numbers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        until = time.monotonic() + 10
        while not (found := children.read_text(encoding="ascii").split()) and time.monotonic() < until:
            time.sleep(0.01)
        return int(found[0])

    @property
    def failure(self) -> str:
        """What would become FailureReason."""
        path = self.ml / "output" / "failure"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def sigterm(self) -> None:
        """Tell process 1 to end, as SageMaker does."""
        os.kill(self.init, signal.SIGTERM)

    def sigkill(self) -> None:
        """Take the machine away: all that runs on it ends."""
        with contextlib.suppress(ProcessLookupError, IndexError, FileNotFoundError):
            os.kill(self.init, signal.SIGKILL)
        self.process.wait(timeout=30)


@dataclass(frozen=True, kw_only=True)
class Sagemaker:
    """What carries jobs out."""

    s3: Any
    """boto3's client."""
    image: Path
    """What `make_image` gave."""
    folder: Path
    """For the machines."""

    @contextlib.contextmanager
    def started(self, request: dict[str, Any]) -> Iterator[Running]:
        """A job on fresh machines, with the checkpoints that are on S3; whatever runs at the end is taken away."""
        with _opt_ml():
            yield from self._run(request)

    def _run(self, request: dict[str, Any]) -> Iterator[Running]:
        """The same where there is an /opt/ml."""
        resources = request["ResourceConfig"]
        names = [f"algo-{number}" for number in range(1, resources["InstanceCount"] + 1)]
        machines = [self._boot(request, name, names) for name in names]
        running = Running(sagemaker=self, request=request, machines=machines)
        done = threading.Event()
        syncing = threading.Thread(target=running.keep_synced, args=(done,))
        try:
            _cable([machine.init for machine in machines])
            for number, machine in enumerate(machines, start=1):
                machine.process.stdin.write(f"10.7.7.{number}/24\n" if len(machines) > 1 else "\n")
                machine.process.stdin.close()
            syncing.start()
            yield running
        finally:
            done.set()
            for machine in machines:
                machine.sigkill()
            if syncing.ident:
                syncing.join()

    def _boot(self, request: dict[str, Any], name: str, names: Sequence[str]) -> Machine:
        folder = self.folder / f"{request['TrainingJobName']}-{time.monotonic_ns()}-{name}"
        ml = folder / "ml"
        channels = {channel["ChannelName"]: channel for channel in request["InputDataConfig"]}
        for channel, description in channels.items():
            self.download(description["DataSource"]["S3DataSource"]["S3Uri"], ml / "input" / "data" / channel)
        restored = ml / "checkpoints"
        self.download(request["CheckpointConfig"]["S3Uri"].rstrip("/") + "/", restored)
        for place in ("input/config", "model", "output/data", "checkpoints", "../tmp"):
            (ml / place).mkdir(parents=True, exist_ok=True)
        config = {
            "hyperparameters": request["HyperParameters"],
            "resourceconfig": {
                "current_host": name,
                "current_instance_type": request["ResourceConfig"]["InstanceType"],
                "current_group_name": "homogeneousCluster",
                "hosts": list(names),
                "network_interface_name": "eth0",
            },
            "inputdataconfig": {
                channel: {
                    "TrainingInputMode": description.get("InputMode", "File"),
                    "S3DistributionType": "FullyReplicated",
                    "RecordWrapperType": "None",
                }
                for channel, description in channels.items()
            },
        }
        for file, content in config.items():
            (ml / "input" / "config" / f"{file}.json").write_text(json.dumps(content), encoding="utf-8")
        addresses = [f"10.7.7.{number}" for number in range(1, len(names) + 1)] if len(names) > 1 else ["127.0.0.1"]
        lines = ["127.0.0.1 localhost", *(f"{address} {each}" for address, each in zip(addresses, names, strict=True))]
        (folder / "hosts").write_text("\n".join(lines) + "\n")
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")  # where nobody answers, which is told at once
        specification = request["AlgorithmSpecification"]
        entry = [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])]
        network = ["--net"] if len(names) > 1 else []
        environment = {
            "PATH": f"{self.image}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/root"),
            "TMPDIR": str(folder / "tmp"),
            "LANG": "C.UTF-8",
            "PIP_NO_INDEX": "1",  # the image has all that is required, and is shared by the tests
            "TRAINING_JOB_NAME": request["TrainingJobName"],
            **request.get("Environment", {}),
        }
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [*ISOLATED, *network, "sh", "-c", BOOT, "boot", name, str(folder), *entry],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
            )
        machine = Machine(name=name, folder=folder, process=process)
        machine.synced.update(_files(restored))
        return machine

    def download(self, uri: str, folder: Path) -> None:
        """What lies below a prefix."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for found in (item for page in pages for item in page.get("Contents", [])):
            target = folder / found["Key"].removeprefix(prefix).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            self.s3.download_file(bucket, found["Key"], str(target))


@dataclass(frozen=True, kw_only=True)
class Running:
    """A job on its machines."""

    sagemaker: Sagemaker
    request: dict[str, Any]
    machines: list[Machine]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep_synced(self, done: threading.Event) -> None:
        """Copy checkpoints to S3 until it is over."""
        while not done.wait(SYNC_S):
            for machine in self.machines:
                if machine.process.poll() is None:
                    self.sync(machine)

    def sync(self, machine: Machine) -> None:
        """Bring S3 in step with a machine's checkpoints."""
        bucket, _, prefix = self.request["CheckpointConfig"]["S3Uri"].removeprefix("s3://").partition("/")
        folder = machine.ml / "checkpoints"
        with self.lock:
            now = _files(folder)
            for name in now.keys() - {name for name in now if machine.synced.get(name) == now[name]}:
                with contextlib.suppress(FileNotFoundError):
                    content = (folder / name).read_bytes()
                    self.sagemaker.s3.put_object(Bucket=bucket, Key=f"{prefix.rstrip('/')}/{name}", Body=content)
            for name in machine.synced.keys() - now.keys():
                self.sagemaker.s3.delete_object(Bucket=bucket, Key=f"{prefix.rstrip('/')}/{name}")
            machine.synced = now

    def sync_all(self) -> None:
        """Bring S3 in step once more, as SageMaker does when machines end by themselves."""
        for machine in self.machines:
            self.sync(machine)

    def snapshot(self) -> int:
        """The newest step of which S3 has a snapshot; 0 for none."""
        names = [Path(name).name for machine in self.machines for name in machine.synced]
        steps = [name for name in names if name.startswith("step-")]
        return max((int(name.removeprefix("step-").removesuffix(".pt")) for name in steps), default=0)

    def wait_for_step(self, step: int) -> None:
        """Wait until S3 has a snapshot of a step, or a later one."""
        until = time.monotonic() + END_S
        while self.snapshot() < step:
            ended = [machine for machine in self.machines if machine.process.poll() is not None]
            assert not ended, f"{ended[0].name} ended: {ended[0].log}"
            assert time.monotonic() < until, self.machines[0].log
            time.sleep(0.02)

    def wait(self, seconds: float = END_S) -> list[int]:
        """Wait until all machines are done; gives their exit statuses."""
        until = time.monotonic() + seconds
        try:
            return [machine.process.wait(timeout=max(0.1, until - time.monotonic())) for machine in self.machines]
        except subprocess.TimeoutExpired as error:
            raise AssertionError("\n".join(machine.log for machine in self.machines)) from error

    def upload_model(self) -> str:
        """Put model.tar.gz where SageMaker does; gives its address."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for machine in self.machines:
                for path in sorted((machine.ml / "model").iterdir()):
                    archive.add(path, arcname=path.name)
        to = self.request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        bucket, _, prefix = to.removeprefix("s3://").partition("/")
        key = f"{prefix}/{self.request['TrainingJobName']}/output/model.tar.gz"
        self.sagemaker.s3.put_object(Bucket=bucket, Key=key, Body=packed.getvalue())
        return f"s3://{bucket}/{key}"


@contextlib.contextmanager
def _opt_ml() -> Iterator[None]:
    """Have an /opt/ml to mount on, and take it away after the last of all tests on this computer that need it.

    Removing it would take the mount out of other tests' machines.
    """
    import fcntl  # which Windows lacks

    OPT_ML.parent.mkdir(exist_ok=True)
    parent = os.open(OPT_ML.parent, os.O_RDONLY)
    try:
        fcntl.flock(parent, fcntl.LOCK_SH)
        OPT_ML.mkdir(exist_ok=True)
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(parent, fcntl.LOCK_EX | fcntl.LOCK_NB)
            OPT_ML.rmdir()
        os.close(parent)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Each file's size and time."""
    found = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                found[path.relative_to(folder).as_posix()] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def _cable(machines: Sequence[int]) -> None:
    """Join two machines' networks."""
    if len(machines) == 1:
        return
    one, other = machines
    link = ["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(other)]
    subprocess.run(["nsenter", "--target", str(one), "--net", *link], check=True, timeout=30)
