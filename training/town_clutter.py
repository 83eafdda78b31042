"""Clutter of a synthetic town: furnished yards and roofs, patches of ground, trees."""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from training.town_plan import (
    GRASS,
    SOIL,
    Building,
    Plan,
    Prop,
    Rgb,
    Surface,
    Tree,
    car,
    material,
    pick,
    vary,
)
from training.town_shapes import blob, polygons, random_point, slab

CROWNS: tuple[Rgb, ...] = ((74, 90, 54), (62, 82, 52), (92, 98, 60))


def furnish_yard(plan: Plan, *, rng: np.random.Generator, yard: BaseGeometry, angle_rad: float, pool: bool) -> None:
    """Cars, containers, tarpaulins, pools in what is left of a plot."""
    for part in polygons(yard):
        for _ in range(int(rng.poisson(part.area / 110))):
            if (spot := random_point(part, rng=rng)) is None:
                continue
            turn = angle_rad + rng.choice([0, math.pi / 2]) + rng.normal(0, 0.1)
            draw, rgb = rng.random(), material(rng)
            if draw < 0.45 and part.contains(spot.buffer(2.3)):
                plan.props += car(rng, x=spot.x, y=spot.y, angle_rad=turn)
            elif draw < 0.52 and part.contains(spot.buffer(3.0)):
                crate = Prop(
                    center_m=(spot.x, spot.y),
                    angle_rad=turn,
                    length_m=6.06,
                    width_m=2.44,
                    height_m=1.6,
                    rgb=rgb,
                )
                plan.props.append(crate)
            elif draw < 0.6 and pool and part.contains(spot.buffer(4.0)):
                for grow, colour in (
                    (1.6, vary((178, 172, 160), rng=rng)),
                    (0.0, vary((92, 150, 172), rng=rng)),
                ):
                    shape = slab(x=spot.x, y=spot.y, angle_rad=turn, length_m=7 + grow, width_m=3.5 + grow)
                    plan.surfaces.append(Surface(shape=shape.buffer(0.6), rgb=colour, mottle=0.03))
            elif draw < 0.85:
                shape = slab(
                    x=spot.x,
                    y=spot.y,
                    angle_rad=turn,
                    length_m=rng.uniform(2, 8),
                    width_m=rng.uniform(1.5, 5),
                )
                plan.surfaces.append(Surface(shape=shape.intersection(part), rgb=rgb))
            else:
                heap = Prop(
                    center_m=(spot.x, spot.y),
                    angle_rad=turn,
                    length_m=rng.uniform(1.0, 2.6),
                    width_m=1.4,
                    height_m=rng.uniform(0.3, 0.8),
                    rgb=rgb,
                    round=True,
                )
                plan.props.append(heap)


def furnish_roof(plan: Plan, *, rng: np.random.Generator, building: Building) -> None:
    """Tanks, air conditioners and skylights on flat roofs; chimneys and roof windows on pitched ones."""
    cos, sin = math.cos(building.angle_rad), math.sin(building.angle_rad)
    for left, top, right, bottom in building.boxes:
        for _ in range(int(rng.poisson(min((right - left) * (bottom - top) / 45, 9.0)))):
            u, v = rng.uniform(left + 0.9, right - 0.9), rng.uniform(top + 0.9, bottom - 0.9)
            spot = (building.origin_m[0] + u * cos - v * sin, building.origin_m[1] + u * sin + v * cos)
            size, low = rng.uniform(0.6, 1.6), building.roof != "flat" or rng.random() < 0.4
            plan.props.append(
                Prop(
                    center_m=spot,
                    angle_rad=building.angle_rad,
                    length_m=size * rng.uniform(0.8, 1.6),
                    width_m=size,
                    height_m=0.08 if low else rng.uniform(0.5, 1.4),
                    rgb=vary(
                        ((64, 70, 80), (205, 206, 204), (44, 44, 46), (150, 150, 150))[rng.integers(4)],
                        rng=rng,
                    ),
                    round=not low and rng.random() < 0.4,
                )
            )


def scatter(plan: Plan, *, rng: np.random.Generator, plot: Polygon, count: int, radius_m: float) -> None:
    """Irregular patches of soil, grass and paving."""
    for _ in range(count):
        if (spot := random_point(plot, rng=rng)) is None:
            continue
        patch = blob(rng, center=spot, radius_m=radius_m * rng.uniform(0.3, 1.0)).intersection(plot)
        rgb = (material(rng), pick(rng, SOIL), pick(rng, GRASS))[rng.integers(3)]
        plan.surfaces.append(Surface(shape=patch, rgb=rgb, mottle=0.08, opacity=rng.uniform(0.3, 1.0), ragged=True))


def plant(plan: Plan, *, rng: np.random.Generator, plots: list[Polygon]) -> None:
    """Trees and bushes; crowns may hang over a roof's edge, but hide at most a twenty-fifth of any roof."""
    index, hidden_m2 = shapely.STRtree(plan.outlines), np.zeros(len(plan.outlines))
    for plot in plots:
        for _ in range(int(rng.poisson(3 + plot.area / 220))):
            if (spot := random_point(plot, rng=rng)) is None:
                continue
            radius = float(rng.uniform(0.7, 2.0) if rng.random() < 0.35 else rng.uniform(1.6, 4.4))
            crown = spot.buffer(1.1 * radius)
            near = index.query(crown, predicate="intersects")
            if any(plan.outlines[i].distance(spot) < 0.5 * radius for i in near):
                continue
            after = hidden_m2[near] + [plan.outlines[i].intersection(crown).area for i in near]
            if all(m2 < 0.04 * plan.outlines[i].area for m2, i in zip(after, near, strict=True)):
                hidden_m2[near] = after
                rgb = vary(CROWNS[rng.integers(len(CROWNS))], rng=rng)
                height = radius * rng.uniform(1.3, 2.0) + 1.0
                plan.trees.append(Tree(center_m=(spot.x, spot.y), radius_m=radius, height_m=height, rgb=rgb))
