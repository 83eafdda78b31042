# SPDX-License-Identifier: GPL-2.0-or-later
"""From corrections to a better bundle: prepares, trains on, and scores old and new alike, in the background."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from ..core.bundle import Bundle
from ..core.corrections import Before, Corrections
from ..core.layer_files import LayerFileError
from ..core.raster_source import SourceError
from ..core.scratch import scratch_folder
from ..worker.client import JobCancelledError
from ..worker.environment import ToolkitError
from ..worker.protocol import Progress
from ..worker.verbs import Verbs

CHIPS, BASE, BUNDLE = "chips", "base", "bundle"
"""What lies in the output folder, beside the run. The base must stay: a bundle of a mask decoder or of adapters needs
it."""

SHARES = {"prepare": 0.1, "export": 0.05, "train": 0.7, "submit": 0.85, "evaluate": 0.075}
"""Of all the work, roughly."""


@dataclass(frozen=True)
class Job:
    """How a training on SageMaker is submitted."""

    to: str
    """s3://BUCKET/PREFIX."""
    role: str
    instance_type: str = ""
    """The toolkit's default if empty."""
    profile: str = ""
    region: str = ""

    def options(self) -> list[str]:
        """What the command line takes."""
        named = {"--to": self.to, "--role": self.role, "--instance-type": self.instance_type}
        named.update({"--profile": self.profile, "--region": self.region})
        return [word for option, value in named.items() if value for word in (option, value)]


@dataclass(frozen=True)
class Plan:
    """What is to be done."""

    corrections: Corrections
    bundle: Bundle
    """What is to become better; it is left as it is."""
    out: Path
    """The folder to make."""
    epochs: int
    job: Job | None = None
    """Where to train; on this computer if None."""
    device: str = "auto"

    @property
    def run(self) -> Path:
        """The run's folder, by whose name users know the bundle in it."""
        return self.out / self.out.name


@dataclass(frozen=True)
class Scores:
    """How good a bundle is on chips."""

    iou: float | None
    """Of pixels; None where there is nothing to tell it from, as with the others."""
    f1: float | None
    """Of buildings at IoU 0.5."""
    boundary_f1: float | None
    """Of outlines within 1 m."""
    report: Path
    """The page."""


@dataclass(frozen=True)
class Improved:
    """What has come of it, on this computer."""

    bundle: Path
    """The new one."""
    split: str
    """The chips that both are scored on: test, or val where there is none."""
    chips: int
    """How many these are."""
    old: Scores
    new: Scores

    @property
    def is_better(self) -> bool:
        """Whether the new one has the higher F1 of buildings; the higher IoU, where that is the same."""
        old, new = ((scores.f1 or 0.0, scores.iou or 0.0) for scores in (self.old, self.new))
        return new > old


@dataclass(frozen=True)
class Submitted:
    """What has come of it, on SageMaker."""

    job: str
    said: str
    """What the toolkit said about it."""
    chips: Path
    """To score the fetched bundle on."""


