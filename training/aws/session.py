"""AWS as this user sees it: clients of one region, and its refusals in one line."""

from __future__ import annotations

import configparser
import contextlib
import difflib
import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from samft_core.errors import InputError, SamftError
from samft_core.version import VERSION

DOCS = "docs/sagemaker.md"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What can be done about some of AWS's error codes; `{said}` is AWS's message, `{right}` the permission."""

    codes: frozenset[str]
    expected: str
    got: str
    remedy: str


def _refusal(codes: str, *, expected: str, got: str, remedy: str) -> Refusal:
    return Refusal(codes=frozenset(codes.split()), expected=expected, got=got, remedy=remedy)


REFUSALS = (
    _refusal(
        "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired",
        expected="AWS credentials that are valid",
        got="ones that have expired",
        remedy="log in again, for example with aws sso login",
    ),
    _refusal(
        "AuthFailure IncompleteSignature InvalidAccessKeyId InvalidClientTokenId InvalidToken SignatureDoesNotMatch "
        "UnrecognizedClientException",
        expected="AWS credentials that AWS knows",
        got="others ({said})",
        remedy="check AWS_PROFILE and the keys",
    ),
    _refusal(
        "RequestTimeTooSkewed",
        expected="a clock that is right",
        got="another ({said})",
        remedy="set this machine's clock",
    ),
    _refusal(
        "403 AccessDenied AccessDeniedException Forbidden UnauthorizedOperation",
        expected="permission for {right}",
        got="a refusal ({said})",
        remedy=f"check --to, --role and --job-name, and the policies in {DOCS}",
    ),
    _refusal(
        "NoSuchBucket",
        expected="a bucket that exists",
        got="none of this name",
        remedy="check --to, or make the bucket",
    ),
    _refusal(
        "301 AuthorizationHeaderMalformed IllegalLocationConstraintException PermanentRedirect",
        expected="a bucket in the region of the job",
        got="{said}",
        remedy="give the bucket's --region",
    ),
    _refusal(
        "ResourceInUse",
        expected="a job name that is free",
        got="{said}",
        remedy="give another --job-name",
    ),
    _refusal(
        "ResourceLimitExceeded",
        expected="a quota with room for the job",
        got="{said}",
        remedy="ask for more under Service Quotas (Spot has quotas of its own), or choose another --instance-type",
    ),
    _refusal(
        "ValidationException InvalidParameterException",
        expected="what {operation} takes",
        got="{said}",
        remedy="correct that setting",
    ),
)
ROLE = Refusal(
    codes=frozenset(),
    expected="a role that SageMaker can assume",
    got="another ({said})",
    remedy=f"check --role, and that the role trusts sagemaker.amazonaws.com (see {DOCS})",
)
BUSY = {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException"}

S3_NAMES = {
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "UploadPart": "PutObject",
}
"""S3 operations whose permission has another name."""


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


@contextlib.contextmanager
def aws_errors() -> Iterator[None]:
    """Turn what the AWS SDKs raise into samft's errors.

    Raises:
        InputError: Credentials, permissions or a setting must be changed.
        SamftError: AWS cannot be reached, or failed.
    """
    try:
        import botocore.exceptions as aws
        from boto3.exceptions import S3UploadFailedError
    except ImportError:  # without boto3, nothing raises its errors
        yield
        return
    try:
        yield
    except aws.ClientError as error:
        raise in_words(error) from error
    except S3UploadFailedError as error:
        if isinstance(error.__context__, aws.ClientError):
            raise in_words(error.__context__) from error
        raise SamftError(f"the upload failed: {error}") from error
    except aws.ProfileNotFound as error:
        raise InputError(
            expected="a profile of the AWS configuration", got=str(error), remedy="see aws configure list-profiles"
        ) from error
    except (
        aws.NoCredentialsError,
        aws.PartialCredentialsError,
        aws.CredentialRetrievalError,
        aws.NoAuthTokenError,
        aws.TokenRetrievalError,
        aws.SSOError,
    ) as error:
        raise InputError(
            expected="AWS credentials",
            got=f"none that can be used ({error})",
            remedy="log in (aws sso login, aws configure), or set AWS_PROFILE",
        ) from error
    except (aws.HTTPClientError, aws.ConnectionError) as error:
        raise SamftError(f"AWS cannot be reached: {error}; check the network and the region") from error
    except aws.BotoCoreError as error:
        raise SamftError(f"AWS's SDK failed: {error}") from error


def in_words(error: Any) -> SamftError:
    """An error that AWS answered with, as one of samft's.

    Args:
        error: botocore's ClientError.
    """
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = str(error.response.get("Error", {}).get("Message", "")).strip() or code
    operation = str(error.operation_name)
    known = [refusal for refusal in REFUSALS if code in refusal.codes]
    if "assume role" in said or ("role" in said.lower() and code == "ValidationException"):
        known = [ROLE]
    if known:
        named = re.search(r"not authorized to perform: ([\w:]+)", said)
        right = named[1] if named else permission(operation)
        words = {"said": said.rstrip("."), "right": right, "operation": operation}
        expected, got, remedy = (text.format(**words) for text in (known[0].expected, known[0].got, known[0].remedy))
        return InputError(expected=expected, got=got, remedy=remedy)
    if code in BUSY:
        return SamftError(f"AWS is busy ({said}); run the same command again in a minute")
    return SamftError(f"AWS refused {operation}: {said} ({code})")


def permission(operation: str) -> str:
    """What IAM calls the right to an operation."""
    if operation.endswith(("TrainingJob", "TrainingJobs", "Tags")):
        return f"sagemaker:{operation}"
    if "Log" in operation:
        return f"logs:{operation}"
    return f"s3:{S3_NAMES.get(operation, operation)}"
