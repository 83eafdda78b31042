"""What a job needs on S3: planned on this machine alone, and sent once.

Every object lies under a digest of its content. So the same chips, code or model are sent once for all jobs; chips that
have changed are other chips; and an object of the right size and checksum needs no second look.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from samft_core.errors import ChipsError, InputError
from samft_core.output import whole_file
from samft_core.progress import Progress, silent
from training.aws.content import Content, Member, chunks, open_file, tars
from training.aws.layout import CHIPS, CODE, MODEL, Prefixes
from training.aws.source import code
from training.aws.staged import Staged, Upload, digest_of, read_chunk
from training.aws.upload import upload

if TYPE_CHECKING:
    from training.chips import Chips

__all__ = ["Staged", "Upload", "plan_uploads", "upload", "write_staged"]

PART_BYTES = 512 << 20
"""A tar of chips is not larger: few enough to be listed at once, enough to be read side by side."""

WEIGHTS = ("config.json", "*.safetensors", "*.safetensors.index.json")
"""What a base model's folder is loaded from."""


def plan_uploads(chips: Chips, prefixes: Prefixes, *, model: Path | None, progress: Progress = silent) -> Staged:
    """Work out what goes to S3, without going there; reads every byte once.

    Args:
        chips: The chips to train on; all of the folder goes along.
        prefixes: Where things lie on S3.
        model: The folder of a base model that the job cannot get by itself, or None.
        progress: Told about the bytes that are behind us.

    Raises:
        ChipsError: A chip of the manifest is missing.
        InputError: A file cannot be read, or the model's folder holds none.
    """
    parts = list(tars(_members(chips), PART_BYTES))
    files: dict[str, dict[str, Content]] = {
        CHIPS: {f"chips-{number:05d}-of-{len(parts):05d}.tar": part for number, part in enumerate(parts, start=1)},
        CODE: code(),
    }
    if model is not None:
        files[MODEL] = _weights(model)
    places = {CHIPS: prefixes.chips, CODE: prefixes.code, MODEL: prefixes.model}
    chunked = _digests([content for named in files.values() for content in named.values()], progress)
    uploads: list[Upload] = []
    channels, digests = {}, {}
    for channel, named in files.items():
        found = {name: next(chunked) for name in named}
        digests[channel] = _digest(named, found)
        place = places[channel](digests[channel])
        channels[channel] = f"{place}/"
        uploads += [
            Upload(
                uri=f"{place}/{name}",
                bytes=content.size,
                what=_words(channel, name),
                channel=channel,
                content=content,
                digests=found[name],
            )
            for name, content in named.items()
        ]
    return Staged(uploads=tuple(uploads), channels=channels, digests=digests)


def write_staged(staged: Staged, folder: Path, *, progress: Progress = silent) -> None:
    """Lay the channels out in a folder, FOLDER/CHANNEL/FILE, as a job finds them.

    Raises:
        InputError: The files have changed since they were planned.
        OutputError: The folder cannot be written.
    """
    done = 0
    for item in staged.uploads:
        path = folder / item.channel / item.name
        with whole_file(path, overwrite=True) as temporary, temporary.open("wb") as file:
            for number in range(len(item.digests)):
                done += file.write(read_chunk(item, number))
                progress("staging", done, staged.bytes)


def _members(chips: Chips) -> Iterator[Member]:
    """The files of a chips folder, in the manifest's order."""
    from training.chips import BUILDINGS, MANIFEST, META

    manifest = chips.manifest
    pairs = zip(manifest["image"], manifest["mask"], strict=True)
    for name in (META, MANIFEST, BUILDINGS, *(file for pair in pairs for file in pair)):
        path = chips.path / name
        if not path.is_file():
            raise ChipsError(
                expected=f"every file of the manifest in {chips.path}",
                got=f"no {name}",
                remedy="prepare the chips again",
            )
        yield Member(name=Path(name).as_posix(), file=open_file(path))


def _weights(folder: Path) -> dict[str, Content]:
    """The files that a base model is loaded from."""
    found = sorted({path for pattern in WEIGHTS for path in folder.glob(pattern)})
    if len({path.suffix for path in found} & {".json", ".safetensors"}) < 2:
        raise InputError(
            expected=f"config.json and model.safetensors in {folder}",
            got=", ".join(path.name for path in found) or "neither",
            remedy="give the folder of a SAM, as save_pretrained leaves it",
        )
    return {path.name: open_file(path) for path in found}


def _digests(contents: list[Content], progress: Progress) -> Iterator[tuple[str, ...]]:
    """The digests of each content's chunks."""
    total, done = sum(content.size for content in contents), 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for content in contents:
            places, digests = chunks(content), []
            found = pool.map(lambda place, content=content: digest_of(content.read(*place)), places)
            for digest, (_, length) in zip(found, places, strict=True):
                digests.append(digest)
                done += length
                progress("reading", done, total)
            yield tuple(digests)


def _digest(named: Mapping[str, Content], chunked: Mapping[str, Iterable[str]]) -> str:
    """What tells a channel's content from any other."""
    digest = hashlib.sha256()
    for name, content in named.items():
        digest.update(" ".join([name, str(content.size), *chunked[name], "\n"]).encode())
    return digest.hexdigest()[:16]


def _words(channel: str, name: str) -> str:
    return {CHIPS: f"chips ({name})", CODE: f"samft's code ({name})", MODEL: f"the base model ({name})"}[channel]
