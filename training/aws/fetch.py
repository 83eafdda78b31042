"""A job's model from S3 to a folder: downloaded piece by piece, unpacked with suspicion, checked."""

from __future__ import annotations

import contextlib
import glob
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samft_core.bundle import Bundle, load_bundle
from samft_core.errors import InputError, OutputError, SamftError
from samft_core.output import check_folder, whole_folder
from samft_core.progress import Progress
from training.aws.jobs import Job, find_job
from training.aws.refusals import aws_errors
from training.aws.session import Clients
from training.aws.unpack import unpack
from training.run import BUNDLE

PIECE_BYTES = 1 << 20
"""What is written at once."""

LONGEST = 200
"""More of a list of files is not told."""

ATTEMPTS = 5
"""How often in a row a download may be cut off without a byte."""


def fetch(session: Clients, name: str, out: Path, *, overwrite: bool, progress: Progress) -> Bundle:
    """Bring a job's model here: FOLDER/bundle, FOLDER/report.html and FOLDER/metrics.jsonl, whole or not at all.

    A download that was cut off is gone on with when it is asked for again; until then it lies beside the folder under a
    hidden name.

    Args:
        session: Whose job.
        name: The job's.
        out: The folder to make.
        overwrite: Whether a model that was fetched there before is replaced.
        progress: Told about the bytes that are here.

    Raises:
        InputError: There is no such job, it is not done, has failed, or its archive is not to be trusted.
        OutputError: The folder exists already, or cannot be written.
        SamftError: The download was cut off again and again.
    """
    job = find_job(session, name)
    _require_done(job)
    out = out.resolve()
    check_folder(out, overwrite=overwrite, made_with=BUNDLE)
    with aws_errors():
        artifact = _find(session, job)
        packed = out.with_name(f".{out.name}.{artifact.mark}.part")
        for other in out.parent.glob(f".{glob.escape(out.name)}.{'[0-9a-f]' * 8}.part"):
            if other != packed:  # of a model that is not the job's any more
                other.unlink()
        artifact.download(packed, progress)
    with whole_folder(out, overwrite=overwrite, made_with=BUNDLE) as folder:
        try:
            unpack(packed, folder)
            _require_bundle(folder, job)
            load_bundle(folder / BUNDLE)
        except InputError:
            packed.unlink()
            raise
    packed.unlink()
    return load_bundle(out / BUNDLE)


def _require_done(job: Job) -> None:
    if job.status == "Failed":
        raise InputError(
            expected=f"{job.name} to be done",
            got=f"a job that failed: {job.failure or 'for a reason that SageMaker does not tell'}",
            remedy=f"see samft jobs logs {job.name}",
        )
    if job.status == "Stopped":
        raise InputError(
            expected=f"{job.name} to be done",
            got=f"a job that was {job.standing}, which leaves no model",
            remedy=f"go on with it: samft submit --continue {job.name}, and all else as before",
        )
    if job.status != "Completed" or not job.artifact:
        raise InputError(
            expected=f"{job.name} to be done",
            got=f"a job that is {job.standing}",
            remedy=f"wait for it: samft jobs logs {job.name} --follow",
        )


def _require_bundle(folder: Path, job: Job) -> None:
    if not (folder / BUNDLE).is_dir():
        found = sorted(path.name for path in folder.iterdir())
        raise InputError(
            expected=f"the model of {job.name} to hold a folder {BUNDLE}",
            got=", ".join(found)[:LONGEST] or "nothing",
            remedy="fetch a job that samft submit has started",
        )


@dataclass(frozen=True, kw_only=True)
class _Artifact:
    """An archive on S3, of one version."""

    s3: Any = field(repr=False)
    uri: str
    size: int
    etag: str
    md5: str | None
    """Of its bytes, where the ETag says it."""

    @property
    def at(self) -> dict[str, str]:
        bucket, _, key = self.uri.removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": key}

    @property
    def mark(self) -> str:
        """What tells a download of this version from any other."""
        return hashlib.sha256(f"{self.uri} {self.etag}".encode()).hexdigest()[:8]

    def download(self, path: Path, progress: Progress) -> None:
        """Bring all of it to a file, which may hold its beginning already.

        Raises:
            SamftError: It was cut off again and again, or what came is not what S3 has.
        """
        from botocore.exceptions import HTTPClientError, IncompleteReadError
        from urllib3.exceptions import HTTPError

        left = ATTEMPTS
        with _clear_errors(path), path.open("ab") as file:
            while (begun := file.tell()) < self.size and left:
                left -= 1
                try:
                    self.read_on(file, progress)
                except (HTTPClientError, IncompleteReadError, HTTPError, ConnectionError):
                    left = ATTEMPTS if file.tell() > begun else left
        if path.stat().st_size < self.size:
            raise SamftError(f"{self.uri} was cut off {ATTEMPTS} times; run the same command to go on where it is")
        self.check(path)

    def read_on(self, file: Any, progress: Progress) -> None:
        """Read from where the file ends."""
        body = self.s3.get_object(**self.at, Range=f"bytes={file.tell()}-", IfMatch=self.etag)["Body"]
        for piece in body.iter_chunks(PIECE_BYTES):
            file.write(piece)
            progress("downloading", file.tell(), self.size, f"{file.tell() / 1e6:.0f} of {self.size / 1e6:.0f} MB")

    def check(self, path: Path) -> None:
        """Compare a whole download with S3's ETag, where that is an MD5."""
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
        if path.stat().st_size != self.size or (self.md5 and digest.hexdigest() != self.md5):
            path.unlink()
            raise SamftError(f"what came of {self.uri} is not what S3 has; run the same command again")


def _find(session: Clients, job: Job) -> _Artifact:
    """What there is of a job's archive."""
    from botocore.exceptions import ClientError

    bucket, _, key = job.artifact.removeprefix("s3://").partition("/")
    try:
        found = session.s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
            raise
        raise InputError(
            expected=f"the model of {job.name} in {job.artifact}",
            got="nothing there",
            remedy="train it again; somebody has deleted it",
        ) from error
    return _Artifact(s3=session.s3, uri=job.artifact, size=found["ContentLength"], etag=found["ETag"], md5=_md5(found))


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusals to write into one line."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            expected=f"room for the download in {path.parent}",
            got=error.strerror or str(error),
            remedy="free some space, and run the same command to go on where it is",
        ) from error


def _md5(found: Mapping[str, Any]) -> str | None:
    """An object's MD5, which its ETag is unless it came in parts or under a KMS key."""
    etag = str(found["ETag"]).strip('"')
    return None if "-" in etag or found.get("ServerSideEncryption", "AES256") != "AES256" else etag
