"""Pixels to polygons, in pixel coordinates (`Grid.to_map` leads to the CRS).

Two ways, for two kinds of input: `contour` follows the iso-line of a probability field between pixel centres;
`trace` follows the pixels' edges of a hard or integer-labelled mask, as GDAL's polygonize does.
"""

from __future__ import annotations

import contourpy
import numpy as np
import numpy.typing as npt
import rasterio.features
import shapely

from samft_core.grid import Geometries


def contour(
    probability: npt.NDArray[np.float32], threshold: float, *, valid: npt.NDArray[np.bool_] | None = None
) -> Geometries:
    """Outline where a field lies above a threshold, at sub-pixel accuracy (marching squares).

    Args:
        probability: (height, width), 0 to 1, known at the pixels' centres.
        threshold: Between 0 and 1.
        valid: (height, width); no polygon covers any part of a pixel that is False, nor leaves the array.

    Returns:
        Valid polygons in pixel coordinates, holes included.
    """
    height, width = probability.shape
    known = np.ones((height, width), dtype=np.bool_) if valid is None else valid
    # Beyond the known pixels the field falls so low that the line never passes half a pixel.
    field = np.full((height + 2, width + 2), 2 * threshold - 1)
    field[1:-1, 1:-1] = np.where(known, probability, 2 * threshold - 1)
    centres_x, centres_y = np.arange(-1, width + 1) + 0.5, np.arange(-1, height + 1) + 0.5
    generator = contourpy.contour_generator(
        centres_x, centres_y, field, name="serial", fill_type=contourpy.FillType.OuterOffset
    )
    points, offsets = generator.filled(threshold, np.inf)
    if not points:
        return np.array([], dtype=object)
    ring_ends = np.cumsum([len(polygon) for polygon in points])
    ring_starts = [
        offset[:-1] + end - len(polygon) for polygon, offset, end in zip(points, offsets, ring_ends, strict=True)
    ]
    ring_offsets = np.append(np.concatenate(ring_starts), ring_ends[-1])
    polygon_offsets = np.append(0, np.cumsum([len(offset) - 1 for offset in offsets]))
    polygons = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, np.concatenate(points), (ring_offsets, polygon_offsets)
    )
    return _cut(parts(shapely.make_valid(polygons)), known)


def trace(labels: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Geometries:
    """Outline the areas of equal, non-zero value along the pixels' edges.

    Pixels that touch at a corner alone are not connected.

    Args:
        labels: (height, width), a mask or integer labels.

    Returns:
        Polygons in pixel coordinates, holes included.
    """
    mask = labels != 0
    values = mask.astype(np.uint8) if labels.dtype == np.bool_ else labels.astype(np.int32)
    shapes = rasterio.features.shapes(values, mask=mask, connectivity=4)
    rings = [shapely.Polygon(shape["coordinates"][0], shape["coordinates"][1:]) for shape, _ in shapes]
    return np.array(rings, dtype=object)


def parts(geometries: Geometries) -> Geometries:
    """The polygons that geometries of any type are made of, without those of no area."""
    flat = shapely.get_parts(geometries)
    while np.any(shapely.get_type_id(flat) == shapely.GeometryType.GEOMETRYCOLLECTION):
        flat = shapely.get_parts(flat)
    flat = shapely.get_parts(flat)
    polygons: Geometries = flat[(shapely.get_type_id(flat) == shapely.GeometryType.POLYGON) & (shapely.area(flat) > 0)]
    return polygons


def unknown_areas(valid: npt.NDArray[np.bool_]) -> Geometries:
    """The outlines of what is not valid, and of a wide frame around the array, in pixel coordinates."""
    height, width = valid.shape
    far = height + width
    frame = [
        shapely.box(-far, -far, 0, height + far),
        shapely.box(width, -far, width + far, height + far),
        shapely.box(0, -far, width, 0),
        shapely.box(0, height, width, height + far),
    ]
    return np.append(trace(~valid), np.array(frame, dtype=object))


def _cut(polygons: Geometries, valid: npt.NDArray[np.bool_]) -> Geometries:
    """Polygons without the corners that a contour cuts off pixels that are not valid."""
    if len(polygons) == 0 or valid.all():
        return polygons
    areas = trace(~valid)
    tree = shapely.STRtree(areas)
    which, area = tree.query(polygons, predicate="intersects")
    cut = polygons.copy()
    for i in np.unique(which):
        cut[i] = shapely.difference(polygons[i], shapely.union_all(areas[area[which == i]]))
    return parts(cut)
