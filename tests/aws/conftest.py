"""An AWS of our own: moto's server in a process beside the tests, which writes down what it is asked."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.aws.between import Between, between
from tests.aws.server import RECORD, REFUSALS
from tests.s3 import wait_for

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
ACCOUNT = "123456789012"
"""moto's."""
ROLE = f"arn:aws:iam::{ACCOUNT}:role/samft-training"
SDK = ROOT / ".venv-sagemaker" / ("Scripts" if os.name == "nt" else "bin") / "python"
needs_sdk = pytest.mark.skipif(
    not (ROOT / ".venv-sagemaker" / ".installed").exists(),
    reason="no .venv-sagemaker with the SageMaker SDK; make sagemaker-venv",
)


@dataclass(frozen=True, kw_only=True)
class Aws:
    """A running server."""

    endpoint: str
    """Its address, such as http://127.0.0.1:5000."""
    folder: Path
    """Where it writes its record, and finds what to refuse."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead every AWS SDK here, with credentials."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_SHARED_CREDENTIALS_FILE": "no-such-file",
            "AWS_CONFIG_FILE": "no-such-file",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def client(self, service: str, **options: Any) -> Any:
        """boto3's client of a service, with credentials, whatever the environment says."""
        import boto3

        given = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": REGION}
        return boto3.client(service, endpoint_url=self.endpoint, **(given | options))

    def new_bucket(self) -> str:
        """An empty bucket."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client("s3").create_bucket(Bucket=name)
        return name

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """What was asked since the test began, in order: operation, method, path, query, headers, and a JSON body.

        Args:
            operation: Only such, as the API names it: CreateTrainingJob, PutObject, ...
        """
        path = self.folder / RECORD
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [line for line in map(json.loads, lines) if operation in (None, line["operation"])]

    def refuse(self, operation: str, *, code: str, message: str = "no", status: int = 400) -> None:
        """From now on, answer such requests with an error."""
        path = self.folder / REFUSALS
        refusals = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        refusals.append({"operation": operation, "code": code, "message": message, "status": status})
        path.write_text(json.dumps(refusals), encoding="utf-8")

    def reset(self) -> None:
        """Forget everything: what was stored, asked and ordered."""
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST")).close()
        (self.folder / RECORD).unlink(missing_ok=True)
        (self.folder / REFUSALS).unlink(missing_ok=True)


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Aws]:
    """Start a server on a free port, and end it.

    Args:
        folder: For its record; exists, and is its alone.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.aws.server", str(port), str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield Aws(endpoint=f"http://127.0.0.1:{port}", folder=folder)
    finally:
        process.terminate()
        process.wait()


def in_sdk(*words: str, **environment: str) -> dict:
    """Run `tests.aws.by_sdk` where the SDK is."""
    result = subprocess.run(
        [SDK, "-m", "tests.aws.by_sdk", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/nowhere", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory) -> Iterator[Aws]:
    """A server for all tests of this process; `aws` is the one to use."""
    with serve(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture
def aws(aws_server, monkeypatch) -> Aws:
    """The server, empty, with the environment leading to it."""
    aws_server.reset()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws_server.environment.items():
        monkeypatch.setenv(name, value)
    return aws_server


@pytest.fixture
def way(aws, monkeypatch) -> Iterator[Between]:
    """A proxy on the way to the server."""
    with between(aws.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy
