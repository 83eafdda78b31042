"""A bundle's model: prompts on one embedding, and the same answer from the cache as from the encoder."""

import dataclasses
from unittest.mock import patch

import numpy as np
import pytest
import torch

from samft_core.errors import InputError
from samft_core.raster import Pixels
from samft_core.sam import embeddings, segmenter
from samft_core.sam.embeddings import EmbeddingCache
from samft_core.sam.encoding import encoding_of
from samft_core.sam.forward import Prompt, decode, encode, enlarge, whole_tile
from samft_core.sam.memory import keep_memory
from samft_core.sam.preprocess import preprocess
from samft_core.sam.segmenter import SamSegmenter
from samft_core.sam.tiny import PATCH_PX, tiny_model
from samft_core.sam.weights import write_bundle
from tests.conftest import assert_one_clear_line
from tests.sam.conftest import SMALL_PX, make_card

BOXES = torch.tensor([[[4.0, 4.0, 20.0, 30.0]], [[30.0, 8.0, 60.0, 40.0]], [[0.0, 0.0, 63.0, 63.0]]])


def some_pixels(seed: int) -> Pixels:
    image = np.random.default_rng(seed).integers(0, 256, (3, SMALL_PX, SMALL_PX), dtype=np.uint8)
    valid = np.ones((SMALL_PX, SMALL_PX), dtype=bool)
    valid[:, :5] = False
    return Pixels(image=image * valid, valid=valid)


@pytest.fixture
def pixels():
    return some_pixels(0)


@pytest.fixture
def model():
    return tiny_model(input_px=SMALL_PX, seed=0)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def bundle(model, tmp_path):
    return write_bundle(model, make_card(), tmp_path / "bundle")


def passes(found: SamSegmenter) -> list[int]:
    """Grows by one with each pass through the encoder."""
    seen = []
    found.model.vision_encoder.neck.register_forward_hook(lambda *_: seen.append(1))
    return seen


class TestAnswer:
    def test_embeddings_are_rounded(self, model, pixels):
        found = SamSegmenter(model, make_card().recipe, "cpu").embed(pixels)
        with torch.inference_mode():
            expected = encode(model, preprocess(pixels.image, pixels.valid, SMALL_PX)[None])[0]
        assert found.dtype == torch.float16
        assert torch.equal(found, expected.half())

    @pytest.mark.parametrize("tile_px", [SMALL_PX, 32])
    def test_boxes_are_answered_in_their_order(self, model, pixels, tile_px):
        found = SamSegmenter(model, make_card(tile_px=tile_px).recipe, "cpu")
        embedding = found.embed(pixels)
        answers = found.answer(embedding, Prompt(boxes=BOXES))
        assert answers.shape == (3, tile_px, tile_px)
        assert answers.dtype == np.float32
        with torch.inference_mode():
            for answer, box in zip(answers, BOXES, strict=True):
                logits, _ = decode(model, embedding[None].float(), Prompt(boxes=box[None]))
                assert np.abs(answer - enlarge(logits, tile_px).sigmoid()[0].numpy()).max() <= 1e-6
        assert np.abs(answers[0] - answers[1]).max() > 1e-4

    def test_more_prompts_than_are_decoded_at_once(self, model, pixels, monkeypatch):
        found = SamSegmenter(model, make_card().recipe, "cpu")
        embedding = found.embed(pixels)
        points = torch.arange(10.0).reshape(5, 1, 1, 2) * 6
        prompt = Prompt(points=points, labels=torch.tensor([1, 0, 1, 1, 0]).reshape(5, 1, 1))
        whole = found.answer(embedding, prompt)
        monkeypatch.setattr(segmenter, "PROMPTS_AT_ONCE", 2)
        parts = found.answer(embedding, prompt)
        assert whole.shape == parts.shape == (5, SMALL_PX, SMALL_PX)
        assert np.abs(whole - parts).max() <= 1e-6

    def test_without_a_prompt_there_is_one_answer(self, model, pixels):
        found = SamSegmenter(model, make_card(prompt="none").recipe, "cpu")
        answers = found.answer(found.embed(pixels), Prompt())
        np.testing.assert_array_equal(answers[0], found.predict(pixels))
        assert len(answers) == 1


