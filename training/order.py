"""Which chips a process sees in a step; the same whatever was before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.distributed import Ranks


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one process does in one optimizer step."""

    chips: tuple[tuple[int, ...], ...]
    """The chips of each of its batches, by number; a stand-in where the others have the last chips."""
    stand_in: bool
    """Whether there is only a stand-in, which must count for nothing."""
    total: int
    """The chips of all processes in this step."""


def own_chips(count: int, ranks: Ranks, *, by_node: bool) -> list[int]:
    """The chips that this node's processes draw from.

    Args:
        count: How many chips there are.
        ranks: This process.
        by_node: Whether every node has chips of its own, as where each caches what its processes need.
    """
    return list(_of_group(count, ranks.node, ranks.nodes) if by_node else range(count))


def epoch_steps(
    count: int, *, seed: int, epoch: int, size: int, accumulate: int, ranks: Ranks, by_node: bool = False, seen: int = 0
) -> Iterator[Step]:
    """The steps of one pass over all chips in random order, which follows from seed and epoch alone.

    Every chip comes once. The last step may be smaller; a process that has no chip in it gets a stand-in, so that all
    take part in every step.

    Args:
        count: How many chips there are.
        seed: Of the run.
        epoch: Which pass.
        size: Chips in a batch.
        accumulate: Batches of a process in a step.
        ranks: This process.
        by_node: Whether each node draws from its own chips.
        seen: How many chips of the pass are behind us.
    """
    groups = ranks.nodes if by_node else 1
    behind = -(-seen // groups)  # of each group; all but the last step take as many from every one
    orders = []
    for group in range(groups):
        some = np.random.default_rng([seed, epoch, group]).permutation(_of_group(count, group, groups))
        orders.append(some[behind:])
    members = ranks.world // groups
    own, member = (orders[ranks.node], ranks.local_rank) if by_node else (orders[0], ranks.rank)
    each = size * accumulate * members
    for start in range(0, max(map(len, orders)), each):
        mine = own[start : start + each][member::members].tolist()
        stand_in = not mine
        if stand_in:
            mine = [ranks.node if by_node and ranks.node < count else 0]
        yield Step(
            chips=tuple(tuple(mine[i : i + size]) for i in range(0, len(mine), size)),
            stand_in=stand_in,
            total=sum(len(order[start : start + each]) for order in orders),
        )


def _of_group(count: int, group: int, groups: int) -> range:
    """The chips of one of some groups, which differ by one in size at most."""
    return range(group, count, groups)
