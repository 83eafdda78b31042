"""The encoder's attention in little memory, held against the blocks of transformers."""

import pytest
import torch

from samft_core.sam import attention
from samft_core.sam.attention import run_block
from tests.sam.conftest import small_config, with_random_weights


@pytest.mark.parametrize("bunch_bytes", [1, 3_000, 1 << 20])
@pytest.mark.parametrize("positions", [True, False])
def test_blocks_answer_as_they_do_by_themselves(monkeypatch, bunch_bytes, positions):
    """Windows (with padding: 4 patches in windows of 3) and global attention, in one bunch of queries or many."""
    monkeypatch.setattr(attention, "BUNCH_BYTES", bunch_bytes)
    config = small_config()
    config.vision_config.window_size = 3
    config.vision_config.use_rel_pos = positions
    model = with_random_weights(config, seed=0)
    hidden = torch.randn(2, 4, 4, config.vision_config.hidden_size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for block in model.vision_encoder.layers:
            torch.testing.assert_close(run_block(block, hidden), block(hidden), rtol=0, atol=1e-6)
            hidden = block(hidden)


def test_so_it_does_in_bfloat16():
    model = with_random_weights(small_config(), seed=0)
    hidden = torch.randn(1, 4, 4, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for block in model.vision_encoder.layers:
            torch.testing.assert_close(run_block(block, hidden), block(hidden), rtol=0.02, atol=0.02)
