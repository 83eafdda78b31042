"""Which rasters are labelled by which vector files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import fiona
import fiona.errors

from samft_core.errors import InputError

IMAGES, LABELS = "PS-RGB", "geojson_buildings"
"""The two folders of a SpaceNet area, which are also part of their files' names."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One raster and where its buildings are outlined."""

    image: str
    labels: tuple[str, ...]
    may_be_empty: bool
    """Whether a label file without features says that there is no building, rather than that something is wrong."""


def loose_scenes(images: Sequence[str], labels: Sequence[str]) -> list[Scene]:
    """Rasters that share their label files, which cover all of them."""
    return [Scene(image=image, labels=tuple(labels), may_be_empty=False) for image in images]


def spacenet_scenes(folder: str) -> list[Scene]:
    """The scenes of a SpaceNet folder, local or on S3.

    `PS-RGB/<prefix>_PS-RGB_<id>.tif` goes with `geojson_buildings/<prefix>_geojson_buildings_<id>.geojson`.

    Args:
        folder: A path, or `s3://BUCKET/PREFIX`; read inside `unsigned_unless_credentials`.

    Raises:
        InputError: The folder lacks one of the two, or a scene its labels.
    """
    root = folder.rstrip("/")
    images = sorted(name for name in _names(f"{root}/{IMAGES}") if name.lower().endswith((".tif", ".tiff")))
    labels = set(_names(f"{root}/{LABELS}"))
    if not images:
        raise InputError(
            expected=f"GeoTIFFs in {root}/{IMAGES}",
            got="none",
            remedy="give the folder that holds PS-RGB and geojson_buildings",
        )
    scenes = []
    for image in images:
        label = PurePosixPath(image.replace(f"_{IMAGES}_", f"_{LABELS}_")).with_suffix(".geojson").name
        if label not in labels:
            raise InputError(
                expected=f"{root}/{LABELS}/{label} beside {image}",
                got=f"{len(labels)} files, not this one",
                remedy="add the labels, or take the image out",
            )
        image_path, label_path = _gdal_name(f"{root}/{IMAGES}/{image}"), _gdal_name(f"{root}/{LABELS}/{label}")
        scenes.append(Scene(image=image_path, labels=(label_path,), may_be_empty=True))
    return scenes


@contextlib.contextmanager
def unsigned_unless_credentials() -> Iterator[None]:
    """Read the labels of public S3 buckets without signing, where no AWS credentials are set up.

    Rasters need no such help: `open_raster` tries both.
    """
    variables = (
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    )
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
    if any(variable in os.environ for variable in variables) or file.exists():
        yield
        return
    with fiona.Env(AWS_NO_SIGN_REQUEST="YES"):
        yield


def _gdal_name(path: str) -> str:
    return f"/vsis3/{path.removeprefix('s3://')}" if path.startswith("s3://") else path


def _names(folder: str) -> list[str]:
    """The names in a local folder or below an S3 prefix; none if it is missing."""
    if not folder.startswith("s3://"):
        return [entry.name for entry in Path(folder).iterdir()] if Path(folder).is_dir() else []
    try:
        return [str(name) for name in fiona.listdir(folder)]
    except fiona.errors.FionaError:
        return []
