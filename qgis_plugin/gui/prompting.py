# SPDX-License-Identifier: GPL-2.0-or-later
"""Outlines the one building that a box or points mean, and keeps it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsProject,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QCoreApplication, QObject, pyqtSignal

from ..core.edit import Edit
from ..core.extent import ExtentError
from ..core.footprint_layer import LayerError, add_provenance
from ..core.footprints import Footprints, from_answer
from ..core.raster_source import Raster, SourceError
from ..worker.client import Worker
from ..worker.environment import ToolkitError
from ..worker.protocol import Answer, Ask, Error, Progress, Reply
from .box_tool import BoxTool
from .choices import Choices, settle
from .messages import Messages
from .points_tool import PointsTool
from .prompt_source import PromptSource


@dataclass(frozen=True)
class Prompt:
    """What is asked for, in the canvas's CRS; a box or points."""

    box: QgsRectangle | None = None
    points: tuple[tuple[float, float, int], ...] = ()
    hover: bool = False
    """Whether the mouse has only rested there."""

    @property
    def bounds(self) -> QgsRectangle:
        """Around all of it."""
        if self.box is not None:
            return QgsRectangle(self.box)
        bounds = QgsRectangle()
        for x, y, _ in self.points:
            bounds.combineExtentWith(x, y)
        return bounds


@dataclass(frozen=True)
class Asked:
    """A question that the worker has."""

    id: str
    prompt: Prompt
    choices: Choices


