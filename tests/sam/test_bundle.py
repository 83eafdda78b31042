"""Bundles: written whole, read back the same, refused when changed."""

import dataclasses
import hashlib
import json
import os
import pickletools
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from samft_core.bundle import CARD, CONFIG, WEIGHTS, Lora, load_bundle
from samft_core.digest import sha256
from samft_core.errors import BundleError, ModelError, OutputError
from samft_core.raster import Pixels
from samft_core.sam.base import load_base
from samft_core.sam.segmenter import SamSegmenter
from samft_core.sam.tiny import tiny_model
from samft_core.sam.weights import write_bundle
from tests.conftest import assert_one_clear_line
from tests.sam.conftest import SMALL_PX, make_card, with_random_weights


@pytest.fixture(scope="module")
def model():
    return tiny_model(input_px=SMALL_PX, seed=0)


@pytest.fixture
def bundle(model, tmp_path):
    """samft-tiny, trained whole."""
    return write_bundle(model, make_card(), tmp_path / "bundle")


@pytest.fixture
def decoder_bundle(small, small_folder, tmp_path):
    """Another mask decoder over a small SAM in a folder."""
    model, base = load_base(str(small_folder), tile_px=SMALL_PX, seed=0)
    model.mask_decoder = with_random_weights(small.config, seed=1).mask_decoder
    card = make_card(base_id=base.id, base_sha256=base.sha256, trained="mask_decoder")
    return write_bundle(model, card, tmp_path / "bundle")


@pytest.fixture
def pixels():
    image = np.random.default_rng(0).integers(0, 256, (3, SMALL_PX, SMALL_PX), dtype=np.uint8)
    return Pixels(image=image, valid=np.ones((SMALL_PX, SMALL_PX), dtype=bool))


def refused(path, kind=BundleError) -> str:
    """The message of a bundle that must not be opened, or else not be put together."""
    with pytest.raises(kind) as caught:
        load_bundle(path).segmenter("cpu")
    assert_one_clear_line(caught.value)
    return str(caught.value)


class TestRoundTrip:
    def test_card(self, bundle):
        again = load_bundle(str(bundle.path))
        assert again == bundle
        assert again.card.recipe == make_card().recipe
        assert dataclasses.replace(
            again.card, weights_sha256="", config_sha256="", version="", created=""
        ) == make_card()  # fmt: skip
        assert again.card.weights_sha256 == sha256(bundle.path / WEIGHTS)

    @pytest.mark.parametrize("bands", [None, (3, 2, 1), (4,)])
    def test_bands_stay_a_tuple(self, model, tmp_path, bands):
        assert write_bundle(model, make_card(bands=bands), tmp_path / "b").card.recipe.bands == bands

    @pytest.mark.parametrize("prompt", ["box", "none"])
    def test_trained_whole_predicts_the_same(self, model, tmp_path, pixels, prompt):
        card = make_card(prompt=prompt)
        expected = SamSegmenter(model, card.recipe, "cpu").predict(pixels)
        found = write_bundle(model, card, tmp_path / "bundle").segmenter("cpu").predict(pixels)
        assert expected.std() > 0
        np.testing.assert_array_equal(found, expected)

    def test_trained_whole_predicts_the_same_in_another_process(self, bundle, pixels):
        """Where nothing of the first model is left in memory."""
        code = (
            "import sys, numpy; from samft_core.bundle import load_bundle; from samft_core.raster import Pixels\n"
            "image = numpy.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=numpy.uint8)\n"
            "pixels = Pixels(image=image, valid=numpy.ones((64, 64), bool))\n"
            "sys.stdout.buffer.write(load_bundle(sys.argv[1]).segmenter('cpu').predict(pixels).tobytes())"
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code, bundle.path], capture_output=True, check=True, timeout=300, env=environment
        )
        found = np.frombuffer(done.stdout, np.float32).reshape(SMALL_PX, SMALL_PX)
        assert np.abs(found - bundle.segmenter("cpu").predict(pixels)).max() <= 1e-6

    def test_mask_decoder_alone(self, decoder_bundle, small, small_folder, pixels):
        assert all(name.startswith("mask_decoder.") for name in load_file(decoder_bundle.path / WEIGHTS))
        expected, _ = load_base(str(small_folder), tile_px=SMALL_PX, seed=0)
        expected.mask_decoder = with_random_weights(small.config, seed=1).mask_decoder
        recipe = decoder_bundle.card.recipe
        found = decoder_bundle.segmenter("cpu").predict(pixels)
        np.testing.assert_array_equal(found, SamSegmenter(expected, recipe, "cpu").predict(pixels))
        assert np.abs(found - SamSegmenter(small, recipe, "cpu").predict(pixels)).max() > 1e-3

    def test_a_newer_one_replaces_it(self, bundle):
        newer = write_bundle(tiny_model(input_px=SMALL_PX, seed=1), make_card(threshold=0.4), bundle.path)
        assert load_bundle(bundle.path) == newer
        assert newer.card.hash != bundle.card.hash
        assert sorted(path.name for path in bundle.path.parent.iterdir()) == ["bundle"]


