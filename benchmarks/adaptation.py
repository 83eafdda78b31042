"""Claim: adapters in the encoder's last blocks, over a cached trunk, gain most of what full adapters gain for less.

usage: python benchmarks/adaptation.py BASE IMAGE LABELS OUT [--seeds 3] [--steps 110] [--workers 2]

BASE is a SAM that has learned something else, as `samft export` writes it: the demo's samft-tiny, which knows a
synthetic town. It is fine-tuned on chips of 256 pixels at 0.3 m of a real one; every mode with the same seeds, steps
and views, each run on one thread, with a cache of its own. CPU seconds are those of the whole command: import,
encoding, steps, validations, bundle.
"""

import argparse
import concurrent.futures
import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

SAMFT = Path(sys.executable).with_name("samft")

MODES = {
    "mask_decoder, cached": {"train": "mask_decoder"},
    "lora, last 2 of 6 blocks, trunk cached": {"train": "lora", "lora_blocks": 2},
    "lora, all blocks": {"train": "lora", "lora_blocks": 0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("base", "image", "labels"):
        parser.add_argument(name)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=110)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--one", nargs=2, metavar=("MODE", "SEED"), help="Run one in this process; used by the script.")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.one:
        print(json.dumps(train(given, given.one[0], int(given.one[1]))))
        return
    chips = given.out / "chips"
    if not chips.exists():
        command("prepare", given.image, "--labels", given.labels, "--out", chips, "--size", "256", "--gsd", "0.3")

    def start(mode: str, seed: int) -> dict:
        told = [given.base, given.image, given.labels, given.out, "--steps", given.steps, "--one", mode, seed]
        result = subprocess.check_output([sys.executable, __file__, *map(str, told)], text=True)
        print(result, file=sys.stderr, flush=True)
        return json.loads(result)

    with concurrent.futures.ThreadPoolExecutor(given.workers) as pool:
        wanted = [(mode, seed) for seed in range(given.seeds) for mode in MODES]
        print_table(list(pool.map(lambda each: start(*each), wanted)))


def train(given: argparse.Namespace, mode: str, seed: int) -> dict:
    run = given.out / f"{list(MODES).index(mode)}-{seed}"
    cache = run.with_suffix(".cache")
    fixed = {"seed": seed, "batch_size": 8, "max_steps": given.steps, "epochs": 1000, "validate_every": 6}
    settings = {"learning_rate": 1e-3, "augment": "flips", "views": 4, "prompts_per_chip": 0.0, **fixed, **MODES[mode]}
    told = [f"--set={key}={value}" for key, value in settings.items()]
    command("train", given.out / "chips", "--out", run, "--model", given.base, *told, cache=cache)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    scores = run / "scores.json"
    command("evaluate", run / "bundle", given.out / "chips", "--json", scores, cache=cache)
    found = json.loads(scores.read_text())
    return {
        "mode": mode,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1e3,
        "cache_mb": sum(file.stat().st_size for file in cache.rglob("*.npy")) / 1e6,
        "bundle_mb": (run / "bundle" / "model.safetensors").stat().st_size / 1e6,
        "iou": found["pixel"]["iou"],
        "trivial": found["trivial_iou"],
    }


def command(*arguments: object, cache: Path | None = None) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SAMFT_CACHE": str(cache)}
    subprocess.run([SAMFT, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, env=environment)


def print_table(runs: list[dict]) -> None:
    print(f"Test chips: all building gives IoU {runs[0]['trivial']:.3f}. Medians over seeds; the range of the IoU.\n")
    print("| what learns | n | CPU s | peak MB | cache MB | bundle MB | test IoU |\n|---|---|---|---|---|---|---|")
    for mode in MODES:
        some = [run for run in runs if run["mode"] == mode]
        keys = ("cpu_s", "peak_mb", "cache_mb", "bundle_mb")
        figures = [f"{statistics.median(run[key] for run in some):.1f}" for key in keys]
        ious = [run["iou"] for run in some]
        told = f"{statistics.median(ious):.3f} ({min(ious):.3f} to {max(ious):.3f})"
        print(f"| {mode} | {len(some)} | " + " | ".join(figures) + f" | {told} |")


if __name__ == "__main__":
    main()
