"""samft train."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import click

from samft_core.cli.options import PATH, device_option
from training.config import presets, resolve


@click.command(short_help="Fine-tune a SAM on chips.")
@click.argument("chips", type=PATH)
@click.option("--out", type=PATH, required=True, metavar="RUN", help="The run's folder; given again, it resumes.")
@click.option(
    "--model",
    default="facebook/sam-vit-base",
    show_default=True,
    metavar="M",
    help="facebook/sam-vit-base, -large, -huge, ID@COMMIT, a local folder, or samft-tiny.",
)
@click.option(
    "--preset",
    type=click.Choice(presets()),
    help="Settings for a kind of machine; --config and --set win over them.",
)
@click.option("--config", type=PATH, metavar="F.toml", help="Settings, one key = value a line.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="One setting, such as epochs=20; may be repeated and wins over --config.",
)
@device_option
def train(
    chips: Path,
    out: Path,
    model: str,
    preset: str | None,
    config: Path | None,
    assignments: tuple[str, ...],
    device: str,
) -> None:
    """Fine-tune a SAM on a CHIPS folder.

    The result is RUN/bundle, the model of the epoch with the best IoU on the val chips; RUN/metrics.jsonl, a line per
    epoch; RUN/report.html, which can be looked at while it lasts; and RUN/checkpoints. By default the mask decoder of
    sam-vit-base learns over embeddings computed once; samft-tiny learns whole.

    On several GPUs or machines: torchrun --nproc-per-node 4 --no-python samft train CHIPS --out RUN ...
    """
    from samft_core.cli.progress import progress_bar
    from samft_core.progress import silent
    from samft_core.sam.known import TINY
    from training.chips import open_chips
    from training.run import REPORT

    settings = resolve(tiny=model == TINY, preset=preset, file=config, assignments=assignments)
    opened = open_chips(chips)
    from training.loop import train as train_model  # takes seconds, which a mistake above need not cost

    first = os.environ.get("RANK", "0") == "0"  # of those that torchrun starts, one speaks
    with progress_bar() if first else contextlib.nullcontext(silent) as progress:
        bundle = train_model(opened, out, model=model, config=settings, device=device, progress=progress)
    if first:
        best, recipe = bundle.card.training["validation"], bundle.card.recipe
        click.echo(
            f"bundle {bundle.card.hash} in {bundle.path}: val IoU {best['iou']:.3f} at threshold "
            f"{recipe.threshold:.2f} (all or nothing: {best['trivial_iou']:.3f}), object F1 {best['object_f1']:.3f} "
            f"from {recipe.min_area_m2:g} m2; report in {out / REPORT}"
        )
