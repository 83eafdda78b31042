"""samft itself, as a job takes it along: its packages in an archive, what they need, and what the container runs."""

from __future__ import annotations

import gzip
import importlib.metadata
import io
import tarfile
from pathlib import Path

import samft_core
import training
from samft_core.errors import SamftError
from samft_core.version import VERSION
from training.aws.content import Bytes, Content, open_file
from training.aws.layout import REQUIREMENTS, SOURCE, START

DISTRIBUTION = "samft"


def code() -> dict[str, Content]:
    """The files of the code channel, the same bytes for the same code.

    Raises:
        SamftError: samft is not installed.
    """
    here = Path(__file__).parent
    return {
        SOURCE: Bytes(data=_archive()),
        REQUIREMENTS: open_file(here / REQUIREMENTS),
        START: open_file(here / START),
    }


def _archive() -> bytes:
    """The packages, and a distribution's metadata by which Python finds the command's verbs."""
    files = {f"{DISTRIBUTION}-{VERSION}.dist-info/{name}": data for name, data in _metadata().items()}
    for package in (samft_core, training):
        folder = Path(str(package.__file__)).parent
        for path in filter(_belongs, folder.rglob("*")):
            files[f"{folder.name}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        for name, data in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def _metadata() -> dict[str, bytes]:
    try:
        entry_points = importlib.metadata.distribution(DISTRIBUTION).read_text("entry_points.txt")
    except importlib.metadata.PackageNotFoundError:
        entry_points = None
    if not entry_points:
        raise SamftError(f"expected {DISTRIBUTION} to be installed, got its files alone; pip install {DISTRIBUTION}")
    about = f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {VERSION}\n"
    return {"METADATA": about.encode(), "entry_points.txt": entry_points.encode()}


def _belongs(path: Path) -> bool:
    """Whether a file is code or package data, and not what Python or an editor left."""
    left = path.suffix == ".pyc" or "__pycache__" in path.parts or path.name.startswith(".")
    return path.is_file() and not left