class TestDrawn:
    """Prompts as masks, of cells a quarter of a patch wide."""

    @pytest.fixture
    def given(self):
        """What the prompt encoder is given for a prompt."""
        sam = tiny_model(input_px=SMALL_PX, seed=0)

        def masks(prompt: Prompt, *, draw: bool = True):
            with patch.object(sam.prompt_encoder, "forward", wraps=sam.prompt_encoder.forward) as forward:
                decode(sam, torch.zeros(1, 128, SMALL_PX // PATCH_PX, SMALL_PX // PATCH_PX), prompt, draw=draw)
            return forward.call_args.kwargs["input_masks"]

        return masks

    def test_a_box_is_filled(self, given):
        masks = given(Prompt(boxes=torch.tensor([[[4.0, 8.0, 15.0, 23.0]]])))
        true = torch.zeros(1, 1, SMALL_PX // 2, SMALL_PX // 2)
        true[..., 4:12, 2:8] = 1
        assert torch.equal(masks, true)

    def test_the_whole_tile_is_all_filled(self, given):
        assert (given(whole_tile("box", batch=1, input_px=SMALL_PX, device=torch.device("cpu"))) == 1).all()

    def test_no_box_is_too_small(self, given):
        assert given(Prompt(boxes=torch.tensor([[[7.3, 7.3, 7.4, 7.4]]]))).sum() >= 1

    def test_a_point_is_a_square_and_one_off_the_object_is_not_drawn(self, given):
        points = torch.tensor([[[[19.5, 31.5], [50.0, 50.0]]]])
        rows, cols = torch.nonzero(given(Prompt(points=points, labels=torch.tensor([[[1, 0]]])))[0, 0], as_tuple=True)
        assert 8**2 <= len(rows) <= 10**2
        assert abs(rows.float().mean() * 2 + 0.5 - 31.5) <= 1
        assert abs(cols.float().mean() * 2 + 0.5 - 19.5) <= 1

    def test_nothing_is_drawn_without_a_prompt_or_unless_asked(self, given):
        assert given(Prompt()) is None
        assert given(Prompt(boxes=torch.zeros(1, 1, 4)), draw=False) is None


class TestCache:
    def test_the_encoder_is_asked_once(self, bundle, root, pixels):
        plain = bundle.segmenter("cpu").predict(pixels)
        assert not root.exists()
        first = bundle.segmenter("cpu", cache=True)
        seen = passes(first)
        np.testing.assert_array_equal(first.predict(pixels), plain)
        np.testing.assert_array_equal(first.predict(pixels), plain)
        assert len(seen) == 1
        again = bundle.segmenter("cpu", cache=True)
        seen = passes(again)
        np.testing.assert_array_equal(again.predict(pixels), plain)
        assert seen == []
        again.predict(some_pixels(1))
        assert len(seen) == 1

    def test_another_decoder_shares_it_another_encoder_does_not(self, bundle, root, model, pixels, tmp_path):
        bundle.segmenter("cpu", cache=True).predict(pixels)
        with torch.no_grad():
            model.mask_decoder.iou_token.weight += 1
        decoder = write_bundle(model, make_card(), tmp_path / "decoder").segmenter("cpu", cache=True)
        seen = passes(decoder)
        decoder.predict(pixels)
        assert seen == []
        with torch.no_grad():
            model.vision_encoder.neck.conv1.weight *= 2
        encoder = write_bundle(model, make_card(), tmp_path / "encoder").segmenter("cpu", cache=True)
        seen = passes(encoder)
        encoder.predict(pixels)
        assert len(seen) == 1

    def test_a_damaged_file_is_made_again(self, bundle, root, pixels):
        expected = bundle.segmenter("cpu", cache=True).predict(pixels)
        (path,) = root.rglob("*.npy")
        path.write_bytes(path.read_bytes()[:1000])
        np.testing.assert_array_equal(bundle.segmenter("cpu", cache=True).predict(pixels), expected)
        np.testing.assert_array_equal(bundle.segmenter("cpu", cache=True).predict(pixels), expected)
        (again,) = root.rglob("*.npy")
        assert again == path

    def test_it_stays_within_its_limit(self, bundle, root, monkeypatch):
        monkeypatch.setenv("SAMFT_CACHE_GB", "0")
        monkeypatch.setattr(embeddings, "WRITTEN_BETWEEN_PRUNING", 2)
        found = bundle.segmenter("cpu", cache=True)
        for seed in range(3):
            found.predict(some_pixels(seed))
        assert len(list(root.rglob("*.npy"))) == 1

    def test_a_limit_that_is_none(self, bundle, root, monkeypatch):
        monkeypatch.setenv("SAMFT_CACHE_GB", "lots")
        with pytest.raises(InputError, match="SAMFT_CACHE_GB") as caught:
            bundle.segmenter("cpu", cache=True)
        assert_one_clear_line(caught.value)

    def test_float32_would_not_be_the_same_answer(self, model, tmp_path):
        cache = EmbeddingCache(encoding_of(model, input_px=SMALL_PX, dtype="float32"), tmp_path)
        with pytest.raises(AssertionError):
            SamSegmenter(model, make_card().recipe, "cpu", cache)


def test_memory_is_kept_where_glibc_is(monkeypatch):
    import platform
    import sys

    glibc = sys.platform == "linux" and platform.libc_ver()[0] == "glibc"
    assert keep_memory() == glibc
    monkeypatch.setattr("sys.platform", "win32")
    assert keep_memory.__wrapped__() is False


class TestPrompts:
    def test_a_box_and_points_are_in_the_tiles_pixels(self, model, pixels):
        recipe = dataclasses.replace(make_card().recipe, tile_px=SMALL_PX // 2)
        found = SamSegmenter(model, recipe, "cpu")
        embedding = SamSegmenter(model, make_card().recipe, "cpu").embed(pixels)
        by_box = found.answer_box(embedding, np.array([2.0, 3.0, 12.0, 20.0]))
        asked = Prompt(boxes=torch.tensor([[[4.0, 6.0, 23.0, 39.0]]]))  # twice as large; the last pixel is within
        np.testing.assert_array_equal(by_box, found.answer(embedding, asked)[0])
        by_points = found.answer_points(embedding, np.array([[2.0, 3.0], [8.0, 9.0]]), [1, 0])
        places = Prompt(points=torch.tensor([[[[3.5, 5.5], [15.5, 17.5]]]]), labels=torch.tensor([[[1, 0]]]))
        np.testing.assert_array_equal(by_points, found.answer(embedding, places)[0])


class TestBetweenBlocks:
    def test_an_encoder_is_left_between_two_blocks(self, model, pixels):
        found = SamSegmenter(model, make_card().recipe, "cpu")
        ran = []
        for layer in model.vision_encoder.layers:
            layer.layer_norm1.register_forward_hook(lambda *_: ran.append(1))

        def stop():
            if len(ran) == 2:
                raise InterruptedError

        found.between_blocks = stop
        with pytest.raises(InterruptedError):
            found.embed(pixels)
        assert len(ran) == 2 < len(model.vision_encoder.layers)
