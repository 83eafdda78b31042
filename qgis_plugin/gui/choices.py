# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user has chosen in the panel, checked before any work."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication

from ..core.bundle import Bundle
from ..core.extent import check_crs
from ..core.footprint_layer import LayerError
from ..core.target import Target
from ..worker.environment import find_executable
from .dock import Dock
from .outline_box import Outlines


@dataclass(frozen=True)
class Choices:
    """All that an action depends on beside the place on the map."""

    layer: QgsRasterLayer
    name: str
    """The layer's; the layer may be gone when a job ends."""
    crs: QgsCoordinateReferenceSystem
    """The layer's."""
    bundle: Bundle
    outlines: Outlines
    target: Target

    @property
    def title(self) -> str:
        """What a new layer is called."""
        return tr("Footprints of {}, {}").format(self.name, self.bundle.name)


def tr(text: str) -> str:
    """Translate."""
    return QCoreApplication.translate("Choices", text)


def read_choices(dock: Dock) -> Choices:
    """What is chosen; `settle` sees to the target.

    Raises:
        ToolkitError: There is no toolkit.
        LayerError: Something is missing, or does not do; one line says what.
        ExtentError: The layer has no CRS.
    """
    find_executable()
    layer = dock.raster.currentLayer()
    if not isinstance(layer, QgsRasterLayer):
        raise LayerError(tr("expected a raster layer, got none; add one to the project"))
    if not layer.isValid():
        raise LayerError(tr("expected a raster, got {}, which QGIS cannot read; check its file").format(layer.name()))
    check_crs(layer)
    bundle = dock.model.bundle()
    if bundle is None:
        raise LayerError(tr("expected a model, got none; browse for a bundle, the folder that training leaves"))
    return Choices(layer, layer.name(), layer.crs(), bundle, dock.outlines.outlines(), dock.target.target())


def settle(choices: Choices, project: QgsProject, agree: Callable[[str], bool]) -> Choices:
    """See that footprints can go where they are to go.

    Args:
        choices: What is chosen.
        project: The open one.
        agree: Asked before a file is replaced.

    Raises:
        LayerError: They cannot.
    """
    target = choices.target
    if target.kind == "file" and Path(target.file).is_file():
        target = dataclasses.replace(target, replace=agree(tr("Replace {}?").format(target.file)))
    target.check(project)
    return dataclasses.replace(choices, target=target)
