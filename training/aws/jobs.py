"""Training jobs as SageMaker tells of them: which there are, how they are, what they say, and how to end them."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from samft_core.errors import InputError
from training.aws.refusals import aws_errors
from training.aws.session import Clients

OURS = "samft-"
"""How the names of jobs begin that `samft submit` names itself."""

LOG_GROUP = "/aws/sagemaker/TrainingJobs"

POLL_S = 5.0
"""How often a job that is followed is looked at."""

AT_ONCE = 8
"""How many jobs are asked about side by side."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it was a moment ago."""

    name: str
    status: str
    """InProgress, Completed, Failed, Stopping or Stopped."""
    stage: str
    """What it does, such as Starting, Downloading, Training, Interrupted, Uploading, MaxRuntimeExceeded."""
    failure: str
    """Why it failed, or nothing."""
    instance_type: str
    instances: int
    created: datetime
    training_s: int | None
    """How long it has trained, once SageMaker knows."""
    billable_s: int | None
    """What is paid for of that, for each instance."""
    spot: bool
    history: tuple[tuple[datetime, str, str], ...] = field(repr=False)
    """When it came to each stage, and what SageMaker said of it."""
    described: Mapping[str, Any] = field(repr=False)
    """All that DescribeTrainingJob answered."""

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in {"Completed", "Failed", "Stopped"}

    @property
    def standing(self) -> str:
        """Status and stage in words."""
        return self.status if self.stage in {"", self.status} else f"{self.status} ({self.stage})"

    @property
    def saved(self) -> float | None:
        """The share of the price that Spot has saved, once it is known."""
        if not (self.spot and self.training_s and self.billable_s is not None):
            return None
        return 1 - self.billable_s / self.training_s

    @property
    def billed_h(self) -> float | None:
        """Hours of one instance, at the price on demand, that are paid for."""
        return None if self.billable_s is None else self.billable_s * self.instances / 3600

    @property
    def checkpoints(self) -> str:
        """Where its checkpoints lie on S3, or nothing."""
        return str(self.described.get("CheckpointConfig", {}).get("S3Uri", ""))

    @property
    def artifact(self) -> str:
        """Where its model.tar.gz lies on S3, or nothing."""
        return str(self.described.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""))


def find_job(session: Clients, name: str) -> Job:
    """A job by its name.

    Raises:
        InputError: There is none.
    """
    from botocore.exceptions import ClientError

    with aws_errors():
        try:
            return _job(session.sagemaker.describe_training_job(TrainingJobName=name))
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ValidationException", "ResourceNotFound"}:
                raise
            raise InputError(
                expected=f"the name of a training job in {session.region}",
                got=name,
                remedy="see samft jobs list, or give another --region",
            ) from error


def list_jobs(session: Clients, *, everything: bool, limit: int) -> list[Job]:
    """The latest jobs, newest first.

    Args:
        session: Whose jobs.
        everything: Whether jobs count whose names do not begin with samft-.
        limit: How many at most.
    """
    wanted = {} if everything else {"NameContains": OURS}
    with aws_errors():
        pages = session.sagemaker.get_paginator("list_training_jobs").paginate(
            SortBy="CreationTime", SortOrder="Descending", **wanted
        )
        names = (job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"])
        ours = itertools.islice((name for name in names if everything or name.startswith(OURS)), limit)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda name: find_job(session, name), ours))


def stop(session: Clients, name: str) -> Job:
    """Ask SageMaker to end a job; gives the job as it was before, which is not asked if it is about to end anyway.

    Raises:
        InputError: There is none of this name.
    """
    job = find_job(session, name)
    if job.status == "InProgress":
        with aws_errors():
            session.sagemaker.stop_training_job(TrainingJobName=name)
    return job


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line of a job's log."""

    at_ms: int
    """When, in milliseconds since 1970."""
    host: str
    """Which instance said it: algo-1, algo-2, ..."""
    text: str


def read_log(session: Clients, name: str, *, follow: bool, poll_s: float = POLL_S) -> Iterator[LogLine]:
    """What a job's instances have said, in the order of time.

    Args:
        session: Whose job.
        name: The job's.
        follow: Whether to go on until the job ends.
        poll_s: Seconds between looks.

    Raises:
        InputError: There is no such job.
    """
    read: dict[str, str] = {}
    ending = False
    while True:
        job = find_job(session, name)
        with aws_errors():
            yield from heapq.merge(
                *(_new_lines(session, stream, read) for stream in _streams(session, name)), key=lambda line: line.at_ms
            )
        if not follow or ending:
            return
        ending = job.ended  # one more look, since the last lines come late
        time.sleep(poll_s)


def _streams(session: Clients, name: str) -> list[str]:
    """A job's log streams: one for each instance, and each time that it was started."""
    pages = session.logs.get_paginator("describe_log_streams").paginate(
        logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/"
    )
    try:
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    except session.logs.exceptions.ResourceNotFoundException:  # no job has ever said anything
        return []


def _new_lines(session: Clients, stream: str, read: dict[str, str]) -> Iterator[LogLine]:
    """A stream's lines from where it was read to, which is kept in `read`."""
    host = stream.rpartition("/")[2].rpartition("-")[0]
    while True:
        since = {"nextToken": read[stream]} if stream in read else {}
        page = session.logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream, startFromHead=True, **since)
        for event in page["events"]:
            yield LogLine(at_ms=event["timestamp"], host=host, text=event["message"].rstrip("\n"))
        if read.get(stream) == page["nextForwardToken"]:
            return
        read[stream] = page["nextForwardToken"]


def _job(described: Mapping[str, Any]) -> Job:
    resources = described.get("ResourceConfig", {})
    return Job(
        name=described["TrainingJobName"],
        status=described["TrainingJobStatus"],
        stage=described.get("SecondaryStatus", ""),
        failure=" ".join(described.get("FailureReason", "").split()),
        instance_type=resources.get("InstanceType", ""),
        instances=resources.get("InstanceCount", 1),
        created=described["CreationTime"],
        training_s=described.get("TrainingTimeInSeconds"),
        billable_s=described.get("BillableTimeInSeconds"),
        spot=described.get("EnableManagedSpotTraining", False),
        history=tuple(
            (step["StartTime"], step["Status"], step.get("StatusMessage", ""))
            for step in described.get("SecondaryStatusTransitions", ())
        ),
        described=described,
    )
