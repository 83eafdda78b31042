"""What a run tells while it lasts: metrics.jsonl, report.html, TensorBoard."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samft_core.errors import ConfigError
from samft_core.output import whole_file
from training.run import BOARD, METRICS

RECENT_STEPS = 20
"""How many steps the speed is taken from."""


class Pace:
    """How fast steps go, and how long the rest will take.

    Args:
        seen: How many chips are behind a run that goes on.
    """

    def __init__(self, seen: int) -> None:
        self._recent = deque([(time.monotonic(), seen)], maxlen=RECENT_STEPS)

    def tell(self, seen: int, left: int) -> str:
        """Note how many chips were seen in all, and say chips per second and the time left for the others."""
        self._recent.append((time.monotonic(), seen))
        (then_s, before), (now_s, _) = self._recent[0], self._recent[-1]
        rate = (seen - before) / max(now_s - then_s, 1e-9)
        return f"{rate:.3g} chips/s, {duration(left / rate)} left" if rate > 0 else ""


def duration(seconds: float) -> str:
    """Seconds in words: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def write_metrics(run: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """RUN/metrics.jsonl, a line for each epoch."""
    with whole_file(run / METRICS, overwrite=True) as temporary:
        temporary.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def require_tensorboard() -> None:
    """Refuse to begin a run that could not write what it is asked for.

    Raises:
        ConfigError: TensorBoard is not installed.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401 - whether it can be
    except ImportError as error:
        raise ConfigError(
            expected="TensorBoard where tensorboard = true",
            got="none",
            remedy="pip install 'samft[tensorboard]', or leave the setting out",
        ) from error


class Board:
    """RUN/tensorboard: the loss of every step, and what is known after each epoch.

    Args:
        run: The run's folder.
        step: The step the run goes on from; what was written of later ones is hidden.
    """

    def __init__(self, run: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(run / BOARD), purge_step=step + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Note values after a step."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()
