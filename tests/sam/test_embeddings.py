"""The cache of embeddings: what names them, that they come back, and that nothing half-written is ever read."""

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from samft_core.errors import InputError, ModelError, OutputError
from samft_core.sam import embeddings
from samft_core.sam.embeddings import (
    ABOUT,
    EmbeddingCache,
    cache_limit_bytes,
    default_root,
)
from samft_core.sam.encoding import Encoding, encoding_of, tile_key
from samft_core.sam.forward import encode, head, trunk
from tests.conftest import CACHE, assert_one_clear_line
from tests.sam.conftest import SMALL_PX, small_config, with_random_weights

ENCODING = Encoding(encoder="0" * 64, blocks=2, input_px=64, precision="fp32", dtype="float16")
SHAPE = (8, 4, 4)


def key_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def answer(number: int) -> torch.Tensor:
    return torch.full(SHAPE, float(number))


@pytest.fixture
def cache(tmp_path):
    return EmbeddingCache(ENCODING, tmp_path / "cache")


class TestTrunkAndHead:
    def values(self):
        return torch.randn(2, 3, SMALL_PX, SMALL_PX, generator=torch.Generator().manual_seed(0))

    @pytest.mark.parametrize("blocks", [0, 1, 2])
    def test_together_they_encode(self, small, blocks):
        values = self.values()
        with torch.inference_mode():
            hidden = trunk(small, values, blocks)
            assert hidden.shape == ((2, 32, 4, 4) if blocks == 2 else (2, 4, 4, 32))
            assert torch.equal(head(small, hidden, blocks), encode(small, values))

    def test_of_all_blocks_nothing_is_left(self, small):
        hidden = torch.zeros(1, 32, 4, 4)
        assert head(small, hidden, 2) is hidden

    @pytest.mark.parametrize("blocks", [0, 1, 2])
    def test_gradients_with_checkpoints_are_those_without(self, blocks):
        """Of each layer, through activations that are computed again."""
        gradients = []
        for checkpoint in (False, True):
            model = with_random_weights(small_config(), seed=0).train()
            passes = count_passes(model)
            if checkpoint:
                model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            parts = head(model, trunk(model, self.values(), blocks), blocks)
            assert torch.equal(parts, encode(model, self.values()))
            passes.clear()
            parts.square().mean().backward()
            assert len(passes) == (2 if checkpoint else 0)  # each block again, in the backward pass
            gradients.append({name: p.grad for name, p in model.vision_encoder.named_parameters()})
        one, other = gradients
        assert any(gradient.abs().max() > 0 for gradient in one.values())
        assert all(torch.equal(gradient, other[name]) for name, gradient in one.items())


def count_passes(model) -> list[int]:
    """Grows by one with each pass through a block's attention."""
    passes = []
    for layer in model.vision_encoder.layers:
        layer.attn.register_forward_hook(lambda *_: passes.append(1))
    return passes


