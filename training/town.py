"""A made-up town, seen from the air, with its true building footprints: for demos and tests.

Colour alone does not tell its buildings, because the ground is painted from the roofs' own palette; outlines,
roof planes and shadows do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine
from shapely import affinity
from shapely.geometry import Polygon

from training.town_layout import make_plan
from training.town_paint import Canvas, Sun, paint_plan, photograph

CRS = "EPSG:32645"
"""UTM zone 45 north, in metres."""
FINER = 2
"""Cells painted along a pixel's side."""


@dataclass(frozen=True, kw_only=True)
class Town:
    """A georeferenced aerial image and its building footprints."""

    image: npt.NDArray[np.uint8]
    """RGB, (3, height, width)."""
    crs: str
    """Coordinate reference system, such as `EPSG:32645`; its unit is the metre."""
    transform: Affine
    """From (column, row) to map (x, y); north is up."""
    buildings: tuple[Polygon, ...]
    """Footprints in map coordinates: valid, inside the image, not overlapping; some share a wall."""


def make_town(*, seed: int, height_px: int, width_px: int, gsd_m: float = 0.3) -> Town:
    """Build and photograph a town; the same arguments give the same town, bit for bit.

    Args:
        seed: Which town.
        height_px: Image height in pixels.
        width_px: Image width in pixels.
        gsd_m: Ground sampling distance: a pixel's side in metres.

    Raises:
        ValueError: If the image would have no pixels, or pixels no size.
    """
    if height_px < 1 or width_px < 1 or not gsd_m > 0:
        raise ValueError(
            f"expected a size of at least 1 by 1 px and a positive gsd_m,"
            f" got {height_px} by {width_px} px and {gsd_m} m"
        )
    rng = np.random.default_rng(seed)
    # In image axes y points down: a sun in the south has a positive y.
    sun = Sun(azimuth_rad=rng.uniform(0.1, 0.9) * math.pi, elevation_rad=math.radians(rng.uniform(40, 54)))
    left, top = (round(v, 1) for v in (rng.uniform(3e5, 7e5), rng.uniform(2.4e6, 3.2e6)))
    plan = make_plan(rng=rng, width_m=width_px * gsd_m, height_m=height_px * gsd_m)
    canvas = Canvas(shape_px=(height_px * FINER, width_px * FINER), cell_m=gsd_m / FINER, rng=rng)
    paint_plan(plan, sun=sun, canvas=canvas)
    return Town(
        image=photograph(canvas, finer=FINER, rng=rng),
        crs=CRS,
        transform=Affine(gsd_m, 0.0, left, 0.0, -gsd_m, top),
        buildings=tuple(affinity.affine_transform(o, (1, 0, 0, -1, left, top)) for o in plan.outlines),
    )
