"""samft score."""

from __future__ import annotations

from pathlib import Path

import click

from samft_core.cli.options import PATH, json_option, write_json
from samft_core.cli.scores import format_scores


@click.command(short_help="Score footprints against labels, building by building.")
@click.argument("footprints")
@click.argument("labels")
@click.option("--report", type=PATH, metavar="HTML", help="Also write a page with the scores, a curve and places.")
@json_option
def score(footprints: str, labels: str, report: Path | None, json_path: Path | None) -> None:
    """Score any vector file of FOOTPRINTS against any file of LABELS.

    A footprint is right if it has an IoU of at least 0.5 with a building that no other footprint has taken (the
    SpaceNet metric); an outline is right where a true one lies within 1 m. The result is object scores, also by size,
    their mean over IoU 0.5 to 0.95, and boundary scores. Pixel scores need an image's grid and are left out.
    """
    from samft_core.comparison import compare_files
    from samft_core.output import check_output

    for output in filter(None, (report, json_path)):
        check_output(output, overwrite=True)
    result = compare_files(footprints, labels)
    scores = result.as_dict()
    if report:
        from training.report import write_comparison_report

        write_comparison_report(result, report, footprints=footprints, labels=labels)
    click.echo(format_scores(scores))
    if report:
        click.echo(f"report in {report}")
    if json_path:
        write_json(scores, json_path)
