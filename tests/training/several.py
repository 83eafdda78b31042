"""Trains the runs of a JSON file one after the other; started by torchrun, in several processes together.

A run may go on where another, finished one was when it took its snapshot before the last.
"""

import functools
import json
import logging
import shutil
import sys
from pathlib import Path
from unittest.mock import patch

import torch.distributed as dist

from tests.training.conftest import snapshots, without_pages
from training.chips import open_chips
from training.config import from_mapping
from training.loop import train


def copy(finished: Path, to: Path) -> None:
    """Copy a run as if it had ended before its last snapshot; by the first process, for all."""
    if dist.get_rank() == 0:
        last = max((finished / "checkpoints").glob("step-*.pt"))
        shutil.copytree(finished, to, ignore=shutil.ignore_patterns("bundle", last.name))
        logging.getLogger(__name__).warning("the copy %s has snapshots of steps %s", to.name, snapshots(to))
    dist.barrier()


if __name__ == "__main__":
    logging.basicConfig(format="note: %(message)s")
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    leave = dist.destroy_process_group
    with (  # under torchrun, processes can join once
        patch.object(dist, "init_process_group", functools.cache(dist.init_process_group)),
        patch.object(dist, "destroy_process_group"),
        without_pages(),
    ):
        for run in job["runs"]:
            config = from_mapping(run["settings"])
            if run["copy_of"]:
                copy(Path(run["copy_of"]), Path(run["out"]))
            train(open_chips(job["chips"]), Path(run["out"]), model=job["model"], config=config, device="cpu")
    leave()