class Prompting(QObject):
    """One question at a time; while it is answered, the newest of those that follow waits.

    Args:
        worker: Answers.
        canvas: Where the tools draw.
        choices: Reads what the user has chosen.
        agree: Asked before a file is replaced.
        messages: Told of what has become of it.
        log: Given the traceback of what should not have happened.
        parent: Owns it.
    """

    changed = pyqtSignal()
    """`said` is another."""
    filled = pyqtSignal(object)
    """A layer got a footprint."""
    _replied = pyqtSignal(object)

    def __init__(
        self,
        worker: Worker,
        canvas: QgsMapCanvas,
        choices: Callable[[], Choices],
        agree: Callable[[str], bool],
        messages: Messages,
        log: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.said = ""
        self.box, self.points = BoxTool(canvas), PointsTool(canvas)
        self._worker, self._canvas, self._messages = worker, canvas, messages
        self._choices, self._agree = choices, agree
        self._asked: Asked | None = None
        self._next: Prompt | None = None
        self._seen: tuple[Prompt, Choices, Footprints] | None = None
        self._keep = self._readying = False
        self._place = PromptSource(self._go_on, log)
        self._replied.connect(self._hear)
        self.box.drawn.connect(lambda box: self._ask(Prompt(box=box)))
        self.points.asked.connect(self._ask_points)
        self.points.kept.connect(self._keep_points)
        self.points.cleared.connect(self.forget)

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("Prompting", text)

    def forget(self) -> None:
        """Whatever was asked is not meant any more."""
        self._asked = self._next = self._seen = None
        self._keep = False

    def release(self) -> None:
        """Let go of the layer too."""
        self.forget()
        self._readying = False
        self._place.close()

    def remove(self) -> None:
        """Leave the canvas as it was."""
        self.release()
        for tool in (self.box, self.points):
            tool.remove()

    def _prompt(self) -> Prompt:
        points = tuple((point.at.x(), point.at.y(), int(point.building)) for point in self.points.points)
        return Prompt(points=points, hover=self.points.hovers)

    def _ask_points(self) -> None:
        if self.points.points:
            self._ask(self._prompt())

    def _keep_points(self) -> None:
        prompt = self._prompt()
        if self._seen is not None and self._seen[0] == prompt:
            self._commit(*self._seen[1:])
        elif prompt.points:
            self._keep = True
            self._ask(prompt)

    def _ask(self, prompt: Prompt) -> None:
        if self._asked is not None or self._readying:
            self._next = prompt if self._asked is None or prompt != self._asked.prompt else None
            return
        try:
            choices = self._choices()
            raster = self._place.raster(choices, prompt.bounds, self._canvas)
            if raster is None:
                self._readying, self._next = True, prompt
                self._say(self.tr("Rendering the map..."))
                return
            job = self._job(prompt, choices, raster)
        except (ToolkitError, ExtentError, SourceError, LayerError) as error:
            self._fail(error, hover=prompt.hover)
            return
        self._asked = Asked(job.id, prompt, choices)
        self._say(self.tr("Asking the model..."))
        self._worker.submit(job, self._replied.emit)

    def _go_on(self, problem: str) -> None:
        """The picture of a rendered layer is there, or is not."""
        self._readying = False
        prompt, self._next = self._next, None
        if problem:
            self._fail(SourceError(problem), hover=prompt is not None and prompt.hover)
        elif prompt is not None:
            self._ask(prompt)

    def _job(self, prompt: Prompt, choices: Choices, raster: Raster) -> Ask:
        """The question, in the raster's coordinates."""
        project = QgsProject.instance()
        transform = QgsCoordinateTransform(self._crs(), choices.layer.crs(), project.transformContext())
        try:
            box = None if prompt.box is None else transform.transformBoundingBox(prompt.box)
            points = [(transform.transform(x, y), label) for x, y, label in prompt.points]
        except QgsCsException as error:
            raise LayerError(
                self.tr("expected a place on the layer, got one that its CRS does not reach; zoom to the layer")
            ) from error
        return Ask(
            id=uuid.uuid4().hex,
            bundle=str(choices.bundle.path),
            raster=raster.name,
            box=None if box is None else (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()),
            points=tuple((point.x(), point.y(), label) for point, label in points) or None,
            threshold=choices.outlines.threshold,
            regularize=choices.outlines.regularize,
            as_is=raster.as_is,
        )

    def _crs(self) -> QgsCoordinateReferenceSystem:
        return self._canvas.mapSettings().destinationCrs()

    def _hear(self, reply: Reply) -> None:
        """The worker says something; on the main thread."""
        if self._asked is None or reply.id != self._asked.id:
            return
        if isinstance(reply, Progress):
            self._say(self.tr("Loading the model...") if reply.done < reply.total else self.tr("Asking the model..."))
            return
        asked, self._asked = self._asked, None
        if isinstance(reply, Error):
            self._next = None
            self._fail(LayerError(reply.message), hover=asked.prompt.hover)
        elif isinstance(reply, Answer):
            crs = asked.choices.crs
            self._show(asked, from_answer(reply, raster=asked.choices.name, crs=crs))
        if self._next is not None:
            prompt, self._next = self._next, None
            self._ask(prompt)

    def _show(self, asked: Asked, found: Footprints) -> None:
        """A box's building is kept at once; that of points is shown."""
        if asked.prompt.box is not None:
            self._commit(asked.choices, found)
            return
        self._seen = (asked.prompt, asked.choices, found)
        if not found.items:
            self.points.band.reset()
            self._say(self.tr("The model sees no building here."))
        else:
            self.points.show(found.items[0].geometry, found.crs)
            self._say(self.tr("Score {:.2f}, {:.0f} m². Enter or a double click keeps it.").format(*_figures(found)))
        if self._keep and self._next is None:
            self._commit(asked.choices, found)

    def _commit(self, choices: Choices, found: Footprints) -> None:
        """Put the building into its layer."""
        self._clear()
        if not found.items:
            self._messages.note(self.tr("The model sees no building there; nothing was added."))
            self._say(self.tr("The model sees no building there."))
            return
        project = QgsProject.instance()
        try:
            choices = settle(choices, project, self._agree)
            found = found.to(choices.target.crs(project, found.crs), project.transformContext())
            layer = choices.target.open(project, choices.title, found.crs, found.provenance)
            edit = Edit(layer, self.tr("samft: a building in {}").format(choices.name))
            outcome = edit.put(found)
        except LayerError as error:
            self._fail(error)
            return
        add_provenance(layer, found.provenance)
        self.filled.emit(layer)
        if outcome.added:
            self._say(self.tr("Added: score {:.2f}, {:.0f} m². Ctrl+Z takes it back.").format(*_figures(found)))
        else:
            self._say(self.tr("That building is there already."))

    def _clear(self) -> None:
        self.forget()
        for tool in (self.box, self.points):
            tool.clear()

    def _fail(self, problem: Exception, *, hover: bool = False) -> None:
        """Tell what went wrong; quietly where the mouse has only rested somewhere."""
        if not hover:
            self._clear()
            self._messages.failure(problem)
        self._say(str(problem))

    def _say(self, text: str) -> None:
        self.said = text
        self.changed.emit()


def _figures(found: Footprints) -> tuple[float, float]:
    attributes = found.items[0].attributes
    return attributes["score"], attributes["area_m2"]
