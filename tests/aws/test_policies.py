"""The policies of the docs against what samft really asks AWS for: nothing is missing, and nothing is too much."""

import contextlib
import fnmatch
import json
import os
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.aws.between import between
from tests.aws.conftest import ACCOUNT, REGION, ROLE, ROOT, SDK, Aws, needs_sdk
from tests.aws.test_fetch import left  # noqa: F401 - a fixture
from tests.aws.test_jobs import say
from tests.cli.conftest import houses, write_scene, write_vector
from training.aws import content
from training.aws import upload as uploading
from training.aws.layout import Prefixes
from training.aws.session import Clients
from training.aws.staging import plan_uploads, upload
from training.chips import open_chips
from training.cli.jobs import jobs
from training.cli.submit import submit
from training.prepare import PrepareSettings, prepare
from training.scenes import loose_scenes

DOCS = ROOT / "docs" / "aws"
NAME = "samft-town-1"
PREFIX = "towns/a"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-1111-1111-1111-111111111111"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs"


@dataclass(frozen=True)
class Need:
    """What IAM is asked before a request is carried out."""

    action: str
    resource: str = "*"
    context: dict[str, str] = field(default_factory=dict, hash=False)


ON_OBJECTS = {
    "CompleteMultipartUpload": ("s3:PutObject",),
    "CreateMultipartUpload": ("s3:PutObject",),
    "GetObject": ("s3:GetObject",),
    "HeadObject": ("s3:GetObject",),
    "ListParts": ("s3:ListMultipartUploadParts",),
    "PutObject": ("s3:PutObject",),
    "UploadPart": ("s3:PutObject",),
}
ON_BUCKETS = {
    "HeadBucket": ("s3:ListBucket",),
    "HeadObject": ("s3:ListBucket",),  # without it, what is missing is forbidden
    "ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
}
WITH_A_KEY = {
    "CreateMultipartUpload": ("kms:GenerateDataKey",),
    "PutObject": ("kms:GenerateDataKey",),
    "UploadPart": ("kms:Decrypt", "kms:GenerateDataKey"),
    "CompleteMultipartUpload": ("kms:Decrypt",),
    "GetObject": ("kms:Decrypt",),
}
ON_JOBS = {
    "CreateTrainingJob": ("sagemaker:CreateTrainingJob",),
    "DescribeTrainingJob": ("sagemaker:DescribeTrainingJob",),
    "StopTrainingJob": ("sagemaker:StopTrainingJob",),
}
ON_LOGS = {"DescribeLogStreams": ("logs:DescribeLogStreams",), "GetLogEvents": ("logs:GetLogEvents",)}
ON_ALL = {"ListTrainingJobs": ("sagemaker:ListTrainingJobs",)}
"""Actions by operation, from AWS's Service Authorization Reference and S3's table of required permissions."""


