# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the toolkit is, and what it may see of QGIS's environment."""

from __future__ import annotations

import os
import shutil

from qgis.PyQt.QtCore import QProcessEnvironment

from .. import settings
from .venv import own_venvs

VARIABLE = "SAMFT_EXECUTABLE"

QGIS_ONLY = (
    "PYTHON",
    "PROJ_LIB",
    "PROJ_DATA",
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "QT_PLUGIN_PATH",
    "LD_LIBRARY_PATH",
    "DYLD_",
)
"""How the names of variables begin that lead the toolkit's Python to QGIS's libraries; with QGIS's PROJ_LIB, for
example, rasterio cannot read a CRS."""


class ToolkitError(Exception):
    """The toolkit cannot do what it is asked; one line for the user."""


def find_executable(chosen: str | None = None) -> str:
    """The samft command: as set in QGIS, else as the environment says, else on the PATH, else what the plugin set up.

    Args:
        chosen: Instead of what is set in QGIS.

    Raises:
        ToolkitError: There is none.
    """
    chosen = settings.text(settings.EXECUTABLE) if chosen is None else chosen
    chosen = chosen or os.environ.get(VARIABLE, "")
    found = shutil.which(chosen or "samft")
    if found is None and not chosen:
        found = next((str(venv.samft) for venv in own_venvs()), None)
    if found is None:
        got = f"no program {chosen}" if chosen else "none on the PATH"
        raise ToolkitError(
            f"expected the samft command of an installed samft toolkit, got {got}; choose one or set one up in "
            f"Settings > Options > samft, or set {VARIABLE} to the path of the command"
        )
    return found


def clean_environment() -> QProcessEnvironment:
    """QGIS's environment without what would mislead another Python."""
    environment = QProcessEnvironment.systemEnvironment()
    for name in environment.keys():  # noqa: SIM118 - no dict
        if name.upper().startswith(QGIS_ONLY):
            environment.remove(name)
    return environment
