"""Both launchers ask for the same job; the SDK tells nobody; and nothing of AWS is loaded before it is needed."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.aws.api import complaints
from tests.aws.conftest import ROOT, in_sdk, needs_sdk, serve
from tests.contract.test_walls import AWS, MODEL
from training.aws.images import ACCOUNTS, image_uri

DRIVERS = "sm_drivers"
"""The channel with the SDK's own shell script, which starts the command."""


def what_matters(request: dict) -> dict:
    """A request without what legitimately differs.

    The SDK starts our command by a shell script of its own, which comes in a channel of its own, and says GZIP, which
    is what is done anyway.
    """
    algorithm = {**request["AlgorithmSpecification"]}
    algorithm.pop("ContainerEntrypoint")
    algorithm.pop("ContainerArguments", None)
    output = {**request["OutputDataConfig"]}
    assert output.pop("CompressionType", "GZIP") == "GZIP"
    channels = [each for each in request["InputDataConfig"] if each["ChannelName"] != DRIVERS]
    return {
        **request,
        "TrainingJobName": None,
        "CheckpointConfig": {**request["CheckpointConfig"], "S3Uri": None},
        "AlgorithmSpecification": algorithm,
        "OutputDataConfig": output,
        "InputDataConfig": channels,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that only the SDK's jobs are sent to."""
    with serve(tmp_path_factory.mktemp("launchers")) as server:
        yield server


@pytest.fixture(scope="module")
def bucket(server) -> str:
    return server.new_bucket()


@pytest.fixture(scope="module")
def seen(server, bucket) -> dict:
    """What `tests.aws.by_sdk` tells of its four jobs, and of the fifth, with telemetry."""
    return in_sdk("--launch", bucket, **server.environment)


@pytest.fixture(scope="module")
def sent(server, seen) -> dict[str, dict]:
    """The requests, by the job's name."""
    return {each["body"]["TrainingJobName"]: each["body"] for each in server.requests("CreateTrainingJob")}


@needs_sdk
@pytest.mark.parametrize("full", [False, True], ids=["short", "full"])
def test_launchers_agree(full, sent):
    by_boto3, by_sdk = (sent[f"samft-{launcher}-{full}"] for launcher in ("boto3", "sagemaker"))
    assert complaints(by_boto3) == complaints(by_sdk) == []
    assert what_matters(by_boto3) == what_matters(by_sdk)
    assert by_sdk["CheckpointConfig"]["S3Uri"].endswith(f"/towns/jobs/samft-sagemaker-{full}/checkpoints")


@needs_sdk
@pytest.mark.parametrize("full", [False, True], ids=["short", "full"])
def test_sdk_starts_the_same_command(full, sent, server, bucket):
    job = sent[f"samft-sagemaker-{full}"]
    (drivers,) = [each for each in job["InputDataConfig"] if each["ChannelName"] == DRIVERS]
    place = drivers["DataSource"]["S3DataSource"]["S3Uri"]
    assert place.startswith(f"s3://{bucket}/towns/jobs/samft-sagemaker-{full}/")
    script = server.client("s3").get_object(Bucket=bucket, Key=f"{place.split('/', 3)[3]}/sm_train.sh")
    command = " ".join(sent[f"samft-boto3-{full}"]["AlgorithmSpecification"]["ContainerEntrypoint"])
    assert f"\nexec {command}\n" in script["Body"].read().decode()
    assert (script.get("ServerSideEncryption") == "aws:kms") is full


@needs_sdk
def test_sdk_tells_nobody(seen, server):
    assert seen["asked"] == ["127.0.0.1"]
    assert any("amazonaws.com" in host for host in seen["asked with telemetry"])  # so it would be seen
    asked = server.requests()
    last = next(n for n, each in enumerate(asked) if (each["body"] or {}).get("TrainingJobName") == "samft-telling")
    operations = {each["operation"] for each in asked[:last]}
    assert operations == {"CreateBucket", "PutObject", "CreateTrainingJob", "DescribeTrainingJob"}


@needs_sdk
def test_auto_prefers_the_sdk(seen):
    assert seen["auto"] == "sagemaker"


@needs_sdk
def test_refusals_are_told_alike(aws):
    aws.refuse("CreateTrainingJob", code="ValidationException", message="Could not assume role arn:aws:iam::1:role/x")
    told = in_sdk("--refused", aws.new_bucket())
    assert told["status"] == 2
    assert "a role that SageMaker can assume" in told["error"]


@needs_sdk
def test_images_are_the_sdks(seen):
    theirs = seen["images"]
    assert len(theirs) == 2 * len(ACCOUNTS)
    for name, uri in theirs.items():
        region, _, kind = name.partition(" ")
        assert image_uri(region, gpu=kind == "gpu") == uri


LOADING = """
import importlib, pkgutil, sys, time
started = time.perf_counter()
import training.aws, training.aws.job, training.aws.launch, training.aws.session
assert "numpy" not in sys.modules
for module in pkgutil.iter_modules(training.aws.__path__, "training.aws."):
    importlib.import_module(module.name)
took = time.perf_counter() - started
import training.cli.submit
print(took, *sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_loading_is_quick_and_takes_no_sdk():
    times = []
    for _ in range(3):  # the quickest of them, on a busy machine
        said = subprocess.run([sys.executable, "-c", LOADING], cwd=ROOT, capture_output=True, text=True, check=True)
        took, *modules = said.stdout.split()
        assert not {*modules} & (AWS | MODEL | {"geopandas", "rasterio"})
        times.append(float(took))
    assert min(times) < 1.0


def test_extra_aws_is_small():
    found, names = {}, ["boto3"]
    while names:
        name = names.pop()
        if name not in found:
            found[name] = importlib.metadata.distribution(name)
            words = [re.match(r"[\w.-]+", each)[0] for each in found[name].requires or [] if "extra ==" not in each]
            names += words
    files = [Path(file.locate()) for each in found.values() for file in each.files or []]
    assert {"boto3", "botocore", "s3transfer"} <= found.keys()
    assert 10e6 < sum(path.stat().st_size for path in files if path.exists() and path.suffix != ".pyc") < 60e6


def test_telemetry_file_leaves_no_trace(monkeypatch):
    from training.aws.launch import _told_sdk

    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", "mine")
    monkeypatch.delenv("SAGEMAKER_VALIDATE_ROLE", raising=False)
    with _told_sdk():
        path = Path(os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"])
        assert "TelemetryOptOut: true" in path.read_text()
    assert os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] == "mine"
    assert "SAGEMAKER_VALIDATE_ROLE" not in os.environ
    assert not path.exists()
