"""What lies where, on S3 and in the container: all that the two sides of a job must agree on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHIPS, CODE, MODEL = "chips", "code", "model"
"""The job's channels: the chips in tar files, samft's own code, and a base model where the job has no internet."""

SOURCE, REQUIREMENTS, START = "source.tar.gz", "requirements.txt", "start.py"
"""What the code channel holds: the packages, what they need in the image, and what the container runs."""

MODEL_NAME = "model"
"""The hyperparameter that names the model to start from; where there is a channel MODEL, its folder is taken."""

PROCESSES = "processes_per_node"
"""The hyperparameter that says how many processes a node starts: a number, or auto for one per GPU, or one."""

CHIPS_DIGEST = "chips_digest"
"""The hyperparameter that names the chips folder which was staged."""

NOT_SETTINGS = (MODEL_NAME, PROCESSES, CHIPS_DIGEST)
"""All other hyperparameters are `TrainConfig`'s fields, as `samft train --set` takes them."""

MASTER_PORT = 7777

RUN = "run"
"""Below the checkpoint folder: what `samft train --out` is given."""


@dataclass(frozen=True, kw_only=True)
class Prefixes:
    """The places of a job below the user's `s3://BUCKET/PREFIX`, without a slash at the end."""

    to: str
    job: str
    begun_by: str = ""
    """The earlier job whose run this one goes on with; empty for a run of its own."""

    @property
    def checkpoints(self) -> str:
        """Kept in step with /opt/ml/checkpoints; one for each run."""
        return f"{self.to}/jobs/{self.begun_by or self.job}/checkpoints"

    @property
    def output(self) -> str:
        """SageMaker writes JOB/output/model.tar.gz below it."""
        return f"{self.to}/jobs"

    def chips(self, digest: str) -> str:
        """A chips folder's tar files, which all jobs share."""
        return f"{self.to}/chips/{digest}"

    def code(self, digest: str) -> str:
        """samft's code of one version."""
        return f"{self.to}/code/{digest}"

    def model(self, digest: str) -> str:
        """A base model's folder."""
        return f"{self.to}/models/{digest}"


@dataclass(frozen=True, kw_only=True)
class Container:
    """The folders that SageMaker gives to a job."""

    root: Path = Path("/opt/ml")

    @property
    def config(self) -> Path:
        """hyperparameters.json, inputdataconfig.json, resourceconfig.json."""
        return self.root / "input" / "config"

    def channel(self, name: str) -> Path:
        """A channel's files."""
        return self.root / "input" / "data" / name

    @property
    def checkpoints(self) -> Path:
        """Kept in step with S3, and filled from there when a job starts again."""
        return self.root / "checkpoints"

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz."""
        return self.root / "model"

    @property
    def failure(self) -> Path:
        """Its text becomes the job's FailureReason."""
        return self.root / "output" / "failure"


METRICS = ("epoch", "loss", "chips_per_s", "val_loss", "val_iou")
"""What the container prints of each line of metrics.jsonl, as `samft: epoch=3 loss=0.71 ...`."""


def metric_definitions() -> list[dict[str, str]]:
    """CreateTrainingJob's MetricDefinitions, which read what `metric_line` writes."""
    return [{"Name": name, "Regex": rf"^samft: .*\b{name}=([0-9.eE+-]+)"} for name in METRICS]


def metric_line(values: dict[str, float]) -> str:
    """One epoch's metrics in a line of the job's log."""
    return "samft: " + " ".join(f"{name}={values[name]:g}" for name in METRICS if name in values)
