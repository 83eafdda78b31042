"""Objects to S3: in chunks side by side, each checked, going on where an upload was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from samft_core.errors import SamftError
from samft_core.progress import Progress
from training.aws.content import chunks
from training.aws.refusals import aws_errors
from training.aws.session import Clients
from training.aws.staged import Staged, Upload, read_chunk

AT_ONCE = 8
"""How many chunks travel side by side; each is held in memory."""


def upload(staged: Staged, session: Clients, *, kms_key: str | None, progress: Progress) -> None:
    """Send what is not there yet.

    What is there whole, by S3's own checksum, is left alone. A large object goes as a multipart upload; one that was
    cut off is gone on with, and only the chunks that S3 does not have are sent.

    Args:
        staged: What to send.
        session: Whose S3.
        kms_key: The id or ARN of a KMS key that encrypts the objects; None for the bucket's own setting.
        progress: Told about the bytes that are behind us.

    Raises:
        InputError: Files have changed since the plan, or bucket, permissions or credentials are not right.
        SamftError: S3 cannot be reached, or keeps something else than what was sent.
    """
    done = 0
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        with aws_errors():
            for item in staged.uploads:
                for sent in _Target(s3=session.s3, item=item, kms_key=kms_key).send(pool):
                    done += sent
                    progress("uploading", done, staged.bytes, f"{done / 1e6:.0f} of {staged.bytes / 1e6:.0f} MB")
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, kw_only=True)
class _Target:
    """An object's place on S3."""

    s3: Any = field(repr=False)
    item: Upload
    kms_key: str | None

    @property
    def at(self) -> dict[str, str]:
        bucket, _, key = self.item.uri.removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": key}

    @property
    def encryption(self) -> dict[str, str]:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key} if self.kms_key else {}

    @property
    def lengths(self) -> dict[int, int]:
        """The bytes of each chunk by its number at S3, which counts from 1."""
        return {number: length for number, (_, length) in enumerate(chunks(self.item.content), start=1)}

    def send(self, pool: Executor) -> Iterator[int]:
        """Bring the object there, and give the bytes that are behind us as they get there."""
        if self.is_there():
            yield self.item.bytes
        elif len(self.item.digests) > 1:
            yield from self.send_chunks(pool)
        else:
            checksum = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": self.item.checksum}
            self.check(self.s3.put_object(**self.at, **self.encryption, **checksum, Body=read_chunk(self.item, 0)))
            yield self.item.bytes

    def is_there(self) -> bool:
        """Whether it is there already, whole and under the right key."""
        from botocore.exceptions import ClientError

        try:
            found = self.s3.head_object(**self.at, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return False
            raise
        return found["ContentLength"] == self.item.bytes and self.is_same(found) and self.is_encrypted(found)

    def is_same(self, answer: dict[str, Any]) -> bool:
        """Whether S3's checksum is the object's; of one in parts, S3 adds their number: CHECKSUM-5."""
        return str(answer.get("ChecksumSHA256", "")).partition("-")[0] == self.item.checksum

    def is_encrypted(self, answer: dict[str, Any]) -> bool:
        """Whether the right key encrypts what S3 tells of; an alias may stand for any."""
        if self.kms_key is None:
            return True
        found, wanted = (key.rpartition("/")[2] for key in (answer.get("SSEKMSKeyId", ""), self.kms_key))
        return answer.get("ServerSideEncryption") == "aws:kms" and ("alias/" in self.kms_key or found == wanted)

    def send_chunks(self, pool: Executor) -> Iterator[int]:
        """Send the chunks that are not there, and make one object of all."""
        begun = self.begun() or self.begin()
        there = self.chunks_there(begun)
        yield sum(self.lengths[number] for number in there)
        missing = [number for number in self.lengths if number not in there]
        for sent in as_completed([pool.submit(self.send_chunk, begun, number) for number in missing]):
            number, there[number] = sent.result()
            yield self.lengths[number]
        parts = [
            {"PartNumber": number, "ETag": there[number], "ChecksumSHA256": self.digest(number)}
            for number in self.lengths
        ]
        self.check(self.s3.complete_multipart_upload(**self.at, UploadId=begun, MultipartUpload={"Parts": parts}))

    def begun(self) -> str | None:
        """The latest upload of this object that was cut off, if any."""
        bucket, key = self.at["Bucket"], self.at["Key"]
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key)
        found = [begun for page in pages for begun in page.get("Uploads", ()) if begun["Key"] == key]
        return max(found, key=lambda begun: begun["Initiated"])["UploadId"] if found else None

    def begin(self) -> str:
        """Start an upload in chunks."""
        begun: str = self.s3.create_multipart_upload(**self.at, **self.encryption, ChecksumAlgorithm="SHA256")[
            "UploadId"
        ]
        return begun

    def chunks_there(self, begun: str) -> dict[int, str]:
        """The ETags of the chunks that S3 has already."""
        pages = self.s3.get_paginator("list_parts").paginate(**self.at, UploadId=begun)
        return {
            part["PartNumber"]: part["ETag"]
            for page in pages
            for part in page.get("Parts", ())
            if part["Size"] == self.lengths.get(part["PartNumber"])
            and part.get("ChecksumSHA256", self.digest(part["PartNumber"])) == self.digest(part["PartNumber"])
        }

    def send_chunk(self, begun: str, number: int) -> tuple[int, str]:
        """Send a chunk; gives its number and ETag."""
        answer = self.s3.upload_part(
            **self.at,
            UploadId=begun,
            PartNumber=number,
            Body=read_chunk(self.item, number - 1),
            ChecksumSHA256=self.digest(number),
        )
        return number, answer["ETag"]

    def digest(self, number: int) -> str:
        return self.item.digests[number - 1]

    def check(self, answer: dict[str, Any]) -> None:
        """Make sure that S3 keeps what was sent, under the right key."""
        if not self.is_encrypted(answer) or ("ChecksumSHA256" in answer and not self.is_same(answer)):
            raise SamftError(f"S3 keeps something else in {self.item.uri} than what was sent; submit again")
