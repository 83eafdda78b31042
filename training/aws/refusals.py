"""AWS's refusals in one line: what was expected, what AWS said, and what to do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from samft_core.errors import InputError, SamftError

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
        "400",  # of S3's HEAD requests, whose answers have no body that would say more
        expected="AWS credentials that are valid",
        got="a refusal without a reason ({said}), as for ones that have expired",
        remedy="log in again, for example with aws sso login, and give the same command",
    ),
    _refusal(
        "AuthFailure IncompleteSignature InvalidAccessKeyId InvalidClientTokenId InvalidSignatureException "
        "InvalidToken MissingAuthenticationTokenException SignatureDoesNotMatch UnrecognizedClientException",
        expected="AWS credentials that AWS knows",
        got="others ({said})",
        remedy="check AWS_PROFILE, the keys and this machine's clock",
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
RIGHTS = Refusal(
    codes=frozenset(),
    expected="a role with the rights that the job needs",
    got="another ({said})",
    remedy=f"check --role, and its policy (see {DOCS})",
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
    except aws.ConfigParseError as error:
        raise InputError(
            expected="an AWS configuration that can be read", got=str(error), remedy="correct that file"
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
    if code == "ValidationException" and re.search(r"\brole\b", said, re.IGNORECASE):
        known = [ROLE if re.search(r"\bassume", said, re.IGNORECASE) else RIGHTS]
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
