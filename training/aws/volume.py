"""How much disk a job needs, before any of it is written."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from training.aws.settings import local_folder
from training.config import TrainConfig

GIB = 1 << 30
"""What the API calls a GB."""
MARGIN = 1.2
SCRATCH_BYTES = 10 * GIB
"""For the packages that are installed, logs and temporary files."""
SMALLEST_GB = 30
"""SageMaker's own default."""

SNAPSHOTS = 3
"""The two that are kept, and one that is being written."""
DECODER_BYTES = 4 * 4_100_000
"""The mask decoder and its neighbours in float32, which every SAM has alike."""
TRAINED_TIMES = 5
"""A snapshot holds what is learned, AdamW's two moments of it, its moving average, and the best so far."""
PATCHES = 64 * 64
"""SAM's encoder cuts its input into so many."""
EMBEDDED = 256
"""Numbers for each patch that leave the encoder."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a SAM is."""

    weights_bytes: int
    hidden: int
    """Numbers for each patch between the encoder's blocks."""


SIZES = {
    "facebook/sam-vit-base": Size(weights_bytes=375_000_000, hidden=768),
    "facebook/sam-vit-large": Size(weights_bytes=1_250_000_000, hidden=1024),
    "facebook/sam-vit-huge": Size(weights_bytes=2_564_000_000, hidden=1280),
    "samft-tiny": Size(weights_bytes=20_000_000, hidden=192),
}


def size_of(model: str) -> Size:
    """A model's size; of an id that is not known, the largest there is."""
    folder = local_folder(model)
    if folder is None:
        return SIZES.get(model.partition("@")[0], SIZES["facebook/sam-vit-huge"])
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    try:
        hidden = json.loads((folder / "config.json").read_text(encoding="utf-8"))["vision_config"]["hidden_size"]
    except (OSError, ValueError, KeyError, TypeError):
        hidden = SIZES["facebook/sam-vit-huge"].hidden
    return Size(weights_bytes=weights, hidden=int(hidden))


def cache_bytes(config: TrainConfig, size: Size, *, learn: int, check: int) -> int:
    """What the cache of embeddings takes on one machine that sees all chips.

    Args:
        config: The settings: what learns, views, and how embeddings are kept.
        size: Of the model.
        learn: How many chips are learned from, in each view.
        check: How many are validated on.
    """
    if not config.caches:
        return 0
    numbers = PATCHES * (size.hidden if config.train == "lora" else EMBEDDED)
    views = config.views if config.augment == "flips" else 1
    return (learn * views + check) * numbers * (4 if config.cache == "fp32" else 2)


def volume_gb(config: TrainConfig, size: Size, *, chips_bytes: int, learn: int, check: int, copied: bool) -> int:
    """The disk of each machine, in the API's GB.

    Chips lie there twice, as they come and unpacked, unless they are read from S3; the base model twice, as it is
    downloaded and as it is kept; then the cache, the snapshots and the model that is handed over.

    Args:
        config: The training settings.
        size: Of the model.
        chips_bytes: Of the chips as they are staged.
        learn: How many chips are learned from.
        check: How many are validated on.
        copied: Whether the chips are copied to the machine (input mode File).
    """
    trained = size.weights_bytes if config.train == "all" else DECODER_BYTES * (2 if config.train == "lora" else 1)
    needed = (
        chips_bytes * (2 if copied else 1)
        + size.weights_bytes * 2
        + cache_bytes(config, size, learn=learn, check=check)
        + trained * TRAINED_TIMES * SNAPSHOTS
        + trained * 2
    )
    return max(SMALLEST_GB, math.ceil((needed * MARGIN + SCRATCH_BYTES) / GIB))
