"""samft train."""

from __future__ import annotations

from pathlib import Path

import click

from samft_core.cli.options import PATH, device_option


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
@click.option("--config", type=PATH, metavar="F.toml", help="Settings, one key = value a line.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="One setting, such as epochs=20; may be repeated and wins over --config.",
)
@device_option
def train(chips: Path, out: Path, model: str, config: Path | None, assignments: tuple[str, ...], device: str) -> None:
    """Fine-tune a SAM on a CHIPS folder.

    The result is RUN/bundle, the model of the epoch with the best IoU on the val chips; RUN/metrics.jsonl, a line per
    epoch; RUN/report.html; and RUN/checkpoints. By default the mask decoder of sam-vit-base learns over embeddings
    computed once; samft-tiny learns whole.
    """
    from samft_core.cli.progress import progress_bar
    from samft_core.sam.tiny import TINY
    from training.chips import open_chips
    from training.config import resolve
    from training.loop import train as train_model
    from training.report import write_training_report

    settings = resolve(tiny=model == TINY, file=config, assignments=assignments)
    opened = open_chips(chips)
    with progress_bar() as progress:
        bundle = train_model(opened, out, model=model, config=settings, device=device, progress=progress)
        write_training_report(bundle, opened, out, device=device)
    best = bundle.card.training["validation"]
    click.echo(
        f"bundle {bundle.card.hash} in {bundle.path}: val IoU {best['iou']:.3f} at threshold {best['threshold']:.2f} "
        f"(all or nothing: {best['trivial_iou']:.3f}); report in {out / 'report.html'}"
    )
