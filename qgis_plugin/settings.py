# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin keeps in the user's QGIS settings, each under one name."""

from __future__ import annotations

from qgis.core import QgsSettings

EXECUTABLE = "samft/executable"
"""The samft command of the toolkit; empty to look for it."""
BUNDLES = "samft/bundles"
"""The folder that holds bundles, each in a folder of its own or in a run's."""
S3_PLACE = "samft/s3_place"
"""Where chips and models of jobs on SageMaker go, s3://BUCKET/PREFIX."""
ROLE = "samft/role"
"""The ARN of the role that such jobs run as."""

BUNDLE = "samft/bundle"
"""The bundle that was used last."""


def text(name: str) -> str:
    """A setting; empty where it was never made."""
    return str(QgsSettings().value(name, "", type=str))


def set_text(name: str, value: str) -> None:
    """Keep a setting; an empty one is forgotten."""
    if value:
        QgsSettings().setValue(name, value)
    else:
        QgsSettings().remove(name)