class TestEncoding:
    def test_the_same_model_the_same_digest(self, small):
        again = with_random_weights(small_config(), seed=0)
        assert encoding_of(small, input_px=64) == encoding_of(again, input_px=64)
        assert encoding_of(small, input_px=64).digest == encoding_of(again, input_px=64).digest
        assert len(encoding_of(small, input_px=64).digest) == 16

    @pytest.mark.parametrize(
        "name",
        [
            "patch_embed.projection.weight",
            "pos_embed",
            "layers.0.attn.qkv.bias",
            "layers.1.mlp.lin2.weight",
            "layers.1.attn.rel_pos_h",
            "neck.layer_norm2.weight",
        ],
    )
    def test_any_weight_on_the_way_counts(self, small, name):
        before = encoding_of(small, input_px=64)
        with torch.no_grad():
            small.vision_encoder.get_parameter(name).view(-1)[-1] += 1e-6
        assert encoding_of(small, input_px=64).digest != before.digest

    def test_weights_behind_the_trunk_and_of_the_decoder_do_not(self, small):
        before = encoding_of(small, input_px=64, blocks=1)
        with torch.no_grad():
            small.vision_encoder.layers[1].attn.qkv.weight += 1
            small.vision_encoder.neck.conv1.weight += 1
            small.mask_decoder.iou_token.weight += 1
        assert encoding_of(small, input_px=64, blocks=1) == before

    def test_what_no_tensor_shows_counts(self, small):
        before = encoding_of(small, input_px=64)
        small.vision_encoder.layers[0].window_size = 4
        assert encoding_of(small, input_px=64) != before

    @pytest.mark.parametrize(
        "change",
        [
            {"input_px": 128},
            {"blocks": 1},
            {"precision": "bf16"},
            {"dtype": "float32"},
            {"preprocessing": 2},
            {"device": "cuda"},
            {"encoder": "1" * 64},
        ],
    )
    def test_everything_else_that_counts(self, change):
        assert dataclasses.replace(ENCODING, **change).digest != ENCODING.digest

    def test_a_part_that_is_none(self, small):
        with pytest.raises(ModelError, match="expected a part of the encoder's 2 blocks, got 3") as caught:
            encoding_of(small, input_px=64, blocks=3)
        assert_one_clear_line(caught.value)

    def test_bfloat16_weights(self, small):
        before = encoding_of(small, input_px=64)
        assert encoding_of(small.to(torch.bfloat16), input_px=64) != before

    def test_stored_as_something_else(self):
        with pytest.raises(InputError, match="got int8"):
            dataclasses.replace(ENCODING, dtype="int8")


class TestTileKey:
    def test_pixels_and_validity(self):
        image = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
        valid = np.ones((8, 8), dtype=bool)
        other = valid.copy()
        other[0, 0] = False
        views = [np.rot90(image, turns, axes=(1, 2)) for turns in range(4)]
        keys = [tile_key(view, valid) for view in views] + [tile_key(image, other), tile_key(image[:, :4], valid[:4])]
        assert len(set(keys)) == 6
        assert tile_key(np.asfortranarray(image), valid) == keys[0]
        assert all(len(key) == 64 for key in keys)


class TestReadAndWrite:
    @pytest.mark.parametrize("dtype", ["float16", "float32"])
    def test_round_trip(self, tmp_path, dtype):
        cache = EmbeddingCache(dataclasses.replace(ENCODING, dtype=dtype), tmp_path)
        tensor = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0), requires_grad=True)
        key = key_of(1)
        assert key not in cache
        with pytest.raises(KeyError, match=key):
            cache.read(key)
        cache.write(key, tensor)
        assert key in cache
        found = cache.read(key)
        assert found.dtype == getattr(torch, dtype)
        assert torch.equal(found, tensor.detach().to(found.dtype))

    def test_it_lies_where_it_says(self, cache):
        cache.write(key_of(1), answer(1))
        path = cache.root / ENCODING.digest / key_of(1)[:2] / f"{key_of(1)}.npy"
        np.testing.assert_array_equal(np.load(path), np.full(SHAPE, 1, np.float16))  # by numpy alone
        assert path.stat().st_size == cache.bytes_each(SHAPE)
        assert json.loads((cache.folder / ABOUT).read_text()) == dataclasses.asdict(ENCODING)
        assert sorted(p.name for p in cache.folder.rglob("*") if p.is_file()) == sorted([ABOUT, path.name])

    def test_what_is_read_can_be_changed_without_harm(self, cache):
        cache.write(key_of(1), answer(1))
        cache.read(key_of(1)).zero_()
        assert torch.equal(cache.read(key_of(1)), answer(1).half())

    def test_reading_alone_makes_no_folder(self, cache):
        with pytest.raises(KeyError):
            cache.read(key_of(1))
        assert not cache.root.exists()
        assert cache.size_bytes() == 0

    def test_what_was_read_survives_its_file(self, cache):
        cache.write(key_of(1), answer(1))
        found = cache.read(key_of(1))
        cache.prune(0)
        assert key_of(1) not in cache
        assert torch.equal(found, answer(1).half())

    @pytest.mark.parametrize("value", [1e5, float("nan"), float("inf")])
    def test_what_float16_cannot_hold(self, cache, value):
        with pytest.raises(ModelError, match="within the range of float16") as caught:
            cache.write(key_of(1), torch.full(SHAPE, value))
        assert_one_clear_line(caught.value)
        assert key_of(1) not in cache

    def test_another_encoding_is_another_cache(self, cache, tmp_path):
        cache.write(key_of(1), answer(1))
        assert key_of(1) not in EmbeddingCache(dataclasses.replace(ENCODING, input_px=128), cache.root)
        assert key_of(1) in EmbeddingCache(ENCODING, cache.root)


