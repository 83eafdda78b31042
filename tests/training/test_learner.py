"""What learns and what does not; what the backward pass keeps."""

import pytest
import torch
from safetensors.torch import load_file

from samft_core.sam.base import load_base
from tests.training.conftest import trained
from training.batches import Source
from training.config import from_mapping
from training.learner import Answer, Learner
from training.sources import recipe_for

CPU = torch.device("cpu")


def learner(chips, base, **settings) -> Learner:
    config = from_mapping({"precision": "fp64", "cache": "off", **settings})
    sam, _ = load_base(str(base), tile_px=64, seed=0)
    return Learner(sam.double(), recipe_for(chips, 64, config), config).train()


def learning(model: torch.nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def batch(chips, some: Learner):
    drawn = Source(
        folder=chips,
        chips=chips.split("train"),
        recipe=some._recipe,
        device=CPU,
        dtype=torch.float64,
        prompts_per_chip=0.5,
    )
    return drawn.random(range(4), seed=0, epoch=0)


def answers(chips, some: Learner) -> list[Answer]:
    """To all that a batch asks for."""
    given = batch(chips, some)
    assert given.single
    return some(given.inputs, [given.whole, *given.single], encoded=False)


def gradients(chips, base, **settings) -> dict[str, torch.Tensor]:
    some = learner(chips, base, **settings)
    sum(logits.square().mean() + estimate.sum() for logits, estimate in answers(chips, some)).backward()
    return {name: parameter.grad for name, parameter in some.named_parameters() if parameter.grad is not None}


class TestWhatLearns:
    def test_the_mask_decoder(self, chips, base):
        model = learner(chips, base, train="mask_decoder").model
        assert learning(model) == {name for name, _ in model.named_parameters() if name.startswith("mask_decoder.")}

    def test_everything_but_prompts(self, chips, base):
        model = learner(chips, base, train="all", augment="none").model
        fixed = ("prompt_encoder.", "shared_image_embedding.")
        assert learning(model) == {name for name, _ in model.named_parameters() if not name.startswith(fixed)}

    @pytest.mark.parametrize(("blocks", "adapted"), [(1, {1}), (2, {0, 1}), (0, {0, 1}), (9, {0, 1})])
    def test_adapters_in_the_last_blocks_and_the_mask_decoder(self, chips, base, blocks, adapted):
        some = learner(chips, base, train="lora", lora_blocks=blocks, lora_rank=3)
        beside = {name for name in learning(some.model) if not name.startswith("mask_decoder.")}
        assert {int(name.split(".")[2]) for name in beside} == adapted
        assert all(".lora_A." in name or ".lora_B." in name for name in beside)
        assert len(beside) == 4 * len(adapted)  # two for qkv, two for proj
        assert some.frozen_blocks == 2 - len(adapted)
        assert (some.lora.rank, some.lora.alpha, some.lora.blocks) == (3, 6.0, len(adapted))


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({"train": "mask_decoder"}, ("mask_decoder.",)),
        ({"train": "lora", "lora_blocks": 1}, ("mask_decoder.", "vision_encoder.layers.1.attn.")),
        ({"train": "all"}, ("mask_decoder.", "vision_encoder.")),
    ],
    ids=["mask_decoder", "late LoRA", "all"],
)
def test_what_is_frozen_comes_out_of_a_run_bit_for_bit(settings, changed, chips, base, tmp_path, no_pages):
    bundle = trained(chips, tmp_path / "run", base, max_steps=4, learning_rate=1e-3, **settings)
    stored = load_file(bundle.path / "model.safetensors")
    before = load_base(str(base), tile_px=64, seed=0)[0].state_dict()
    after = bundle.segmenter("cpu").model.state_dict()
    if settings["train"] == "lora":
        assert any(".lora_A." in name for name in stored)
        after = {name.replace(".base_layer.", "."): tensor for name, tensor in after.items()}
    moved = [name for name, tensor in before.items() if not torch.equal(after[name], tensor)]
    adapters = [name for name in after if ".lora_" in name]
    assert all(name.startswith(changed) for name in moved + adapters)
    assert sum(name.startswith("mask_decoder.") for name in moved) > 50
    if settings["train"] == "all":
        assert any(name.startswith("vision_encoder.layers.0.") for name in moved)


@pytest.mark.parametrize("settings", [{"train": "all"}, {"train": "lora", "lora_blocks": 1}], ids=["all", "late LoRA"])
def test_checkpointed_gradients_are_the_same(settings, chips, base):
    kept, again = (gradients(chips, base, **settings, checkpoint_gradients=on) for on in (False, True))
    assert kept.keys() == again.keys()
    assert max((kept[name] - again[name]).abs().max().item() for name in kept) < 1e-12
    assert any(name.startswith("model.vision_encoder.") and tensor.any() for name, tensor in kept.items())


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"train": "mask_decoder"}, [False, False]),
        ({"train": "lora", "lora_blocks": 1}, [False, True]),
        ({"train": "lora", "lora_blocks": 0}, [True, True]),
        ({"train": "all"}, [True, True]),
    ],
    ids=["mask_decoder", "late LoRA", "LoRA", "all"],
)
def test_frozen_blocks_keep_nothing_for_the_backward_pass(settings, kept, chips, base):
    """A layer through which gradients go keeps its weights, or what it was given, until then."""
    some = learner(chips, base, **settings)
    remembered = set()

    def note(tensor: torch.Tensor) -> torch.Tensor:
        remembered.add(tensor.untyped_storage().data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits, _ = answers(chips, some)[0]
    blocks = some.model.vision_encoder.layers
    assert [any(p.untyped_storage().data_ptr() in remembered for p in block.parameters()) for block in blocks] == kept
    assert logits.requires_grad
