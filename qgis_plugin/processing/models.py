# SPDX-License-Identifier: GPL-2.0-or-later
"""The parameters that say what is trained and how; the toolkit's own names."""

from __future__ import annotations

from qgis.core import QgsProcessingException
from qgis.PyQt.QtCore import QCoreApplication

MODELS = ("facebook/sam-vit-base", "facebook/sam-vit-large", "facebook/sam-vit-huge", "samft-tiny")
"""What `samft train --model` knows; the first is its default."""
PRESETS = ("laptop-cpu", "gpu-24gb", "ml-g5-12xlarge")
"""What `samft train --preset` knows."""
JOB_PRESETS = ("base", "large", "huge", "seed")
"""What `samft submit --preset` knows."""
DEFAULT = "default"
"""The choice of no preset, or of the model that a preset names."""


def assignments(text: str) -> list[str]:
    """`--set key=value` for each line of settings.

    Args:
        text: Lines such as `learning_rate = 0.0001`; empty ones and those that begin with # say nothing.

    Raises:
        QgsProcessingException: A line is none.
    """
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        key, sign, value = line.partition("=")
        if not (sign and key.strip() and value.strip()):
            message = QCoreApplication.translate(
                "Models", "expected settings such as learning_rate=0.0001, one a line, got {}; correct the line"
            )
            raise QgsProcessingException(message.format(line))
        found += ["--set", f"{key.strip()}={value.strip()}"]
    return found
