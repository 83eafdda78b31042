"""AWS as this user sees it: clients of one region."""

from __future__ import annotations

import configparser
import contextlib
import difflib
import importlib.util
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from samft_core.errors import InputError
from samft_core.version import VERSION
from training.aws.refusals import aws_errors


class Clients:
    """AWS clients of one region, each made when it is first asked for.

    Args:
        region: By default AWS_REGION, AWS_DEFAULT_REGION, or the profile's.
        profile: A profile of the AWS configuration; by default AWS_PROFILE, or the default one.

    Raises:
        InputError: boto3 is not installed, the profile is unknown, or there is no such region.
    """

    def __init__(self, *, region: str | None = None, profile: str | None = None) -> None:
        require_boto3()
        import boto3

        with aws_errors():
            self.region = _checked_region(find_region(region, profile), boto3.Session(profile_name=profile))
            self.boto = boto3.Session(profile_name=profile, region_name=self.region)

    @cached_property
    def s3(self) -> Any:
        """Of S3."""
        return self._client("s3")

    @cached_property
    def sagemaker(self) -> Any:
        """Of SageMaker."""
        return self._client("sagemaker")

    @cached_property
    def logs(self) -> Any:
        """Of CloudWatch Logs."""
        return self._client("logs")

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=10,
            retries={"mode": "standard", "max_attempts": 5},
            max_pool_connections=32,
            user_agent_extra=f"samft/{VERSION}",
        )
        with aws_errors():
            return self.boto.client(service, config=config)


def require_boto3() -> None:
    """Refuse to go on without boto3.

    Raises:
        InputError: It is not installed.
    """
    if importlib.util.find_spec("boto3") is None:
        raise InputError(
            expected="boto3, which talks to AWS",
            got="an environment without it",
            remedy="install it: pip install 'samft[aws]'",
        )


def find_region(region: str | None, profile: str | None) -> str:
    """The region to work in, found without AWS and its SDKs.

    Args:
        region: What the user asked for, or None.
        profile: A profile of the AWS configuration, or None.

    Raises:
        InputError: Nothing says which.
    """
    named = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not named:
        profile = profile or os.environ.get("AWS_PROFILE") or "default"
        configured = configparser.ConfigParser(interpolation=None, strict=False)
        with contextlib.suppress(configparser.Error, UnicodeDecodeError):
            configured.read(Path(os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")).expanduser(), encoding="utf-8")
        section = "default" if profile == "default" else f"profile {profile}"
        named = configured.get(section, "region", fallback=None)
    if not named:
        raise InputError(
            expected="an AWS region", got="none", remedy="give --region, or set AWS_REGION to one such as eu-central-1"
        )
    return named


def _checked_region(region: str, session: Any) -> str:
    known = [
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("sagemaker", partition_name=partition)
    ]
    if region in known:
        return region
    near = difflib.get_close_matches(region, known, n=1)
    raise InputError(
        expected="an AWS region with SageMaker",
        got=region,
        remedy=f"write {near[0]}" if near else "correct --region or AWS_REGION",
    )
