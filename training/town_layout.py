"""Lays out a synthetic town: streets, blocks, and what a block without houses is used for."""

from __future__ import annotations

import itertools
import math

import numpy as np
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box

from training.town_clutter import plant, scatter
from training.town_plan import GRASS, PAINT, SOIL, Plan, Surface, car, material, pick, vary
from training.town_plots import HANDS, build_plot
from training.town_shapes import axes, blob, cut_line, polygons, slab, subdivide


def make_plan(*, rng: np.random.Generator, width_m: float, height_m: float) -> Plan:
    """Lay out a town that covers a rectangle; every building lies wholly inside it."""
    plan = Plan()
    frame = box(0.0, 0.0, width_m, height_m)
    side = 1.5 * math.hypot(width_m, height_m) / 2 + 40.0
    site = affinity.rotate(box(-side, -side, side, side), rng.uniform(0, 90), origin=(0, 0))
    site = affinity.translate(site, width_m / 2, height_m / 2)
    plan.surfaces.append(Surface(shape=frame.buffer(5), rgb=pick(rng, SOIL), mottle=0.08))
    blocks = [b for b in lay_streets(plan, rng=rng, site=site, depth=0) if b.intersects(frame)]
    # Blocks well in view draw first, so that the image shows each zone.
    blocks.sort(key=lambda block: -block.intersection(frame).area)
    deck = (hand[i] for hand in itertools.cycle(HANDS) for i in rng.permutation(len(hand)))
    planted = []
    for block, zone in zip(blocks, deck, strict=False):
        area_m2 = zone.plot_m2 * rng.uniform(0.85, 1.2) if zone else 2600.0
        for plot in subdivide(block, rng=rng, area_m2=area_m2):
            if not plot.intersects(frame):
                continue
            if zone:
                build_plot(plan, rng=rng, plot=plot, zone=zone, frame=frame.buffer(-0.6))
            else:
                lay_open_plot(plan, rng=rng, plot=plot)
            planted.append(plot)
    # Trees come last: only then is it known which roofs their crowns would hide.
    plant(plan, rng=rng, plots=planted)
    return plan


def lay_streets(plan: Plan, *, rng: np.random.Generator, site: Polygon, depth: int) -> list[Polygon]:
    """Split a site by streets, wide ones first, down to blocks; returns the blocks."""
    if site.area < rng.uniform(6500.0, 13000.0):
        return [site]
    width = (18.0, 14.0, 11.0, 9.0, 7.5, 6.0)[min(depth, 5)] * rng.uniform(0.85, 1.15)
    line = cut_line(site, rng=rng, skew_rad=0.35 if depth in (1, 2) else 0.1, play=0.14)
    blocks: list[Polygon] = []
    for part in polygons(site.difference(line.buffer(width / 2, cap_style="flat"))):
        if part.area > 400.0:
            blocks += lay_streets(plan, rng=rng, site=part, depth=depth + 1)
    pave_street(plan, rng=rng, site=site, line=line, width_m=width)
    return blocks


def pave_street(plan: Plan, *, rng: np.random.Generator, site: Polygon, line: LineString, width_m: float) -> None:
    """Draw one street: pavements, carriageway, dashes, patches of repair, parked cars."""
    on_site = line.intersection(site)
    dirt = width_m < 7.5 and rng.random() < 0.4
    bed = pick(rng, SOIL) if dirt else vary((103, 102, 100), rng=rng, spread=0.8)
    walk = vary((158, 154, 146), rng=rng, spread=0.8)
    plan.surfaces.append(Surface(shape=site.intersection(line.buffer(width_m / 2 + 0.2)), rgb=walk))
    lane_m = width_m / 2 - (0.3 if dirt else 1.7 if width_m > 8 else 0.9)
    road = site.buffer(9.0).intersection(line.buffer(lane_m))
    plan.surfaces.append(Surface(shape=road, rgb=bed, mottle=0.08 if dirt else 0.035))
    for at in np.arange(0.0, on_site.length, 3.0):
        spot = on_site.interpolate(at)
        if width_m > 9 and at % 9 < 3:
            dash = on_site.intersection(spot.buffer(1.5)).buffer(0.1, cap_style="flat")
            plan.surfaces.append(Surface(shape=dash, rgb=PAINT, opacity=0.8))
        if rng.random() < 0.03:
            patch = blob(rng, center=spot, radius_m=rng.uniform(1.0, lane_m + 0.5)).intersection(road)
            plan.surfaces.append(Surface(shape=patch, rgb=vary(bed, rng=rng, spread=0.7), opacity=0.8))
    ends = np.asarray(on_site.coords)
    angle = math.atan2(*(ends[-1] - ends[0])[::-1])
    for at in np.arange(3.0, on_site.length, 6.5):
        if not dirt and rng.random() < 0.3:
            spot, across = on_site.interpolate(at), rng.choice([-1, 1]) * (lane_m - rng.uniform(1.0, 1.5))
            x, y = spot.x - across * math.sin(angle), spot.y + across * math.cos(angle)
            plan.props += car(rng, x=x, y=y, angle_rad=angle + rng.normal(0, 0.03))


def lay_court(plan: Plan, *, rng: np.random.Generator, x: float, y: float, angle_rad: float) -> None:
    """A tennis court: 10.97 m by 23.77 m of lines on a larger apron."""
    for length, width, rgb in ((36.0, 18.0, material(rng)), (23.9, 11.1, PAINT), (23.6, 10.8, material(rng))):
        shape = slab(x=x, y=y, angle_rad=angle_rad, length_m=length, width_m=width)
        plan.surfaces.append(Surface(shape=shape, rgb=rgb, mottle=0.03))
    for length, width in ((0.25, 11.0), (12.8, 0.15)):
        shape = slab(x=x, y=y, angle_rad=angle_rad, length_m=length, width_m=width)
        plan.surfaces.append(Surface(shape=shape, rgb=PAINT))


def lay_parking(plan: Plan, *, rng: np.random.Generator, lot: Polygon) -> None:
    """Rows of painted stalls, half of them taken."""
    angle, length, width = axes(lot)
    middle, inside = lot.centroid, lot.buffer(-2.5)
    u, v = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    for row in np.arange(-width / 2 + 4, width / 2 - 3, 8.5):
        for stall in np.arange(-length / 2 + 3, length / 2 - 3, 2.6):
            x, y = (middle.x, middle.y) + row * v + stall * u
            if not inside.contains(Point(x, y)):
                continue
            line = slab(x=x + 1.3 * u[0], y=y + 1.3 * u[1], angle_rad=angle, length_m=0.15, width_m=5.0)
            plan.surfaces.append(Surface(shape=line, rgb=PAINT, opacity=0.7))
            if rng.random() < 0.5:
                plan.props += car(rng, x=x, y=y, angle_rad=angle + math.pi / 2 + rng.normal(0, 0.04))


def lay_open_plot(plan: Plan, *, rng: np.random.Generator, plot: Polygon) -> None:
    """A large plot without houses: parking, a court, a park or waste ground."""
    kind = rng.choice(["parking", "court", "park", "waste"])
    rgb = {"parking": material(rng), "waste": pick(rng, SOIL)}.get(kind, pick(rng, GRASS))
    plan.surfaces.append(Surface(shape=plot, rgb=rgb, mottle=0.07))
    if kind == "parking":
        lay_parking(plan, rng=rng, lot=plot)
    elif kind == "court":
        lay_court(plan, rng=rng, x=plot.centroid.x, y=plot.centroid.y, angle_rad=axes(plot)[0])
    else:
        scatter(plan, rng=rng, plot=plot, count=12, radius_m=9.0)
