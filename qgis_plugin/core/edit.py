# SPDX-License-Identifier: GPL-2.0-or-later
"""One action's footprints in a layer: one command to undo, replaced by another when they are drawn anew."""

from __future__ import annotations

from typing import Any, NamedTuple

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsRectangle,
    QgsSpatialIndex,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QCoreApplication

from .footprint_layer import FIELDS, LayerError
from .footprints import Footprint, Footprints

SAME_IOU = 0.5
"""From which overlap on two footprints are the same building."""


class Outcome(NamedTuple):
    """What became of footprints that were to be put into a layer."""

    added: int
    known: int
    """Left out, as they were there already."""


class Edit:
    """What an action has put into a layer, until the user saves it.

    The layer is put into edit mode where it is not. Nothing is saved here: a single undo takes the action back, and
    QGIS itself asks before edits that are not saved go.

    Args:
        layer: Of polygons, in the CRS of the footprints that will be put there.
        text: What the undo menu calls it.
    """

    def __init__(self, layer: QgsVectorLayer, text: str) -> None:
        self._layer, self._text = layer, text
        self._put: dict[int, tuple[bytes, dict[int, Any]]] = {}
        self._index = -1
        self._saved = False
        layer.afterCommitChanges.connect(self._end)
        layer.afterRollBack.connect(self._end)

    @property
    def layer(self) -> QgsVectorLayer | None:
        """Where they are; None once the layer is gone."""
        return None if sip.isdeleted(self._layer) else self._layer

    @property
    def is_open(self) -> bool:
        """Whether there is something to draw anew: not where the user has saved it, undone it, or removed the layer."""
        if self.layer is None or self._saved or not self._layer.isEditable():
            return False
        return self._is_on_top() or bool(self._untouched())

    def put(self, footprints: Footprints) -> Outcome:
        """Put them in, in the place of what this action has put there before and nobody has touched since.

        A footprint that mostly covers the same ground as one that is there already, of the user or of an earlier
        action, is left out.

        Raises:
            LayerError: The layer does not take them; it is as it was.
        """
        if not self._layer.isEditable() and not self._layer.startEditing():
            raise LayerError(_not_editable(self._layer))
        if self._is_on_top():
            self._layer.undoStack().undo()  # so that however often they are drawn, the stack grows by one
        stale = self._untouched()
        fresh = self._without_known(footprints, set(stale))
        features = self._features(fresh)
        self._layer.beginEditCommand(self._text)
        fine = not stale or self._layer.deleteFeatures(stale)
        if not (fine and all(self._layer.addFeature(feature) for feature in features)):
            self._layer.destroyEditCommand()
            raise LayerError(
                QCoreApplication.translate("Edit", "expected {} to take footprints, got: {}; choose another").format(
                    self._layer.name(), "; ".join(self._layer.dataProvider().errors()) or "a refusal"
                )
            )
        self._layer.endEditCommand()
        self._index = self._layer.undoStack().index()
        keys = self._layer.primaryKeyAttributes()
        self._put.update({feature.id(): _content(feature, keys) for feature in features})
        self._layer.triggerRepaint()
        return Outcome(len(features), len(footprints.items) - len(features))

    def _without_known(self, footprints: Footprints, stale: set[int]) -> list[Footprint]:
        everywhere = QgsRectangle()
        for item in footprints.items:
            everywhere.combineExtentWith(item.geometry.boundingBox())
        request = QgsFeatureRequest(everywhere).setNoAttributes()
        known = {} if everywhere.isNull() else {at.id(): at.geometry() for at in self._layer.getFeatures(request)}
        for key in stale:
            known.pop(key, None)
        if not known:
            return list(footprints.items)
        index = QgsSpatialIndex()
        for key, geometry in known.items():
            index.addFeature(key, geometry.boundingBox())
        return [
            item
            for item in footprints.items
            if not any(_same(item.geometry, known[key]) for key in index.intersects(item.geometry.boundingBox()))
        ]

    def _features(self, items: list[Footprint]) -> list[QgsFeature]:
        """As the layer wants them: of its type, with its own defaults, and those attributes it has a field for."""
        layer, context = self._layer, self._layer.createExpressionContext()
        fields, keys = layer.fields(), layer.primaryKeyAttributes()
        places = {name: fields.lookupField(name) for name in FIELDS}
        places = {name: at for name, at in places.items() if at >= 0 and at not in keys}
        features = []
        for item in items:
            parts = QgsGeometry(item.geometry).coerceToType(layer.wkbType())
            geometry = parts[0] if parts else item.geometry
            values = {at: item.attributes[name] for name, at in places.items()}
            features.append(QgsVectorLayerUtils.createFeature(layer, geometry, values, context))
        return features

    def _untouched(self) -> list[int]:
        """Those of this action's footprints that are there, and as they were put there."""
        buffer, keys = self._layer.editBuffer(), self._layer.primaryKeyAttributes()
        there = buffer.addedFeatures() if buffer is not None and self._put else {}
        return [key for key, put in self._put.items() if key in there and _content(there[key], keys) == put]

    def _is_on_top(self) -> bool:
        """Whether undoing once would take this action back, and nothing else."""
        stack = self._layer.undoStack()
        return 0 < stack.index() == self._index and stack.undoText() == self._text

    def _end(self) -> None:
        self._saved = True


def _content(feature: QgsFeature, keys: list[int]) -> tuple[bytes, dict[int, Any]]:
    """All that a user can change."""
    attributes = {at: value for at, value in enumerate(feature.attributes()) if at not in keys}
    return bytes(feature.geometry().asWkb()), attributes


def _same(one: QgsGeometry, other: QgsGeometry) -> bool:
    shared = one.intersection(other).area()
    return shared > SAME_IOU * (one.area() + other.area() - shared)


def _not_editable(layer: QgsVectorLayer) -> str:
    return QCoreApplication.translate(
        "Edit", "expected a layer that can be edited, got {}, which is read-only; choose another"
    ).format(layer.name())
