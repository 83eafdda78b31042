"""samft evaluate."""

from __future__ import annotations

from pathlib import Path

import click

from samft_core.cli.options import PATH, device_option, json_option, write_json
from samft_core.cli.scores import format_scores


@click.command(short_help="Score a bundle on chips it has not learned from.")
@click.argument("bundle", type=PATH)
@click.argument("chips", type=PATH)
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="test", show_default=True)
@click.option("--report", type=PATH, metavar="HTML", help="Where pictures and curves go; beside the bundle by default.")
@json_option
@device_option
def evaluate(bundle: Path, chips: Path, split: str, report: Path | None, json_path: Path | None, device: str) -> None:
    """Score a BUNDLE on a split of a CHIPS folder.

    The result is pixel scores pooled over all known pixels; object scores at IoU 0.5 (the SpaceNet metric), also by
    size, and their mean over IoU 0.5 to 0.95; boundary scores within 1 m; and a report with curves and panels of
    truth, probability and mask.
    """
    from samft_core.bundle import load_bundle
    from samft_core.cli.progress import progress_bar
    from samft_core.output import check_output
    from training.chips import open_chips

    opened, cut = load_bundle(bundle), open_chips(chips)
    page = report or bundle.resolve().parent / f"evaluation-{split}.html"
    for output in filter(None, (page, json_path)):
        check_output(output, overwrite=True)
    from training.evaluate import evaluate as evaluate_bundle  # takes seconds, which a mistake above need not cost
    from training.report import write_evaluation_report

    with progress_bar() as progress:
        result = evaluate_bundle(opened, cut, split=split, device=device, progress=progress)  # type: ignore[arg-type]
    write_evaluation_report(result, page)
    scores = result.as_dict()
    click.echo(
        format_scores({kind: scores[kind] for kind in ("pixel", "object", "boundary", "prompts") if kind in scores})
    )
    click.echo(f"all or nothing: pixel iou {scores['trivial_iou']:.3f}; report in {page}")
    if json_path:
        write_json(scores, json_path)
