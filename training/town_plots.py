"""Builds on the plots of a synthetic town: a house, sheds, and what stands around them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from training.town_clutter import furnish_roof, furnish_yard, scatter
from training.town_plan import GRASS, SOIL, Box, Building, Plan, Rgb, Surface, material, paving, pick, vary
from training.town_shapes import axes, polygons, random_point


@dataclass(frozen=True, kw_only=True)
class Zone:
    """What is built in one kind of block."""

    plot_m2: float
    eaves_m: tuple[float, float]
    flat_share: float
    """Share of flat roofs, 0 to 1."""
    pitch: tuple[float, float] = (0.38, 0.65)
    """Least and greatest rise over run of the other roofs."""
    pools: bool = False


HOUSES = Zone(plot_m2=460.0, eaves_m=(3.0, 6.5), flat_share=0.35, pools=True)
DENSE = Zone(plot_m2=300.0, eaves_m=(3.5, 8.5), flat_share=0.55)
WORKS = Zone(plot_m2=3000.0, eaves_m=(5.0, 9.0), flat_share=0.6, pitch=(0.12, 0.22))
FLATS = Zone(plot_m2=1500.0, eaves_m=(8.0, 13.0), flat_share=0.6)
HANDS: tuple[tuple[Zone | None, ...], ...] = (
    (HOUSES, WORKS, DENSE, HOUSES, FLATS),
    (DENSE, HOUSES, None, HOUSES, DENSE),
)
"""Zones dealt to the blocks hand by hand, so that small towns are mixed too; None is left unbuilt."""


def build_plot(plan: Plan, *, rng: np.random.Generator, plot: Polygon, zone: Zone, frame: Polygon) -> None:
    """Pave one plot, and put a house, sometimes a shed or two, and the usual clutter on it."""
    roof_rgb = material(rng)
    draw = rng.random()
    # A yard in the roof's own colour, in any roof's colour, or green or bare; rarely a gaudy one.
    gaudy = max(roof_rgb) - min(roof_rgb) > 55
    own, other = (0.15, 0.42) if gaudy else (0.40, 0.62)
    rgb = vary(roof_rgb, rng=rng, spread=0.5) if draw < own else paving(rng)
    if draw > other:
        rgb = pick(rng, GRASS if rng.random() < 0.6 else SOIL)
    plan.surfaces.append(Surface(shape=plot, rgb=vary((140, 134, 124), rng=rng)))
    plan.surfaces.append(Surface(shape=plot.buffer(-rng.uniform(0.0, 0.3)), rgb=rgb, mottle=0.07))
    scatter(plan, rng=rng, plot=plot, count=int(2 + plot.area // 250), radius_m=0.3 * math.sqrt(plot.area))
    first = len(plan.buildings)
    if rng.random() > 0.06:
        build_house(plan, rng=rng, plot=plot, zone=zone, rgb=roof_rgb, frame=frame)
    for _ in range(rng.choice([0, 1, 2], p=[0.62, 0.3, 0.08])):
        build_shed(plan, rng=rng, plot=plot.intersection(frame), first=first)
    yard = plot.buffer(-1.0).difference(shapely.union_all([o.buffer(0.4) for o in plan.outlines[first:]]))
    furnish_yard(plan, rng=rng, yard=yard, angle_rad=axes(plot)[0], pool=zone.pools)
    for building in plan.buildings[first:]:
        furnish_roof(plan, rng=rng, building=building)


def build_house(plan: Plan, *, rng: np.random.Generator, plot: Polygon, zone: Zone, rgb: Rgb, frame: Polygon) -> None:
    """The main building, as large as the plot takes; some are a pair with a wall in common."""
    angle, length, width = axes(plot)
    inner = plot.buffer(-rng.uniform(0.8, 2.0)).intersection(frame)
    angle += rng.uniform(-0.6, 0.6) if rng.random() < 0.12 else rng.normal(0, 0.02)
    share = rng.uniform(0.62, 0.95)
    flat = rng.random() < zone.flat_share
    for _ in range(9):
        long, short = max(share * length, 6.0), max(share * width * rng.uniform(0.8, 1.0), 5.0)
        spot = (
            plot.centroid.x + rng.normal(0, 0.04) * length,
            plot.centroid.y + rng.normal(0, 0.04) * length,
        )
        house = Building(
            origin_m=spot,
            angle_rad=angle,
            boxes=floor_plan(rng, length_m=long, width_m=short),
            roof="flat" if flat else ("gable", "hip")[rng.integers(2)],
            eave_m=rng.uniform(*zone.eaves_m),
            pitch=rng.uniform(*zone.pitch),
            rgb=rgb,
        )
        if inner.contains(outline := house.outline()) and outline.area < 1800.0:
            break
        share *= 0.9
    else:
        return
    if len(house.boxes) > 1 or long < 13.0 or rng.random() > 0.12:
        plan.add(house)
        return
    wall = rng.uniform(-0.15, 0.15) * long
    other = replace(house, boxes=((wall, -short / 2, long / 2, short / 2),), rgb=material(rng))
    plan.add(replace(house, boxes=((-long / 2, -short / 2, wall, short / 2),)))
    plan.add(replace(other, eave_m=house.eave_m + rng.choice([-1, 1]) * rng.uniform(0.4, 1.2)))


def floor_plan(rng: np.random.Generator, *, length_m: float, width_m: float) -> tuple[Box, ...]:
    """Boxes of a rectangle, L, T, U or courtyard house that fills length by width around (0, 0)."""
    x, y = length_m / 2, width_m / 2
    bar, wing = width_m * rng.uniform(0.42, 0.58), min(length_m * rng.uniform(0.3, 0.42), width_m)
    spine = (-x, -y, x, -y + bar)
    kind = rng.choice(["rect", "L", "T", "U", "court"], p=[0.52, 0.24, 0.1, 0.07, 0.07])
    if kind == "rect" or min(length_m, width_m) < 7.5:
        return ((-x, -y, x, y),)
    if kind == "L":
        boxes: tuple[Box, ...] = (spine, (-x, -y, -x + wing, y))
    elif kind == "T":
        shift = rng.uniform(-0.3, 0.3) * x
        boxes = (spine, (shift - wing / 2, -y, shift + wing / 2, y))
    elif kind == "U" or min(length_m, width_m) < 17.0:
        wing = min(wing, 0.33 * length_m)
        boxes = (spine, (-x, -y, -x + wing, y), (x - wing, -y, x, y))
    else:
        depth = width_m * rng.uniform(0.28, 0.34)
        boxes = (
            (-x, -y, x, -y + depth),
            (-x, y - depth, x, y),
            (-x, -y, -x + depth, y),
            (x - depth, -y, x, y),
        )
    flip = rng.random() < 0.5
    return tuple((left, -bottom, right, -top) for left, top, right, bottom in boxes) if flip else boxes


def build_shed(plan: Plan, *, rng: np.random.Generator, plot: BaseGeometry, first: int) -> None:
    """A small outbuilding in a free corner, if one is found; `first` is the plot's first building."""
    free = plot.buffer(-0.8).difference(shapely.union_all([o.buffer(1.5) for o in plan.outlines[first:]]))
    for part in polygons(free):
        for _ in range(6):
            if (spot := random_point(part, rng=rng)) is None:
                break
            x, y = rng.uniform(2.5, 3.7), rng.uniform(2.2, 2.9)
            shed = Building(
                origin_m=(spot.x, spot.y),
                angle_rad=axes(part)[0],
                boxes=((-x, -y, x, y),),
                roof="gable" if rng.random() < 0.4 else "flat",
                eave_m=rng.uniform(2.2, 3.0),
                pitch=rng.uniform(0.25, 0.5),
                rgb=material(rng),
            )
            if part.contains(shed.outline()):
                plan.add(shed)
                return
