"""Claim: samft-tiny learns the buildings of a real town in minutes on two CPU cores.

usage: python benchmarks/real_imagery.py IMAGE LABELS UNLABELLED OUT

Runs prepare, train, evaluate and segment as a user would, with chips of 256 pixels and defaults else, and prints a
table of what each took and scored.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

SAMFT = Path(sys.executable).with_name("samft")


def main() -> None:
    image, labels, unlabelled, out = sys.argv[1:]
    chips, run, scores, footprints = (f"{out}/{name}" for name in ("chips", "run", "scores.json", "footprints.gpkg"))
    commands = {
        "prepare": [image, "--labels", labels, "--out", chips, "--size", "256"],
        "train": [chips, "--out", run, "--model", "samft-tiny"],
        "evaluate": [f"{run}/bundle", chips, "--json", scores],
        "segment": [f"{run}/bundle", unlabelled, "--out", footprints],
    }
    print("| verb | wall s | what it says |\n|---|---|---|")
    for verb, arguments in commands.items():
        started = time.monotonic()
        told = subprocess.run([SAMFT, verb, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
        print(f"| {verb} | {time.monotonic() - started:.0f} | {told.strip().splitlines()[-1]} |", flush=True)
    result = json.loads(Path(scores).read_text())
    gain = result["pixel"]["iou"] - result["trivial_iou"]
    print(f"\ntest pixel IoU {result['pixel']['iou']:.3f}, {gain:.3f} above the trivial answer; ", end="")
    print(f"object F1 {result['object']['f1']:.3f}")


if __name__ == "__main__":
    main()
