"""A training job, described whole before anything is uploaded or paid for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NoReturn

from samft_core.errors import InputError
from training.aws.layout import CHIPS, CODE, START, Container, metric_definitions

JOB_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
ROLE_ARN = re.compile(r"arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
S3_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s'\"]*)?")
KMS_KEY = re.compile(r"[a-zA-Z0-9:/_-]*")
VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
TAG = re.compile(r"[\w .:/=+@-]*")
"""What the API takes, and buckets are called."""

MOST_HYPERPARAMETERS, LONGEST_VALUE, LONGEST_KEY, LONGEST_VARIABLE = 100, 2500, 256, 512
LONGEST_URI = 1024
LONGEST_RUN_S = 28 * 86400
"""The API's limits."""

COMMAND = ("python3", (Container().channel(CODE) / START).as_posix())
"""What a machine runs, as SageMaker starts it."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """All that SageMaker is asked for. Whatever is launched is one of these."""

    name: str
    image: str
    instance_type: str
    instance_count: int
    spot: bool
    max_runtime_s: int
    max_wait_s: int
    """From submission to end, waiting for Spot included; 0 without Spot."""
    volume_gb: int
    volume_kms_key_id: str
    """Empty where machines have disks of their own, which are always encrypted."""
    role: str
    output: str
    """The S3 prefix below which the model appears."""
    checkpoints: str
    """The S3 prefix that the checkpoints are kept in step with; no other job's."""
    channels: Mapping[str, str]
    """The S3 prefix of each channel."""
    input_mode: str
    """File or FastFile, for the chips."""
    hyperparameters: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    subnets: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    kms_key_id: str = ""
    network_isolation: bool = False
    encrypt_traffic: bool = False

    def __post_init__(self) -> None:
        _match(JOB_NAME, self.name, "a job name of at most 63 letters, digits and single hyphens", "--job-name")
        _match(ROLE_ARN, self.role, "a role such as arn:aws:iam::123456789012:role/samft-training", "--role")
        for uri in (self.output, self.checkpoints, *self.channels.values()):
            _match(S3_URI, uri, "a place such as s3://my-bucket/towns", "--to")
            if len(uri) > LONGEST_URI:
                _refuse(f"an S3 prefix of at most {LONGEST_URI} characters", f"{len(uri)}", "shorten --to")
        _match(KMS_KEY, self.kms_key_id, "a KMS key's id or ARN", "--kms-key-id")
        self._check_times()
        if bool(self.subnets) != bool(self.security_group_ids):
            missing = "--security-group-ids" if self.subnets else "--subnets"
            _refuse("subnets and security groups together", f"no {missing}", f"give {missing}, too")
        self._check_words()

    def _check_times(self) -> None:
        if not 1 <= self.max_runtime_s <= LONGEST_RUN_S:
            _refuse(f"a runtime of 1 to {LONGEST_RUN_S} s", f"{self.max_runtime_s}", "change --max-runtime-s")
        if self.spot and self.max_wait_s < self.max_runtime_s:
            _refuse(
                f"--max-wait-s to be at least --max-runtime-s, {self.max_runtime_s}, which it includes",
                f"{self.max_wait_s}",
                "raise the one or lower the other",
            )

    def _check_words(self) -> None:
        if len(self.hyperparameters) > MOST_HYPERPARAMETERS:
            _refuse(
                f"at most {MOST_HYPERPARAMETERS} hyperparameters", f"{len(self.hyperparameters)}", "give fewer of them"
            )
        for name, value in self.hyperparameters.items():
            _check_value("hyperparameter", name, value, LONGEST_KEY, LONGEST_VALUE)
        for name, value in self.environment.items():
            _match(VARIABLE, name, "an environment variable's name of letters, digits and _", "--environment")
            _check_value("environment variable", name, value, LONGEST_VARIABLE, LONGEST_VARIABLE)
        for name, value in self.tags.items():
            _match(TAG, f"{name}={value}", "a tag of letters, digits, spaces and _.:/=+-@", "--tags")
            _check_value("tag", name, value, 128, 256)

    @property
    def hours(self) -> float:
        """Hours of machines that can be billed at most; waiting for Spot is not."""
        return self.instance_count * self.max_runtime_s / 3600

    def max_cost(self, price_per_hour: float) -> float:
        """The most that the job can cost, in the price's currency.

        Args:
            price_per_hour: Of one machine.
        """
        return round(self.hours * price_per_hour, 2)

    def request(self) -> dict[str, Any]:
        """CreateTrainingJob's arguments."""
        return {
            "TrainingJobName": self.name,
            "RoleArn": self.role,
            "AlgorithmSpecification": {
                "TrainingImage": self.image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": list(COMMAND),
                "MetricDefinitions": metric_definitions(),
            },
            "HyperParameters": dict(self.hyperparameters),
            "InputDataConfig": [
                {
                    "ChannelName": name,
                    "InputMode": self.mode(name),
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": uri,
                            "S3DataDistributionType": "FullyReplicated",
                        }
                    },
                }
                for name, uri in self.channels.items()
            ],
            "OutputDataConfig": {"S3OutputPath": self.output, **_given(KmsKeyId=self.kms_key_id)},
            "CheckpointConfig": {"S3Uri": self.checkpoints, "LocalPath": Container().checkpoints.as_posix()},
            "ResourceConfig": {
                "InstanceType": self.instance_type,
                "InstanceCount": self.instance_count,
                "VolumeSizeInGB": self.volume_gb,
                **_given(VolumeKmsKeyId=self.volume_kms_key_id),
            },
            "StoppingCondition": {
                "MaxRuntimeInSeconds": self.max_runtime_s,
                **_given(MaxWaitTimeInSeconds=self.max_wait_s),
            },
            "EnableManagedSpotTraining": self.spot,
            "EnableNetworkIsolation": self.network_isolation,
            "EnableInterContainerTrafficEncryption": self.encrypt_traffic,
            **_given(Environment=dict(self.environment), Tags=_pairs(self.tags), VpcConfig=self._vpc()),
        }

    def mode(self, channel: str) -> str:
        """A channel's input mode: code and models are small, or read from all over."""
        return self.input_mode if channel == CHIPS else "File"

    def _vpc(self) -> dict[str, list[str]]:
        groups = {"SecurityGroupIds": list(self.security_group_ids), "Subnets": list(self.subnets)}
        return groups if self.subnets else {}


