"""Pages to look at: one HTML file each, which works offline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from samft_core.bundle import Bundle
from samft_core.comparison import Comparison
from samft_core.output import whole_file
from samft_core.overlaps import LARGE_M2, MEDIUM_M2
from samft_core.version import VERSION
from training import figures
from training.cells import CELL_M, best_median_worst
from training.evaluate import Evaluation
from training.run import METRICS, REPORT

TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of a page."""

    title: str
    text: str = ""
    pictures: Sequence[str] = ()
    """Data URIs."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Rows of a table."""


def write_page(path: Path, *, title: str, lead: str, sections: Sequence[Section]) -> None:
    """Write a page, whole or not at all, replacing an older one."""
    template = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), autoescape=True)
    with whole_file(path, overwrite=True) as temporary:
        temporary.write_text(
            template.render(title=title, lead=lead, sections=sections, version=VERSION), encoding="utf-8"
        )


def write_progress_report(run: Path, lines: Sequence[Mapping[str, Any]], *, epochs: int) -> None:
    """RUN/report.html while the run lasts: the curves so far."""
    last = lines[-1]
    write_page(
        run / REPORT,
        title="Training",
        lead=f"Epoch {last['epoch']} of {epochs}: loss {last['loss']:.3f}, {last['chips_per_s']:.3g} chips/s. "
        "This page is written again after every epoch, but not more than every few seconds.",
        sections=[Section(title="Training", pictures=[figures.training_curves(lines)])],
    )


def write_training_report(bundle: Bundle, result: Evaluation, out: Path) -> None:
    """RUN/report.html: the curves of a run and what its best model makes of the val chips."""
    best = bundle.card.training["validation"]
    write_page(
        out / REPORT,
        title="Training",
        lead=f"Bundle {bundle.card.hash}: val IoU {best['iou']:.3f} at threshold {best['threshold']:.2f}; "
        f"all building or no building would reach {best['trivial_iou']:.3f}.",
        sections=[training_section(out, bundle), *evaluation_sections(result), settings_section(bundle)],
    )


def write_evaluation_report(result: Evaluation, path: Path) -> None:
    """A page of scores, curves and panels."""
    write_page(
        path,
        title=f"Evaluation on {result.split}",
        lead=f"Bundle {result.bundle} on {result.chips} {result.split} chips: pixel IoU "
        f"{result.pixels.iou:.3f} (all or nothing: {result.curve.trivial_iou:.3f}), object F1 {result.objects.f1:.3f}.",
        sections=evaluation_sections(result),
    )


def write_comparison_report(result: Comparison, path: Path, *, footprints: str, labels: str) -> None:
    """A page of object and boundary scores, with squares of the ground to look at."""
    scores = result.as_dict()
    write_page(
        path,
        title="Footprints against labels",
        lead=f"{len(result.found)} footprints in {footprints}, {len(result.true)} buildings in {labels}: object F1 "
        f"{scores['object']['f1']:.3f}, boundary F1 {scores['boundary']['f1']:.3f}.",
        sections=[
            Section(title="Scores", facts=score_facts(scores)),
            Section(title="F1 and IoU", pictures=[figures.object_curve(result.overlaps)]),
            Section(
                title="Places",
                text=f"Squares of {CELL_M:g} m. Black outlines over grey buildings are right; blue was missed; red is "
                "false.",
                pictures=[figures.cells(best_median_worst(result))],
            ),
        ],
    )


def training_section(run: Path, bundle: Bundle) -> Section:
    """Loss and IoU over the epochs of the run that made a bundle."""
    lines = [json.loads(line) for line in (run / METRICS).read_text(encoding="utf-8").splitlines()]
    settings, text = bundle.card.training["settings"], ""
    if settings["prompts_per_chip"] > 0 and settings["prompts_from"] > 0:
        share = f"{settings['prompts_from']:.0%}"
        text = f"After {share} of the epochs, single buildings are asked for too: the loss jumps there."
    return Section(title="Training", text=text, pictures=[figures.training_curves(lines)])


def evaluation_sections(result: Evaluation) -> list[Section]:
    """Scores, curves and panels."""
    return [
        Section(title=f"Scores on the {result.split} chips", facts=score_facts(result.as_dict())),
        Section(
            title="Threshold",
            text="Pixels are pooled over all that is known in the split, buildings over all its chips.",
            pictures=[figures.evaluation_curves(result.curve, result.threshold, result.overlaps)],
        ),
        Section(
            title="Chips",
            text="White is right; blue was missed; red is false; grey is not judged.",
            pictures=[figures.panels(result.panels, result.threshold)],
        ),
    ]


def settings_section(bundle: Bundle) -> Section:
    """What the run was told."""
    settings = {key: str(value) for key, value in bundle.card.training["settings"].items()}
    return Section(title="Settings", facts=settings)


def score_facts(scores: Mapping[str, Any]) -> dict[str, str]:
    """Scores as rows of a table."""
    return _pixel_facts(scores) | _object_facts(scores["object"]) | _boundary_facts(scores) | _prompt_facts(scores)


def _prompt_facts(scores: Mapping[str, Any]) -> dict[str, str]:
    if "prompts" not in scores:
        return {}
    asked = scores["prompts"]
    return {
        f"IoU of {asked['buildings']} single buildings, asked for by box / by point": (
            f"{asked['box_iou']:.3f} / {asked['point_iou']:.3f} (whole mask cut by the box: {asked['cut_iou']:.3f})"
        )
    }


def _pixel_facts(scores: Mapping[str, Any]) -> dict[str, str]:
    if "pixel" not in scores:
        return {}
    pixel = scores["pixel"]
    return {
        "pixel IoU": f"{pixel['iou']:.3f} (all or nothing: {scores['trivial_iou']:.3f})",
        "pixel precision / recall / F1": f"{pixel['precision']:.3f} / {pixel['recall']:.3f} / {pixel['f1']:.3f}",
    }


def _object_facts(found: Mapping[str, Any]) -> dict[str, str]:
    facts = {
        f"object F1 at IoU {found['iou_threshold']}": f"{found['f1']:.3f}",
        "object precision / recall": f"{found['precision']:.3f} / {found['recall']:.3f}",
        "buildings found / false / missed": f"{found['tp']} / {found['fp']} / {found['fn']}",
        "object F1, mean over IoU 0.5 to 0.95": f"{found['mean_f1']:.3f}",
    }
    ranges = {
        "small": f"below {MEDIUM_M2:g} m\N{SUPERSCRIPT TWO}",
        "medium": f"{MEDIUM_M2:g} to {LARGE_M2:g} m\N{SUPERSCRIPT TWO}",
        "large": f"from {LARGE_M2:g} m\N{SUPERSCRIPT TWO}",
    }
    for name, own in found["by_size"].items():
        facts[f"{name} buildings, {ranges[name]}: F1, found / false / missed"] = (
            f"{own['f1']:.3f}, {own['tp']} / {own['fp']} / {own['fn']}"
        )
    return facts


def _boundary_facts(scores: Mapping[str, Any]) -> dict[str, str]:
    if "boundary" not in scores:
        return {}
    outlines = scores["boundary"]
    return {
        f"boundary F1 within {outlines['tolerance_m']:g} m": f"{outlines['f1']:.3f}",
        "boundary precision / recall": f"{outlines['precision']:.3f} / {outlines['recall']:.3f}",
    }
