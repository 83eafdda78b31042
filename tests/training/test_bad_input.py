"""What is wrong with chips, weights, settings or the machine is said in one line, and nothing is lost."""

import json
import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from samft_core.bundle import load_bundle
from samft_core.errors import ChipsError, ConfigError, OutputError, SamftError
from tests.cli.conftest import samft
from tests.conftest import assert_one_clear_line, write_raster
from tests.training.conftest import metrics, snapshots, state, trained
from training.chips import Chips, open_chips
from training.learner import Learner

QUICK = {"train": "mask_decoder", "max_steps": 6, "learning_rate": 1e-3}


@pytest.fixture
def copy(chips, tmp_path) -> Chips:
    """A chips folder to be damaged."""
    return open_chips(shutil.copytree(chips.path, tmp_path / "chips"))


class TestChips:
    def damage(self, chips: Chips, how: str) -> str:
        """Damage a train chip; gives its name."""
        chip = chips.split("train")[3]
        if how == "another size":
            grid = chip.grid()
            for path, bands in ((chip.image, 3), (chip.mask, 1)):
                write_raster(path, np.zeros((bands, 48, 48), np.uint8), transform=grid.transform)
        elif how == "truncated":
            chip.image.write_bytes(chip.image.read_bytes()[:200])
        elif how == "image of another size":
            write_raster(chip.image, np.zeros((3, 48, 48), np.uint8), transform=chip.grid().transform)
        else:
            chip.mask.unlink()
        return chip.name

    @pytest.mark.parametrize("how", ["another size", "image of another size", "truncated", "missing"])
    def test_one_that_cannot_be_used_is_named(self, how, copy, base, tmp_path):
        name = self.damage(copy, how)
        with pytest.raises(ChipsError, match=f"expected chip {name} in .*bad_chips=skip") as error:
            trained(copy, tmp_path / "run", base, **QUICK)
        assert_one_clear_line(error.value)
        if "size" in how:
            assert "48 x 48" in error.value.got
        assert snapshots(tmp_path / "run") == []

    def test_it_can_be_left_out_and_is_named(self, copy, base, tmp_path, caplog, no_pages):
        names = [self.damage(copy, "truncated")]
        val = copy.split("val")[0]
        val.mask.unlink()
        bundle = trained(copy, tmp_path / "run", base, bad_chips="skip", **QUICK)
        (note,) = [text for text in caplog.messages if text.startswith("left out: ")]
        assert all(f"{name} (" in note for name in [*names, val.name])
        assert load_bundle(bundle.path).card.recipe.tile_px == 64
        assert metrics(tmp_path / "run")[0]["step"] == 4  # 16 chips instead of 17

    def test_if_none_is_left_it_says_so(self, copy, base, tmp_path):
        for chip in copy.split("val"):
            chip.mask.unlink()
        with pytest.raises(ChipsError, match="at least one val chip"):
            trained(copy, tmp_path / "run", base, bad_chips="skip", **QUICK)


