"""The verb: what it prints without AWS, what it asks of AWS, and what it says of mistakes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas
import pytest

from samft_core.cli.main import run as samft
from tests.aws.api import complaints
from tests.aws.conftest import ROLE, ROOT
from tests.aws.small_job import make_base, make_chips
from training.aws.launch import find_launcher
from training.chips import MANIFEST

OFFLINE = """
import sys
for name in ("boto3", "botocore", "s3transfer", "sagemaker"):
    sys.modules[name] = None  # as if it were not installed
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError(f"{event} {arguments}")
sys.addaudithook(refuse)
from samft_core.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
"""The command on a machine without AWS's SDKs, where every connection is an error."""


@pytest.fixture(scope="module")
def chips(tmp_path_factory):
    return make_chips(tmp_path_factory.mktemp("submit"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def bucket(aws):
    return aws.new_bucket()


@pytest.fixture
def words(chips, base, bucket):
    """A command that is right."""
    words = ["submit", str(chips.path), "--to", f"s3://{bucket}/towns", "--role", ROLE, "--model", str(base)]
    return [*words, "--job-name", "samft-town-1", "--instance-type", "ml.c5.xlarge", "--launcher", "boto3"]


def offline(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-c", OFFLINE, *words],
        env={**kept, "HOME": "/nowhere", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_dry_run_needs_nothing(chips, tmp_path):
    file = tmp_path / "job.toml"
    file.write_text("epochs = 7\n[sagemaker]\ninstance_count = 2\n")
    words = ["submit", str(chips.path), "--to", "s3://my-bucket/towns", "--role", ROLE, "--preset", "large"]
    words += ["--config", str(file), "--max-runtime-s", "5400", "--price-per-hour", "8"]
    result = offline(*words, "--dry-run", AWS_REGION="eu-central-1")
    assert result.returncode == 0, result.stderr
    printed = json.loads(result.stdout)
    assert printed.keys() == {"request", "uploads", "max_cost"}
    request = printed["request"]
    assert complaints(request) == []
    assert printed["max_cost"] == 24.0  # two machines for an hour and a half, at 8
    assert request["EnableManagedSpotTraining"]
    assert request["ResourceConfig"]["InstanceCount"] == 2
    assert request["HyperParameters"]["epochs"] == "7"
    assert request["HyperParameters"]["model"] == "facebook/sam-vit-large"
    places = {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in request["InputDataConfig"]}
    assert {each["channel"] for each in printed["uploads"]} == {*places} == {"chips", "code"}
    assert all(each["uri"].startswith(places[each["channel"]]) for each in printed["uploads"])
    tars = sum(each["bytes"] for each in printed["uploads"] if each["channel"] == "chips")
    files = sum(path.stat().st_size for path in chips.path.rglob("*") if path.is_file())
    assert files < tars < files + 100_000


def test_no_boto3(chips):
    words = ["submit", str(chips.path), "--to", "s3://my-bucket/towns", "--role", ROLE]
    result = offline(*words, AWS_REGION="eu-central-1")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "error: expected boto3, which talks to AWS, got an environment without it; install it: pip install 'samft[aws]'"
    ]


def test_isolated_job_takes_its_model_along(chips, base, tmp_path):
    words = ["submit", str(chips.path), "--to", "s3://my-bucket/towns", "--role", ROLE, "--network-isolation"]
    words += ["--region", "eu-central-1", "--dry-run"]
    missing = offline(*words, HF_HOME=str(tmp_path))
    assert missing.returncode == 2
    (line,) = missing.stderr.splitlines()
    assert line.startswith("error: expected facebook/sam-vit-base on this machine")
    printed = json.loads(offline(*words, "--model", str(base)).stdout)
    assert printed["request"]["EnableNetworkIsolation"]
    assert "model" in {each["ChannelName"] for each in printed["request"]["InputDataConfig"]}


def test_submits_what_the_dry_run_shows(aws, words, bucket, capsys):
    assert samft([*words, "--dry-run"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert aws.requests() == aws.requests("CreateBucket")
    assert samft(words) == 0
    said = capsys.readouterr().out
    assert "samft jobs logs samft-town-1 --follow" in said
    assert "samft jobs fetch samft-town-1" in said
    (sent,) = aws.requests("CreateTrainingJob")
    assert sent["body"] == shown["request"]
    found = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert {f"s3://{bucket}/{each['Key']}": each["Size"] for each in found} == {
        each["uri"]: each["bytes"] for each in shown["uploads"]
    }
    assert {each["channel"] for each in shown["uploads"]} == {"chips", "code", "model"}


def test_second_job_sends_no_chips_again(aws, words):
    assert samft(words) == 0
    sent = len(aws.requests("PutObject"))
    assert sent
    assert samft([*words, "--job-name", "samft-town-2"]) == 0
    assert len(aws.requests("PutObject")) == sent
    first, second = (each["body"] for each in aws.requests("CreateTrainingJob"))
    assert first["CheckpointConfig"]["S3Uri"] != second["CheckpointConfig"]["S3Uri"]


def test_another_job_goes_on_with_a_run(aws, words):
    assert samft(words) == 0
    assert samft([*words, "--job-name", "samft-town-2", "--max-runtime-s", "99", "--continue", "samft-town-1"]) == 0
    first, second = (each["body"] for each in aws.requests("CreateTrainingJob"))
    assert (first["TrainingJobName"], second["TrainingJobName"]) == ("samft-town-1", "samft-town-2")
    assert first["CheckpointConfig"] == second["CheckpointConfig"]


def test_a_run_is_gone_on_with_by_the_same_settings_when_nobody_is_at_it(aws, way, words, tmp_path, capsys):
    assert samft(words) == 0
    more = [*words, "--job-name", "samft-town-2", "--continue", "samft-town-1"]
    assert "with seed = 0, got seed = 1;" in mistake([*more, "--set", "seed=1"], capsys)
    other = shutil.copytree(words[1], tmp_path / "other")
    next(other.glob("images/*")).write_bytes(b"changed")
    assert "with chips_digest = " in mistake(["submit", str(other), *more[2:]], capsys)
    elsewhere = [f"{word}/b" if word.startswith("s3:") else word for word in more]
    assert "give the --to of that job" in mistake(elsewhere, capsys)
    assert "expected the name of a training job" in mistake(
        [*words, "--job-name", "samft-town-2", "--continue", "samft-nowhere"], capsys
    )
    way.jobs["samft-town-1"] = [{"TrainingJobStatus": "Stopping", "SecondaryStatus": "Stopping"}]
    assert "samft-town-1 to have ended" in mistake(more, capsys)
    assert len(aws.requests("CreateTrainingJob")) == 1


def test_name_of_ones_own_by_time(aws, words):
    words = [word for word in words if word not in ("--job-name", "samft-town-1")]
    assert samft(words) == 0
    assert aws.requests("CreateTrainingJob")[0]["body"]["TrainingJobName"].startswith("samft-chips-20")


def mistake(words, capsys) -> str:
    """What the command says of a mistake, in one line."""
    capsys.readouterr()
    assert samft(words) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("reading", "uploading"))]
    assert len(lines) == 1
    assert lines[0].startswith("error: expected ")
    assert "; " in lines[0]
    return lines[0]


def test_no_credentials(aws, words, monkeypatch, capsys):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert "AWS credentials" in mistake(words, capsys)


@pytest.mark.parametrize(
    ("operation", "code", "status", "told"),
    [
        ("DescribeTrainingJob", "ExpiredTokenException", 400, "have expired"),
        ("DescribeTrainingJob", "UnrecognizedClientException", 400, "credentials that AWS knows"),
        ("DescribeTrainingJob", "InvalidSignatureException", 403, "credentials that AWS knows"),
        ("DescribeTrainingJob", "AccessDeniedException", 400, "permission for sagemaker:DescribeTrainingJob"),
        ("HeadBucket", "403", 403, "access to bucket"),
        ("HeadBucket", "404", 404, "none of this name"),
        ("HeadBucket", "400", 400, "log in again"),  # all that S3 says of credentials that have expired
    ],
)
def test_refused_before_chips_are_read(aws, words, operation, code, status, told, capsys):
    aws.refuse(operation, code=code, status=status)
    assert told in mistake(words, capsys)
    assert not aws.requests("PutObject")
    assert not aws.requests("CreateTrainingJob")


@pytest.mark.parametrize(
    ("code", "message", "told"),
    [
        ("ValidationException", "Could not assume role arn:aws:iam::1:role/x. Please ensure it trusts us", "--role"),
        ("ValidationException", "Access denied for repository: pytorch. Check that role r has rights", "a role with"),
        ("ResourceInUse", "Training job names must be unique", "--job-name"),
        ("ResourceLimitExceeded", "The limit for ml.g5.xlarge for spot training job usage is 0", "Service Quotas"),
        ("ValidationException", "1 validation error detected: image", "correct that setting"),
        ("AccessDeniedException", "no", "permission for sagemaker:CreateTrainingJob"),
        ("AccessDeniedException", "not authorized to perform: iam:PassRole on x", "permission for iam:PassRole"),
    ],
)
def test_refused_by_sagemaker(aws, words, code, message, told, capsys):
    aws.refuse("CreateTrainingJob", code=code, message=message)
    assert told in mistake(words, capsys)


def test_credentials_expire_between_uploads(aws, words, capsys):
    aws.refuse("HeadObject", code="400", status=400)
    assert "log in again, for example with aws sso login, and give the same command" in mistake(words, capsys)
    assert not aws.requests("CreateTrainingJob")


def test_upload_refused(aws, words, capsys):
    aws.refuse("PutObject", code="AccessDenied", status=403)
    assert "permission for s3:PutObject" in mistake(words, capsys)
    assert not aws.requests("CreateTrainingJob")


def test_missing_bucket(aws, words, capsys):
    words[words.index("--to") + 1] = "s3://no-such-bucket/towns"
    assert "none of this name" in mistake(words, capsys)


def test_bucket_of_another_region(aws, words, capsys):
    aws.client("s3").create_bucket(
        Bucket="bucket-of-another-region", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    words[words.index("--to") + 1] = "s3://bucket-of-another-region/towns"
    assert "give --region eu-west-1" in mistake(words, capsys)


def test_wrong_region(aws, words, capsys):
    assert "write us-east-1" in mistake([*words, "--region", "us-east-11"], capsys)
    assert aws.requests() == aws.requests("CreateBucket")


def test_unknown_profile(aws, words, capsys):
    assert "profile" in mistake([*words, "--profile", "nobody"], capsys)


def test_damaged_configuration(aws, words, tmp_path, monkeypatch, capsys):
    (tmp_path / "config").write_text("[profile maps\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert f"Unable to parse config file: {tmp_path / 'config'}" in mistake(words, capsys)


def test_name_that_is_taken(aws, words, capsys):
    assert samft(words) == 0
    sent = len(aws.requests())
    assert "--job-name" in mistake(words, capsys)
    assert [each["operation"] for each in aws.requests()[sent:]] == ["DescribeTrainingJob"]


@pytest.mark.parametrize(
    ("added", "told"),
    [
        (["--max-runtime-s", "100", "--max-wait-s", "99"], "--max-wait-s"),
        (["--instance-type", "ml.c5.xlage"], "write ml.c5.xlarge"),
        (["--environment", "A=it's"], "shell"),
        (["--environment", "A=b\nc"], "line break"),
        (["--tags", "a"], "--tags"),
        (["--model", "facebook/sam-vit-bas"], "a model among"),
        (["--model", "a" * 5000], "a model among"),
        (["--set", "epoch=3"], "write epochs"),
        (["--subnets", "subnet-1"], "--security-group-ids"),
        (["--to", "my-bucket"], "--to s3://"),
        (["--to", "s3://My_Bucket/towns"], "got s3://My_Bucket/towns;"),
        (["--processes-per-node", "5"], "at most 4 processes"),
        (["--continue", "anna's"], "--continue with"),
        (["--local"], "--out"),
        (["--local", "--dry-run"], "one of them"),
        (["--out", "here"], "samft jobs fetch takes --out"),
        (["--local", "--out", "never", "--model", "facebook/sam-vit-bas"], "a model among"),
    ],
)
def test_mistakes_are_told_before_aws_is_asked(aws, words, added, told, capsys):
    assert told in mistake([*words, *added], capsys)
    assert aws.requests() == aws.requests("CreateBucket")


@pytest.mark.parametrize("way_to_go", [["--dry-run"], ["--local", "--out", "never"]])
def test_chips_that_nothing_can_be_trained_on(words, tmp_path, monkeypatch, way_to_go, capsys):
    monkeypatch.chdir(tmp_path)
    manifest = shutil.copytree(words[1], tmp_path / "one-split") / MANIFEST
    geopandas.read_parquet(manifest).assign(split="train").to_parquet(manifest)
    assert "at least one val chip in one-split" in mistake(["submit", "one-split", *words[2:], *way_to_go], capsys)
    assert not Path("never").exists()


def test_disk_too_small_for_the_job(aws, words, capsys):
    told = mistake([*words, "--instance-type", "ml.g5.xlarge", "--volume-gb", "251"], capsys)
    assert "at most the 250 GB" in told
    assert not aws.requests("PutObject")


def test_sdk_is_not_installed(aws, words, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sagemaker", None)
    assert find_launcher("auto") == "boto3"
    assert "pip install 'samft[sagemaker]'" in mistake([*words, "--launcher", "sagemaker"], capsys)


def test_aws_cannot_be_reached(words, monkeypatch, capsys):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert samft(words) == 1
    assert "cannot be reached" in capsys.readouterr().err
