"""Adapters: where they sit, that they start as nothing, and that merged they answer the same."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from samft_core.bundle import WEIGHTS, Lora, load_bundle
from samft_core.errors import BundleError, ModelError
from samft_core.sam.base import load_base
from samft_core.sam.forward import decode, encode, head, trunk, whole_tile
from samft_core.sam.lora import add_lora, merge_lora
from samft_core.sam.weights import read_model, trained_weights, write_bundle
from tests.conftest import assert_one_clear_line
from tests.sam.conftest import SMALL_PX, make_card, small_config, with_random_weights

LORA = Lora(rank=4, alpha=8.0, blocks=1)
ADAPTERS = {
    f"vision_encoder.layers.1.attn.{layer}.lora_{part}.default.weight" for layer in ("qkv", "proj") for part in "AB"
}


def values() -> torch.Tensor:
    return torch.randn(2, 3, SMALL_PX, SMALL_PX, generator=torch.Generator().manual_seed(0))


def masks(model) -> torch.Tensor:
    prompt = whole_tile("box", batch=2, input_px=SMALL_PX, device=torch.device("cpu"))
    with torch.inference_mode():
        return decode(model, encode(model, values()), prompt)[0]


@torch.no_grad()
def learn(model) -> None:
    """Give what would be trained other weights."""
    torch.manual_seed(7)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.add_(torch.randn_like(parameter), alpha=0.3 if "lora_B" in name else 0.02)


@pytest.fixture
def adapted(small):
    add_lora(small, LORA, seed=0)
    return small


@pytest.fixture
def bundle(small_folder, tmp_path):
    """Adapters and a mask decoder that have learned, over a small SAM in a folder; and the model itself."""
    model, base = load_base(str(small_folder), tile_px=SMALL_PX, seed=0)
    add_lora(model, LORA, seed=0)
    learn(model)
    card = make_card(base_id=base.id, base_sha256=base.sha256, trained="lora", lora=LORA)
    return model, write_bundle(model, card, tmp_path / "bundle")


class TestAdd:
    def test_at_first_nothing_changes(self, adapted):
        assert torch.equal(masks(adapted), masks(with_random_weights(small_config(), seed=0)))

    def test_only_adapters_and_the_mask_decoder_are_left_to_train(self, adapted):
        left = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
        assert {name for name in left if not name.startswith("mask_decoder.")} == ADAPTERS
        assert left - ADAPTERS == {f"mask_decoder.{name}" for name, _ in adapted.mask_decoder.named_parameters()}

    def test_both_factors(self, adapted):
        qkv = adapted.vision_encoder.layers[1].attn.qkv
        assert qkv.lora_A["default"].weight.shape == (4, 32)
        assert qkv.lora_A["default"].weight.abs().max() > 0
        assert qkv.lora_B["default"].weight.shape == (96, 4)
        assert qkv.lora_B["default"].weight.abs().max() == 0
        assert qkv.scaling["default"] == 2.0

    def test_same_seed_same_adapters_whatever_came_before(self, adapted):
        def again(seed: int):
            model = with_random_weights(small_config(), seed=0)
            torch.rand(7)
            add_lora(model, LORA, seed=seed)
            return trained_weights(model, "lora")

        expected = trained_weights(adapted, "lora")
        assert all(torch.equal(tensor, expected[name]) for name, tensor in again(0).items())
        name = "vision_encoder.layers.1.attn.qkv.lora_A.default.weight"
        assert not torch.equal(again(1)[name], expected[name])

    def test_the_callers_random_numbers_go_on_as_if_nothing_was(self, small):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        add_lora(small, LORA, seed=0)
        assert torch.equal(torch.rand(3), expected)

    def test_all_blocks(self, small):
        add_lora(small, Lora(rank=1, alpha=1, blocks=2), seed=0)
        assert len(trained_weights(small, "lora")) - len(trained_weights(small, "mask_decoder")) == 8

    def test_more_blocks_than_there_are(self, small):
        with pytest.raises(ModelError, match="at most the encoder's 2 blocks, got 3") as caught:
            add_lora(small, Lora(rank=1, alpha=1, blocks=3), seed=0)
        assert_one_clear_line(caught.value)

    def test_over_a_cached_trunk(self, adapted):
        """Gradients reach the adapters through the head alone, with and without checkpoints."""
        found = []
        for checkpoint in (False, True):
            adapted.train()
            if checkpoint:
                adapted.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            with torch.inference_mode():
                kept = trunk(adapted, values(), 1)
            adapted.zero_grad()
            head(adapted, kept.clone(), 1).square().mean().backward()
            found.append({name: p.grad for name, p in adapted.named_parameters() if p.grad is not None})
        assert set(found[0]) == ADAPTERS
        name = "vision_encoder.layers.1.attn.qkv.lora_B.default.weight"
        assert found[0][name].abs().max() > 0
        assert all(torch.equal(found[1][name], gradient) for name, gradient in found[0].items())


class TestMerge:
    def test_it_answers_the_same_and_is_plain_again(self, adapted):
        learn(adapted)
        before = masks(adapted)
        untrained = with_random_weights(small_config(), seed=0)
        assert (before - masks(untrained)).abs().max() > 1e-2
        merged = merge_lora(adapted)
        assert merged is adapted
        assert (masks(merged) - before).abs().max() <= 1e-5
        assert merged.state_dict().keys() == untrained.state_dict().keys()
        assert type(merged.vision_encoder.layers[1].attn.qkv) is torch.nn.Linear
        assert not hasattr(merged, "peft_config")

    def test_by_hand(self, adapted):
        learn(adapted)
        qkv = adapted.vision_encoder.layers[1].attn.qkv
        product = qkv.lora_B["default"].weight @ qkv.lora_A["default"].weight
        expected = (qkv.base_layer.weight + 2.0 * product).detach()
        merge_lora(adapted)
        found = adapted.vision_encoder.layers[1].attn.qkv.weight.detach()
        assert (found - expected).abs().max() <= 1e-6

    def test_without_adapters_nothing_happens(self, small):
        names = list(small.state_dict())
        assert list(merge_lora(small).state_dict()) == names


class TestBundle:
    def test_it_holds_adapters_and_mask_decoder_alone(self, bundle):
        model, written = bundle
        names = set(load_file(written.path / WEIGHTS))
        assert {name for name in names if not name.startswith("mask_decoder.")} == ADAPTERS
        assert names == set(trained_weights(model, "lora"))
        assert load_bundle(written.path).card.lora == LORA

    def test_it_is_put_together_merged(self, bundle, small):
        model, written = bundle
        found = read_model(load_bundle(written.path))
        assert found.state_dict().keys() == small.state_dict().keys()
        assert not found.training
        assert (masks(found) - masks(model.eval())).abs().max() <= 1e-5

    def test_of_another_rank(self, bundle):
        model, written = bundle
        card = make_card(
            base_id=written.card.base_id,
            base_sha256=written.card.base_sha256,
            trained="lora",
            lora=Lora(rank=2, alpha=8.0, blocks=1),
        )
        other = write_bundle(model, card, written.path)
        with pytest.raises(BundleError, match="is one that differs") as caught:
            read_model(other)
        assert_one_clear_line(caught.value)

    def test_of_another_model(self, bundle):
        model, written = bundle
        merge_lora(model)
        with pytest.raises(BundleError, match="is one that differs"):
            read_model(write_bundle(model, written.card, written.path))


def test_peft_is_imported_only_where_it_is_needed():
    """It takes seconds."""
    code = "import sys, samft_core.sam.segmenter, samft_core.sam.weights; print('peft' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
