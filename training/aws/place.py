"""Where a job is to run and what it is to be called, looked at before anything is read or sent."""

from __future__ import annotations

from samft_core.errors import InputError
from training.aws.job import TrainingJob
from training.aws.jobs import find_job
from training.aws.layout import CHIPS_DIGEST, PROCESSES
from training.aws.refusals import aws_errors
from training.aws.session import Clients


def check_place(job: TrainingJob, clients: Clients) -> None:
    """Look before chips are read: whether credentials are good, the name is free, and the bucket is there.

    Raises:
        InputError: One of them is not so.
        SamftError: AWS cannot be reached, or failed.
    """
    from botocore.exceptions import ClientError

    with aws_errors():
        try:
            clients.sagemaker.describe_training_job(TrainingJobName=job.name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ValidationException", "ResourceNotFound"}:
                raise
        else:
            raise InputError(
                expected="a job name that is free",
                got=f"{job.name}, which is a job already",
                remedy="change --job-name",
            )
    _check_bucket(job.output.removeprefix("s3://").partition("/")[0], clients)


def check_begun(job: TrainingJob, name: str, clients: Clients) -> None:
    """Look whether a job can go on with the run of an earlier one: nobody is at it, and it is the same run.

    Args:
        job: With the earlier job's checkpoints; what its chips are is looked at once it is known.
        name: The earlier job.
        clients: Whose jobs.

    Raises:
        InputError: It cannot.
    """
    earlier = find_job(clients, name)
    if not earlier.ended:
        raise InputError(
            expected=f"{name} to have ended before another job goes on with its run",
            got=f"a job that is {earlier.standing}",
            remedy=f"wait for it, or end it: samft jobs stop {name}",
        )
    if earlier.checkpoints.rstrip("/") != job.checkpoints:
        raise InputError(
            expected=f"a run that {name} began, with checkpoints in {job.checkpoints}",
            got=f"one in {earlier.checkpoints or 'no place'}",
            remedy="give the --to of that job, and the first job of the run",
        )
    given = earlier.described.get("HyperParameters", {})
    for key in sorted({*given, *job.hyperparameters} - {PROCESSES}):
        found, wanted = (each.get(key, "nothing") for each in (given, job.hyperparameters))
        if found != wanted and (wanted or key != CHIPS_DIGEST):
            raise InputError(
                expected=f"the run begun by {name}, with {key} = {found}",
                got=f"{key} = {wanted}",
                remedy="give the same chips, model and settings, or begin a run without --continue",
            )


def _check_bucket(bucket: str, clients: Clients) -> None:
    from botocore.exceptions import ClientError

    with aws_errors():
        try:
            found = clients.s3.head_bucket(Bucket=bucket)
        except ClientError as error:  # the answer has no body that would say more
            code = str(error.response["Error"]["Code"])
            if code in {"404", "NoSuchBucket"}:
                raise InputError(
                    expected=f"a bucket {bucket}", got="none of this name", remedy="check --to, or make the bucket"
                ) from error
            if code in {"403", "AccessDenied"}:
                raise InputError(
                    expected=f"access to bucket {bucket}",
                    got=f"a refusal ({code})",
                    remedy="check --to, whose bucket it is, and the submitter's policy in docs/sagemaker.md",
                ) from error
            raise
    headers = found["ResponseMetadata"]["HTTPHeaders"]
    region = found.get("BucketRegion") or headers.get("x-amz-bucket-region") or clients.region
    if region != clients.region:
        raise InputError(
            expected=f"a bucket in {clients.region}, where the job runs",
            got=f"{bucket} in {region}",
            remedy=f"give --region {region}, or another --to",
        )
