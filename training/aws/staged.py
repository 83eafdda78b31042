"""What a job finds on S3: objects that are described whole before any of them exists."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from samft_core.errors import InputError
from training.aws.content import Content, chunks


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An object to be."""

    uri: str
    """Its place, s3://BUCKET/KEY."""
    bytes: int
    """Its size."""
    what: str
    """What it is, in words."""
    channel: str
    """The job's channel that it belongs to."""
    content: Content = field(repr=False)
    digests: tuple[str, ...] = field(repr=False)
    """SHA-256 of each of its chunks, in base64, as S3 has it."""

    @property
    def name(self) -> str:
        """The file's name in the channel."""
        return self.uri.rpartition("/")[2]

    @property
    def checksum(self) -> str:
        """S3's checksum of the object: of a single chunk its SHA-256, of several that of theirs."""
        return self.digests[0] if len(self.digests) == 1 else digest_of(b"".join(map(base64.b64decode, self.digests)))


@dataclass(frozen=True, kw_only=True)
class Staged:
    """All objects of a job, and where its channels lie."""

    uploads: tuple[Upload, ...]
    channels: Mapping[str, str]
    """Each channel's place on S3, a prefix that ends with a slash."""
    digests: Mapping[str, str]
    """Each channel's content in sixteen hexadecimal digits."""

    @property
    def bytes(self) -> int:
        """All there is to send, if nothing is there yet."""
        return sum(upload.bytes for upload in self.uploads)


def read_chunk(upload: Upload, number: int) -> bytes:
    """A chunk of an object, counted from 0, as it was when the object was described.

    Raises:
        InputError: The files have changed since.
    """
    data = upload.content.read(*chunks(upload.content)[number])
    if digest_of(data) != upload.digests[number]:
        raise InputError(
            expected=f"{upload.what} as they were when the upload was planned",
            got="files that have changed since",
            remedy="leave them alone, and submit again",
        )
    return data


def digest_of(data: bytes) -> str:
    """SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
