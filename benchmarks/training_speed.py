"""Claim: on a CPU, ViT-B learns at least 8 times cheaper than by the seed's recipe; a step, at least 60 times.

usage: python benchmarks/training_speed.py [--chips FOLDER] [--model FOLDER] [--train 4] [--val 1] [--epochs 35]
       [--seed-epochs 35] [--rounds 3] [--only steps|runs] [--precision bf16] [--lend]

The seed is aws-samples/fine-tune-segment-anything-sagemaker; its recipe, written anew: transformers' SamModel and
processor, one box around all true buildings as the prompt, the encoder in every forward pass, the mask decoder alone
learning with Adam from Dice and cross-entropy on the logits, gradients of 8 batches added up, a validation pass after
each epoch, autocast. What costs nothing is made better for it: chips are read once and kept in memory.

1. One step of 2 chips of each side, by turns, in processes of their own: data, forward, loss, backward, optimizer.
   Ours is a step of `training.loop.train` itself over cached embeddings. The seed also runs with the one setting that
   samft makes for itself on a CPU, that freed memory stays with the process.
2. Whole runs over the same chips, from an empty cache to the written bundle, each a process of its own, imports
   included, each in the precision that part 1 found cheaper for it. Ours has 4 views of each training chip. Where time
   is short, the seed, whose epochs are all alike, runs fewer (--seed-epochs), and the mean epoch counts for the rest.

By default the model has ViT-B's architecture and random weights, and the chips, 512 px enlarged to 1024, show a made-up
town: what is measured does not depend on what is learned.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

# Libraries are imported where they are used: a process starts with what its parent held as its peak memory.

BATCH = 2
ACCUMULATE = 8
VIEWS = 4
OUR_STEPS = 10
"""Of ours in a turn; the seed takes one."""
SEED, SAMFT = "seed", "samft"


# What both sides share


def make_model(out: str) -> None:
    """Save a SAM of ViT-B's architecture with random weights."""
    from transformers import SamConfig

    from tests.sam.conftest import with_random_weights

    with_random_weights(SamConfig(), seed=0).save_pretrained(out)


