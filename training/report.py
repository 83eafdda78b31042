"""Pages to look at: one HTML file each, which works offline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from samft_core.bundle import Bundle
from samft_core.output import whole_file
from samft_core.version import VERSION
from training import figures
from training.chips import Chips
from training.evaluate import Evaluation, evaluate
from training.loop import METRICS

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


def write_training_report(bundle: Bundle, chips: Chips, out: Path, *, device: str = "auto") -> None:
    """RUN/report.html: the curves of a run and what its best model makes of the val chips."""
    result = evaluate(bundle, chips, split="val", device=device)
    best = bundle.card.training["validation"]
    write_page(
        out / "report.html",
        title="Training",
        lead=f"Bundle {bundle.card.hash}: val IoU {best['iou']:.3f} at threshold {best['threshold']:.2f}; "
        f"all building or no building would reach {best['trivial_iou']:.3f}.",
        sections=[training_section(out), *evaluation_sections(result), settings_section(bundle)],
    )


def write_evaluation_report(result: Evaluation, path: Path) -> None:
    """A page of scores, threshold curve and panels."""
    write_page(
        path,
        title=f"Evaluation on {result.split}",
        lead=f"Bundle {result.bundle.card.hash} on {result.chips} {result.split} chips: pixel IoU "
        f"{result.pixels.iou:.3f} (all or nothing: {result.curve.trivial_iou:.3f}), object F1 {result.objects.f1:.3f}.",
        sections=evaluation_sections(result),
    )


def training_section(run: Path) -> Section:
    """Loss and IoU over the epochs."""
    lines = [json.loads(line) for line in (run / METRICS).read_text(encoding="utf-8").splitlines()]
    return Section(title="Training", pictures=[figures.training_curves(lines)])


def evaluation_sections(result: Evaluation) -> list[Section]:
    """Scores, threshold curve and panels."""
    return [
        Section(title=f"Scores on the {result.split} chips", facts=score_facts(result.as_dict())),
        Section(
            title="Threshold",
            text="Pooled over all known pixels of the split.",
            pictures=[figures.threshold_curve(result.curve, result.threshold)],
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
    pixel, found = scores["pixel"], scores["object"]
    facts = {
        "pixel IoU": f"{pixel['iou']:.3f}",
        "pixel precision / recall / F1": f"{pixel['precision']:.3f} / {pixel['recall']:.3f} / {pixel['f1']:.3f}",
        f"object F1 at IoU {found['iou_threshold']}": f"{found['f1']:.3f}",
        "object precision / recall": f"{found['precision']:.3f} / {found['recall']:.3f}",
        "buildings found / false / missed": f"{found['tp']} / {found['fp']} / {found['fn']}",
    }
    if "trivial_iou" in scores:
        facts["pixel IoU of all or nothing"] = f"{scores['trivial_iou']:.3f}"
    return facts
