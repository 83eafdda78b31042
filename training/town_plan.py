"""What a synthetic town is made of: values for ground, buildings and clutter, and the colours of all of them.

Everything is in town metres: x to the right, y DOWN, the origin at the image's top left corner.
Ground and roofs draw on the same colours (`material`), so that colour alone does not tell a building.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

Rgb = tuple[float, float, float]
Box = tuple[float, float, float, float]
RoofKind = Literal["gable", "hip", "flat"]

# Shares and colours of materials seen from the air; roofs and paved ground both draw from here.
MATERIALS: tuple[tuple[float, Rgb], ...] = (
    (0.15, (154, 96, 78)),  # red tile, brick paving
    (0.15, (126, 100, 82)),  # brown tile, bare earth
    (0.22, (150, 147, 140)),  # concrete
    (0.12, (184, 178, 166)),  # pale concrete
    (0.05, (204, 203, 198)),  # bright metal, whitewash
    (0.11, (82, 82, 84)),  # bitumen, asphalt
    (0.11, (170, 146, 116)),  # tan screed, sand
    (0.05, (98, 120, 156)),  # blue metal, tarpaulin, hard court
    (0.04, (104, 120, 92)),  # green metal, moss
)
GRASS: tuple[Rgb, ...] = ((94, 112, 66), (110, 120, 74), (84, 104, 64), (146, 138, 98))
SOIL: tuple[Rgb, ...] = ((164, 140, 110), (138, 112, 88), (150, 108, 84))
PAINT: Rgb = (208, 206, 198)


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A flat patch of ground, painted over what was there."""

    shape: BaseGeometry
    rgb: Rgb
    grain: float = 0.045
    """Relative standard deviation of the fine texture."""
    mottle: float = 0.05
    """Relative standard deviation of the texture of one to ten metres."""
    opacity: float = 1.0
    ragged: bool = False
    """Whether what was there shows through in places, as under thin grass."""


@dataclass(frozen=True, kw_only=True)
class Building:
    """Overlapping boxes in a local frame, turned by `angle_rad` and moved to `origin_m`, under one roof."""

    origin_m: tuple[float, float]
    angle_rad: float
    boxes: tuple[Box, ...]
    roof: RoofKind
    eave_m: float
    pitch: float
    """Rise over run of the roof planes; unused on flat roofs."""
    rgb: Rgb

    def outline(self) -> Polygon:
        """The footprint, in town metres."""
        local = shapely.union_all([box(*b) for b in self.boxes])
        turned = affinity.rotate(local, self.angle_rad, origin=(0, 0), use_radians=True)
        moved = affinity.translate(turned, *self.origin_m)
        assert isinstance(moved, Polygon)
        return moved


@dataclass(frozen=True, kw_only=True)
class Prop:
    """A small thing standing on the ground or on a roof: car, container, tank, skylight."""

    center_m: tuple[float, float]
    angle_rad: float
    length_m: float
    width_m: float
    height_m: float
    rgb: Rgb
    round: bool = False


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A crown seen from above."""

    center_m: tuple[float, float]
    radius_m: float
    height_m: float
    rgb: Rgb


@dataclass(kw_only=True)
class Plan:
    """What stands and lies in the town, each list in painting order."""

    surfaces: list[Surface] = field(default_factory=list)
    buildings: list[Building] = field(default_factory=list)
    outlines: list[Polygon] = field(default_factory=list)
    props: list[Prop] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)

    def add(self, building: Building) -> None:
        """Stand a building in the town."""
        self.buildings.append(building)
        self.outlines.append(building.outline())


def material(rng: np.random.Generator) -> Rgb:
    """A colour from the palette that roofs and paved ground share."""
    shares = np.array([share for share, _ in MATERIALS])
    return vary(MATERIALS[rng.choice(len(MATERIALS), p=shares / shares.sum())][1], rng=rng)


def paving(rng: np.random.Generator) -> Rgb:
    """A colour for a paved yard: a material, but nobody paves a yard blue."""
    rgb = material(rng)
    return vary((150, 147, 140), rng=rng) if rgb[2] > rgb[0] + 15 else rgb


def vary(rgb: Rgb, *, rng: np.random.Generator, spread: float = 1.0) -> Rgb:
    """A colour of the same family: another brightness, a slightly other hue."""
    light = math.exp(rng.normal(0, 0.13 * spread))
    r, g, b = (float(c * light + rng.normal(0, 2.8 * spread)) for c in rgb)
    return r, g, b


def pick(rng: np.random.Generator, colours: tuple[Rgb, ...]) -> Rgb:
    """A varied colour out of a short list."""
    return vary(colours[rng.integers(len(colours))], rng=rng)


def car(rng: np.random.Generator, *, x: float, y: float, angle_rad: float) -> list[Prop]:
    """A car or van in any roof colour: a body, and a cabin with dark glass in front and behind."""
    length, width = rng.uniform(3.8, 5.2), rng.uniform(1.7, 2.0)
    rgb = material(rng)
    body = Prop(center_m=(x, y), angle_rad=angle_rad, length_m=length, width_m=width, height_m=0.9, rgb=rgb)
    glass = replace(body, length_m=0.62 * length, width_m=0.85 * width, height_m=0.4, rgb=(48, 52, 58))
    return [body, glass, replace(glass, length_m=0.38 * length, height_m=0.15, rgb=rgb)]