class TestHash:
    def test_same_weights_same_hash_whenever_written(self, model, bundle, tmp_path):
        other = write_bundle(tiny_model(input_px=SMALL_PX, seed=0), make_card(), tmp_path / "other")
        assert other.card.hash == bundle.card.hash
        later = dataclasses.replace(bundle.card, created="2031-01-01T00:00:00+00:00")
        assert later.hash == bundle.card.hash
        assert len(bundle.card.hash) == 12

    @pytest.mark.parametrize(
        "change",
        [{"threshold": 0.6}, {"prompt": "none"}, {"bands": (3, 2, 1)}, {"training": {"seed": 1}}, {"min_area_m2": 5.0}],
    )
    def test_other_card_other_hash(self, model, bundle, tmp_path, change):
        assert write_bundle(model, make_card(**change), tmp_path / "other").card.hash != bundle.card.hash

    def test_other_weights_other_hash(self, bundle, tmp_path):
        other = tiny_model(input_px=SMALL_PX, seed=0)
        with torch.no_grad():
            other.mask_decoder.iou_token.weight[0, 0] += 1e-6
        assert write_bundle(other, make_card(), tmp_path / "other").card.hash != bundle.card.hash


class TestBeforeAdapters:
    def test_a_card_without_them_is_as_it_was(self, bundle):
        """Bundles from before there were any load, and their hashes stand in footprints."""
        content = json.loads((bundle.path / CARD).read_text())
        assert "lora" not in content
        del content["created"]
        assert hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12] == bundle.card.hash
        assert load_bundle(bundle.path).card.lora is None

    def test_a_card_with_them_has_another_hash(self):
        cards = [make_card(trained="lora", lora=Lora(rank=rank, alpha=8.0, blocks=1)) for rank in (4, 8)]
        assert len({card.hash for card in (*cards, make_card())}) == 3


class TestFiles:
    def test_weights_are_safetensors_without_any_pickle(self, bundle):
        path = bundle.path / WEIGHTS
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        header.pop("__metadata__", None)
        assert max(entry["data_offsets"][1] for entry in header.values()) == len(content) - 8 - length
        assert not zipfile.is_zipfile(path)
        with pytest.raises(ValueError, match="opcode"):
            list(pickletools.genops(content))

    def test_nothing_else_is_in_the_folder(self, bundle):
        assert sorted(path.name for path in bundle.path.iterdir()) == sorted([CARD, CONFIG, WEIGHTS])

    def test_a_full_disk(self, model, tmp_path):
        resource = pytest.importorskip("resource")
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, usual[1]))
        try:
            with pytest.raises(OutputError, match="free some space") as caught:
                write_bundle(model, make_card(), tmp_path / "bundle")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert_one_clear_line(caught.value)
        assert list(tmp_path.iterdir()) == []


