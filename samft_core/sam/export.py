"""A bundle as a folder that transformers loads by itself."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError
from transformers import SamModel

from samft_core.bundle import Bundle
from samft_core.output import whole_folder
from samft_core.sam.base import quiet
from samft_core.sam.preprocess import MEAN, STD
from samft_core.sam.weights import read_model

ABOUT = "samft_export.json"
"""What an exported folder says about where it comes from; also what tells it from other folders."""
PROCESSOR = "preprocessor_config.json"
BILINEAR = 2
"""Pillow's number."""


def export_model(bundle: Bundle, folder: Path, *, overwrite: bool) -> None:
    """Write a bundle's whole model as a Hugging Face SamModel, whole or not at all.

    Args:
        bundle: The trained model; its base must be at hand.
        folder: What to write: config.json, model.safetensors, preprocessor_config.json, and the bundle's card.
        overwrite: Whether an earlier export is replaced.

    Raises:
        BundleError: The weights do not fit, or the base model is not the one trained from.
        ModelError: The base model is not at hand.
        OutputError: The folder exists already, or cannot be written.
    """
    card = bundle.card
    with whole_folder(folder, overwrite=overwrite, made_with=ABOUT) as temporary:
        model = read_model(bundle)
        try:
            with quiet():
                model.save_pretrained(temporary)
        except SafetensorError as error:  # all that it says of a full disk
            raise OSError(str(error)) from error
        _write_json(_processor(model, card.recipe.input_px), temporary / PROCESSOR)
        _write_json({"bundle": card.hash, **card.as_dict()}, temporary / ABOUT)


def _processor(model: SamModel, input_px: int) -> dict[str, object]:
    """What `samft_core.sam.preprocess` does to a tile, in the words of SAM's image processor."""
    mask_px = 4 * model.config.prompt_encoder_config.image_embedding_size
    return {
        "image_processor_type": "SamImageProcessor",
        "processor_class": "SamProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"longest_edge": input_px},
        "resample": BILINEAR,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN.ravel().astype(float).round(3).tolist(),
        "image_std": STD.ravel().astype(float).round(3).tolist(),
        "do_pad": True,
        "pad_size": {"height": input_px, "width": input_px},
        "mask_size": {"longest_edge": mask_px},
        "mask_pad_size": {"height": mask_px, "width": mask_px},
    }


def _write_json(content: dict[str, object], path: Path) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
