"""Jobs listed, shown, followed and stopped, as the command does it."""

import contextlib
import time
from datetime import datetime, timedelta, timezone

import pytest

from samft_core.errors import InputError, SamftError
from tests.aws.conftest import ROLE, Aws
from tests.conftest import assert_one_clear_line
from training.aws.jobs import LOG_GROUP, find_job, read_log
from training.aws.session import Clients
from training.cli.jobs import jobs


@pytest.fixture
def samft_jobs(capsys):
    """Runs the command, and gives its stdout."""

    def call(*arguments: str) -> str:
        jobs.main([*arguments], prog_name="samft jobs", standalone_mode=False)
        return capsys.readouterr().out

    return call


def train(aws: Aws, name: str, *, instances: int = 1) -> None:
    """A job, which moto completes at once."""
    aws.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://bucket/jobs"},
        CheckpointConfig={"S3Uri": f"s3://bucket/jobs/{name}/checkpoints"},
        ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": instances, "VolumeSizeInGB": 50},
        StoppingCondition={"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
        EnableManagedSpotTraining=True,
        HyperParameters={"epochs": "30"},
    )


def say(aws: Aws, stream: str, *lines: str, at_s: float = 0.0, every_ms: int = 1000) -> None:
    """Write lines to a log stream, a second from each other, some seconds after ten minutes ago."""
    logs = aws.client("logs")
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=LOG_GROUP)
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=stream)
    begin_ms = int((time.time() - 600 + at_s) * 1000)
    events = [{"timestamp": begin_ms + every_ms * number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=LOG_GROUP, logStreamName=stream, logEvents=events)


def test_list_is_newest_first_and_ours_unless_all(aws, way, samft_jobs):
    for name in ("samft-old", "other-samft-job", "samft-new"):
        train(aws, name)
    hours = {"samft-old": 30, "other-samft-job": 2, "samft-new": 1}
    for name, ago in hours.items():
        created = (datetime.now(timezone.utc) - timedelta(hours=ago, minutes=1)).timestamp()
        way.jobs[name] = [{"CreationTime": created, "TrainingTimeInSeconds": 3600, "BillableTimeInSeconds": 1260}]
    header, *rows = samft_jobs("list").splitlines()
    assert header.split() == ["job", "status", "instances", "age", "billed", "Spot", "saved"]
    assert {row.split()[0] for row in rows} == {"samft-new", "samft-old"}
    new = next(row for row in rows if row.startswith("samft-new"))
    assert new.split() == ["samft-new", "Completed", "1", "x", "ml.g5.xlarge", "61", "min", "0.35", "h", "65%"]
    asked = aws.requests("ListTrainingJobs")[-1]["body"]
    assert (asked["SortBy"], asked["SortOrder"], asked["NameContains"]) == ("CreationTime", "Descending", "samft-")
    assert len(samft_jobs("list", "--all").splitlines()) == 4
    assert len(samft_jobs("list", "--limit", "1").splitlines()) == 2


def test_show_tells_why_a_job_failed_and_what_it_costs(aws, way, samft_jobs):
    train(aws, "samft-a", instances=2)
    way.jobs["samft-a"] = [
        {
            "TrainingJobStatus": "Failed",
            "SecondaryStatus": "Failed",
            "FailureReason": "AlgorithmError: expected 3 bands,\n got 1; prepare again",
            "TrainingTimeInSeconds": 7200,
            "BillableTimeInSeconds": 1800,
            "SecondaryStatusTransitions": [
                {
                    "Status": "Training",
                    "StartTime": 1_790_000_000,
                    "StatusMessage": "Training image download completed.",
                },
                {"Status": "Interrupted", "StartTime": 1_790_000_600, "StatusMessage": "Spot capacity is gone."},
            ],
        }
    ]
    told = samft_jobs("show", "samft-a", "--price-per-hour", "4")
    assert "samft-a: Failed\n" in told
    assert "AlgorithmError: expected 3 bands, got 1; prepare again\n" in told
    assert "1.00 hours of one instance are billed (Spot has saved 75%): 4.00\n" in told
    assert "2 x ml.g5.xlarge, Spot\n" in told
    assert "epochs = 30\n" in told
    assert "s3://bucket/jobs/samft-a/checkpoints\n" in told
    assert "2026-09-21 14:23:20 UTC  Interrupted  Spot capacity is gone.\n" in told


def test_what_a_job_costs_that_never_began(aws, way, samft_jobs):
    train(aws, "samft-a")
    way.jobs["samft-a"] = [{"TrainingJobStatus": "InProgress"}, {"TrainingJobStatus": "Failed"}]
    assert "cost: known when it has ended\n" in samft_jobs("show", "samft-a")
    assert "cost: SageMaker tells of none\n" in samft_jobs("show", "samft-a")


def test_logs_of_all_machines_in_the_order_of_time(aws, samft_jobs):
    train(aws, "samft-a", instances=2)
    train(aws, "samft-a2")
    say(aws, "samft-a/algo-1-1700000000", "begin", "middle", "end")
    say(aws, "samft-a/algo-2-1700000000", "two", at_s=0.5)
    say(aws, "samft-a/algo-1-1700000999", "again", at_s=60)
    say(aws, "samft-a2/algo-1-1700000000", "another job")
    told = samft_jobs("logs", "samft-a").splitlines()
    assert told == ["algo-1 | begin", "algo-2 | two", "algo-1 | middle", "algo-1 | end", "algo-1 | again"]
    assert samft_jobs("logs", "samft-a2") == "another job\n"


def test_long_logs_are_whole(aws):
    """A page of CloudWatch holds 10,000 lines at most."""
    train(aws, "samft-a")
    for part in range(3):
        say(
            aws, "samft-a/algo-1-17", *(f"line {5000 * part + number}" for number in range(5000)), every_ms=0, at_s=part
        )
    read = [line.text for line in read_log(Clients(), "samft-a", follow=False)]
    assert read == [f"line {number}" for number in range(15_000)]


def test_following_tells_every_line_once_until_the_job_ends(aws, way):
    train(aws, "samft-a")
    running = {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Training"}
    way.jobs["samft-a"] = [running, running, running, {}]
    lines = read_log(Clients(), "samft-a", follow=True, poll_s=0.05)
    say(aws, "samft-a/algo-1-17", "one", "two")
    heard = [next(lines).text, next(lines).text]
    say(aws, "samft-a/algo-1-17", "three", at_s=10)
    heard.append(next(lines).text)
    say(aws, "samft-a/algo-1-99", "after an interruption", at_s=20)
    heard += [line.text for line in lines]
    assert heard == ["one", "two", "three", "after an interruption"]


def test_following_a_job_that_fails_ends_with_its_reason(aws, way, samft_jobs, monkeypatch):
    train(aws, "samft-a")
    way.jobs["samft-a"] = [{"TrainingJobStatus": "Failed", "FailureReason": "CapacityError: no g5.xlarge"}]
    with pytest.raises(SamftError, match=r"samft-a failed: CapacityError: no g5\.xlarge"):
        samft_jobs("logs", "samft-a", "--follow")


def test_stop_says_what_happens_and_asks_once(aws, way, samft_jobs):
    train(aws, "samft-a")
    way.jobs["samft-a"] = [
        {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Training"},
        {"TrainingJobStatus": "Stopping", "SecondaryStatus": "Stopping"},
    ]
    assert "two minutes to save where it is to s3://bucket/jobs/samft-a/checkpoints" in samft_jobs("stop", "samft-a")
    assert samft_jobs("stop", "samft-a") == "samft-a is Stopping already\n"
    assert len(aws.requests("StopTrainingJob")) == 1


@pytest.mark.parametrize("verb", ["show", "logs", "stop", "fetch"])
def test_an_unknown_job_is_one_clear_line(aws, samft_jobs, verb):
    with pytest.raises(InputError, match="got samft-nowhere; see samft jobs list") as caught:
        samft_jobs(verb, "samft-nowhere")
    assert_one_clear_line(caught.value)


@pytest.mark.parametrize(
    ("code", "words"), [("ExpiredTokenException", "expired"), ("AccessDeniedException", "sagemaker:ListTrainingJobs")]
)
def test_refusals_are_one_clear_line(aws, samft_jobs, code, words):
    aws.refuse("ListTrainingJobs", code=code)
    with pytest.raises(InputError, match=words) as caught:
        samft_jobs("list")
    assert_one_clear_line(caught.value)


def test_a_job_knows_its_places(aws):
    train(aws, "samft-a")
    job = find_job(Clients(), "samft-a")
    assert (job.artifact, job.ended) == ("s3://bucket/jobs/samft-a/output/model.tar.gz", True)
