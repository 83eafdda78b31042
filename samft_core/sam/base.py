"""Where a model starts from: a SAM of the hub, a SAM in a folder, or samft-tiny."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
import huggingface_hub.errors
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of httpx or httpx2, by its version
from safetensors import SafetensorError
from transformers import SamModel
from transformers.utils import logging

from samft_core.digest import sha256
from samft_core.errors import ModelError
from samft_core.sam.known import REVISIONS, TINY
from samft_core.sam.tiny import tiny_model

ANSWER_S = 10.0
"""How long the hub may take to say that it is there."""


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """What a bundle says about the model it was trained from."""

    id: str
    """A hub id, the absolute path of a folder, or samft-tiny."""
    revision: str | None
    """The hub's commit."""
    sha256: str | None
    """Of its weight files, one after the other; None for samft-tiny, which has none."""


def load_base(name: str, *, tile_px: int, seed: int) -> tuple[SamModel, BaseModel]:
    """Load the model that training starts from.

    Args:
        name: `facebook/sam-vit-base`, `-large` or `-huge`, `ID@COMMIT`, a local folder, or `samft-tiny`.
        tile_px: The tile's side; samft-tiny's input is as large.
        seed: Of samft-tiny's random weights.

    Raises:
        ModelError: It is unknown, not at hand and not to be downloaded, or not a SAM.
    """
    if name == TINY:
        return tiny_model(input_px=tile_px, seed=seed), BaseModel(id=TINY, revision=None, sha256=None)
    folder, revision = find_base(name)
    identity = name.partition("@")[0] if revision else str(folder)
    return read_sam(folder), BaseModel(id=identity, revision=revision, sha256=weights_sha256(folder))


def find_base(name: str) -> tuple[Path, str | None]:
    """The folder that holds a base model, and its commit if it is the hub's; downloads it if need be."""
    if Path(name).is_dir():
        return Path(name).resolve(), None
    repo, _, commit = name.partition("@")
    commit = commit or REVISIONS.get(repo, "")
    if not commit or repo.count("/") != 1:
        raise ModelError(
            expected=f"a model among {', '.join([TINY, *REVISIONS])}, a folder, or ID@COMMIT",
            got=name,
            remedy="check the name, or give the folder that holds config.json and model.safetensors",
        )
    wanted = ["config.json", "*.safetensors", "*.safetensors.index.json"]
    try:
        folder = Path(
            huggingface_hub.snapshot_download(repo, revision=commit, allow_patterns=wanted, local_files_only=True)
        )
        if any(folder.glob("*.safetensors")):
            return folder, commit
    except huggingface_hub.errors.LocalEntryNotFoundError:
        pass
    try:
        huggingface_hub.model_info(repo, revision=commit, timeout=ANSWER_S)  # the download would retry for long
        return Path(huggingface_hub.snapshot_download(repo, revision=commit, allow_patterns=wanted)), commit
    except (OSError, HTTPError) as error:
        raise ModelError(
            expected=f"{repo}@{commit[:12]} in the cache or on the hub",
            got=f"neither ({type(error).__name__})",
            remedy="connect to the internet once, or give a folder with its config.json and model.safetensors",
        ) from error


def read_sam(folder: Path) -> SamModel:
    """Load a SAM from a folder, weights from safetensors alone.

    Raises:
        ModelError: The folder holds no SAM, or no safetensors.
    """
    if not (folder / "config.json").exists() or not any(folder.glob("*.safetensors")):
        raise ModelError(
            expected=f"config.json and model.safetensors in {folder}",
            got=", ".join(sorted(entry.name for entry in folder.iterdir())) or "an empty folder",
            remedy="save the model with save_pretrained(..., safe_serialization=True)",
        )
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
        if kind != "sam":
            raise ModelError(expected=f"a SamModel in {folder}", got=f"a model of type {kind}", remedy="give a SAM")
        with quiet():
            model, notes = SamModel.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
    except (OSError, ValueError, RuntimeError, AttributeError, SafetensorError) as error:
        raise ModelError(
            expected=f"a SamModel in {folder}",
            got=str(error).splitlines()[0],
            remedy="give a folder saved from transformers' SamModel",
        ) from error
    if notes["missing_keys"]:  # which transformers fills with random numbers
        raise ModelError(
            expected=f"all tensors of a SamModel in {folder}",
            got=f"{len(notes['missing_keys'])} missing, such as {min(notes['missing_keys'])}",
            remedy="copy or save the model again",
        )
    return model.eval()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' bars and reports off the terminal; what they would tell is checked here."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def weights_sha256(folder: Path) -> str:
    """SHA-256 of a folder's safetensors files in the order of their names."""
    return sha256(*sorted(folder.glob("*.safetensors")))