def make_chips(out: str, count: str, size_px: str) -> None:
    """Draw a town that has as many chips with buildings, and some more, and cut it."""
    from training.demo import write_part
    from training.prepare import PrepareSettings, prepare
    from training.scenes import loose_scenes
    from training.town import make_town

    size = int(size_px)
    town = make_town(seed=0, height_px=2 * size, width_px=(int(count) // 2 + 2) * size)
    with tempfile.TemporaryDirectory() as folder:
        write_part(town, Path(folder, "town.tif"), first_px=0, count_px=2 * size)
        scenes = loose_scenes([f"{folder}/town.tif"], [f"{folder}/town_buildings.gpkg"])
        prepare(scenes, Path(out), settings=PrepareSettings(size_px=size))


def some_chips(folder: str, *, train: int, val: int, repeat: int = 1):
    """The first chips with buildings, which the seed's prompt cannot do without, in whatever split they were.

    Args:
        folder: The chips folder.
        train: How many are to learn from.
        val: How many are to check on.
        repeat: How often each training chip is listed.
    """
    import pandas

    from training.chips import Chips, open_chips

    chips = open_chips(folder)
    chosen = chips.manifest[chips.manifest["building_share"] > 0.01].head(train + val)
    if len(chosen) < train + val:
        raise SystemExit(f"expected {train + val} chips with buildings in {folder}, got {len(chosen)}")
    learn, check = chosen.iloc[:train].assign(split="train"), chosen.iloc[train:].assign(split="val")
    return Chips(chips.path, chips.meta, pandas.concat([*[learn] * repeat, check], ignore_index=True))


class Turns:
    """Stops a run after every few steps until the parent process asks for more, and tells it what they took.

    CPU seconds count from stop to stop, because batches are made ahead while it is stopped.

    Args:
        steps: In a turn.
    """

    def __init__(self, steps: int) -> None:
        self._steps, self._left = steps, steps
        self._cpu_s, self._began_s = time.process_time(), time.perf_counter()

    def step(self, **facts: Any) -> None:
        """Count one."""
        self._left -= 1
        if self._left:
            return
        cpu_s, wall_s = time.process_time() - self._cpu_s, time.perf_counter() - self._began_s
        print(json.dumps({"cpu_s": cpu_s / self._steps, "wall_s": wall_s / self._steps, **facts}), flush=True)
        if not sys.stdin.readline():
            raise SystemExit
        self._left, self._cpu_s, self._began_s = self._steps, self._cpu_s + cpu_s, time.perf_counter()


# The seed's side


class SeedChips:
    """Chips as the seed's dataset gives them to its model.

    Args:
        chips: The chips.
        input_px: The encoder's input.
        mask_px: The side of the mask decoder's logits, where the seed's loss is.
    """

    def __init__(self, chips, *, input_px: int, mask_px: int) -> None:
        import numpy as np
        from transformers import SamImageProcessorPil, SamProcessor

        side = {"height": input_px, "width": input_px}
        self._processor = SamProcessor(SamImageProcessorPil(size={"longest_edge": input_px}, pad_size=side))
        self._samples = [chip.read() for chip in chips]
        self._mask_px, self._rng = mask_px, np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        import numpy as np
        from PIL import Image

        sample = self._samples[index]
        rows, cols = np.nonzero(sample.truth)
        first = np.array([cols.min(), rows.min()]) - self._rng.integers(20, size=2)
        last = np.array([cols.max(), rows.max()]) + self._rng.integers(20, size=2)
        box = np.clip([*first, *last], 0, len(sample.truth)).tolist()
        inputs = self._processor(sample.image.transpose(1, 2, 0), input_boxes=[[box]], return_tensors="pt")
        truth = Image.fromarray(sample.truth.astype(np.uint8)).resize((self._mask_px, self._mask_px), 0)
        truth = np.asarray(truth, dtype=np.float32)
        return {"pixel_values": inputs["pixel_values"][0], "boxes": inputs["input_boxes"][0], "truth": truth}


def train_like_seed(
    chips,
    *,
    model: str,
    out: str | None,
    epochs: int,
    precision: str,
    accumulate: int,
    stepped: Callable[[], None] = lambda: None,
    epoch_over: Callable[[], None] = lambda: None,
) -> None:
    """The seed's loop, on a CPU.

    Args:
        chips: The chips folder.
        model: Where the SAM is.
        out: Where to save the model in the end.
        epochs: Passes over the training chips.
        precision: fp32 or bf16.
        accumulate: How many batches' gradients make a step.
        stepped: Told after each batch.
        epoch_over: Told after each validation.
    """
    import torch
    import torch.nn.functional as F
    from torch.utils.data import DataLoader
    from transformers import SamModel

    sam = SamModel.from_pretrained(model)
    sam.vision_encoder.requires_grad_(False)
    sam.prompt_encoder.requires_grad_(False)
    vision = sam.config.vision_config
    sizes = {"input_px": vision.image_size, "mask_px": 4 * vision.image_size // vision.patch_size}
    learn = DataLoader(SeedChips(chips.split("train"), **sizes), batch_size=BATCH, shuffle=True)
    check = DataLoader(SeedChips(chips.split("val"), **sizes), batch_size=BATCH)
    optimizer = torch.optim.Adam(sam.mask_decoder.parameters(), lr=1e-5)

    def loss_of(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            answer = sam(pixel_values=batch["pixel_values"], input_boxes=batch["boxes"], multimask_output=False)
        logits, truth = answer.pred_masks[:, 0, 0].float(), batch["truth"]
        probability = logits.sigmoid()
        shared, areas = (probability * truth).sum((1, 2)), (probability**2 + truth**2).sum((1, 2))
        dice = 1 - (2 * shared + 1e-5) / (areas + 1e-5)
        return dice.mean() + F.binary_cross_entropy_with_logits(logits, truth)

    for _ in range(epochs):
        sam.train()
        for number, batch in enumerate(learn, start=1):
            loss = loss_of(batch)
            (loss / accumulate).backward()
            if number % accumulate == 0 or number == len(learn):
                optimizer.step()
                optimizer.zero_grad()
            stepped()
        sam.eval()
        with torch.no_grad():
            statistics.mean(loss_of(batch).item() for batch in check)
        epoch_over()
    if out:
        sam.save_pretrained(out)


def seed_steps(chips: str, model: str, precision: str, kept: str) -> None:
    """Take a step whenever asked."""
    from samft_core.sam.memory import keep_memory

    if kept == "kept":
        keep_memory()
    some, turns = some_chips(chips, train=BATCH, val=1, repeat=1000), Turns(1)
    train_like_seed(some, model=model, out=None, epochs=1, precision=precision, accumulate=1, stepped=turns.step)


def seed_run(chips: str, model: str, precision: str, out: str, train: str, val: str, epochs: str, kept: str) -> None:
    """A whole run."""
    from samft_core.sam.memory import keep_memory

    if kept == "kept":
        keep_memory()
    some = some_chips(chips, train=int(train), val=int(val))
    at: list[tuple[float, float]] = []

    def note() -> None:
        at.append((time.process_time(), time.perf_counter()))

    train_like_seed(
        some,
        model=model,
        out=out,
        epochs=int(epochs),
        precision=precision,
        accumulate=ACCUMULATE,
        epoch_over=note,
    )
    (first_cpu_s, first_wall_s), (last_cpu_s, last_wall_s) = at[0], at[-1]
    later = max(1, len(at) - 1)
    print(json.dumps([(last_cpu_s - first_cpu_s) / later, (last_wall_s - first_wall_s) / later]))


# samft's side


class Stopwatch:
    """CPU seconds of some of the engine's own functions, and how high the process's memory had risen after each."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = defaultdict(float)
        self.peak_mb: dict[str, float] = {}

    def on(self, owner: Any, name: str, stage: str) -> None:
        """Time a function of a module or class wherever it is called from now on."""
        inner = getattr(owner, name)

        def timed(*args: Any, **keywords: Any) -> Any:
            began_s = time.process_time()
            result = inner(*args, **keywords)
            self.cpu_s[stage] += time.process_time() - began_s
            self.peak_mb[stage] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            return result

        setattr(owner, name, timed)


def samft_steps(chips: str, model: str, precision: str, out: str) -> None:
    """Take some steps whenever asked; tell also what encoding a chip took."""
    from training.config import TrainConfig
    from training.encode import Trunk
    from training.loop import train

    watch, turns = Stopwatch(), Turns(OUR_STEPS)
    watch.on(Trunk, "fill", "encoding")

    def told(stage: str, done: int, _total: int, _note: str = "") -> None:
        if stage == "training" and done:
            turns.step(encode_s=watch.cpu_s["encoding"] / (BATCH + 1))

    some = some_chips(chips, train=BATCH, val=1, repeat=200)  # no epoch's end among the steps
    config = TrainConfig(batch_size=BATCH, precision=precision, augment="none", prompts_per_chip=0, snapshot_every=1000)
    train(some, Path(out), model=model, config=config, device="cpu", progress=told)


def samft_run(chips: str, model: str, precision: str, out: str, train: str, val: str, epochs: str) -> None:
    """A whole run, as `samft train` does it."""
    from training import loop
    from training.config import TrainConfig
    from training.encode import Trunk

    watch = Stopwatch()
    watch.on(Trunk, "fill", "encoding")
    watch.on(loop.Trainer, "run", "run")
    watch.on(loop, "validate", "validation")
    watch.on(loop, "write_metrics", "progress report")
    watch.on(loop, "write_progress_report", "progress report")
    watch.on(loop.Trainer, "finish", "finish: threshold, minimum area, bundle, report")
    some = some_chips(chips, train=int(train), val=int(val))
    config = TrainConfig(epochs=int(epochs), batch_size=BATCH, precision=precision, augment="flips", views=VIEWS)
    loop.train(some, Path(out), model=model, config=config, device="cpu")
    run_s = watch.cpu_s.pop("run")
    watch.cpu_s["steps"] = run_s - watch.cpu_s["validation"] - watch.cpu_s["progress report"]
    watch.peak_mb["steps"] = watch.peak_mb.pop("run")
    print(json.dumps({"cpu_s": watch.cpu_s, "peak_mb": watch.peak_mb}))


# The parent process


def child(task: str, *arguments: object) -> list[str]:
    """The command that runs one of this file's functions."""
    return [sys.executable, "-W", "ignore", __file__, "--child", task, *map(str, arguments)]


def environment(cache: Path) -> dict[str, str]:
    """What children live in."""
    quiet = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return {**os.environ, **quiet, "SAMFT_CACHE": str(cache)}


class Contender:
    """A process that takes steps by turns with others."""

    def __init__(self, folder: Path, *command: object) -> None:
        with (folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                child(*map(str, command)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(folder / "steps-cache"),
            )
        self._log = folder / "log"
        self.turns: list[dict[str, float]] = []
        self._answer()  # to a warm-up

    def turn(self) -> None:
        """Take one."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.turns.append(self._answer())

    def end(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()

    def median(self, fact: str) -> float:
        """Of all turns."""
        return statistics.median(turn[fact] for turn in self.turns)

    def _answer(self) -> dict[str, float]:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(self._log.read_text())
        return json.loads(line)


def compare_steps(options: argparse.Namespace, folder: Path) -> dict[str, str]:
    """Print what a step takes.

    Returns:
        The precision that is cheaper for each side's whole run.
    """
    both = (options.chips, options.model)
    plain, kept = (
        Contender(folder, "seed_steps", *both, "fp32", "freed"),
        Contender(folder, "seed_steps", *both, "fp32", "kept"),
    )
    half = Contender(folder, "seed_steps", *both, "bf16", "kept" if options.lend else "freed")
    ours = {name: Contender(folder, "samft_steps", *both, name, folder / name) for name in ("fp32", "bf16")}
    contenders = {
        "the seed's, fp32": plain,
        "the seed's, fp32, freed memory kept": kept,
        f"the seed's, bf16{', freed memory kept' if options.lend else ''}": half,
        **{f"samft's, {name}": contender for name, contender in ours.items()},
    }
    for _ in range(options.rounds):
        for contender in contenders.values():
            contender.turn()
    for contender in contenders.values():
        contender.end()
    ours_s = ours["fp32"].median("cpu_s")
    print(f"\n| a step of {BATCH} chips | CPU s | wall s | CPU s over samft's in fp32 |\n|---|---|---|---|")
    for name, contender in contenders.items():
        cpu_s, wall_s = contender.median("cpu_s"), contender.median("wall_s")
        print(f"| {name} | {cpu_s:.3f} | {wall_s:.3f} | {cpu_s / ours_s:.1f} |")
    ratio, ratio_kept = (contender.median("cpu_s") / ours_s for contender in (plain, kept))
    print(
        f"\nA decoder step in fp32 is {ratio:.1f} times cheaper in CPU seconds than the seed's (claimed: 60);", end=" "
    )
    print(f"{ratio_kept:.1f} times if the seed's process keeps freed memory as samft's does.")
    told = ", ".join(f"{contender.median('encode_s'):.1f} in {name}" for name, contender in ours.items())
    print(f"Encoding a chip takes samft CPU s: {told}.")
    seeds = {"fp32": kept if options.lend else plain, "bf16": half}
    encodings, steps = VIEWS * options.train + options.val, options.epochs * math.ceil(options.train / BATCH)
    costs = {name: encodings * c.median("encode_s") + steps * c.median("cpu_s") for name, c in ours.items()}
    return {
        SEED: min(seeds, key=lambda name: seeds[name].median("cpu_s")),
        SAMFT: min(costs, key=lambda name: costs[name]),
    }


def whole_run(folder: Path, name: str, *command: object) -> dict[str, Any]:
    """Run a side in a process of its own: CPU and wall seconds, peak memory, and what it says."""
    with (folder / f"{name}.out").open("w") as out, (folder / f"{name}.log").open("w") as log:
        began_s = time.perf_counter()
        process = subprocess.Popen(child(*command), stdout=out, stderr=log, env=environment(folder / "cache"))
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began_s
    if os.waitstatus_to_exitcode(status):
        raise SystemExit((folder / f"{name}.log").read_text())
    said = (folder / f"{name}.out").read_text()
    return {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": wall_s,
        "peak_mb": usage.ru_maxrss / 1024,
        "said": json.loads(said.splitlines()[-1]),
    }


def compare_runs(options: argparse.Namespace, folder: Path, precisions: dict[str, str]) -> None:
    """Print what whole runs take, and where samft's goes."""
    size, both = (options.train, options.val), (options.chips, options.model)
    seed_epochs = min(options.epochs, options.seed_epochs)
    commands = {
        SEED: ("seed_run", *both, precisions[SEED], folder / "seed", *size, seed_epochs),
        SAMFT: ("samft_run", *both, precisions[SAMFT], folder / "run", *size, options.epochs),
    }
    commands[SEED] += ("kept" if options.lend else "freed",)
    runs = {name: whole_run(folder, name, *command) for name, command in commands.items()}
    for key, each_s in zip(("cpu_s", "wall_s"), runs[SEED]["said"], strict=True):
        runs[SEED][key] += (options.epochs - seed_epochs) * each_s
    images = options.epochs * (options.train + options.val)
    views = VIEWS * options.train + options.val
    disk_mb = sum(path.stat().st_size for path in (folder / "cache").rglob("*") if path.is_file()) / 1e6
    print(
        f"\n{options.epochs} epochs of {options.train} chips to learn from and {options.val} to check on: {images} "
        f"images, of which the seed encodes all and samft {views}"
        + (", the seed's process keeping freed memory" if options.lend else "")
        + (
            f"; of the seed's epochs {seed_epochs} were run, the rest is their mean"
            if seed_epochs < options.epochs
            else ""
        )
    )
    print("\n| whole run | CPU s | wall s | images/s | peak memory MB | disk, MB per chip and view |")
    print("|---|---|---|---|---|---|")
    for name, run in runs.items():
        title = f"the seed's recipe, {precisions[SEED]}" if name == SEED else f"samft, {precisions[SAMFT]}"
        disk = 0.0 if name == SEED else disk_mb / views
        print(
            f"| {title} | {run['cpu_s']:.0f} | {run['wall_s']:.0f} | {images / run['wall_s']:.2f} "
            f"| {run['peak_mb']:.0f} | {disk:.2f} |"
        )
    theirs, ours = runs[SEED], runs[SAMFT]
    print(
        f"\nThe whole run is {theirs['cpu_s'] / ours['cpu_s']:.1f} times cheaper in CPU seconds (claimed: 8), "
        f"{theirs['wall_s'] / ours['wall_s']:.1f} times by the clock."
    )
    print(f"It needs {ours['peak_mb'] / theirs['peak_mb']:.2f} of the seed's memory (claimed: 0.50).")
    tell_stages(ours)


def tell_stages(run: dict[str, Any]) -> None:
    """Print where the CPU seconds of a run of samft's went."""
    cpu_s, peak_mb = run["said"]["cpu_s"], run["said"]["peak_mb"]
    cpu_s["start: imports, model, looking at chips"] = run["cpu_s"] - sum(cpu_s.values())
    print("\n| samft's run | CPU s | share % | peak memory MB so far |\n|---|---|---|---|")
    for stage in sorted(cpu_s, key=lambda name: -cpu_s[name]):
        peak = f"{peak_mb[stage]:.0f}" if stage in peak_mb else ""
        print(f"| {stage} | {cpu_s[stage]:.1f} | {100 * cpu_s[stage] / run['cpu_s']:.1f} | {peak} |")
    print(f"\nWhat limits now: {max(cpu_s, key=lambda name: cpu_s[name])}.")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", metavar="FOLDER", help="a chips folder; by default a town is drawn")
    parser.add_argument("--size", type=int, default=512, help="of the drawn chips, pixels")
    parser.add_argument("--model", metavar="FOLDER", help="a SamModel; by default ViT-B with random weights")
    parser.add_argument("--train", type=int, default=4, help="chips to learn from in the whole runs")
    parser.add_argument("--val", type=int, default=1, help="chips to check on in the whole runs")
    parser.add_argument("--epochs", type=int, default=35, help="of the whole runs")
    parser.add_argument(
        "--seed-epochs", type=int, default=35, help="run by the seed, at least 2; the rest is their mean"
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns of steps")
    parser.add_argument("--only", choices=["steps", "runs"], help="one part")
    parser.add_argument("--precision", default="bf16", help="of the whole runs, with --only runs")
    parser.add_argument("--lend", action="store_true", help="the seed's whole run keeps freed memory, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not options.model:
            options.model = str(folder / "model")
            subprocess.run(child("make_model", options.model), check=True, stderr=subprocess.DEVNULL)
        if not options.chips:
            options.chips = str(folder / "chips")
            count = max(options.train + options.val, BATCH + 1)
            subprocess.run(child("make_chips", options.chips, count, options.size), check=True)
        precisions = {SEED: options.precision, SAMFT: options.precision}
        if options.only != "runs":
            precisions = compare_steps(options, folder)
        if options.only != "steps":
            compare_runs(options, folder, precisions)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        task, *arguments = sys.argv[2:]
        globals()[task](*arguments)
    else:
        main()