class TestRefused:
    @pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
    def test_tampered(self, bundle, name):
        path = bundle.path / name
        content = bytearray(path.read_bytes())
        content[-20] ^= 1
        path.write_bytes(content)
        assert f"expected {name} with SHA-256 " in refused(bundle.path)

    @pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
    def test_missing(self, bundle, name):
        (bundle.path / name).unlink()
        assert "got no such file" in refused(bundle.path)

    def test_no_card(self, bundle):
        (bundle.path / CARD).unlink()
        assert "expected a bundle, a folder with samft.json" in refused(bundle.path)

    def test_another_format(self, bundle):
        card = json.loads((bundle.path / CARD).read_text())
        (bundle.path / CARD).write_text(json.dumps(card | {"format": 2}))
        assert f"expected a bundle of format 1, in {bundle.path / CARD}, got format 2" in refused(bundle.path)

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", "{}", '{"format": 1}', '{"format": 1, "recipe": 3}'])
    def test_broken_json(self, bundle, text):
        (bundle.path / CARD).write_text(text)
        assert "expected a bundle's card" in refused(bundle.path)

    def test_a_card_that_is_no_text(self, bundle):
        (bundle.path / CARD).write_bytes(b"\xff\xfe\x00")
        assert "expected a bundle's card" in refused(bundle.path)

    @pytest.mark.parametrize(("key", "value"), [("surprise", 1), ("base_id", None)])
    def test_unknown_or_missing_key(self, bundle, key, value):
        card = json.loads((bundle.path / CARD).read_text())
        card.pop(key) if value is None else card.update({key: value})
        (bundle.path / CARD).write_text(json.dumps(card))
        assert "expected a bundle's card" in refused(bundle.path)

    @pytest.mark.parametrize(
        ("change", "line"),
        [
            ({"trained": "encoder"}, "trained to be mask_decoder or lora or all, in {}, got 'encoder'"),
            ({"trained": "lora"}, "lora to be adapters where they were trained, and only there, in {}, got None"),
            ({"lora": {"rank": 4, "alpha": 8.0, "blocks": 1}}, "lora to be adapters where they were trained, and only"),
            ({"lora": {"rank": 0, "alpha": 8.0, "blocks": 1}}, "lora rank to be a whole number above 0, in {}, got 0"),
            ({"lora": {"rank": 4, "alpha": "8", "blocks": 1}}, "lora alpha to be a number above 0, in {}, got '8'"),
            ({"lora": {"rank": 4, "alpha": 8.0, "blocks": True}}, "lora blocks to be a whole number above 0, in {}"),
            ({"base_id": 3}, "base_id to be a text, in {}, got 3"),
            ({"base_sha256": 3}, "base_sha256 to be a text or nothing, in {}, got 3"),
            ({"weights_sha256": None}, "weights_sha256 to be a text, in {}, got None"),
            ({"training": "long"}, "training to be settings by name, in {}, got 'long'"),
        ],
    )
    def test_a_card_edited_by_hand(self, bundle, change, line):
        card = json.loads((bundle.path / CARD).read_text())
        (bundle.path / CARD).write_text(json.dumps(card | change))
        assert f"expected {line.format(bundle.path / CARD)}" in refused(bundle.path)

    @pytest.mark.parametrize(
        ("change", "line"),
        [
            ({"prompt": "boxes"}, "prompt to be box or none"),
            ({"prompt": ["box"]}, "prompt to be box or none"),
            ({"gsd_m": -0.5}, "gsd_m to be a number above 0"),
            ({"gsd_m": 0}, "gsd_m to be a number above 0"),
            ({"gsd_m": float("nan")}, "gsd_m to be a number above 0"),
            ({"gsd_m": "0.5"}, "gsd_m to be a number above 0"),
            ({"gsd_m": True}, "gsd_m to be a number above 0"),
            ({"threshold": 0}, "threshold to be a number above 0 and below 1"),
            ({"threshold": 1.5}, "threshold to be a number above 0 and below 1"),
            ({"threshold": None}, "threshold to be a number above 0 and below 1"),
            ({"bands": []}, "bands to be one or three band numbers from 1"),
            ({"bands": [1, 2]}, "bands to be one or three band numbers from 1"),
            ({"bands": [0, 1, 2]}, "bands to be one or three band numbers from 1"),
            ({"bands": "123"}, "bands to be one or three band numbers from 1"),
            ({"tile_px": 0}, "tile_px to be a whole number above 0"),
            ({"tile_px": 64.5}, "tile_px to be a whole number above 0"),
            ({"input_px": None}, "input_px to be a whole number above 0"),
            ({"overlap_px": 64}, "overlap_px to be a whole number from 0 to below 64"),
            ({"overlap_px": -1}, "overlap_px to be a whole number from 0 to below 64"),
            ({"overlap_px": "1"}, "overlap_px to be a whole number from 0 to below 64"),
            ({"min_area_m2": -1}, "min_area_m2 to be a number of 0 or more"),
            ({"stretch": {"lower_percentile": 98, "upper_percentile": 2}}, "percentiles with 0 <= lower < upper"),
            ({"stretch": {"lower_percentile": "2", "upper_percentile": 98}}, "a bundle's card"),
        ],
    )
    def test_a_recipe_edited_by_hand(self, bundle, change, line):
        card = json.loads((bundle.path / CARD).read_text())
        card["recipe"] |= change
        (bundle.path / CARD).write_text(json.dumps(card))
        assert f"expected {line}" in refused(bundle.path)

    def signed(self, bundle):
        """Whoever can write the card can sign anything."""
        card = dataclasses.replace(bundle.card, weights_sha256=sha256(bundle.path / WEIGHTS))
        (bundle.path / CARD).write_text(json.dumps(card.as_dict()))

    def test_a_pickle_under_a_right_digest(self, bundle):
        """It is never opened: opening this one would leave a trace."""

        class Trace:
            def __reduce__(self):
                return os.mkdir, (str(bundle.path / "trace"),)

        torch.save(Trace(), bundle.path / WEIGHTS)
        self.signed(bundle)
        assert "expected safetensors" in refused(bundle.path)
        assert not (bundle.path / "trace").exists()

    def test_other_tensors_under_a_right_digest(self, bundle):
        weights = load_file(bundle.path / WEIGHTS)
        del weights["mask_decoder.iou_token.weight"]
        save_file(weights, bundle.path / WEIGHTS)
        self.signed(bundle)
        assert "mask_decoder.iou_token.weight is one that differs" in refused(bundle.path)


class TestBase:
    def test_one_bit_changed(self, decoder_bundle, small_folder):
        weights = small_folder / WEIGHTS
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
        line = refused(decoder_bundle.path)
        assert f"expected base model {small_folder} with SHA-256 " in line
        assert "put the base model back that the bundle was trained from" in line

    def test_gone(self, decoder_bundle, small_folder):
        shutil.rmtree(small_folder)
        assert f"got {small_folder}" in refused(decoder_bundle.path, ModelError)

    def test_trained_whole_needs_none(self, small, small_folder, tmp_path, pixels):
        _, base = load_base(str(small_folder), tile_px=SMALL_PX, seed=0)
        card = make_card(base_id=base.id, base_sha256=base.sha256, trained="all")
        bundle = write_bundle(small, card, tmp_path / "bundle")
        shutil.rmtree(small_folder)
        expected = SamSegmenter(small, card.recipe, "cpu").predict(pixels)
        np.testing.assert_array_equal(bundle.segmenter("cpu").predict(pixels), expected)
