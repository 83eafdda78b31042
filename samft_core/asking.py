"""One building, as a box or points on the map mean it.

The prompt is put to one tile of the raster's lattice, so that tiles encoded for segmenting need not be encoded again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely

from samft_core.bundle import Bundle
from samft_core.errors import InputError, OutsideError
from samft_core.extent import parse_crs
from samft_core.field import ArrayField
from samft_core.grid import Bounds, Geometries, Grid, Window, reproject
from samft_core.mosaic import Band
from samft_core.outline import outline_array
from samft_core.plan import Settings, planned
from samft_core.tiling import Lattice
from samft_core.zonal import zones

if TYPE_CHECKING:
    from samft_core.sam.segmenter import SamSegmenter

MARGIN = 1 / 16
"""The share of a tile that a prompt keeps from its rim, to be seen with what is around it."""
SNAP = 1 / 8
"""A tile of its own, for what no tile of the lattice holds, begins at multiples of this share of a tile."""


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What a building is asked for with."""

    box: Bounds | None = None
    """(left, bottom, right, top) around all of it."""
    points: tuple[tuple[float, float, int], ...] | None = None
    """(x, y, label) of each: 1 on the building, 0 off it."""
    crs: str | None = None
    """Of the box or the points; the raster's own if None."""

    def __post_init__(self) -> None:
        if (self.box is None) == (self.points is None):
            raise InputError(
                expected="a box or points", got="both or neither", remedy="draw a box, or click on the building"
            )
        if self.points is not None and not any(label == 1 for _, _, label in self.points):
            raise InputError(
                expected="a point on the building", got="none", remedy="click on the building before what is beside it"
            )
        values = self.box or [value for point in self.points or () for value in point]
        if not all(map(math.isfinite, values)):
            raise InputError(expected="a place on the map", got=str(values), remedy="draw the prompt again")

    @property
    def labels(self) -> list[int]:
        """Of the points."""
        return [label for _, _, label in self.points or ()]

    def on(self, grid: Grid) -> npt.NDArray[np.float64]:
        """The box's corners (4, 2), or the points (count, 2), in pixels of a grid.

        Raises:
            OutsideError: They lie where the grid's CRS is not defined.
        """
        if self.box is not None:
            left, bottom, right, top = self.box
            places = [(left, bottom), (left, top), (right, top), (right, bottom)]
        else:
            places = [(x, y) for x, y, _ in self.points or ()]
        crs = grid.crs if self.crs is None else parse_crs(self.crs)
        mapped = reproject(shapely.points(places), crs, grid.crs)
        found: npt.NDArray[np.float64] = shapely.get_coordinates(grid.to_pixel(mapped))
        if not np.isfinite(found).all():
            raise OutsideError(expected="a place on the raster", got=str(places[0]), remedy="draw the prompt again")
        return found


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the model says."""

    geometry: shapely.Polygon | None
    """The building, in the raster's CRS; None where the model sees none."""
    score: float
    """Its mean probability; 0 where there is none."""
    area_m2: float
    """Geodesic; 0 where there is none."""
    threshold: float
    provenance: dict[str, object]
    """As of `Segmentation`, with the prompt."""


