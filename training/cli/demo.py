"""samft demo."""

from __future__ import annotations

from pathlib import Path

import click

from samft_core.cli.options import PATH, overwrite_option
from samft_core.cli.scores import format_scores


@click.command(short_help="Run the whole flow on a synthetic town, in minutes, on a laptop.")
@click.option("--out", type=PATH, required=True, metavar="DIR", help="The folder to make.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the town and the training.")
@overwrite_option
def demo(out: Path, seed: int, overwrite: bool) -> None:
    """Run the whole flow on a synthetic town: chips, training, evaluation, footprints of a part never seen.

    The result is DIR/report.html to look at, DIR/footprints.gpkg, DIR/scores.json, the town, its chips and the trained
    DIR/run/bundle.
    """
    from samft_core.cli.progress import progress_bar
    from training.demo import demo as run_demo

    with progress_bar() as progress:
        scores = run_demo(out, seed=seed, overwrite=overwrite, progress=progress)
    click.echo(format_scores({kind: scores[kind] for kind in ("pixel", "object", "boundary")}))
    click.echo(f"footprints in {out / 'footprints.gpkg'}, report in {out / 'report.html'}")
