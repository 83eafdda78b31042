"""samft score."""

from __future__ import annotations

from pathlib import Path

import click

from samft_core.cli.options import json_option, write_json


@click.command(short_help="Score footprints against labels, building by building.")
@click.argument("footprints")
@click.argument("labels")
@json_option
def score(footprints: str, labels: str, json_path: Path | None) -> None:
    """Score any vector file of FOOTPRINTS against any file of LABELS.

    A footprint is right if it has an IoU of at least 0.5 with a building that no other footprint has taken (the
    SpaceNet metric). Pixel scores need an image's grid and are left out.
    """
    from samft_core.output import check_output
    from samft_core.scores import object_report, score_files

    if json_path:
        check_output(json_path, overwrite=True)
    report = {"object": object_report(score_files(footprints, labels), 0.5)}
    click.echo(format_scores(report))
    if json_path:
        write_json(report, json_path)


def format_scores(report: dict[str, dict[str, float]]) -> str:
    """Scores as lines for a person."""
    return "\n".join(
        f"{kind}: "
        + ", ".join(
            f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
        )
        for kind, values in report.items()
    )
