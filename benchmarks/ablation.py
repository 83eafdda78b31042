"""Claim: each choice of the training recipe is worth what it costs, on a real town.

usage: python benchmarks/ablation.py IMAGE LABELS OUT [--seeds 3] [--steps 110] [--workers 2]

Trains samft-tiny on chips of 256 pixels at 0.3 m, one choice changed at a time, every variant with the same seeds, each
run on one thread, and scores the test chips. Runs that are in OUT/runs.jsonl are not run again. Two variants need
ground without labels: there the train chips know every second square of a checkerboard of 38 m alone, as where a town
is mapped in part; buildings on the other squares are in the image but in no label.
"""

import argparse
import concurrent.futures
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import rasterio

SAMFT = Path(sys.executable).with_name("samft")
CELL_PX = 128
"""A square of the checkerboard."""

VARIANTS = {
    "as it is": ("chips", {}),
    "no augmentation": ("chips", {"augment": "none"}),
    "whole tile prompted by nothing": ("chips", {"prompt": "none"}),
    "never asked for single buildings": ("chips", {"prompts_per_chip": 0}),
    "half the ground labelled, the rest ignored": ("half-ignored", {"prompts_per_chip": 0}),
    "half the ground labelled, the rest taken as background": ("half-background", {"prompts_per_chip": 0}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("labels")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=110)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    chips = given.out / "chips"
    if not chips.exists():
        command("prepare", given.image, "--labels", given.labels, "--out", chips, "--size", "256", "--gsd", "0.3")
        for name, filler in (("half-ignored", 255), ("half-background", 0)):
            hide_half(chips, given.out / name, filler)
    log = given.out / "runs.jsonl"
    known = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    there = {(run["variant"], run["seed"]) for run in known}
    wanted = [(name, seed) for seed in range(given.seeds) for name in VARIANTS if (name, seed) not in there]
    with concurrent.futures.ThreadPoolExecutor(given.workers) as pool, log.open("a") as file:
        for run in pool.map(lambda each: train(given.out, *each, steps=given.steps), wanted):
            file.write(json.dumps(run) + "\n")
            file.flush()
            print(run, file=sys.stderr, flush=True)
            known.append(run)
    print_table(known)


def hide_half(chips: Path, out: Path, filler: int) -> None:
    """A copy in which every second square of the train chips' masks is not labelled."""
    from training.chips import open_chips

    shutil.copytree(chips, out)
    for chip in open_chips(out).split("train"):
        with rasterio.open(chip.mask, "r+") as mask:
            values = mask.read(1)
            rows, cols = np.indices(values.shape) // CELL_PX
            hidden = ((rows + cols) % 2 == 1) & (values != 255)
            values[hidden] = filler
            mask.write(values, 1)


def train(out: Path, variant: str, seed: int, *, steps: int) -> dict:
    chips, settings = VARIANTS[variant]
    run = out / f"{variant.replace(' ', '-').replace(',', '')}-{seed}"
    fixed = {"seed": seed, "batch_size": 8, "max_steps": steps, "epochs": 1000, "validate_every": 6}
    told = [f"--set={key}={value}" for key, value in {**fixed, **settings}.items()]
    started = time.monotonic()
    command("train", out / chips, "--out", run, "--model", "samft-tiny", *told)
    seconds = time.monotonic() - started
    scores = run / "scores.json"
    command("evaluate", run / "bundle", out / "chips", "--json", scores)
    found = json.loads(scores.read_text())
    curve = json.loads((run / "bundle" / "samft.json").read_text())["training"]["validation"]
    return {
        "variant": variant,
        "seed": seed,
        "seconds": round(seconds),
        "iou": found["pixel"]["iou"],
        "iou_at_half": found["iou_by_threshold"]["0.50"],
        "trivial": found["trivial_iou"],
        "object_f1": found["object"]["f1"],
        "boundary_f1": found["boundary"]["f1"],
        "threshold": found["threshold"],
        "prompts": found["prompts"],
        "val_iou": curve["iou"],
    }


def command(*arguments: object) -> None:
    subprocess.run([SAMFT, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def print_table(runs: list[dict]) -> None:
    trivial = runs[0]["trivial"]
    print(f"Test chips: all building gives IoU {trivial:.3f}. Means over seeds, and the range.\n")
    columns = ("pixel IoU", "at threshold 0.5", "object F1", "boundary F1", "by box", "by point", "cut by box")
    print("| variant | n | " + " | ".join(columns) + " | s each |")
    print("|---" * (len(columns) + 3) + "|")
    for variant in VARIANTS:
        some = [run for run in runs if run["variant"] == variant]
        if not some:
            continue
        asked = [run["prompts"] for run in some]
        values = [
            *([run[key] for run in some] for key in ("iou", "iou_at_half", "object_f1", "boundary_f1")),
            *([each[key] for each in asked] for key in ("box_iou", "point_iou", "cut_iou")),
        ]
        cells = [f"{statistics.mean(each):.3f} ({min(each):.3f} to {max(each):.3f})" for each in values]
        seconds = statistics.mean(run["seconds"] for run in some)
        print(f"| {variant} | {len(some)} | " + " | ".join(cells) + f" | {seconds:.0f} |")


if __name__ == "__main__":
    main()
