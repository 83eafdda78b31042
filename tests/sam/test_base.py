"""What training starts from: the hub's cache, a folder, samft-tiny, and what is refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ViTConfig, ViTModel
from transformers.utils import logging

from samft_core.digest import sha256
from samft_core.errors import ModelError
from samft_core.sam.base import load_base
from samft_core.sam.known import REVISIONS
from tests.cli.conftest import houses, write_scene, write_vector
from tests.conftest import assert_one_clear_line
from training.prepare import PrepareSettings, prepare
from training.scenes import loose_scenes

SAMFT = Path(sys.executable).with_name("samft")
NOWHERE = "http://127.0.0.1:9"
"""An address where nobody listens."""


def process(command: list[object], **environment: object) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}
    environment = clean | {"OMP_NUM_THREADS": "1"} | {key: str(value) for key, value in environment.items()}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, check=False, env=environment
    )


@pytest.fixture
def refused(capfd):
    """Loads a base model that must be refused, with nothing on the terminal; gives the message."""

    def call(name: object) -> str:
        capfd.readouterr()
        with pytest.raises(ModelError) as caught:
            load_base(str(name), tile_px=64, seed=0)
        assert_one_clear_line(caught.value)
        assert capfd.readouterr() == ("", "")
        return str(caught.value)

    return call


class TestFolder:
    def test_is_loaded_as_it_was_saved(self, small, small_folder, capfd):
        capfd.readouterr()
        model, base = load_base(str(small_folder), tile_px=64, seed=0)
        assert not model.training
        assert model.state_dict().keys() == small.state_dict().keys()
        for name, tensor in small.state_dict().items():
            assert torch.equal(model.state_dict()[name], tensor), name
        assert (base.id, base.revision) == (str(small_folder), None)
        assert base.sha256 == sha256(small_folder / "model.safetensors")
        assert capfd.readouterr() == ("", "")

    def test_transformers_is_as_talkative_as_before(self, small_folder):
        before = logging.get_verbosity(), logging.is_progress_bar_enabled()
        load_base(str(small_folder), tile_px=64, seed=0)
        assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before

    def test_in_several_files(self, small, tmp_path):
        small.save_pretrained(tmp_path, max_shard_size="100KB")
        shards = sorted(tmp_path.glob("*.safetensors"))
        assert len(shards) > 2
        model, base = load_base(str(tmp_path), tile_px=64, seed=0)
        assert base.sha256 == sha256(*shards)
        assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in small.state_dict().items())
        shards[1].unlink()
        with pytest.raises(ModelError):
            load_base(str(tmp_path), tile_px=64, seed=0)

    @pytest.mark.parametrize("name", ["sam@home", "facebook"])
    def test_its_absolute_path_is_what_a_bundle_remembers(self, small_folder, monkeypatch, name):
        """A bundle is also loaded from another working folder."""
        small_folder.rename(small_folder.with_name(name))
        monkeypatch.chdir(small_folder.parent)
        _, base = load_base(name, tile_px=64, seed=0)
        assert (base.id, base.revision) == (str(small_folder.with_name(name)), None)

    def test_without_weights(self, refused, small_folder):
        (small_folder / "model.safetensors").unlink()
        assert f"expected config.json and model.safetensors in {small_folder}, got config.json" in refused(small_folder)

    def test_empty(self, refused, tmp_path):
        assert "got an empty folder" in refused(tmp_path)

    def test_with_a_pickle_alone(self, refused, small_folder):
        """It is never opened: opening this one would leave a trace."""

        class Trace:
            def __reduce__(self):
                return os.mkdir, (str(small_folder / "trace"),)

        (small_folder / "model.safetensors").unlink()
        torch.save({"weights": Trace()}, small_folder / "pytorch_model.bin")
        assert "got config.json, pytorch_model.bin; save the model with" in refused(small_folder)
        assert not (small_folder / "trace").exists()

    def test_with_a_pickle_named_safetensors(self, refused, small, small_folder):
        torch.save(small.state_dict(), small_folder / "model.safetensors")
        assert "expected a SamModel" in refused(small_folder)

    def test_of_another_model(self, refused, tmp_path):
        config = ViTConfig(
            hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32
        )
        ViTModel(config).save_pretrained(tmp_path)
        assert "got a model of type vit; give a SAM" in refused(tmp_path)

    def test_cut_off(self, refused, small_folder):
        weights = small_folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1000])
        assert "expected a SamModel" in refused(small_folder)

    def test_without_one_tensor(self, refused, small_folder):
        """transformers would fill it with random numbers."""
        weights = load_file(small_folder / "model.safetensors")
        del weights["mask_decoder.iou_token.weight"]
        save_file(weights, small_folder / "model.safetensors", metadata={"format": "pt"})
        assert "got 1 missing, such as mask_decoder.iou_token.weight" in refused(small_folder)

    @pytest.mark.parametrize("text", ["{", "[]", "{}"])
    def test_with_another_config(self, refused, small_folder, text):
        (small_folder / "config.json").write_text(text)
        assert "expected a SamModel" in refused(small_folder)

    def test_whose_config_does_not_fit_the_weights(self, refused, small_folder):
        config = json.loads((small_folder / "config.json").read_text())
        config["vision_config"]["hidden_size"] = 64
        (small_folder / "config.json").write_text(json.dumps(config))
        assert "expected a SamModel" in refused(small_folder)


@pytest.mark.parametrize("name", ["nonsense", "facebook/sam-vit-giant", "/no/such/folder", "a/b/c@main", "@"])
def test_unknown_name(refused, name):
    assert f"folder, or ID@COMMIT, got {name}; check the name" in refused(name)


LOAD = """
import sys
from samft_core.sam.base import load_base
model, base = load_base("facebook/sam-vit-base", tile_px=64, seed=0)
print(base.id, base.revision, base.sha256, model.config.vision_config.hidden_size)
"""


class TestHub:
    @pytest.fixture
    def chips(self, tmp_path):
        """A raster with houses, cut into chips."""
        labels = write_vector(tmp_path / "labels.gpkg", houses())
        scenes = loose_scenes([str(write_scene(tmp_path / "scene.tif"))], [str(labels)])
        return prepare(scenes, tmp_path / "chips", settings=PrepareSettings(gsd_m=0.5, size_px=64)).chips.path

    @pytest.fixture
    def cache(self, small_folder, tmp_path):
        """A hub's cache that holds a small SAM under ViT-B's name and pinned commit."""
        snapshots = tmp_path / "hf" / "hub" / "models--facebook--sam-vit-base" / "snapshots"
        snapshots.mkdir(parents=True)
        shutil.copytree(small_folder, snapshots / REVISIONS["facebook/sam-vit-base"])
        return tmp_path / "hf"

    @pytest.mark.parametrize(
        "environment", [{"HF_HUB_OFFLINE": 1}, {"HF_ENDPOINT": NOWHERE}], ids=["offline", "refused"]
    )
    def test_what_is_cached_needs_no_network(self, cache, small_folder, environment):
        done = process([sys.executable, "-c", LOAD], HF_HOME=cache, **environment)
        digest = sha256(small_folder / "model.safetensors")
        assert done.stdout == f"facebook/sam-vit-base {REVISIONS['facebook/sam-vit-base']} {digest} 32\n"
        assert done.stderr == ""

    def test_another_commit_is_not_it(self, cache):
        (snapshot,) = cache.glob("hub/*/snapshots/*")
        snapshot.rename(snapshot.with_name("0" * 40))
        done = process([sys.executable, "-c", LOAD], HF_HOME=cache, HF_HUB_OFFLINE=1)
        assert "ModelError: expected facebook/sam-vit-base@70c1a07f894e in the cache or on the hub" in done.stderr

    @pytest.mark.parametrize(
        ("environment", "reason"),
        [({"HF_HUB_OFFLINE": 1}, "OfflineModeIsEnabled"), ({"HF_ENDPOINT": NOWHERE}, "ConnectError")],
        ids=["offline", "refused"],
    )
    def test_neither_cache_nor_network(self, tmp_path, environment, reason, chips):
        """Within seconds, in one line, through the command; and nothing is left of the run but its folder."""
        command = [SAMFT, "train", chips, "--out", tmp_path / "run", "--device", "cpu"]
        done = process(command, HF_HOME=tmp_path / "hf", **environment)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line == (
            f"error: expected facebook/sam-vit-base@70c1a07f894e in the cache or on the hub, got neither ({reason}); "
            "connect to the internet once, or give a folder with its config.json and model.safetensors"
        )
