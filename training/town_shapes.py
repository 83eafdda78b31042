"""Plane geometry for laying out a town: halving sites, placing slabs and irregular patches."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry


def polygons(shape: BaseGeometry) -> list[Polygon]:
    """The polygons of a shape; lines and points are dropped."""
    parts = shape.geoms if hasattr(shape, "geoms") else [shape]
    return [p for p in parts if isinstance(p, Polygon) and not p.is_empty]


def axes(shape: Polygon) -> tuple[float, float, float]:
    """The angle (radians) of the long side of the smallest rectangle around a shape, its length and width."""
    ring = np.asarray(shape.minimum_rotated_rectangle.exterior.coords)
    a, b = ring[1] - ring[0], ring[2] - ring[1]
    long, short = (a, b) if np.hypot(*a) >= np.hypot(*b) else (b, a)
    return math.atan2(long[1], long[0]), float(np.hypot(*long)), float(np.hypot(*short))


def cut_line(shape: Polygon, *, rng: np.random.Generator, skew_rad: float, play: float) -> LineString:
    """A line across the long side of a shape, near its middle."""
    angle, length, _ = axes(shape)
    middle, offset = shape.centroid, length * rng.uniform(-play, play)
    x, y = middle.x + offset * math.cos(angle), middle.y + offset * math.sin(angle)
    turn = angle + math.pi / 2 + rng.uniform(-skew_rad, skew_rad)
    dx, dy = 2 * length * math.cos(turn), 2 * length * math.sin(turn)
    return LineString([(x - dx, y - dy), (x + dx, y + dy)])


def subdivide(shape: Polygon, *, rng: np.random.Generator, area_m2: float) -> Iterator[Polygon]:
    """Halve a shape until its parts are no larger than asked."""
    if shape.area <= 1.35 * area_m2:
        yield shape
        return
    sliver = cut_line(shape, rng=rng, skew_rad=0.03, play=0.07).buffer(0.02, cap_style="flat")
    for part in polygons(shape.difference(sliver)):
        yield from subdivide(part, rng=rng, area_m2=area_m2)


def blob(rng: np.random.Generator, *, center: Point, radius_m: float) -> Polygon:
    """An irregular round patch."""
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    waves = sum(rng.uniform(0, 0.5 / k) * np.cos(k * turns + rng.uniform(0, 7)) for k in (2, 3, 5))
    radii = radius_m * (1.0 + 0.5 * waves)
    return Polygon(np.c_[center.x + radii * np.cos(turns), center.y + radii * np.sin(turns)]).buffer(0)


def slab(*, x: float, y: float, angle_rad: float, length_m: float, width_m: float) -> Polygon:
    """A turned rectangle around a point."""
    flat = box(-length_m / 2, -width_m / 2, length_m / 2, width_m / 2)
    return affinity.translate(affinity.rotate(flat, angle_rad, origin=(0, 0), use_radians=True), x, y)


def random_point(shape: Polygon, *, rng: np.random.Generator) -> Point | None:
    """A point inside a shape, or None if a few throws all missed."""
    left, top, right, bottom = shape.bounds
    for _ in range(8):
        point = Point(rng.uniform(left, right), rng.uniform(top, bottom))
        if shape.contains(point):
            return point
    return None