class TestDamage:
    @pytest.fixture
    def path(self, cache):
        cache.write(key_of(1), answer(1))
        return next(cache.folder.rglob("*.npy"))

    @pytest.mark.parametrize("left", [0, 1, 4, 60, 130, 200, -1])
    def test_cut_off(self, cache, path, left):
        path.write_bytes(path.read_bytes()[:left])
        with pytest.raises(KeyError):
            cache.read(key_of(1))
        assert not path.exists()
        cache.write(key_of(1), answer(1))
        assert torch.equal(cache.read(key_of(1)), answer(1).half())

    @pytest.mark.parametrize("at", [0, 7, 30, 127, 128, 200, -5, -1])
    def test_one_bit(self, cache, path, at):
        content = bytearray(path.read_bytes())
        content[at] ^= 1
        path.write_bytes(content)
        with pytest.raises(KeyError):
            cache.read(key_of(1))
        assert key_of(1) not in cache

    @pytest.mark.parametrize("content", [b"\0" * 388, b"PK\x03\x04" * 97, b"\x93NUMPY\x01\x00" * 50])
    def test_something_else(self, cache, path, content):
        path.write_bytes(content)
        with pytest.raises(KeyError):
            cache.read(key_of(1))
        assert key_of(1) not in cache

    def test_a_folder_in_its_place(self, cache, path):
        path.unlink()
        path.mkdir()
        with pytest.raises(KeyError):
            cache.read(key_of(1))


class TestLeftOvers:
    def test_old_ones_go_when_it_is_opened_young_ones_may_be_someones(self, cache):
        cache.write(key_of(1), answer(1))
        (path,) = cache.folder.rglob("*.npy")
        young, old = (path.with_name(f".{path.stem}.{digits}.npy") for digits in ("01234567", "89abcdef"))
        for left in (young, old):
            left.write_bytes(b"half")
        foreign = path.with_name(".notes.npy")
        foreign.write_bytes(b"mine")
        before_s = time.time() - 2 * embeddings.ABANDONED_S
        for aged in (old, foreign, path):
            os.utime(aged, (before_s, before_s))
        again = EmbeddingCache(ENCODING, cache.root)
        assert sorted(left.name for left in path.parent.iterdir()) == sorted([young.name, foreign.name, path.name])
        assert again.size_bytes() == cache.bytes_each(SHAPE)
        again.prune(0)
        assert young.exists()


FILL = """
import hashlib, sys, torch
from pathlib import Path
from samft_core.sam.embeddings import EmbeddingCache
from samft_core.sam.encoding import Encoding
root, side, count, reading = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "read"
cache = EmbeddingCache(Encoding(encoder="0" * 64, blocks=2, input_px=64, precision="fp32", dtype="float16"), root)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    key = hashlib.sha256(str(number).encode()).hexdigest()
    cache.write(key, torch.full((side, side), float(number)))
    if reading:
        assert (cache.read(key) == number).all()
print("done", flush=True)
"""


