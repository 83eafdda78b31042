"""samft-tiny: its weights follow from the seed, its first layer looks at neighbours, and it learns."""

import json

import numpy as np
import pytest
import torch
from transformers import SamConfig, SamModel

from samft_core.sam.base import load_base
from samft_core.sam.forward import decode, encode, enlarge, whole_tile
from samft_core.sam.preprocess import preprocess
from samft_core.sam.tiny import HEADS, PATCH_PX, tiny_config, tiny_model
from training.losses import mask_losses

CPU = torch.device("cpu")


def same(one: SamModel, other: SamModel) -> bool:
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def segment(model: SamModel, values: torch.Tensor, tile_px: int) -> torch.Tensor:
    """Logits of the whole tile."""
    prompt = whole_tile("box", batch=len(values), input_px=tile_px, device=CPU)
    return enlarge(decode(model, encode(model, values), prompt)[0], tile_px)


class TestSeed:
    def test_same_seed_same_weights_whatever_came_before(self):
        one = tiny_model(input_px=64, seed=3)
        torch.manual_seed(99)
        torch.rand(7)
        assert same(one, tiny_model(input_px=64, seed=3))

    def test_other_seed_other_weights(self):
        assert not same(tiny_model(input_px=64, seed=3), tiny_model(input_px=64, seed=4))

    def test_the_callers_random_numbers_go_on_as_if_nothing_was(self):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        tiny_model(input_px=64, seed=0)
        assert torch.equal(torch.rand(3), expected)

    def test_load_base_makes_it(self):
        model, base = load_base("samft-tiny", tile_px=128, seed=3)
        assert same(model, tiny_model(input_px=128, seed=3))
        assert (base.id, base.revision, base.sha256) == ("samft-tiny", None, None)


@pytest.mark.parametrize("tile_px", [64, 256, 512])
def test_shapes(tile_px):
    model = tiny_model(input_px=tile_px, seed=0)
    values = torch.zeros(2, 3, tile_px, tile_px)
    with torch.inference_mode():
        embeddings = encode(model, values)
        logits, iou = decode(model, embeddings, whole_tile("box", batch=2, input_px=tile_px, device=CPU))
    assert embeddings.shape == (2, 128, tile_px // PATCH_PX, tile_px // PATCH_PX)
    assert logits.shape == (2, tile_px // 2, tile_px // 2)
    assert iou.shape == (2,)
    assert enlarge(logits, tile_px).shape == (2, tile_px, tile_px)


def test_it_is_small():
    assert sum(parameter.numel() for parameter in tiny_model(input_px=512, seed=0).parameters()) < 4_000_000


def test_prompts_are_told_apart_before_anything_is_learned():
    """They never learn: kinds as loud as places, places near each other alike, and no mask next to nothing."""
    model = tiny_model(input_px=512, seed=0)
    prompts = model.prompt_encoder
    kinds = torch.cat([kind.weight for kind in (*prompts.point_embed, prompts.not_a_point_embed)])
    assert kinds.std().item() == pytest.approx(1, abs=0.1)
    assert prompts.no_mask_embed.weight.abs().max() < 0.1
    assert prompts.shared_embedding.positional_embedding is model.shared_image_embedding.positional_embedding
    assert model.shared_image_embedding.positional_embedding.std().item() == pytest.approx(1, abs=0.2)
    with torch.inference_mode():
        codes = model.get_image_wide_positional_embeddings()[0, :, 32]  # of a row of patches, (channels, columns)
        alike = torch.nn.functional.cosine_similarity(codes[:, 32:33], codes, dim=0)
    assert alike[33] > 0.95
    assert alike[:20].abs().max() < 0.5


def test_config_survives_json(tmp_path):
    """The model that a bundle's config.json describes takes the weights."""
    model = tiny_model(input_px=128, seed=0)
    (tmp_path / "config.json").write_text(model.config.to_json_string(use_diff=False))
    again = SamModel(SamConfig.from_json_file(tmp_path / "config.json")).eval()
    assert not same(model, again)
    again.load_state_dict(model.state_dict())
    values = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(segment(model, values, 128), segment(again, values, 128))
    content = json.loads((tmp_path / "config.json").read_text())
    assert content["vision_config"]["image_size"] == 128
    assert SamConfig.from_dict(content).to_dict() == tiny_config(128).to_dict()


def first_layer_attention(model: SamModel, values: torch.Tensor) -> torch.Tensor:
    """(heads, patches, patches) of the first layer, computed from its projection alone."""
    seen = []
    layer = model.vision_encoder.layers[0]
    hook = layer.layer_norm1.register_forward_hook(lambda *call: seen.append(call[2]))
    with torch.inference_mode():
        encode(model, values)
        hook.remove()
        tokens = seen[0][0].flatten(0, 1)  # (rows * columns, channels)
        query, key, _ = layer.attn.qkv(tokens).unflatten(-1, (3, HEADS, -1)).permute(1, 2, 0, 3)
        return (query @ key.transpose(1, 2) / query.shape[-1] ** 0.5).softmax(dim=-1)


def texture(contrast: float, side_px: int) -> torch.Tensor:
    """Pixel values of noise, in standard deviations of photographs."""
    return contrast * torch.randn(1, 3, side_px, side_px, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("contrast", "share", "weight"), [(0.0, 1.0, 0.9), (0.1, 0.9, 0.0)], ids=["flat", "textured"])
@pytest.mark.parametrize(
    ("head", "way"),
    [(0, (-1, 0)), (1, (1, 0)), (2, (0, -1)), (3, (0, 1)), (4, (0, 0))],
    ids=["above", "below", "left", "right", "itself"],
)
def test_first_heads_look_at_a_neighbour(head, way, contrast, share, weight):
    """More than at any other patch; those at the edge, which lack one, are left out.

    In a flat tile all attention goes there; texture distracts from it.
    """
    side = 16
    model = tiny_model(input_px=side * PATCH_PX, seed=1)
    attention = first_layer_attention(model, texture(contrast, side * PATCH_PX))[head].numpy()
    inner = [row * side + column for row in range(1, side - 1) for column in range(1, side - 1)]
    neighbour = np.array(inner) + way[0] * side + way[1]
    assert (attention[inner].argmax(axis=1) == neighbour).mean() >= share
    assert attention[inner, neighbour].mean() > weight


def test_it_overfits_one_tile():
    """Bright houses on dark ground: from no better than all or nothing to almost right."""
    side = 64
    truth = np.zeros((side, side), dtype=bool)
    truth[8:24, 8:28] = truth[36:56, 30:50] = True
    noise = np.random.default_rng(0).integers(0, 60, (3, side, side))
    image = np.where(truth, 180, 40).astype(np.uint8)[None] + noise.astype(np.uint8)
    values = preprocess(image, np.ones_like(truth), side)[None]
    target = torch.from_numpy(truth)[None].float()
    model = tiny_model(input_px=side, seed=0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(40):
        logits = segment(model, values, side)
        parts = mask_losses(logits, torch.zeros(1), target, torch.ones_like(target))
        loss = parts.cross_entropy + parts.dice
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0], losses
    found = segment(model.eval(), values, side)[0].detach().numpy() > 0
    assert (found & truth).sum() / (found | truth).sum() > 0.9
