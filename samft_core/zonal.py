"""What a field says inside polygons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.compiled import compiled
from samft_core.field import Field
from samft_core.grid import Geometries, Window

Floats = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Zones:
    """One value for each polygon, over the known pixels whose centre lies in it."""

    mean: Floats
    """Of the field; at the polygon's middle where no centre lies in it."""
    highest: npt.NDArray[np.float32]
    """Of the field; below 0 where no centre lies in it."""
    unknown: npt.NDArray[np.bool_]
    """Whether a pixel that is not known has its centre in it."""


def zones(field: Field, polygons: Geometries) -> Zones:
    """Statistics of a field inside polygons, read band by band.

    Args:
        field: The field.
        polygons: Polygons in pixels of its lattice; holes are left out.
    """
    total, count = np.zeros(len(polygons)), np.zeros(len(polygons), dtype=np.int64)
    highest, unknown = np.full(len(polygons), -1, dtype=np.float32), np.zeros(len(polygons), dtype=np.bool_)
    if len(polygons):
        _, points, (rings, shapes) = shapely.to_ragged_array(polygons)
        top, bottom = points[:, 1].min(), points[:, 1].max()
        for window in field.windows:
            if window.row_px < bottom and window.row_px + window.height_px > top:
                band = field.read(window)
                place = window.row_px, window.col_px
                _add(points, rings, shapes, band.probability, band.valid, place, total, count, highest, unknown)
    empty = np.flatnonzero(count == 0)
    mean = total / np.maximum(count, 1)
    mean[empty] = [_at(field, point) for point in shapely.point_on_surface(polygons[empty])]
    return Zones(mean=mean, highest=highest, unknown=unknown)


def _at(field: Field, point: shapely.Point) -> float:
    """The field at the pixel under a point, as near as it reaches."""
    reach = field.window
    row = min(max(int(point.y), reach.row_px), reach.row_px + reach.height_px - 1)
    col = min(max(int(point.x), reach.col_px), reach.col_px + reach.width_px - 1)
    return float(field.read(Window(row_px=row, col_px=col, height_px=1, width_px=1)).probability[0, 0])


@compiled
def _add(
    points: Floats,
    rings: Offsets,
    shapes: Offsets,
    values: npt.NDArray[np.float32],
    valid: npt.NDArray[np.bool_],
    place: tuple[int, int],
    total: Floats,
    count: Offsets,
    highest: npt.NDArray[np.float32],
    unknown: npt.NDArray[np.bool_],
) -> None:
    """Add what a band of rows contributes to each polygon: the last four arrays are changed."""
    height, width = values.shape
    for shape in range(len(shapes) - 1):
        first_point, end_point = rings[shapes[shape]], rings[shapes[shape + 1]]
        y = points[first_point:end_point, 1]
        first_row = max(0, int(np.floor(y.min() - 0.5)) - place[0])
        end_row = min(height, int(np.ceil(y.max() - 0.5)) - place[0])
        if first_row >= end_row:
            continue
        starts, crossings = _crossings(points, rings[shapes[shape] : shapes[shape + 1] + 1], first_row, end_row, place)
        for row in range(first_row, end_row):
            xs = np.sort(crossings[starts[row - first_row] : starts[row - first_row + 1]])
            for pair in range(0, len(xs) - 1, 2):
                first_col = max(0, int(np.ceil(xs[pair] - 0.5)))
                end_col = min(width, int(np.ceil(xs[pair + 1] - 0.5)))
                for col in range(first_col, end_col):
                    if valid[row, col]:
                        total[shape] += values[row, col]
                        count[shape] += 1
                        highest[shape] = max(highest[shape], values[row, col])
                    else:
                        unknown[shape] = True


@compiled
def _crossings(
    points: Floats, rings: Offsets, first_row: int, end_row: int, place: tuple[int, int]
) -> tuple[Offsets, Floats]:
    """Where rings cross the middles of rows.

    Args:
        points: The points of all rings.
        rings: Where each ring begins, and the end of the last.
        first_row: The first row, counted from the first of the band.
        end_row: One past the last.
        place: The band's first row and column.

    Returns:
        Where each row's crossings begin in what follows, and the end of the last's; columns, from the band's first.
    """
    starts = np.zeros(end_row - first_row + 2, dtype=np.int64)
    xs = np.empty(0)
    for filling in (False, True):
        for ring in range(len(rings) - 1):
            for i in range(rings[ring], rings[ring + 1] - 1):
                x0, y0 = points[i, 0] - place[1], points[i, 1] - place[0]
                x1, y1 = points[i + 1, 0] - place[1], points[i + 1, 1] - place[0]
                low, high = min(y0, y1), max(y0, y1)
                for row in range(max(first_row, int(np.ceil(low - 0.5))), min(end_row, int(np.ceil(high - 0.5)))):
                    if filling:
                        xs[starts[row - first_row + 1]] = x0 + (row + 0.5 - y0) / (y1 - y0) * (x1 - x0)
                        starts[row - first_row + 1] += 1
                    else:
                        starts[row - first_row + 2] += 1
        if not filling:
            starts = np.cumsum(starts)
            xs = np.empty(starts[-1])
    return starts[:-1], xs
