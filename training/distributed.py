"""The processes that train together; one process is the same with nobody to talk to."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from samft_core.errors import InputError, SamftError
from samft_core.sam.segmenter import pick_device

WAIT = datetime.timedelta(days=1)
"""How long a process waits for the others."""

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process's place among those that torchrun started."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    """Among the processes of this node."""
    local_world: int = 1

    def __post_init__(self) -> None:
        if self.world % self.local_world:
            raise InputError(
                expected="as many processes on every node",
                got=f"{self.world} processes, {self.local_world} of them on this node",
                remedy="give every node the same --nproc-per-node",
            )

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    @property
    def nodes(self) -> int:
        """How many machines there are."""
        return self.world // self.local_world

    @property
    def node(self) -> int:
        """This machine's number."""
        return self.rank // self.local_world

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def gather(self, value: Value) -> list[Value]:
        """Everybody's value, in the order of the ranks."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def by_first(self, work: Callable[[], Value]) -> Value:
        """What the first process gets from some work, for all; an error of samft's there is raised by all."""
        if self.world == 1:
            return work()
        outcome: list[Any] = [None]
        if self.first:
            try:
                outcome = [work()]
            except SamftError as error:
                outcome = [_Failed(error)]
        dist.broadcast_object_list(outcome, src=0)
        if isinstance(outcome[0], _Failed):
            raise outcome[0].error
        value: Value = outcome[0]
        return value

    def wait(self) -> None:
        """Go on when all are here."""
        self.gather(None)


@dataclass(frozen=True)
class _Failed:
    """The outcome of work that raised."""

    error: SamftError


@contextlib.contextmanager
def together(device: str) -> Iterator[tuple[Ranks, torch.device]]:
    """Join the processes that torchrun started; without it there is one.

    Args:
        device: cpu, cuda, mps or auto; each process of a node takes a GPU of its own.

    Yields:
        This process's place, and its device.

    Raises:
        SamftError: Another process ended.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Ranks(), pick_device(device)
        return
    ranks = Ranks(
        rank=int(os.environ["RANK"]),
        world=int(os.environ["WORLD_SIZE"]),
        local_rank=int(os.environ["LOCAL_RANK"]),
        local_world=int(os.environ["LOCAL_WORLD_SIZE"]),
    )
    found = pick_device(device)
    if found.type == "cuda":
        found = _own_gpu(ranks)
        torch.cuda.set_device(found)
    # waiting for the first process, or for another's cache, is no failure; that a process ended shows by itself
    dist.init_process_group("cpu:gloo,cuda:nccl" if found.type == "cuda" else "gloo", timeout=WAIT)
    try:
        yield ranks, found
    except RuntimeError as error:
        if not _lost(error):
            raise
        raise SamftError(
            f"expected {ranks.world} processes to go on, got one that ended ({str(error).splitlines()[0]}); "
            "see what it said, and run the same command again to resume"
        ) from error
    finally:
        dist.destroy_process_group()


def _own_gpu(ranks: Ranks) -> torch.device:
    count = torch.cuda.device_count()
    if ranks.local_world > count:
        raise InputError(
            expected=f"at most {count} processes on this node, one for each GPU",
            got=str(ranks.local_world),
            remedy=f"start torchrun with --nproc-per-node {count}",
        )
    return torch.device("cuda", ranks.local_rank)


def _lost(error: RuntimeError) -> bool:
    """Whether an error says that another process is gone."""
    if isinstance(error, dist.DistError):
        return True
    told = str(error).lower()
    return any(word in told for word in ("gloo", "nccl", "connection closed", "connection reset", "broken pipe"))
