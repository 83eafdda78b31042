# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the buildings of an extent, puts them into a layer, and draws them anew as the user moves the threshold."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QCoreApplication, QObject, QTimer, pyqtSignal

from ..core.edit import Edit, Outcome
from ..core.footprint_layer import LayerError, add_provenance
from ..core.footprints import Footprints
from ..core.preview import Preview
from ..core.target import Target
from ..tasks.running import Running
from ..tasks.segment import Found, Order, SegmentTask
from ..worker.client import Worker
from .messages import Messages
from .outline_box import Outlines
from .preview_item import PreviewItem

SETTLE_MS = 40
"""How long the threshold must stay for outlines to be asked for; long enough for a key or a wheel that repeats."""


class Busy(NamedTuple):
    """What is being done."""

    text: str
    percent: float | None
    stoppable: bool
    """Whether what is there can be kept."""
    since_s: float
    """When it began, by the clock `time.monotonic`."""


@dataclass
class Shown:
    """The latest result, while it may be drawn anew."""

    order: Order
    edit: Edit
    provenance: str
    preview: Preview | None


class Segmenting(QObject):
    """One job at a time; a new one takes the place of the last.

    Args:
        worker: Finds the buildings.
        canvas: Where a threshold is shown before its outlines are there.
        messages: Told of what has become of a job.
        log: Given the traceback of what should not have happened.
        parent: Owns it.
    """

    changed = pyqtSignal()
    """`busy` or `said` is another."""
    filled = pyqtSignal(object)
    """A layer got footprints."""

    def __init__(
        self,
        worker: Worker,
        canvas: QgsMapCanvas,
        messages: Messages,
        log: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.busy: Busy | None = None
        self.said = ""
        self._worker, self._messages, self._log = worker, messages, log
        self._task: SegmentTask | None = None
        self._running = Running()
        self._target = Target()
        self._name = ""
        self._shown: Shown | None = None
        self._preview = PreviewItem(canvas)
        self._wanted: Outlines | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._draw_anew)

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("Segmenting", text)

    def start(self, order: Order, target: Target, name: str) -> None:
        """Find buildings.

        Args:
            order: What to find.
            target: Where footprints go.
            name: What a new layer is called.
        """
        self.cancel()
        self._release()
        self._target, self._name = target, name
        self._run(order, self._put)

    def draw_anew(self, outlines: Outlines) -> None:
        """Draw the latest result as it would be with these; soon, and with the newest only."""
        if self._shown is not None or self._task is not None:
            self._wanted = outlines
            self._settle.start()
            self._show_preview()

    def _show_preview(self) -> None:
        """Show what is wanted until its outlines are there, if it is another threshold."""
        shown, wanted = self._shown, self._wanted
        if shown is None or wanted is None or shown.preview is None:
            return
        if self._preview.is_shown or (wanted.threshold != shown.order.threshold and shown.edit.is_open):
            self._preview.show_at(shown.preview, wanted.threshold)

    @property
    def is_waiting(self) -> bool:
        """Whether outlines are about to be asked for."""
        return self._settle.isActive()

    def cancel(self) -> None:
        """Leave the job; QGIS need not wait for it."""
        if self._task is not None:
            task, self._task = self._task, None
            task.forget()
            task.cancel()
            self._want_nothing()
            self._rest(self.tr("Cancelled."))

    def stop(self) -> None:
        """End the job, and keep what is there."""
        if self._task is not None:
            self._task.stop()
            self._work(self.tr("Stopping..."), None, stoppable=False)

    def forget(self) -> None:
        """The project closes: leave the job, and the result as it is."""
        self.cancel()
        self._release()

    def remove(self) -> None:
        """Leave the canvas as it was; after `forget`."""
        self._preview.remove()

    def _run(self, order: Order, done: Callable[[Found], None]) -> None:
        task = SegmentTask(self._worker, order, done, self._log)
        self._task = task
        stage = self.tr("Starting...")

        def show(name: str | None = None) -> None:
            nonlocal stage
            stage = self._stages().get(name, name) if name is not None else stage
            if self._task is task:
                self._work(f"{order.layer}: {stage}", task.progress(), stoppable=name != "outlining")

        task.stage.connect(show)
        task.progressChanged.connect(lambda _: show())
        show()
        self._running.add(task)

    def _stages(self) -> dict[str, str]:
        return {
            "loading": self.tr("loading the model"),
            "rendering": self.tr("rendering the map"),
            "segmenting": self.tr("finding buildings"),
            "outlining": self.tr("drawing outlines"),
        }

    def _put(self, found: Found) -> None:
        """The job is done."""
        self._task = None
        if found.footprints is None:
            self._fail(found.error or self.tr("cancelled in the task manager"))
            return
        footprints, order = found.footprints, found.order
        try:
            edit, outcome = self._fill(order, footprints)
        except LayerError as error:
            self._fail(str(error))
            return
        if found.complete:
            self._shown = Shown(order, edit, footprints.provenance, found.preview)
        else:
            order.source.close()
        self.filled.emit(edit.layer)
        self._praise(outcome, complete=found.complete)
        self._draw_anew()

    def _fill(self, order: Order, footprints: Footprints) -> tuple[Edit, Outcome]:
        project = QgsProject.instance()
        target = self._target
        try:
            target.check(project)
        except LayerError as error:  # it was fine when the job began; nothing is lost
            self._messages.error(self.tr("{} The footprints are in a new temporary layer.").format(f"{error}."))
            target = Target()
        crs = target.crs(project, order.crs)
        footprints = footprints.to(crs, order.context)
        layer = target.open(project, self._name, footprints.crs, footprints.provenance)
        edit = Edit(layer, self.tr("samft: buildings in {}").format(order.layer))
        outcome = edit.put(footprints)
        add_provenance(layer, footprints.provenance)
        return edit, outcome

    def _praise(self, outcome: Outcome, *, complete: bool) -> None:
        if outcome.added:
            text = self.tr("{} footprints. Ctrl+Z takes them back, saving the layer keeps them.").format(outcome.added)
        else:
            text = self.tr("No new footprints. A lower threshold finds more.")
        if outcome.known:
            text += " " + self.tr("{} were there already.").format(outcome.known)
        if not complete:
            text += " " + self.tr("Not all of the extent was looked at.")
        self._messages.tell(text)
        self._rest(self.tr("{} footprints.").format(outcome.added))

    def _draw_anew(self) -> None:
        """Ask for the latest result with other outlines, which needs no model."""
        if self._task is not None or self._shown is None or self._wanted is None:
            return  # a job that is running will come back here
        self._show_preview()
        wanted, self._wanted = self._wanted, None
        if not self._shown.edit.is_open:
            self._rest(self.tr("The latest footprints are saved or undone and stay as they are."))
            self._release()
            return
        order = dataclasses.replace(
            self._shown.order,
            threshold=wanted.threshold,
            min_area_m2=wanted.min_area_m2,
            regularize=wanted.regularize,
            preview=False,
        )
        self._run(order, self._put_anew)

    def _put_anew(self, found: Found) -> None:
        self._task = None
        shown = self._shown
        if found.footprints is None or shown is None or not found.complete:
            self._fail(found.error or self.tr("cancelled in the task manager"))
        elif shown.edit.is_open and shown.edit.layer is not None:
            try:
                outcome = shown.edit.put(found.footprints)
            except LayerError as error:
                self._fail(str(error))
                return
            add_provenance(shown.edit.layer, found.footprints.provenance, instead_of=shown.provenance)
            self._shown = dataclasses.replace(shown, order=found.order, provenance=found.footprints.provenance)
            if self._wanted is None:
                self._preview.leave()
            self._rest(self.tr("{} footprints.").format(outcome.added))
        else:
            self._preview.forget()
            self._rest("")
        if self._wanted is not None:
            self._draw_anew()

    def _release(self) -> None:
        """The latest result is drawn anew no more."""
        if self._shown is not None:
            self._shown.order.source.close()
        self._shown = None
        self._want_nothing()

    def _want_nothing(self) -> None:
        """No other outlines are asked for."""
        self._wanted = None
        self._settle.stop()
        self._preview.forget()

    def _fail(self, text: str) -> None:
        self._preview.forget()
        self._messages.error(text)
        self._rest(text)

    def _work(self, text: str, percent: float | None, *, stoppable: bool) -> None:
        since_s = time.monotonic() if self.busy is None else self.busy.since_s
        self.busy = Busy(text, percent, stoppable, since_s)
        self.changed.emit()

    def _rest(self, text: str) -> None:
        self.busy, self.said = None, text
        self.changed.emit()