def default_name(chips: str, now: datetime) -> str:
    """A job's name: samft, the chips folder's name, and the time.

    Args:
        chips: The name of the chips folder.
        now: With a time zone.
    """
    stamp = now.astimezone(timezone.utc).strftime("%Y%m%d-%H%M%S")
    room = 63 - len(f"samft--{stamp}")
    words = re.sub(r"[^a-zA-Z0-9]+", "-", chips)[:room].strip("-").lower() or "chips"
    return f"samft-{words}-{stamp}"


def _given(**values: Any) -> dict[str, Any]:
    """Those that are not empty."""
    return {name: value for name, value in values.items() if value}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _check_value(kind: str, name: str, value: str, longest_key: int, longest: int) -> None:
    """Refuse what the API does not take, and what a shell on the way to the container would take apart."""
    if not 0 < len(name) <= longest_key or len(value) > longest:
        _refuse(
            f"{kind} {name[:40]!r} of at most {longest_key} characters, and {longest} in its value",
            f"{len(name)} and {len(value)}",
            "shorten it",
        )
    if bad := _first(character for character in name + value if not character.isprintable() or character == "'"):
        _refuse(
            f"a value of {kind} {name[:40]!r} without apostrophes, line breaks and control characters, which a shell "
            "in the container would take apart",
            f"{bad!r} in it",
            "write it without",
        )


def _first(found: Iterable[str]) -> str:
    return next(iter(found), "")


def _match(pattern: re.Pattern[str], text: str, expected: str, option: str) -> None:
    if not pattern.fullmatch(text):
        _refuse(expected, repr(text) if text else "none", f"correct {option}" if text else f"give {option}")


def _refuse(expected: str, got: str, remedy: str) -> NoReturn:
    raise InputError(expected=expected, got=got, remedy=remedy)