class ImproveTask(QgsTask):
    """Runs the verbs of the toolkit one after the other.

    After one that was cancelled or failed, another with the same bundle, corrections, epochs and output folder goes on
    from the last snapshot of its training.

    Args:
        plan: What to do.
        log: Given each line that the toolkit writes to stderr, on another thread.
    """

    stage = pyqtSignal(str)
    """What is being done, in the toolkit's words."""
    succeeded = pyqtSignal(object)
    """`Improved` or `Submitted`, on the main thread."""
    failed = pyqtSignal(str)
    """One line for the user, on the main thread; empty where it was cancelled."""

    def __init__(self, plan: Plan, log: Callable[[str], None]) -> None:
        super().__init__("samft")
        self.setDescription(self.tr("Improve {}").format(plan.bundle.name))
        self._plan, self._log = plan, log
        self._outcome: Improved | Submitted | None = None
        self._problem = ""
        self._done, self._share, self._told = 0.0, 0.0, ""

    def run(self) -> bool:
        """What the background thread does."""
        try:
            self._outcome = self._improve()
        except JobCancelledError:
            return False
        except (ToolkitError, LayerFileError, SourceError) as error:
            self._problem = str(error)
        except Exception as error:  # noqa: BLE001 - QGIS ends on what leaves a task
            self._log(traceback.format_exc())
            self._problem = self.tr("expected to improve the bundle, got {!r}; see the log").format(error)
        return not self._problem

    def finished(self, result: bool) -> None:
        """Tell what has come of it; on the main thread."""
        if result and self._outcome is not None:
            self.succeeded.emit(self._outcome)
        else:
            self.failed.emit(self._problem)

    def _improve(self) -> Improved | Submitted:
        plan, before = self._plan, Before.of(self._plan.bundle)
        chips, base = (str(plan.out / name) for name in (CHIPS, BASE))
        self._check_output()
        plan.out.mkdir(parents=True, exist_ok=True)
        with Verbs(self._log, line=_ignore, progress=self._tell, cancelled=self.isCanceled) as verbs:
            split, count = self._prepare(verbs, before, chips)
            self._verb(verbs, "export", str(plan.bundle.path.absolute()), "--out", base, "--overwrite")
            settings = ["--model", base, *before.assignments(plan.epochs, same_machine=plan.job is not None)]
            if plan.job is not None:
                said = self._verb(verbs, "submit", chips, *plan.job.options(), *settings)
                return Submitted(job=_job_name(said), said=said, chips=Path(chips))
            self._verb(verbs, "train", chips, "--out", str(plan.run), "--device", plan.device, *settings)
            old, new = (self._score(verbs, kind, split) for kind in ("old", "new"))
        return Improved(bundle=plan.run / BUNDLE, split=split, chips=count, old=old, new=new)

    def _check_output(self) -> None:
        """Refuse a folder in which a bundle was trained already."""
        if (self._plan.run / BUNDLE).exists():
            raise LayerFileError(
                self.tr("expected a new folder, got {}, which holds an improved bundle; choose another").format(
                    self._plan.out
                )
            )

    def _prepare(self, verbs: Verbs, before: Before, chips: str) -> tuple[str, int]:
        """Cut chips; gives the split to score on, and how many chips it has."""
        checked = self._plan.corrections
        with checked.raster as source, scratch_folder() as folder:
            raster = source.ready(lambda stage, *_: self.stage.emit(stage), self.isCanceled).name
            labels, area = checked.footprints.written(folder), checked.area.written(folder)
            arguments = ["prepare", raster, "--labels", labels, "--aoi", area, "--out", chips, "--overwrite"]
            said = self._verb(verbs, *arguments, *before.prepare)
        counts = {kind: int(count) for count, kind in re.findall(r"(\d+) (val|test)\b", said)}
        split = "test" if counts.get("test") else "val"
        return split, counts.get(split, 0)

    def _score(self, verbs: Verbs, kind: str, split: str) -> Scores:
        """Score the old or the new bundle."""
        out = self._plan.out
        bundle = self._plan.bundle.path.absolute() if kind == "old" else self._plan.run / BUNDLE
        report, file = out / f"evaluation-{kind}.html", out / f"evaluation-{kind}.json"
        arguments = [str(bundle), str(out / CHIPS), "--split", split, "--report", str(report), "--json", str(file)]
        self._verb(verbs, "evaluate", *arguments, "--device", self._plan.device)
        found = json.loads(file.read_text(encoding="utf-8"))
        return Scores(
            iou=found["pixel"]["iou"], f1=found["object"]["f1"], boundary_f1=found["boundary"]["f1"], report=report
        )

    def _verb(self, verbs: Verbs, *arguments: str) -> str:
        self._share = SHARES[arguments[0]]
        said = verbs.run(*arguments)
        self._done += self._share
        return said

    def _tell(self, progress: Progress) -> None:
        percent = 100 * (self._done + self._share * progress.done / max(1, progress.total))
        self.setProgress(max(self.progress(), percent))  # a verb has several stages
        told = f"{progress.stage}: {progress.note}" if progress.note else progress.stage
        if told != self._told:
            self._told = told
            self.stage.emit(told)


def _job_name(said: str) -> str:
    found = re.search(r"^job (\S+) is submitted", said, re.MULTILINE)
    if found is None:
        raise ToolkitError(f"expected the name of a job, got: {said}; see samft jobs list")
    return found.group(1)


def _ignore(_: str) -> None:
    """The log has it."""
