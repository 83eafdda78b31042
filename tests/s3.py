"""An S3 of our own: moto's server in a process beside the tests, which keeps its ACLs."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

START_S = 60
"""How long the server may take to start on a busy machine."""


@dataclass(frozen=True, kw_only=True)
class S3:
    """A running server."""

    address: str
    """Host and port."""

    def client(self) -> Any:
        """boto3's, with credentials."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=f"http://{self.address}",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )

    def new_bucket(self) -> str:
        """An empty bucket, of a name that GDAL's cache has not seen."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def upload(self, path: Path, bucket: str, *, key: str | None = None, public: bool = False) -> str:
        """Put a file there and give its address."""
        key = key or path.name
        self.client().upload_file(str(path), bucket, key, ExtraArgs={"ACL": "public-read"} if public else None)
        return f"s3://{bucket}/{key}"

    def point_gdal_here(self, monkeypatch: pytest.MonkeyPatch, *, credentials: bool = True) -> None:
        """Set the environment up for GDAL: this server, and credentials or none at all."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        settings = {
            "AWS_S3_ENDPOINT": self.address,
            "AWS_HTTPS": "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_SHARED_CREDENTIALS_FILE": "no-such-file",
            "AWS_CONFIG_FILE": "no-such-file",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }
        if credentials:
            settings |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)


@contextlib.contextmanager
def serve() -> Iterator[S3]:
    """Start the server on a free port, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield S3(address=f"127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process listens on a port of this machine."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"moto's server did not start on port {port}")