class TestNumbers:
    def test_weights_that_are_none(self, chips, base, tmp_path):
        """Through the command, as a user sees it."""
        broken = shutil.copytree(base, tmp_path / "base")
        weights = load_file(broken / "model.safetensors")
        weights["mask_decoder.iou_token.weight"][:] = torch.nan
        save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
        run = tmp_path / "run"
        done = samft("train", chips.path, "--out", run, "--model", broken, "--set", "batch_size=2", "--device", "cpu")
        assert done.returncode == 1, done.stderr
        last = done.stderr.splitlines()[-1]
        assert last.startswith("error: expected a finite loss, got nan in step 1 (epoch 1; chips ")
        named = last.split("chips ")[1].split(")")[0].split(", ")
        assert len(named) == 2
        assert set(named) <= {chip.name for chip in chips.split("train")}
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("what", ["loss", "gradient"])
    def test_a_loss_that_turns_nan(self, what, chips, base, tmp_path, monkeypatch):
        """The last snapshot is kept, and can be gone on from."""
        forward, calls = Learner.forward, []

        def spoilt(self, inputs, asked, *, encoded):
            (logits, estimate), *others = forward(self, inputs, asked, encoded=encoded)
            calls.append(self.training)
            if calls.count(True) < 8:
                return [(logits, estimate), *others]
            if what == "loss":
                return [(logits * torch.nan, estimate), *others]
            logits.register_hook(lambda gradient: gradient * torch.inf)
            return [(logits, estimate), *others]

        settings = {**QUICK, "max_steps": 12, "snapshot_every": 3}
        with monkeypatch.context() as patched:
            patched.setattr(Learner, "forward", spoilt)
            with pytest.raises(
                SamftError, match=rf"a finite {what}, got (nan|inf) in step 8 \(epoch 2; chips "
            ) as error:
                trained(chips, tmp_path / "run", base, **settings)
        assert error.value.exit_code == 1
        assert "the last snapshot is kept: lower learning_rate" in str(error.value)
        assert "\n" not in str(error.value)
        assert snapshots(tmp_path / "run") == [3, 6]
        assert all(tensor.isfinite().all() for tensor in state(tmp_path / "run")["weights"].values())
        assert trained(chips, tmp_path / "run", base, **settings).card.recipe.tile_px == 64


class TestMachine:
    def test_a_cache_beyond_its_limit_is_refused_before_anything_is_encoded(self, chips, base, cache, tmp_path):
        stages = []

        def note(stage: str, done: int, total: int, note: str = "") -> None:
            stages.append(stage)

        with pytest.raises(OutputError, match=r"at most 1\.0 kB, the limit, for 72 embeddings") as error:
            trained(chips, tmp_path / "run", base, progress=note, cache_limit_gb=0.000001, **QUICK)
        assert_one_clear_line(error.value)
        assert set(stages) == {"looking at chips", "looking into the cache"}
        assert not list(cache.rglob("*.npy"))

    @pytest.mark.parametrize(
        ("settings", "remedy"),
        [
            ({"train": "mask_decoder"}, "raise accumulate as you lower batch_size, and run"),
            ({"train": "all"}, "raise accumulate as you lower batch_size, or set checkpoint_gradients=true, and run"),
            ({"train": "all", "checkpoint_gradients": True}, "raise accumulate as you lower batch_size, and run"),
        ],
        ids=["mask_decoder", "all", "all, checkpointed"],
    )
    def test_out_of_gpu_memory(self, settings, remedy, chips, base, tmp_path, monkeypatch):
        """A stand-in for a GPU: the error that PyTorch raises on one."""

        def full(*arguments, **keywords):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ...")

        monkeypatch.setattr(Learner, "forward", full)
        with pytest.raises(SamftError) as error:
            trained(chips, tmp_path / "run", base, **QUICK | settings)
        assert str(error.value).startswith(
            "expected batch_size = 4 in fp32 to fit the GPU, got CUDA out of memory. Tried to allocate 2.00 GiB.; "
        )
        assert remedy in str(error.value)
        assert "\n" not in str(error.value)
        assert error.value.exit_code == 1

    def test_tensorboard_is_asked_for_but_not_installed(self, chips, base, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
        with pytest.raises(ConfigError, match=r"got none; pip install 'samft\[tensorboard\]'") as error:
            trained(chips, tmp_path / "run", base, tensorboard=True, **QUICK)
        assert_one_clear_line(error.value)


def test_what_the_settings_pin_is_in_the_bundle(chips, base, tmp_path, no_pages):
    bundle = trained(chips, tmp_path / "run", base, threshold=0.333, min_area_m2=12, prompt="none", **QUICK)
    recipe = json.loads((bundle.path / "samft.json").read_text())["recipe"]
    assert (recipe["threshold"], recipe["min_area_m2"], recipe["prompt"]) == (0.333, 12.0, "none")
    assert metrics(tmp_path / "run")[-1]["val_threshold"] == 0.333
    assert bundle.card.training["validation"]["threshold"] == 0.333
