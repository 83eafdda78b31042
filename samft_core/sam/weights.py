"""Weights between a SAM and a bundle's folder; safetensors only."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import SamConfig, SamModel

from samft_core.bundle import CARD, CONFIG, WEIGHTS, Bundle, Card, load_bundle, write_card
from samft_core.digest import sha256
from samft_core.errors import BundleError
from samft_core.output import whole_folder
from samft_core.sam.base import find_base, read_sam, weights_sha256
from samft_core.sam.lora import add_lora, is_adapter, merge_lora
from samft_core.version import VERSION

TIED = "prompt_encoder.shared_embedding.positional_embedding"
"""The same tensor as shared_image_embedding.positional_embedding."""


def trained_weights(model: SamModel, trained: str) -> dict[str, torch.Tensor]:
    """The tensors that training changed, as contiguous copies on the CPU.

    Args:
        model: The trained SAM.
        trained: `mask_decoder`; `lora`, for the adapters too, which are not merged yet; or `all`.
    """
    return {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in model.state_dict().items()
        if name != TIED
        and (trained == "all" or name.startswith("mask_decoder.") or (trained == "lora" and is_adapter(name)))
    }


def write_bundle(model: SamModel, card: Card, folder: Path) -> Bundle:
    """Write a bundle, whole or not at all; replaces an older one.

    Args:
        model: The trained SAM; adapters not merged.
        card: Its card; digests, version and time are filled in here.
        folder: The bundle to appear.
    """
    with whole_folder(folder, overwrite=True, made_with=CARD) as temporary:
        (temporary / CONFIG).write_text(_config_text(model), encoding="utf-8")
        try:
            save_file(trained_weights(model, card.trained), temporary / WEIGHTS)
        except SafetensorError as error:
            raise OSError(str(error)) from error
        write_card(
            dataclasses.replace(
                card,
                weights_sha256=sha256(temporary / WEIGHTS),
                config_sha256=sha256(temporary / CONFIG),
                version=VERSION,
                created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            ),
            temporary,
        )
    return load_bundle(folder)


def _config_text(model: SamModel) -> str:
    """The model's config as JSON, without the folder that it was read from."""
    config = {key: value for key, value in model.config.to_dict().items() if key != "_name_or_path"}
    return json.dumps(config, indent=2, sort_keys=True) + "\n"


def read_model(bundle: Bundle) -> SamModel:
    """Put a bundle's model together: the base, if anything of it is left, under the trained weights; adapters merged.

    Raises:
        BundleError: The base or the weights are not those of the card.
        ModelError: The base is not at hand.
    """
    card = bundle.card
    if card.trained == "all":
        model = SamModel(SamConfig.from_json_file(bundle.path / CONFIG))
    else:
        name = f"{card.base_id}@{card.base_revision}" if card.base_revision else card.base_id
        folder, _ = find_base(name)
        found = weights_sha256(folder)
        if found != card.base_sha256:
            raise BundleError(
                expected=f"base model {card.base_id} with SHA-256 {str(card.base_sha256)[:12]}...",
                got=f"{found[:12]}... in {folder}",
                remedy="put the base model back that the bundle was trained from",
            )
        model = read_sam(folder)
    if card.lora is not None:
        add_lora(model, card.lora, seed=0)
    _load(model, bundle)
    return (merge_lora(model) if card.lora is not None else model).eval()


def _load(model: SamModel, bundle: Bundle) -> None:
    """Put a bundle's weights into a model that has a place for each."""
    path, trained = bundle.path / WEIGHTS, bundle.card.trained
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise BundleError(
            expected=f"safetensors in {path}",
            got=f"something else ({error})",
            remedy="copy the bundle again or train it again",
        ) from error
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    expected = {name: tuple(tensor.shape) for name, tensor in trained_weights(model, trained).items()}
    if found != expected:
        odd = min(name for name, _ in found.items() ^ expected.items())
        raise BundleError(
            expected=f"the {len(expected)} tensors of {trained} in {path}",
            got=f"{len(weights)} ({odd} is one that differs)",
            remedy="train it again with this version",
        )
    model.load_state_dict(weights, strict=False)
