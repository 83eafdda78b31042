"""samft export: a folder that transformers loads by itself, whatever was trained."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoProcessor, SamModel
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from samft_core.bundle import Lora, load_bundle
from samft_core.raster import Pixels
from samft_core.sam.base import load_base
from samft_core.sam.export import ABOUT, PROCESSOR
from samft_core.sam.forward import decode, encode, enlarge, whole_tile
from samft_core.sam.lora import add_lora
from samft_core.sam.preprocess import preprocess
from samft_core.sam.weights import write_bundle
from tests.cli.conftest import listing
from tests.cli.test_whole_outputs import full  # noqa: F401
from tests.sam.conftest import SMALL_PX, make_card, small_config, with_random_weights

TILE_PX = 32
LORA = Lora(rank=4, alpha=8.0, blocks=1)


@pytest.fixture(params=["mask_decoder", "lora", "all"])
def trained(request, tmp_path):
    """A bundle over a small SAM whose tiles are enlarged, and the model that it was written from."""
    base_folder = tmp_path / "base"
    with_random_weights(small_config(), seed=0).save_pretrained(base_folder)
    model, base = load_base(str(base_folder), tile_px=SMALL_PX, seed=0)
    if request.param == "lora":
        add_lora(model, LORA, seed=0)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if request.param == "all" or name.startswith("mask_decoder.") or "lora_B" in name:
                parameter.add_(torch.randn_like(parameter), alpha=0.02)
    lora = LORA if request.param == "lora" else None
    card = make_card(base_id=base.id, base_sha256=base.sha256, trained=request.param, lora=lora, tile_px=TILE_PX)
    return model.eval(), write_bundle(model, card, tmp_path / "bundle")


@pytest.fixture
def pixels():
    image = np.random.default_rng(0).integers(0, 256, (3, TILE_PX, TILE_PX), dtype=np.uint8)
    return Pixels(image=image, valid=np.ones((TILE_PX, TILE_PX), dtype=bool))


def test_transformers_alone_gives_the_bundles_masks(trained, pixels, tmp_path, good):
    model, bundle = trained
    out = tmp_path / "exported"
    assert good("export", bundle.path, "--out", out) == f"a SamModel of 0 MB, in {out}\n"
    assert listing(out) == sorted(["config.json", "model.safetensors", PROCESSOR, ABOUT])

    values = SamImageProcessorPil.from_pretrained(out)(pixels.image.transpose(1, 2, 0), return_tensors="pt")
    exported = SamModel.from_pretrained(out)
    box = torch.tensor([[[0.0, 0.0, SMALL_PX - 1.0, SMALL_PX - 1.0]]])
    with torch.inference_mode():
        found = exported(pixel_values=values["pixel_values"], input_boxes=box, multimask_output=False)
        ours = preprocess(pixels.image, pixels.valid, SMALL_PX)[None]
        prompt = whole_tile("box", batch=1, input_px=SMALL_PX, device=torch.device("cpu"))
        expected, _ = decode(model, encode(model, ours), prompt)
        whole = enlarge(found.pred_masks[:, 0, 0], TILE_PX).sigmoid()[0].numpy()
    assert expected.std() > 1e-3  # there is something to compare
    assert (values["pixel_values"] - ours).abs().max() <= 1e-6
    assert (found.pred_masks[:, 0, 0] - expected).abs().max() <= 1e-5
    rounded = bundle.segmenter("cpu").predict(pixels)  # its embeddings have eleven binary digits
    assert np.abs(whole - rounded).max() <= 2e-3

    about = json.loads((out / ABOUT).read_text())
    assert about["bundle"] == bundle.card.hash
    assert about["recipe"]["gsd_m"] == 0.5
    again, base = load_base(str(out), tile_px=TILE_PX, seed=0)  # as --model takes it
    assert base.id == str(out)
    assert all(torch.equal(tensor, exported.state_dict()[name]) for name, tensor in again.state_dict().items())


def test_samft_tiny(bundle, tmp_path, good):
    out = tmp_path / "exported"
    good("export", bundle, "--out", out)
    assert json.loads((out / PROCESSOR).read_text())["mask_size"] == {"longest_edge": 32}  # patches of 8 pixels
    assert AutoProcessor.from_pretrained(out).image_processor.size["longest_edge"] == 64
    assert sum(parameter.numel() for parameter in SamModel.from_pretrained(out).parameters()) > 1e6


class TestMistakes:
    def test_no_bundle(self, mistake, tmp_path):
        assert "expected a bundle" in mistake("export", tmp_path, "--out", tmp_path / "out")
        assert listing(tmp_path) == []

    def test_what_exists(self, mistake, good, bundle, tmp_path):
        out = tmp_path / "out"
        good("export", bundle, "--out", out)
        assert "--overwrite" in mistake("export", bundle, "--out", out)
        good("export", bundle, "--out", out, "--overwrite")
        assert listing(tmp_path) == ["out", *sorted(f"out/{name}" for name in listing(out))]

    def test_what_is_something_else_stays(self, mistake, bundle, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "config.json").write_text("precious")
        mistake("export", bundle, "--out", tmp_path / "out", "--overwrite")
        assert (tmp_path / "out" / "config.json").read_text() == "precious"

    def test_a_bundle_is_not_replaced(self, mistake, bundle):
        mistake("export", bundle, "--out", bundle, "--overwrite")
        assert load_bundle(bundle).path == bundle

    def test_a_full_disk(self, full, bundle, tmp_path):  # noqa: F811
        line = full(1_000_000, "export", bundle, "--out", tmp_path / "out")
        assert f"expected to write {tmp_path / 'out'}" in line
        assert listing(tmp_path) == []
