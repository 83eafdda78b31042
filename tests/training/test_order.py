"""Which process sees which chips, whatever the counts."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from training.distributed import Ranks
from training.order import epoch_steps, own_chips


@st.composite
def layouts(draw) -> list[Ranks]:
    """All processes of some nodes."""
    nodes, local_world = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    world = nodes * local_world
    return [
        Ranks(rank=rank, world=world, local_rank=rank % local_world, local_world=local_world) for rank in range(world)
    ]


@st.composite
def epochs(draw) -> dict:
    names = {"count": (1, 60), "seed": (0, 9), "epoch": (0, 9), "size": (1, 5), "accumulate": (1, 3)}
    return {name: draw(st.integers(*limits)) for name, limits in names.items()} | {"by_node": draw(st.booleans())}


def steps_of_all(ranks: list[Ranks], epoch: dict, *, seen: int = 0) -> list[tuple]:
    """The steps of an epoch, each with the part of every process."""
    settings = {name: value for name, value in epoch.items() if name != "count"}
    return list(
        zip(*(list(epoch_steps(epoch["count"], **settings, ranks=one, seen=seen)) for one in ranks), strict=True)
    )


@given(layouts(), epochs())
def test_every_chip_comes_once_and_all_take_part_in_every_step(ranks, epoch):
    seen: Counter[int] = Counter()
    for step in steps_of_all(ranks, epoch):
        real = [chip for part in step if not part.stand_in for batch in part.chips for chip in batch]
        assert {part.total for part in step} == {len(real)}
        seen.update(real)
        for part in step:
            sizes = [len(batch) for batch in part.chips]
            assert 1 <= len(sizes) <= epoch["accumulate"]
            assert all(1 <= size <= epoch["size"] for size in sizes)
            if part.stand_in:
                assert sizes == [1]
                assert 0 <= part.chips[0][0] < epoch["count"]
    assert seen == Counter(range(epoch["count"]))


@given(layouts(), epochs())
def test_all_steps_but_the_last_are_full(ranks, epoch):
    *full, last = steps_of_all(ranks, epoch | {"by_node": False})
    most = epoch["size"] * epoch["accumulate"] * len(ranks)
    assert all(part.total == most and not part.stand_in for step in full for part in step)
    assert last[0].total == epoch["count"] - len(full) * most
    numbers = [0 if part.stand_in else sum(map(len, part.chips)) for part in last]
    assert max(numbers) - min(numbers) <= 1


@given(layouts(), epochs(), st.data())
def test_resumed_after_any_step_the_rest_follows(ranks, epoch, data):
    steps = steps_of_all(ranks, epoch)
    behind = data.draw(st.integers(0, len(steps)))
    seen = sum(step[0].total for step in steps[:behind])
    assert steps_of_all(ranks, epoch, seen=seen) == steps[behind:]


@given(layouts(), epochs())
def test_each_node_keeps_to_its_own_chips(ranks, epoch):
    for step in steps_of_all(ranks, epoch | {"by_node": True}):
        for one, part in zip(ranks, step, strict=True):
            own = own_chips(epoch["count"], one, by_node=True)
            assert all(chip in own for batch in part.chips for chip in batch if own)


@given(epochs(), st.integers(1, 3))
def test_a_step_holds_the_same_chips_however_it_is_divided(epoch, parts):
    """One process with large batches, with small ones in turn, or several."""
    size = epoch["size"]
    several = [Ranks(rank=rank, world=parts, local_rank=rank, local_world=parts) for rank in range(parts)]
    ways = [
        steps_of_all([Ranks()], epoch | {"size": size * parts, "accumulate": 1, "by_node": False}),
        steps_of_all([Ranks()], epoch | {"size": size, "accumulate": parts, "by_node": False}),
        steps_of_all(several, epoch | {"size": size, "accumulate": 1, "by_node": False}),
    ]
    sets = [
        [sorted(c for part in step if not part.stand_in for batch in part.chips for c in batch) for step in steps]
        for steps in ways
    ]
    assert sets[0] == sets[1] == sets[2]


def test_epochs_and_seeds_differ():
    def order(**changes: int) -> list:
        settings = {"seed": 0, "epoch": 0, "size": 4, "accumulate": 1} | changes
        return [step.chips for step in epoch_steps(40, **settings, ranks=Ranks())]

    assert order() == order()
    assert order() != order(epoch=1)
    assert order() != order(seed=1)
