"""From a job's description to a job: by boto3, or by the SageMaker SDK."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from samft_core.errors import InputError
from training.aws.job import COMMAND, TrainingJob
from training.aws.layout import Container, metric_definitions
from training.aws.refusals import aws_errors
from training.aws.session import Clients

Launcher = Literal["boto3", "sagemaker"]

SDK_SETTINGS = """SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""
"""All that the SDK is told beside the job: it sends nothing to anybody, and no defaults change what was described."""

_PLACES = (
    "SAGEMAKER_ADMIN_CONFIG_OVERRIDE",
    "SAGEMAKER_USER_CONFIG_OVERRIDE",
    "SAGEMAKER_CORE_ADMIN_CONFIG_OVERRIDE",
    "SAGEMAKER_CORE_USER_CONFIG_OVERRIDE",
)
"""The environment variables by which the SDK finds its settings."""


def find_launcher(name: str) -> Launcher:
    """Which launcher to take.

    Args:
        name: boto3, sagemaker, or auto for the SDK where it is installed.

    Raises:
        InputError: It is not installed.
    """
    has_sdk = _installed("sagemaker.train") and _installed("sagemaker.core")
    if name == "sagemaker" and not has_sdk:
        raise InputError(
            expected="the SageMaker SDK, version 3",
            got="an environment without it",
            remedy="install it: pip install 'samft[sagemaker]', or take --launcher boto3",
        )
    return "sagemaker" if has_sdk and name != "boto3" else "boto3"


def launch(job: TrainingJob, launcher: Launcher, clients: Clients) -> str:
    """Start a job.

    Args:
        job: What to start; what its channels name lies on S3.
        launcher: See `find_launcher`.
        clients: Whose job.

    Returns:
        The job's ARN.

    Raises:
        InputError: AWS refuses the job for something that can be changed.
        SamftError: AWS cannot be reached, or failed.
    """
    start = _by_sdk if launcher == "sagemaker" else _by_boto3
    with aws_errors():
        return start(job, clients)


def _by_boto3(job: TrainingJob, clients: Clients) -> str:
    return str(clients.sagemaker.create_training_job(**job.request())["TrainingJobArn"])


def _by_sdk(job: TrainingJob, clients: Clients) -> str:
    with _told_sdk():
        from sagemaker.core.helper.session_helper import Session
        from sagemaker.core.training import configs
        from sagemaker.train import ModelTrainer

        class NamedTrainer(ModelTrainer):  # type: ignore[misc]
            """Gives the job the name that its checkpoints have, where the SDK would append the time to it."""

            def _create_training_job_args(self, *arguments: Any, **named: Any) -> Any:
                described = super()._create_training_job_args(*arguments, **named)
                return described | {"training_job_name": job.name}

            def _resolve_staging_bucket(self) -> tuple[str, None]:
                """The job's own; the SDK would list all buckets, and ask IAM whether the role may use this one."""
                return bucket, None

        bucket, _, prefix = job.output.removeprefix("s3://").partition("/")
        trainer = NamedTrainer(
            sagemaker_session=Session(
                boto_session=clients.boto,
                sagemaker_client=clients.sagemaker,
                default_bucket=bucket,
                default_bucket_prefix=prefix or None,
            ),
            role=job.role,
            base_job_name=job.name,
            training_image=job.image,
            source_code=configs.SourceCode(command=f"exec {' '.join(COMMAND)}"),
            compute=configs.Compute(
                instance_type=job.instance_type,
                instance_count=job.instance_count,
                volume_size_in_gb=job.volume_gb,
                volume_kms_key_id=job.volume_kms_key_id or None,
                enable_managed_spot_training=job.spot,
            ),
            stopping_condition=configs.StoppingCondition(
                max_runtime_in_seconds=job.max_runtime_s,
                **({"max_wait_time_in_seconds": job.max_wait_s} if job.max_wait_s else {}),
            ),
            checkpoint_config=configs.CheckpointConfig(
                s3_uri=job.checkpoints, local_path=Container().checkpoints.as_posix()
            ),
            output_data_config=configs.OutputDataConfig(
                s3_output_path=job.output, **({"kms_key_id": job.kms_key_id} if job.kms_key_id else {})
            ),
            networking=configs.Networking(
                subnets=list(job.subnets) or None,
                security_group_ids=list(job.security_group_ids) or None,
                enable_network_isolation=job.network_isolation,
                enable_inter_container_traffic_encryption=job.encrypt_traffic,
            ),
            hyperparameters=dict(job.hyperparameters),
            environment=dict(job.environment),
            tags=[configs.Tag(key=key, value=value) for key, value in job.tags.items()] or None,
        )
        trainer.with_metric_definitions(
            [configs.MetricDefinition(name=each["Name"], regex=each["Regex"]) for each in metric_definitions()]
        )
        trainer.train(input_data_config=_channels(job), wait=False, logs=False)
        return str(trainer._latest_training_job.training_job_arn)  # noqa: SLF001 - v3 gives the job nowhere else


def _channels(job: TrainingJob) -> list[Any]:
    from sagemaker.core.shapes import Channel, DataSource, S3DataSource

    return [
        Channel(
            channel_name=name,
            input_mode=job.mode(name),
            data_source=DataSource(
                s3_data_source=S3DataSource(
                    s3_data_type="S3Prefix", s3_uri=uri, s3_data_distribution_type="FullyReplicated"
                )
            ),
        )
        for name, uri in job.channels.items()
    ]


@contextlib.contextmanager
def _told_sdk() -> Iterator[None]:
    """Let the SDK send no telemetry, take no defaults from files, leave IAM alone, and say little."""
    with tempfile.TemporaryDirectory(prefix="samft-sagemaker-") as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(SDK_SETTINGS, encoding="utf-8")
        # without a role's validation, which asks IAM for rights that submitting a job does not need
        with _environment({**dict.fromkeys(_PLACES, str(path)), "SAGEMAKER_VALIDATE_ROLE": "false"}):
            for name in ("sagemaker", "sagemaker.config", "sagemaker.core", "sagemaker.train"):
                logging.getLogger(name).setLevel(logging.WARNING)
            yield


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and put them back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package above it
        return False