def ask(
    bundle: Bundle,
    raster: str | Path,
    marks: Marks,
    *,
    threshold: float | None = None,
    regularize: bool = True,
    as_is: bool = False,
    segmenter: SamSegmenter | None = None,
    device: str = "auto",
) -> Told:
    """Outline one building; asked for by a box, it ends where the box does.

    Args:
        bundle: The trained model and its recipe.
        raster: As for `segment`.
        marks: The box around the building, or points on and off it.
        threshold: A pixel is building where its probability is not below; the bundle's if None.
        regularize: Whether the outline is straightened and squared.
        as_is: As for `segment`.
        segmenter: A loaded model; loaded from the bundle if None.
        device: Where to compute, if the model is loaded here.

    Raises:
        InputError: The raster or the bundle do not fit, or the prompt is larger than a tile.
        OutsideError: The prompt lies off the raster.
    """
    settings = Settings(threshold=threshold, regularize=regularize, as_is=as_is)
    with planned(bundle, raster, settings) as plan:
        lattice, places = plan.lattice, marks.on(plan.lattice.grid)
        window = tile_for(lattice, places)
        pixels = plan.raster.read(lattice.grid, window)
        model = segmenter or bundle.segmenter(device)
        grid, places = lattice.grid.crop(window), places - (window.col_px, window.row_px)
        if marks.box is not None:
            probability = model.answer_box(model.embed(pixels), _around(places))
        else:
            probability = model.answer_points(model.embed(pixels), places, marks.labels)
        band = Band(window=grid.window, probability=probability * pixels.valid, valid=pixels.valid)
        inside = None if marks.box is None else shapely.Polygon(places)
        outlines = outline_array(band.probability, band.valid, grid, plan.drawing.style, area=inside)
        building = _meant(outlines, places, marks)
        told = {"box": marks.box, "points": marks.points, "crs": marks.crs}
        provenance = {**plan.provenance, "prompt": {key: value for key, value in told.items() if value is not None}}
        threshold = plan.drawing.style.threshold
    if building is None:
        return Told(geometry=None, score=0.0, area_m2=0.0, threshold=threshold, provenance=provenance)
    polygons = np.array([building], dtype=object)
    mapped = grid.to_map(polygons)
    return Told(
        geometry=mapped[0],
        score=round(float(zones(ArrayField(band), polygons).mean[0]), 4),
        area_m2=round(float(grid.areas_m2(mapped)[0]), 2),
        threshold=threshold,
        provenance=provenance,
    )


def tile_for(lattice: Lattice, places: npt.NDArray[np.float64]) -> Window:
    """The tile that a prompt is put to: of the lattice's tiles that hold it, the one it lies most in the middle of.

    Where none holds it with some room around, a tile of its own does.

    Args:
        lattice: The raster's.
        places: (count, 2), x and y in its pixels.

    Raises:
        OutsideError: None of it lies on the raster.
        InputError: It is larger than a tile.
    """
    grid, side = lattice.grid, lattice.tile_px
    left, top, right, bottom = _around(places)
    if right < 0 or bottom < 0 or left > grid.width or top > grid.height:
        raise OutsideError(
            expected="a prompt on the raster", got="one beside it", remedy="draw it on the layer that is segmented"
        )
    if max(right - left, bottom - top) > side:
        across_m = max(right - left, bottom - top) * max(grid.gsd_m)
        raise InputError(
            expected=f"a prompt within {side * max(grid.gsd_m):.0f} m, what the model sees at once",
            got=f"one {across_m:.0f} m across",
            remedy="ask for one building at a time, or segment the extent",
        )
    row = _start(top, bottom, lattice.row_starts, grid.height, side)
    col = _start(left, right, lattice.col_starts, grid.width, side)
    return Window(row_px=row, col_px=col, height_px=side, width_px=side)


def _start(low: float, high: float, starts: list[int], length: int, side: int) -> int:
    """The first pixel, along an axis, of the tile for what lies between two places."""
    margin, middle = MARGIN * side, (low + high) / 2

    def holds(start: int) -> bool:
        return (start == 0 or start + margin <= low) and (start + side >= length or high <= start + side - margin)

    fitting = [start for start in starts if holds(start)]
    if fitting:
        return min(fitting, key=lambda start: abs(start + side / 2 - middle))
    step = max(1, round(SNAP * side))
    return int(min(max(0, round((middle - side / 2) / step) * step), max(0, length - side)))


def _around(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(left, top, right, bottom) of points."""
    return np.concatenate([places.min(axis=0), places.max(axis=0)])


def _meant(outlines: Geometries, places: npt.NDArray[np.float64], marks: Marks) -> shapely.Polygon | None:
    """The outline that has most of the box, or most of the points on the building and, of those, the largest."""
    if len(outlines) == 0:
        return None
    if marks.box is not None:
        share = shapely.area(shapely.intersection(outlines, shapely.box(*_around(places))))
    else:
        wanted = shapely.points(places[np.array(marks.labels) == 1])
        hits = shapely.intersects(outlines[:, None], wanted[None]).sum(axis=1)
        share = hits + (hits > 0) * shapely.area(outlines) / (1 + shapely.area(outlines).sum())
    best = int(np.argmax(share))
    return outlines[best] if share[best] > 0 else None
