"""SAMs with random weights: a small one, and ViT-B as it is published."""

import shutil

import pytest
import torch
from torch import nn
from transformers import SamConfig, SamModel

from samft_core.bundle import Card, Recipe
from samft_core.stretch import StretchPolicy

SMALL_PX = 64


@torch.no_grad()
def with_random_weights(config: SamConfig, *, seed: int) -> SamModel:
    """A SAM whose outputs are of a size to compare; transformers' own first weights give outputs of about 1e-12."""
    torch.manual_seed(seed)
    model = SamModel(config)
    for name, parameter in model.named_parameters():
        owner = model.get_submodule(name.rpartition(".")[0])
        if not isinstance(owner, nn.LayerNorm) and "positional_embedding" not in name:
            parameter.normal_(std=0.02 if name.startswith("vision_encoder") else 0.1)
    return model.eval()


def small_config() -> SamConfig:
    """SAM's shape, a thousandth of its size: 16 patches, windows and global attention, relative positions."""
    return SamConfig(
        vision_config={
            "hidden_size": 32,
            "output_channels": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SMALL_PX,
            "patch_size": 16,
            "window_size": 2,
            "global_attn_indexes": [1],
            "num_pos_feats": 16,
            "mlp_dim": 64,
        },
        prompt_encoder_config={
            "hidden_size": 32,
            "image_size": SMALL_PX,
            "patch_size": 16,
            "mask_input_channels": 4,
        },
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
    )


@pytest.fixture
def small() -> SamModel:
    return with_random_weights(small_config(), seed=0)


@pytest.fixture
def small_folder(small, tmp_path):
    """The small SAM as transformers saves it."""
    small.save_pretrained(tmp_path / "small-sam")
    return tmp_path / "small-sam"


@pytest.fixture(scope="session")
def true_sam() -> SamModel:
    """SAM ViT-B's architecture; nothing may change it."""
    return with_random_weights(SamConfig(), seed=0)


@pytest.fixture(scope="session")
def true_folder(true_sam, tmp_path_factory):
    """The same, saved: 375 MB, gone at the end."""
    folder = tmp_path_factory.mktemp("sam-vit-b")
    true_sam.save_pretrained(folder)
    yield folder
    shutil.rmtree(folder)


def make_card(**changes) -> Card:
    """A card; keywords of the recipe go to the recipe."""
    recipe = {
        "gsd_m": 0.5,
        "bands": None,
        "stretch": StretchPolicy(),
        "tile_px": SMALL_PX,
        "overlap_px": 16,
        "input_px": SMALL_PX,
        "prompt": "box",
        "threshold": 0.5,
        "min_area_m2": 4.0,
    }
    recipe |= {name: changes.pop(name) for name in list(changes) if name in recipe}
    base = {"base_id": "samft-tiny", "base_revision": None, "base_sha256": None, "trained": "all"}
    return Card(recipe=Recipe(**recipe), **(base | changes))