def needs(line: dict[str, Any]) -> list[Need]:
    """What a request of a user with a KMS key needs."""
    operation, body = line["operation"], line["body"] or {}
    bucket, _, key = line["path"].strip("/").partition("/")
    job = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{body.get('TrainingJobName')}"
    resources = (
        (ON_OBJECTS, f"arn:aws:s3:::{bucket}/{key}"),
        (ON_BUCKETS, f"arn:aws:s3:::{bucket}"),
        (WITH_A_KEY, KEY),
        (ON_JOBS, job),
        (ON_LOGS, f"{LOGS}:log-stream:{body.get('logStreamName', '')}"),
        (ON_ALL, "*"),
    )
    found = [Need(action, resource) for table, resource in resources for action in table.get(operation, ())]
    assert found, f"{operation} is new: say what it needs"
    if operation == "CreateTrainingJob":
        found.append(Need("iam:PassRole", body["RoleArn"], {"iam:PassedToService": "sagemaker.amazonaws.com"}))
        found += [Need("sagemaker:AddTags", job)] if body.get("Tags") else []
        if body["ResourceConfig"].get("VolumeKmsKeyId"):
            found.append(Need("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}))
    return found


def matches(statement: dict[str, Any], need: Need) -> bool:
    """Whether a statement allows what is needed."""
    return (
        any(fnmatch.fnmatchcase(need.action.lower(), action.lower()) for action in listed(statement["Action"]))
        and any(fnmatch.fnmatchcase(need.resource, resource) for resource in listed(statement["Resource"]))
        and all(
            fnmatch.fnmatchcase(need.context.get(name, ""), value)
            for conditions in statement.get("Condition", {}).values()
            for name, value in conditions.items()
        )
    )


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def policy(name: str, bucket: str) -> list[dict[str, Any]]:
    """A policy's statements, with its words in capitals filled in."""
    text = (DOCS / f"{name}.json").read_text()
    given = {
        "BUCKET": bucket,
        "PREFIX": PREFIX,
        "REGION": REGION,
        "ACCOUNT": ACCOUNT,
        "KMS_KEY_ARN": KEY,
        "ROLE_ARN": ROLE,
    }
    for word, value in given.items():
        text = text.replace(word, value)
    return json.loads(text)["Statement"]


def inputs(folder: Path) -> tuple[Path, Path]:
    """Chips, and a base model that is large enough to be sent in parts."""
    image, labels = write_scene(folder / "scene.tif"), write_vector(folder / "labels.gpkg", houses())
    settings = PrepareSettings(gsd_m=0.5, size_px=64)
    chips = prepare(loose_scenes([str(image)], [str(labels)]), folder / "town", settings=settings).chips.path
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(np.random.default_rng(0).bytes(11 << 20))
    return chips, model


@pytest.fixture
def flow(aws, tmp_path, monkeypatch, left) -> tuple[str, list[dict[str, Any]]]:  # noqa: F811
    """All that a user does, an interrupted upload included: the bucket, and what AWS was asked."""
    monkeypatch.setattr(content, "CHUNK_BYTES", 5 << 20)
    monkeypatch.setattr(uploading, "AT_ONCE", 1)
    monkeypatch.chdir(tmp_path)
    bucket, (chips, model) = aws.new_bucket(), inputs(tmp_path)
    prefixes = Prefixes(to=f"s3://{bucket}/{PREFIX}", job=NAME)
    begun = len(aws.requests())

    def cut(stage: str, done: int, total: int, note: str = "") -> None:
        if done > 6 << 20:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        upload(plan_uploads(open_chips(chips), prefixes, model=model), Clients(), kms_key=KEY, progress=cut)
    words = f"{chips} --to {prefixes.to} --role {ROLE} --model {model} --job-name {NAME} --launcher boto3"
    words += f" --instance-type ml.m5.large --kms-key-id {KEY} --tags project=towns"
    submit.main(words.split(), standalone_mode=False)
    asked = aws.requests()[begun:]
    put_model(aws, bucket, left)
    say(aws, f"{NAME}/algo-1-17", "hello")
    begun = len(aws.requests())
    with between(aws.endpoint) as way:
        monkeypatch.setenv("AWS_ENDPOINT_URL", way.endpoint)
        for command in ("list", f"show {NAME}", f"logs {NAME}", f"fetch {NAME}"):
            jobs.main(command.split(), standalone_mode=False)
        way.jobs[NAME] = [{"TrainingJobStatus": "InProgress"}]
        jobs.main(["stop", NAME], standalone_mode=False)
    return bucket, asked + aws.requests()[begun:]


def put_model(aws: Aws, bucket: str, folder: Path) -> None:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, arcname=".")
    aws.client("s3").upload_file(str(path), bucket, f"{PREFIX}/jobs/{NAME}/output/model.tar.gz")


def test_the_submitter_may_do_what_is_done_and_no_more(flow):
    bucket, asked = flow
    wanted = [need for line in asked for need in needs(line)]
    statements = policy("submitter-policy", bucket)
    assert [need for need in wanted if not any(matches(statement, need) for statement in statements)] == []
    unused = [
        (action, resource)
        for statement in statements
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if not any(matches(statement | {"Action": action, "Resource": resource}, need) for need in wanted)
    ]
    assert unused == []


BY_THE_SDK = f"""
import sys
from training.aws.job import TrainingJob
from training.aws.launch import launch
from training.aws.session import Clients
to = sys.argv[1]
job = TrainingJob(
    name="{NAME}", image="image", instance_type="ml.m5.large", instance_count=1, spot=True, max_runtime_s=60,
    max_wait_s=60, volume_gb=30, volume_kms_key_id="", role="{ROLE}", output=to + "/jobs", input_mode="File",
    checkpoints=to + "/jobs/{NAME}/checkpoints", channels={{"code": to + "/code/1/"}}, hyperparameters={{}},
    tags={{"project": "towns"}},
)
launch(job, "sagemaker", Clients())
"""


@needs_sdk
def test_the_sdk_needs_nothing_more(aws):
    bucket = aws.new_bucket()
    begun = len(aws.requests())
    command = [SDK, "-c", BY_THE_SDK, f"s3://{bucket}/{PREFIX}"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True)
    wanted = [need for line in aws.requests()[begun:] for need in needs(line)]
    assert "sagemaker:CreateTrainingJob" in {need.action for need in wanted}
    statements = policy("submitter-policy", bucket)
    assert [need for need in wanted if not any(matches(statement, need) for statement in statements)] == []


def test_the_submitter_is_kept_out_of_everything_else():
    def allowed(need: Need) -> bool:
        return any(matches(statement, need) for statement in policy("submitter-policy", "bucket"))

    assert allowed(Need("s3:PutObject", f"arn:aws:s3:::bucket/{PREFIX}/chips/x"))
    for need in (
        Need("s3:PutObject", "arn:aws:s3:::bucket/other/x"),
        Need("s3:PutObject", f"arn:aws:s3:::other/{PREFIX}/x"),
        Need("s3:DeleteObject", f"arn:aws:s3:::bucket/{PREFIX}/x"),
        Need("s3:ListBucket", "arn:aws:s3:::other"),
        Need("sagemaker:StopTrainingJob", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/theirs"),
        Need("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", {"iam:PassedToService": "sagemaker.amazonaws.com"}),
        Need("iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
        Need("logs:GetLogEvents", f"{LOGS}:log-stream:theirs/algo-1-17"),
        Need("kms:CreateGrant", KEY),
    ):
        assert not allowed(need), need


def test_the_role_may_do_what_the_request_makes_sagemaker_do_and_no_more(tmp_path, capsys):
    bucket, (chips, model) = "bucket", inputs(tmp_path)
    words = f"{chips} --to s3://{bucket}/{PREFIX} --role {ROLE} --model {model} --job-name {NAME} --region {REGION}"
    submit.main([*words.split(), "--dry-run"], standalone_mode=False)
    request = json.loads(capsys.readouterr().out)["request"]
    channels = [each["DataSource"]["S3DataSource"]["S3Uri"] for each in request["InputDataConfig"]]
    objects = [f"{uri.replace('s3://', 'arn:aws:s3:::')}file" for uri in channels]
    checkpoint = request["CheckpointConfig"]["S3Uri"].replace("s3://", "arn:aws:s3:::") + "/run/checkpoints/1.pt"
    model = (
        f"{request['OutputDataConfig']['S3OutputPath'].replace('s3://', 'arn:aws:s3:::')}/{NAME}/output/model.tar.gz"
    )
    stream = f"{LOGS}:log-stream:{NAME}/algo-1-17"
    wanted = [
        *(Need("s3:GetObject", name) for name in [*objects, checkpoint]),
        *(Need("s3:PutObject", name) for name in [checkpoint, model]),
        Need("s3:DeleteObject", checkpoint),  # what the run deletes disappears from S3, too
        Need("s3:ListBucket", f"arn:aws:s3:::{bucket}"),
        Need("logs:CreateLogGroup", f"{LOGS}:log-stream:"),
        *(Need(f"logs:{action}", stream) for action in ("CreateLogStream", "DescribeLogStreams", "PutLogEvents")),
        Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}),
        *(
            Need(f"ecr:{action}", f"arn:aws:ecr:{REGION}:763104351884:repository/pytorch")
            for action in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
        ),
        Need("ecr:GetAuthorizationToken"),
        Need("kms:Decrypt", KEY),
        Need("kms:Encrypt", KEY),  # "must include", says the API's OutputDataConfig of roles and keys
        Need("kms:GenerateDataKey", KEY),
        Need("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}),
    ]
    statements = policy("execution-role-policy", bucket)
    assert [need for need in wanted if not any(matches(statement, need) for statement in statements)] == []
    for statement in statements:
        for action in listed(statement["Action"]):
            assert any(matches(statement | {"Action": action}, need) for need in wanted), action
    for need in (Need("s3:PutObject", objects[0]), Need("s3:GetObject", "arn:aws:s3:::other/x")):
        assert not any(matches(statement, need) for statement in statements)


@pytest.mark.parametrize("name", ["submitter-policy", "execution-role-policy"])
def test_iam_takes_the_policies(aws, name):
    document = json.dumps({"Version": "2012-10-17", "Statement": policy(name, "bucket")})
    assert not any("*" in action for statement in policy(name, "bucket") for action in listed(statement["Action"]))
    aws.client("iam").create_policy(PolicyName=name, PolicyDocument=document)
    assert len(document.replace(" ", "")) < 6144  # characters, IAM's limit


# The CloudFormation template


class Template(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each as (NAME, VALUE)."""


Template.add_multi_constructor(
    "!",
    lambda loader, name, node: (
        name,
        loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_scalar(node),
    ),
)


def filled(value: Any, names: dict[str, Any]) -> Any:
    """A part of the template with its functions carried out; what is AWS::NoValue disappears."""
    if isinstance(value, dict):
        return {key: filled(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [inner for inner in (filled(inner, names) for inner in value) if inner is not None]
    if not isinstance(value, tuple):
        return value
    function, given = value
    if function == "Sub":
        for name in [part.partition("}")[0] for part in given.split("${")[1:]]:
            given = given.replace(f"${{{name}}}", names[name])
        return given
    if function == "If":
        return filled(given[1 if names[given[0]] else 2], names)
    return names[given]  # Ref and GetAtt


@pytest.mark.parametrize("key", [KEY, ""])
def test_the_template_makes_what_the_policies_say(aws, key):
    template = yaml.load((DOCS / "samft.yaml").read_text(), Loader=Template)
    assert template["Conditions"]["WithKmsKey"] == ("Not", [("Equals", [("Ref", "KmsKeyArn"), ""])])
    names = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::NoValue": None}
    names |= {"Prefix": PREFIX, "KmsKeyArn": key, "WithKmsKey": bool(key)}
    names |= {"Bucket": "bucket", "Bucket.Arn": "arn:aws:s3:::bucket", "TrainingRole.Arn": ROLE}
    names |= {"SubmitterPolicy": "policy"}
    made = filled(template["Resources"], names)

    def expected(name: str) -> list[dict[str, Any]]:
        return [each for each in policy(name, "bucket") if key or not each["Sid"].startswith("OnlyWithAKmsKey")]

    role = made["TrainingRole"]["Properties"]
    assert role["Policies"][0]["PolicyDocument"]["Statement"] == expected("execution-role-policy")
    assert made["SubmitterPolicy"]["Properties"]["PolicyDocument"]["Statement"] == expected("submitter-policy")
    outputs = filled(template["Outputs"], names)
    assert (outputs["To"]["Value"], outputs["Role"]["Value"]) == (f"s3://bucket/{PREFIX}", ROLE)

    iam, s3 = aws.client("iam"), aws.client("s3")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
    iam.put_role_policy(
        RoleName="r", PolicyName="p", PolicyDocument=json.dumps(role["Policies"][0]["PolicyDocument"], default=str)
    )
    s3.create_bucket(Bucket="bucket")
    bucket = made["Bucket"]["Properties"]
    s3.put_public_access_block(Bucket="bucket", PublicAccessBlockConfiguration=bucket["PublicAccessBlockConfiguration"])
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    encryption = rule["ServerSideEncryptionByDefault"]
    assert encryption["SSEAlgorithm"] == ("aws:kms" if key else "AES256")
    assert encryption.get("KMSMasterKeyID", "") == key
    s3.put_bucket_policy(
        Bucket="bucket", Policy=json.dumps(made["BucketPolicy"]["Properties"]["PolicyDocument"], default=str)
    )
