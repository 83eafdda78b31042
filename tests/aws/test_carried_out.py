"""Jobs carried out for real: what was submitted runs where /opt/ml is, is interrupted, and comes back as a model."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import geopandas
import pytest

from samft_core.bundle import load_bundle
from samft_core.cli.main import run as samft
from tests.aws.carry_out import Machine, Running, Sagemaker, make_image, why_not
from tests.aws.conftest import REGION, ROLE, Aws, in_sdk, needs_sdk, serve
from tests.aws.small_job import SETTINGS, STEPS, make_base, make_chips, went_on
from training.aws.layout import METRICS

GRACE_S = 120
"""After SIGTERM, as SageMaker gives."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_not(1)), reason=why_not(1))]
two_machines = pytest.mark.skipif(bool(why_not(2)), reason=why_not(2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """With `chips`, the raster they were cut from, and a base model."""
    folder = tmp_path_factory.mktemp("jobs")
    make_chips(folder)
    make_base(folder / "base")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Any:
    """An AWS that forgets nothing between these tests."""
    with serve(tmp_path_factory.mktemp("aws")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def bucket(server) -> str:
    return server.new_bucket()


@pytest.fixture(scope="module")
def sagemaker(server, folder) -> Sagemaker:
    return Sagemaker(s3=server.client("s3"), image=make_image(folder / "image"), folder=folder)


def words(name: str, count: int, *more: str, folder: Path, bucket: str) -> list[str]:
    """The command that submits a job of two processes on each machine."""
    job = ["--to", f"s3://{bucket}/towns", "--role", ROLE, "--job-name", name, "--launcher", "boto3"]
    machines = ["--instance-type", "ml.c5.xlarge", "--instance-count", str(count), "--processes-per-node", "2"]
    settings = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    model = ["--model", str(folder / "base")]
    return ["submit", str(folder / "chips"), *job, *machines, *model, *settings, *more]


def submit(name: str, count: int, *more: str, folder: Path, bucket: str, server: Aws) -> dict[str, Any]:
    """Submit a job by the command; gives the request as it was sent."""
    assert samft(words(name, count, *more, folder=folder, bucket=bucket)) == 0
    request = server.requests("CreateTrainingJob")[-1]["body"]
    assert request["TrainingJobName"] == name
    return request


def finished(running: Running) -> dict[str, Any]:
    """Wait for a job that ends well; gives all that its bundle says but when, digests too."""
    assert running.wait() == [0] * len(running.machines), "\n".join(machine.log for machine in running.machines)
    assert not any(machine.failure for machine in running.machines)
    running.sync_all()
    running.upload_model()
    return said_by(running.machines[0].ml / "model" / "bundle")


def said_by(bundle: Path) -> dict[str, Any]:
    return {**load_bundle(bundle).card.as_dict(), "created": ""}


def assert_stopped(machine: Machine, status: int) -> None:
    assert status == 143, machine.log
    assert not machine.failure
    assert not list((machine.ml / "model").iterdir())


def metrics(request: dict[str, Any], log: str) -> dict[str, list[float]]:
    """What CloudWatch reads in a log."""
    return {
        definition["Name"]: [float(found) for found in re.findall(definition["Regex"], log, re.MULTILINE)]
        for definition in request["AlgorithmSpecification"]["MetricDefinitions"]
    }


@pytest.fixture(scope="module")
def whole(folder, bucket, server, sagemaker) -> dict[int, dict[str, Any]]:
    """What the bundles of jobs say that nothing interrupted, by the number of machines."""
    found = {}
    for count, more in ((1, ["--input-mode", "File"]), (2, ["--input-mode", "FastFile"])):
        if why_not(count):
            continue
        request = submit(f"samft-whole-{count}", count, *more, folder=folder, bucket=bucket, server=server)
        with sagemaker.started(request) as running:
            found[count] = finished(running)
            assert not went_on(running.machines[0].log)
            seen = metrics(request, running.machines[0].log)
            lines = (running.machines[0].ml / "model" / "metrics.jsonl").read_text().splitlines()
            written = [json.loads(line) for line in lines]
            for name in METRICS:
                assert seen[name] == pytest.approx([line[name] for line in written if name in line], rel=1e-4), name
            for other in running.machines[1:]:
                assert not any(metrics(request, other.log).values())
                assert not list((other.ml / "model").iterdir())
    return found


@pytest.mark.parametrize("count", [1, pytest.param(2, marks=two_machines)])
def test_from_submit_to_footprints(count, whole, folder, tmp_path):
    """The model that is fetched names its base as it is known here, not by its place in the container."""
    name = f"samft-whole-{count}"
    assert samft(["jobs", "fetch", name, "--out", str(tmp_path / "model"), "--region", REGION]) == 0
    bundle = load_bundle(tmp_path / "model" / "bundle")
    assert said_by(bundle.path) == whole[count]
    assert bundle.card.base_id == str(folder / "base")
    assert bundle.card.training["settings"]["max_steps"] == STEPS
    assert (tmp_path / "model" / "report.html").stat().st_size > 1000
    out = tmp_path / "footprints.gpkg"
    assert samft(["segment", str(bundle.path), str(folder / "image.tif"), "--out", str(out)]) == 0
    assert set(geopandas.read_file(out)["bundle"]) <= {bundle.card.hash}


def test_one_machine_killed_is_never_interrupted(whole, folder, bucket, server, sagemaker):
    """SIGKILL without a word; and to the end; then once more, when there is nothing left to do."""
    request = submit("samft-spot-1", 1, folder=folder, bucket=bucket, server=server)
    with sagemaker.started(request) as running:
        running.wait_for_step(4)
        running.machines[0].sigkill()
        assert running.snapshot() < STEPS
    with sagemaker.started(request) as running:
        assert finished(running) == whole[1]
        assert went_on(running.machines[0].log)
        assert "FINISHED RUN" not in running.machines[0].log
    with sagemaker.started(request) as running:
        assert finished(running) == whole[1]
        assert "note: THE CHECKPOINTS HOLD A FINISHED RUN" in running.machines[0].log
        assert "training: " not in running.machines[0].log


@needs_sdk
def test_a_job_of_the_sdk_hears_that_it_is_to_stop(folder, bucket, server, sagemaker, monkeypatch):
    """The SDK's shell script runs before the entrypoint, and must not keep SIGTERM from it."""
    jobs = []
    with monkeypatch.context() as patch:
        patch.setattr("training.aws.submit.launch", lambda job, launcher, clients: jobs.append(job))
        assert samft(words("samft-by-sdk", 1, "--processes-per-node", "1", folder=folder, bucket=bucket)) == 0
    in_sdk("--this", json.dumps(dataclasses.asdict(jobs[0])), **server.environment)
    with sagemaker.started(server.requests("CreateTrainingJob")[-1]["body"]) as running:
        running.wait_for_step(4)
        running.machines[0].sigterm()
        assert_stopped(running.machines[0], *running.wait(GRACE_S))
        running.sync_all()
        assert f"error: stopped by SIGTERM after step {running.snapshot()};" in running.machines[0].log


@two_machines
def test_two_machines_lost_together_or_alone_are_never_interrupted(whole, folder, bucket, server, sagemaker):
    request = submit("samft-spot-2", 2, folder=folder, bucket=bucket, server=server)
    with sagemaker.started(request) as running:  # both are told to stop
        running.wait_for_step(4)
        for machine in running.machines:
            machine.sigterm()
        for machine, status in zip(running.machines, running.wait(GRACE_S), strict=True):
            assert_stopped(machine, status)
        running.sync_all()
        at = running.snapshot()
    with sagemaker.started(request) as running:  # one is told to stop, and the other goes with it
        running.wait_for_step(at + 2)
        first, second = running.machines
        second.sigterm()
        for machine, status in zip(running.machines, running.wait(GRACE_S), strict=True):
            assert_stopped(machine, status)
        assert "note: another machine of this job was told to stop" in first.log
        assert went_on(first.log)
        running.sync_all()
        at = running.snapshot()
        assert at < STEPS
    with sagemaker.started(request) as running:  # the first, which the others meet at, is gone at once
        running.wait_for_step(at + 2)
        first, second = running.machines
        first.sigkill()
        assert running.wait(GRACE_S)[1] == 1, second.log
        assert second.failure.startswith("expected 4 processes to go on, got one that ended (")
        assert went_on(first.log)
        assert running.snapshot() < STEPS
    with sagemaker.started(request) as running:
        assert finished(running) == whole[2]
        assert went_on(running.machines[0].log)
        assert "resuming in another way" not in running.machines[0].log
