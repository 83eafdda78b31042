"""Polygons out of any geometries."""

import numpy as np
import shapely

from samft_core.polygons import parts


def test_parts_takes_everything_apart():
    box = shapely.box(0, 0, 1, 1)
    nested = shapely.GeometryCollection(
        [shapely.MultiPolygon([box, shapely.box(2, 0, 3, 2)]), shapely.Point(0, 0), shapely.GeometryCollection([box])]
    )
    mixed = np.array([nested, shapely.LineString([(0, 0), (1, 1)]), box, shapely.Polygon(), None], dtype=object)
    assert sorted(shapely.area(parts(mixed))) == [1, 1, 1, 2]
