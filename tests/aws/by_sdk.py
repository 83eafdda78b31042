"""What the SDK does with a job, seen in its own environment: run there, prints JSON.

`python -m tests.aws.by_sdk --launch BUCKET` launches two jobs by each launcher, and one more with telemetry left on;
`--refused BUCKET` one that AWS is to refuse; `--this JSON` a job by its fields.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any
from unittest.mock import patch

from samft_core.errors import SamftError
from training.aws import launch
from training.aws.images import ACCOUNTS, PYTORCH
from training.aws.job import TrainingJob
from training.aws.layout import CHIPS, CODE, MODEL, Prefixes
from training.aws.session import Clients

SENDING_S = 3.0
"""Telemetry is sent from a thread of its own."""


def a_job(bucket: str, name: str, *, full: bool) -> TrainingJob:
    """With all that can be said, or with as little as can be."""
    places = Prefixes(to=f"s3://{bucket}/towns", job=name)
    more: dict[str, Any] = {
        "environment": {"HF_HOME": "/tmp/hf"},
        "tags": {"team": "maps + roofs"},
        "subnets": ("subnet-0123456789abcdef0",),
        "security_group_ids": ("sg-0123456789abcdef0",),
        "kms_key_id": "1234abcd-12ab-34cd-56ef-1234567890ab",
        "volume_kms_key_id": "1234abcd-12ab-34cd-56ef-1234567890ab",
        "network_isolation": True,
        "encrypt_traffic": True,
        "spot": True,
        "max_wait_s": 10800,
    }
    return TrainingJob(
        name=name,
        image="123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13",
        instance_type="ml.c5.xlarge",
        instance_count=2,
        max_runtime_s=7200,
        volume_gb=50,
        role="arn:aws:iam::123456789012:role/samft-training",
        output=places.output,
        checkpoints=places.checkpoints,
        channels={CHIPS: places.chips("1") + "/", CODE: places.code("2") + "/", MODEL: places.model("3") + "/"},
        input_mode="FastFile",
        hyperparameters={"epochs": "3", "learning_rate": "1e-05", "tensorboard": "false", "model": 'a "b" $HOME `c` ä'},
        **(more if full else {"spot": False, "max_wait_s": 0, "volume_kms_key_id": ""}),
    )


def images() -> dict[str, str]:
    """The SDK's image for each region, on a CPU and on a GPU."""
    from sagemaker.core import image_uris

    kinds = {"cpu": "ml.c5.xlarge", "gpu": "ml.g5.xlarge"}
    return {
        f"{region} {name}": image_uris.retrieve(
            framework="pytorch-amzn2023", version=PYTORCH, region=region, image_scope="training", instance_type=kind
        )
        for region in ACCOUNTS
        for name, kind in kinds.items()
    }


def launched(bucket: str) -> dict[str, Any]:
    """What happened, and whom it was told to."""
    asked: set[str] = set()

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            asked.add(str(arguments[0]))
        if event == "socket.connect":
            asked.add(str(arguments[1][0]))

    sys.addaudithook(listen)
    clients = Clients()
    found: dict[str, Any] = {"auto": launch.find_launcher("auto"), "images": images()}
    for launcher in ("boto3", "sagemaker"):
        for full in (False, True):
            launch.launch(a_job(bucket, f"samft-{launcher}-{full}", full=full), launcher, clients)
    time.sleep(SENDING_S)
    found["asked"] = sorted(asked)
    with patch("training.aws.launch.SDK_SETTINGS", "SchemaVersion: '1.0'\n"):
        launch.launch(a_job(bucket, "samft-telling", full=False), "sagemaker", clients)
    time.sleep(SENDING_S)
    found["asked with telemetry"] = sorted(asked)
    return found


def refused(bucket: str) -> dict[str, Any]:
    """How a refusal of AWS is told."""
    try:
        launch.launch(a_job(bucket, "samft-refused", full=False), "sagemaker", Clients())
    except SamftError as error:
        return {"error": str(error), "status": error.exit_code}
    return {}


def this(fields: str) -> dict[str, Any]:
    """The job's ARN."""
    return {"arn": launch.launch(TrainingJob(**json.loads(fields)), "sagemaker", Clients())}


if __name__ == "__main__":
    logging.disable(logging.ERROR)
    what, *rest = sys.argv[1:]
    answer = {"--launch": launched, "--refused": refused, "--this": this}[what](*rest)
    sys.stdout.write(json.dumps(answer))
