"""Two nodes, each a torchrun of its own with a cache of its own, on this machine."""

import json
import os
import socket
import subprocess
from pathlib import Path

from samft_core.bundle import load_bundle
from tests.training.conftest import SAMFT, TORCHRUN, metrics

SETTINGS = {"batch_size": 4, "max_steps": 6, "learning_rate": 1e-3, "snapshot_every": 6}


def together(chips, run: Path, base: Path, caches: list[Path], **settings) -> list[str]:
    """What each node says of a run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = [word for key, value in settings.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    nodes = [
        subprocess.Popen(
            [
                *map(str, (TORCHRUN, "--nnodes", 2, "--node-rank", number, "--nproc-per-node", 1)),
                *("--master-addr", "127.0.0.1", "--master-port", str(port), "--no-python"),
                *map(str, (SAMFT, "train", chips.path, "--out", run, "--model", base, "--device", "cpu", *told)),
            ],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "SAMFT_CACHE": str(cache)},
        )
        for number, cache in enumerate(caches)
    ]
    said = [node.communicate(timeout=300)[1] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    return said


def embeddings(cache: Path) -> set[str]:
    """The keys in a cache."""
    return {path.name for path in cache.glob("*/*/[0-9a-f]*.npy")}


def test_each_node_caches_what_it_learns_from_and_says_so(chips, base, tmp_path):
    caches, run = [tmp_path / "one", tmp_path / "two"], tmp_path / "run"
    said = together(chips, run, base, caches, **SETTINGS, train="mask_decoder", augment="none")
    assert "each of 2 nodes keeps its own chips and shuffles among them" in said[0]
    one, two = map(embeddings, caches)
    # of 17 chips to learn from, and 4 to check on, all of which the first looks at again for the threshold
    assert (len(one), len(two), len(one & two)) == (9 + 4, 8 + 2, 2)
    assert load_bundle(run / "bundle").card.training["settings"]["max_steps"] == 6
    assert [line["step"] for line in metrics(run)] == [3, 6]
