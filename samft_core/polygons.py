"""Polygons out of any geometries."""

from __future__ import annotations

import shapely

from samft_core.grid import Geometries


def parts(geometries: Geometries) -> Geometries:
    """The polygons that geometries of any type are made of, without those of no area."""
    flat = shapely.get_parts(geometries)
    while (shapely.get_type_id(flat) == shapely.GeometryType.GEOMETRYCOLLECTION).any():
        flat = shapely.get_parts(flat)
    flat = shapely.get_parts(flat)
    polygons: Geometries = flat[(shapely.get_type_id(flat) == shapely.GeometryType.POLYGON) & (shapely.area(flat) > 0)]
    return polygons
