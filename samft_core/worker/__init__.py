# SPDX-License-Identifier: MIT
"""The worker process that QGIS starts: `loop` reads requests and writes replies, the other modules do the jobs."""

from __future__ import annotations

from samft_core.worker.loop import Worker

__all__ = ["Worker"]
