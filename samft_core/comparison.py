"""One vector file of buildings against another."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import LambertAzimuthalEqualAreaConversion

from samft_core.boundary import Boundary, boundary_report, compare_outlines
from samft_core.counts import Counts
from samft_core.errors import LabelError
from samft_core.grid import Geometries, transformer
from samft_core.overlaps import OBJECT_IOU, Overlaps, overlaps_report
from samft_core.vectors import Labels, read_labels


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Footprints and the buildings they are held against, in metres on the ground."""

    crs: pyproj.CRS
    """That of the polygons: equal-area, around the labels, x to the east and y to the north."""
    found: Geometries
    """The footprints, valid polygons."""
    true: Geometries
    """The labels, valid polygons."""
    overlaps: Overlaps

    @functools.cached_property
    def boundary(self) -> Boundary:
        """How far the outlines run along each other."""
        return compare_outlines(self.found, self.true)

    def as_dict(self) -> dict[str, Any]:
        """The scores as JSON values."""
        return {"object": overlaps_report(self.overlaps), "boundary": boundary_report(self.boundary)}


def compare_files(footprints: str | Path, labels: str | Path) -> Comparison:
    """Hold the buildings of one vector file against those of another, whatever their CRS, however small.

    Args:
        footprints: What was found; the attribute `score`, if there is one, orders the matching.
        labels: What is true.

    Raises:
        LabelError: A file is missing, empty of polygons where it must not be, or unreadable.
    """
    found, true = read_labels(footprints, may_be_empty=True), read_labels(labels)
    crs = _around(true)
    found, true = found.reprojected(crs), true.reprojected(crs)
    return Comparison(
        crs=crs,
        found=found.polygons,
        true=true.polygons,
        overlaps=Overlaps.of(found.polygons, true.polygons, scores=found.scores),
    )


def score_files(footprints: str | Path, labels: str | Path, *, iou_threshold: float = OBJECT_IOU) -> Counts:
    """Match the buildings of one vector file with those of another, as `compare_files` does.

    Args:
        footprints: What was found.
        labels: What is true.
        iou_threshold: The least IoU of a true positive.

    Raises:
        LabelError: A file is missing, empty of polygons where it must not be, or unreadable.
    """
    return compare_files(footprints, labels).overlaps.counts(iou_threshold)


def _around(labels: Labels) -> pyproj.CRS:
    """Metres around some labels, in Lambert's azimuthal equal-area projection of their own datum.

    Areas are those on the ground everywhere, and lengths to within 0.4 % up to 1,000 km from the centre.
    """
    geodetic = labels.crs.geodetic_crs
    if geodetic is None:
        raise LabelError(
            expected=f"labels in a CRS that is tied to the Earth in {labels.source}",
            got=labels.crs.name,
            remedy="assign the real CRS",
        )
    middles = shapely.get_coordinates(shapely.centroid(labels.polygons))
    lon_deg, lat_deg = transformer(labels.crs, geodetic).transform(middles[:, 0], middles[:, 1])
    # unit vectors, so that labels on both sides of the 180th meridian have their middle there
    middle = np.exp(1j * np.radians(lon_deg)).mean()
    if not (np.isfinite(middle) and np.all(np.abs(lat_deg) <= 90)):
        raise LabelError(
            expected=f"labels on the Earth in {labels.source}",
            got=f"coordinates such as {middles[0, 0]:g}, {middles[0, 1]:g} in {labels.crs.name}",
            remedy="check the CRS of the labels",
        )
    conversion = LambertAzimuthalEqualAreaConversion(
        latitude_natural_origin=float(np.mean(lat_deg)), longitude_natural_origin=float(np.degrees(np.angle(middle)))
    )
    return ProjectedCRS(conversion, "metres around the labels", geodetic_crs=geodetic)