def filling(root, *, side: int, count: int, reading: bool) -> subprocess.Popen:
    arguments = [root, side, count, "read" if reading else "write"]
    return subprocess.Popen(
        [sys.executable, "-c", FILL, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


class TestProcesses:
    def test_killed_while_writing(self, tmp_path):
        """Files of 8 MB, so that the kill finds one half-written; whatever is there is whole."""
        with filling(tmp_path, side=2048, count=200, reading=False) as process:
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            half = wait_for(lambda: list(tmp_path.rglob(".*.npy")) if len(list(tmp_path.rglob("*.npy"))) > 3 else [])
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert half, "no file was seen while it was written"
        cache = EmbeddingCache(ENCODING, tmp_path)
        whole = [number for number in range(200) if key_of(number) in cache]
        assert 0 < len(whole) < 200
        assert all((cache.read(key_of(number)) == number).all() for number in whole)
        cache.write(key_of(199), torch.full((2048, 2048), 199.0))
        assert key_of(199) in cache

    def test_two_fill_the_same_keys_at_once(self, tmp_path):
        count = 300
        processes = [filling(tmp_path, side=64, count=count, reading=True) for _ in range(2)]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            with process:
                assert process.stdout.readline() == "done\n"
                assert process.wait() == 0
        cache = EmbeddingCache(ENCODING, tmp_path)
        assert all((cache.read(key_of(number)) == number).all() for number in range(count))
        assert len(list(tmp_path.rglob("*.npy"))) == count  # nothing half-written is left


def wait_for(seen, *, limit_s: float = 60):
    """What a function gives, as soon as it gives anything."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if found := seen():
            return found
    return seen()


class TestRoom:
    def test_enough(self, cache):
        cache.require_room(10, SHAPE, 10 * cache.bytes_each(SHAPE))

    def test_beyond_the_limit(self, cache):
        with pytest.raises(OutputError) as caught:
            cache.require_room(1000, (256, 64, 64), 10**9)
        assert_one_clear_line(caught.value)
        line = str(caught.value)
        assert line.startswith("expected at most 1.0 GB, the limit, for 1000 embeddings in ")
        assert f"in {cache.root}, got 2.1 GB; raise the limit" in line
        assert "SAMFT_CACHE" in line
        assert "views" in line
        assert not cache.root.exists()

    def test_beyond_the_disk(self, cache):
        with pytest.raises(OutputError, match=r"what is free, for .*, got .*; free some space") as caught:
            cache.require_room(10**9, (256, 64, 64), 10**18)
        assert_one_clear_line(caught.value)

    @pytest.mark.parametrize("shape", [(256, 64, 64), (64, 64, 768), (1,)])
    def test_bytes_each_is_what_a_file_takes(self, cache, shape):
        cache.write(key_of(1), torch.zeros(shape))
        assert next(cache.folder.rglob("*.npy")).stat().st_size == cache.bytes_each(shape)

    def test_a_disk_that_fills_up(self, cache):
        resource = pytest.importorskip("resource", reason="limits are POSIX's")
        cache.write(key_of(1), answer(1))
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, usual[1]))
        try:
            with pytest.raises(OutputError) as caught:
                cache.write(key_of(2), answer(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        self.told(cache, caught.value, "File too large")

    def test_a_disk_that_is_full(self, tmp_path):
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
        if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("only root can make a small disk")
        try:
            cache = EmbeddingCache(ENCODING, tmp_path)
            for number in range(3):
                cache.write(key_of(number), torch.full((256, 512), float(number)))  # 262 kB
            with pytest.raises(OutputError) as caught:
                cache.write(key_of(3), torch.full((256, 512), 3.0))
            self.told(cache, caught.value, "No space left on device")
            assert torch.equal(cache.read(key_of(0)), torch.zeros(256, 512).half())
            assert list(tmp_path.rglob(".*.npy")) == []
            with pytest.raises(OutputError, match="what is free"):
                cache.require_room(1, (1024, 1024), 10**9)
        finally:
            subprocess.run(["umount", str(tmp_path)], check=True)

    def told(self, cache, error, reason):
        assert_one_clear_line(error)
        line = str(error)
        assert line.startswith(f"expected to write into the cache of embeddings, {cache.root}, got {reason}; free")
        assert "SAMFT_CACHE" in line
        assert key_of(1) in cache

    def test_a_folder_that_is_a_file(self, tmp_path):
        (tmp_path / "cache").write_text("mine")
        cache = EmbeddingCache(ENCODING, tmp_path / "cache")
        with pytest.raises(OutputError, match="cache of embeddings") as caught:
            cache.write(key_of(1), answer(1))
        assert_one_clear_line(caught.value)


class TestPrune:
    def fill(self, cache, count: int) -> int:
        """Tiles, the first the oldest; what each takes."""
        for number in range(count):
            cache.write(key_of(number), answer(number))
            when_s = 1_000_000 + number
            os.utime(cache.folder / key_of(number)[:2] / f"{key_of(number)}.npy", (when_s, when_s))
        return cache.bytes_each(SHAPE)

    def test_the_least_recently_used_go(self, cache):
        each = self.fill(cache, 6)
        cache.read(key_of(0))
        cache.prune(3 * each)
        assert [number for number in range(6) if key_of(number) in cache] == [0, 4, 5]
        assert cache.size_bytes() == 3 * each

    def test_of_all_encodings(self, cache):
        other = EmbeddingCache(dataclasses.replace(ENCODING, input_px=128), cache.root)
        self.fill(other, 3)
        other.write(key_of(9), answer(9))
        self.fill(cache, 3)
        cache.prune(cache.bytes_each(SHAPE))
        assert [number for number in range(10) if key_of(number) in other] == [9]
        assert not any(key_of(number) in cache for number in range(3))

    def test_within_the_limit_nothing_goes(self, cache):
        each = self.fill(cache, 3)
        cache.prune(3 * each)
        assert cache.size_bytes() == 3 * each

    def test_now_and_then_while_it_is_filled(self, tmp_path, monkeypatch):
        monkeypatch.setattr(embeddings, "WRITTEN_BETWEEN_PRUNING", 4)
        cache = EmbeddingCache(ENCODING, tmp_path, limit_bytes=1)
        for number in range(6):
            cache.write(key_of(number), answer(number))
        assert [number for number in range(6) if key_of(number) in cache] == [4, 5]

    def test_what_is_not_the_caches_stays(self, cache, tmp_path):
        """Even where someone's folder is given as the root."""
        self.fill(cache, 1)
        mine = [cache.root / "ab" / f"{'0' * 64}.npy", cache.folder / "mine.npy", cache.folder / "00" / "mine.npy"]
        for path in mine:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"precious")
        cache.prune(0)
        assert all(path.exists() for path in mine)
        assert cache.size_bytes() == 0

    def test_a_file_that_cannot_be_deleted(self, cache, monkeypatch):
        """As on Windows, while another process has it mapped."""
        self.fill(cache, 2)

        def refuse(*_, **__):
            raise PermissionError(13, "in use")

        monkeypatch.setattr("pathlib.Path.unlink", refuse)
        cache.prune(0)
        assert key_of(0) in cache

    def test_a_file_that_cannot_be_replaced(self, cache, monkeypatch):
        self.fill(cache, 1)

        def refuse(*_):
            raise PermissionError(13, "in use")

        monkeypatch.setattr("pathlib.Path.replace", refuse)
        cache.write(key_of(0), answer(0))
        assert torch.equal(cache.read(key_of(0)), answer(0).half())
        with pytest.raises(OutputError, match="got in use"):
            cache.write(key_of(1), answer(1))


class TestWhere:
    def test_the_environment_says(self, tmp_path, monkeypatch):
        assert str(default_root()) == CACHE.name
        monkeypatch.setenv("SAMFT_CACHE", str(tmp_path / "there"))
        assert EmbeddingCache(ENCODING).folder == tmp_path / "there" / ENCODING.digest

    def test_else_it_is_the_users(self, tmp_path, monkeypatch):
        monkeypatch.delenv("SAMFT_CACHE")
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name, **_: tmp_path / name)
        assert default_root() == tmp_path / "samft" / "embeddings"


class TestLimit:
    @pytest.mark.parametrize(("text", "expected"), [(None, 20e9), ("", 20e9), ("0", 0), ("0.5", 5e8), ("1e3", 1e12)])
    def test_size(self, monkeypatch, text, expected):
        monkeypatch.delenv("SAMFT_CACHE_GB", raising=False)
        if text is not None:
            monkeypatch.setenv("SAMFT_CACHE_GB", text)
        assert cache_limit_bytes() == expected

    @pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
    def test_no_size(self, monkeypatch, text):
        monkeypatch.setenv("SAMFT_CACHE_GB", text)
        with pytest.raises(InputError, match=f"SAMFT_CACHE_GB, got {text}; set it to 0 or more") as caught:
            cache_limit_bytes()
        assert_one_clear_line(caught.value)
