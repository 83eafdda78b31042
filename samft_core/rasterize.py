"""Polygons to pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import rasterio.features

from samft_core.grid import Geometries, Grid


def rasterize(polygons: Geometries, grid: Grid) -> npt.NDArray[np.bool_]:
    """Burn polygons into a grid: a pixel is True if its centre lies inside one.

    Args:
        polygons: Polygons in the grid's CRS.
        grid: Where to burn them.

    Returns:
        (height, width), True inside.
    """
    if len(polygons) == 0:
        return np.zeros(grid.shape, dtype=np.bool_)
    burned = rasterio.features.rasterize(grid.to_pixel(polygons), out_shape=grid.shape, dtype=np.uint8)
    return np.asarray(burned, dtype=np.bool_)
