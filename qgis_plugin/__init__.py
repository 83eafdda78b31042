# SPDX-License-Identifier: GPL-2.0-or-later
"""samft in QGIS: building footprints from raster layers, found by the samft toolkit in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .plugin import SamftPlugin


def classFactory(iface: QgisInterface | None) -> SamftPlugin:
    """Make the plugin; QGIS calls this, with None for iface where there is no window."""
    from .plugin import SamftPlugin

    return SamftPlugin(iface)
