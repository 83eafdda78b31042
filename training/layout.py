"""What the very same numbers depend on beside the settings: processes, threads, device, and the state of chance."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch

from training.distributed import Ranks


def layout(ranks: Ranks, device: torch.device) -> dict[str, Any]:
    """How this run is carried out."""
    return {
        "processes": ranks.world,
        "nodes": ranks.nodes,
        "threads": torch.get_num_threads(),
        "device": device.type,
        "torch": str(torch.__version__),
    }


def tell_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Say what a resumed run does not share with its beginning."""
    other = [f"{key} {then.get(key)} then, {now[key]} now" for key in now if then.get(key) != now[key]]
    if other:
        logging.getLogger("samft").warning(
            "resuming in another way (%s): the run goes on where it was, but not to the very same weights",
            "; ".join(other),
        )


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """PyTorch's state of chance in this process; samft itself draws by seed, epoch and chip alone."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Stand where the state was taken."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
