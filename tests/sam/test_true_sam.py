"""SAM ViT-B's own architecture, with random weights: what we compute is what transformers' SamModel computes."""

import shutil
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors import safe_open

from samft_core.bundle import WEIGHTS
from samft_core.digest import sha256
from samft_core.raster import Pixels
from samft_core.sam.base import load_base
from samft_core.sam.forward import Prompt, decode, encode, enlarge, whole_tile
from samft_core.sam.preprocess import preprocess
from samft_core.sam.weights import write_bundle
from tests.sam.conftest import make_card, with_random_weights

TILE_PX, INPUT_PX = 512, 1024
CPU = torch.device("cpu")

PROMPTS = {
    "one box": Prompt(boxes=torch.tensor([[[100.0, 200.0, 300.0, 420.0]]])),
    "points": Prompt(points=torch.tensor([[[[500.0, 250.0], [40.0, 900.0]]]]), labels=torch.tensor([[[1, 0]]])),
    "box and point": Prompt(
        boxes=torch.tensor([[[100.0, 200.0, 300.0, 420.0]]]),
        points=torch.tensor([[[[200.0, 300.0]]]]),
        labels=torch.tensor([[[1]]]),
    ),
    "whole tile: box": whole_tile("box", batch=1, input_px=INPUT_PX, device=CPU),
    "whole tile: none": whole_tile("none", batch=1, input_px=INPUT_PX, device=CPU),
}


@dataclass(frozen=True)
class Encoded:
    """A tile and what our code makes of it; one pass through ViT-B takes ten seconds."""

    pixels: Pixels
    values: torch.Tensor
    embeddings: torch.Tensor


@pytest.fixture(scope="module")
def encoded(true_sam) -> Encoded:
    image = np.random.default_rng(0).integers(0, 256, (3, TILE_PX, TILE_PX), dtype=np.uint8)
    valid = np.ones((TILE_PX, TILE_PX), dtype=bool)
    valid[:, :50] = False
    pixels = Pixels(image=image * valid, valid=valid)
    values = preprocess(pixels.image, pixels.valid, INPUT_PX)[None]
    with torch.inference_mode():
        return Encoded(pixels, values, encode(true_sam, values))


def forward(model, prompt: Prompt, **inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """SamModel's own forward pass."""
    with torch.inference_mode():
        output = model(
            **inputs,
            input_points=prompt.points,
            input_labels=prompt.labels,
            input_boxes=prompt.boxes,
            multimask_output=False,
        )
    return output.pred_masks, output.iou_scores


def test_whole_forward_pass(true_sam, encoded):
    """From pixels, not from our embeddings."""
    prompt = PROMPTS["whole tile: box"]
    masks, iou = forward(true_sam, prompt, pixel_values=encoded.values)
    with torch.inference_mode():
        logits, estimate = decode(true_sam, encoded.embeddings, prompt)
    assert masks.shape == (1, 1, 1, 256, 256)
    assert logits.shape == (1, 256, 256)
    assert logits.std() > 0.01  # there is something to compare
    assert (logits - masks[:, 0, 0]).abs().max() <= 1e-4
    assert (estimate - iou[:, 0, 0]).abs().max() <= 1e-4


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt(true_sam, encoded, name):
    masks, iou = forward(true_sam, PROMPTS[name], image_embeddings=encoded.embeddings)
    with torch.inference_mode():
        logits, estimate = decode(true_sam, encoded.embeddings, PROMPTS[name])
    assert (logits - masks[:, 0, 0]).abs().max() <= 1e-4
    assert (estimate - iou[:, 0, 0]).abs().max() <= 1e-4


def test_prompts_matter(true_sam, encoded):
    """So that equality above says something about each of them."""
    with torch.inference_mode():
        logits = [decode(true_sam, encoded.embeddings, prompt)[0] for prompt in PROMPTS.values()]
    for i, one in enumerate(logits):
        for other in logits[i + 1 :]:
            assert (one - other).abs().max() > 1e-3


def test_whole_tile_is_all_of_the_input():
    assert PROMPTS["whole tile: box"].boxes.tolist() == [[[0.0, 0.0, 1023.0, 1023.0]]]
    assert PROMPTS["whole tile: none"] == Prompt()
    assert whole_tile("box", batch=3, input_px=64, device=CPU).boxes.tolist() == [[[0.0, 0.0, 63.0, 63.0]]] * 3


def test_base_bundle_and_prediction(true_sam, true_folder, encoded, tmp_path):
    """A trained mask decoder over ViT-B: written, read again, and asked for a tile of 512 pixels."""
    model, base = load_base(str(true_folder), tile_px=TILE_PX, seed=0)
    assert (base.id, base.revision) == (str(true_folder), None)
    assert base.sha256 == sha256(true_folder / WEIGHTS)
    for name, tensor in true_sam.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name

    trained = with_random_weights(true_sam.config, seed=1).mask_decoder
    model.mask_decoder = trained
    card = make_card(
        base_id=base.id, base_revision=None, base_sha256=base.sha256, trained="mask_decoder", tile_px=TILE_PX,
        input_px=INPUT_PX,
    )  # fmt: skip
    bundle = write_bundle(model, card, tmp_path / "bundle")
    with safe_open(bundle.path / WEIGHTS, "pt") as file:
        assert all(name.startswith("mask_decoder.") for name in file.keys())  # noqa: SIM118
    parameters = sum(parameter.numel() for parameter in trained.parameters())
    size = (bundle.path / WEIGHTS).stat().st_size
    assert parameters * 4 < size < parameters * 4 + 20_000  # 16.2 MB of 375 MB

    found = bundle.segmenter("cpu").predict(encoded.pixels)
    with torch.inference_mode():
        logits, _ = decode(model, encoded.embeddings.half().float(), PROMPTS["whole tile: box"])
        by_hand = enlarge(logits, TILE_PX).sigmoid()[0].numpy()
        untrained = decode(true_sam, encoded.embeddings, PROMPTS["whole tile: box"])[0]
    assert found.shape == (TILE_PX, TILE_PX)
    assert found.dtype == np.float32
    assert np.abs(found - by_hand).max() <= 1e-6
    assert (logits - untrained).abs().max() > 1e-3  # the decoder of the bundle, not of the base
    shutil.rmtree(bundle.path)
