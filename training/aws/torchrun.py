"""One machine's share of a job's training: torchrun and its processes, told to stop when the machine is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from training.aws.layout import MASTER_PORT
from training.aws.start import STOPPED, say

SHUTDOWN_S = 110
"""How long processes have after SIGTERM for the snapshot; SageMaker ends the machine after 120."""

ENDED = "note: a process ended with exit status"
"""What is said of each process that failed, before its status; below 0, the signal that ended it."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine among those of a job."""

    hosts: tuple[str, ...]
    """All names, in the order of the ranks."""
    rank: int
    """This machine's place among them."""
    processes: int
    """How many train on each."""

    @property
    def first(self) -> bool:
        """Whether this is the machine that writes and delivers."""
        return self.rank == 0

    @property
    def torchrun(self) -> list[str]:
        """The command, without what it is to start."""
        command = [sys.executable, "-m", "training.aws.torchrun", "--nproc-per-node", str(self.processes)]
        if len(self.hosts) == 1:
            return [*command, "--standalone"]
        place = {"nnodes": len(self.hosts), "node-rank": self.rank}
        meeting = {"master-addr": self.hosts[0], "master-port": MASTER_PORT}
        return [*command, *(word for key, value in {**place, **meeting}.items() for word in (f"--{key}", str(value)))]


@dataclass(kw_only=True)
class Outcome:
    """How training ended."""

    status: int = 0
    """torchrun's exit status."""
    stopped: bool = False
    """Whether this machine got SIGTERM."""
    error: str = ""
    """The first line that a process ended with; what others say later comes of it."""
    killed: bool = False
    """Whether a process was killed from outside."""

    def note(self, line: str) -> None:
        """Take from a line of the log what it tells."""
        if line.startswith("error: ") and not self.error:
            self.error = line.removeprefix("error: ")
        self.killed = self.killed or line == f"{ENDED} {-signal.SIGKILL}"


def run(command: Sequence[str], environment: Mapping[str, str], tell: Callable[[str], None]) -> Outcome:
    """Start torchrun, pass on what its processes say, and SIGTERM to them; gives how they ended.

    Args:
        command: torchrun and what it starts.
        environment: Theirs.
        tell: Told each line.
    """
    outcome = Outcome()
    running: list[subprocess.Popen[str]] = []

    def stop(number: int = 0, frame: FrameType | None = None) -> None:  # noqa: ARG001
        outcome.stopped = True
        for each in running:
            each.terminate()

    before = signal.signal(signal.SIGTERM, stop)
    with subprocess.Popen(  # noqa: S603
        command,
        env={"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(SHUTDOWN_S), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        running.append(process)
        if outcome.stopped:  # before it could be told
            stop()
        for line in process.stdout or ():
            outcome.note(line.rstrip("\n"))
            tell(line.rstrip("\n"))
    signal.signal(signal.SIGTERM, before)
    outcome.status = process.returncode
    return outcome


def processes_here(asked: str) -> int:
    """How many processes a machine starts: a number, or auto for one on each GPU, or one on its processors."""
    if asked != "auto":
        return int(asked)
    import torch

    return max(1, torch.cuda.device_count())


def threads_for(processes: int) -> int:
    """How many threads each process computes with, so that they share the machine's processors."""
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, processors // processes)


def main() -> None:
    """Be torchrun, without its traceback where its processes have said why they ended, or were told to."""
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        torchrun.main()
    except ChildFailedError as error:
        for failure in error.failures.values():
            say(f"{ENDED} {failure.exitcode}")
        sys.exit(1)
    except SignalException:
        sys.exit(STOPPED)


if __name__ == "__main__":
    main()
