"""Paints the plan of a synthetic town: colours, roof planes, heights, sun and shadow, and the camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from training.town_plan import Box, Building, Plan, Prop, Rgb, Surface, Tree
from training.town_shapes import polygons

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Window = tuple[slice, slice]

SHADE_RGB = (0.40, 0.44, 0.52)
"""What is left of the light in a shadow: skylight, hence bluish."""


@dataclass(frozen=True, kw_only=True)
class Sun:
    """The direction to the sun, in town axes (y down)."""

    azimuth_rad: float
    elevation_rad: float

    @property
    def toward(self) -> tuple[float, float]:
        """The horizontal unit vector to the sun."""
        return math.cos(self.azimuth_rad), math.sin(self.azimuth_rad)

    def shade(self, slope_x: float, slope_y: float) -> float:
        """Brightness of a plane that rises by these slopes along x and y, relative to level ground."""
        (x, y), up = self.toward, math.tan(self.elevation_rad)
        facing = (up - slope_x * x - slope_y * y) / math.sqrt(1 + slope_x**2 + slope_y**2)
        return 0.35 + 0.65 * max(facing, 0.0) / up


class Canvas:
    """Colours and heights on a grid finer than the image; what is painted later lies on top."""

    def __init__(self, *, shape_px: tuple[int, int], cell_m: float, rng: np.random.Generator) -> None:
        """Start an empty canvas of (height, width) cells of `cell_m` metres."""
        self.cell_m = cell_m
        self.shape = shape_px
        self.rgb: Floats = np.zeros((3, *shape_px), np.float32)
        self.height_m: Floats = np.zeros(shape_px, np.float32)
        fine = rng.standard_normal(shape_px, dtype=np.float32)
        self.grain = fine + noise(rng, shape_px=shape_px, step=2.5)
        bumps = [noise(rng, shape_px=shape_px, step=m / cell_m) for m in (1.2, 4.0, 12.0)]
        self.mottle: Floats = (bumps[0] + bumps[1] + bumps[2]) / np.float32(1.7)
        self.tone = noise(rng, shape_px=shape_px, step=6.0 / cell_m)

    def window(self, left: float, top: float, right: float, bottom: float) -> Window:
        """The cells around some bounds in metres, cut to the canvas."""
        rows, cols = (
            slice(*np.clip([int(low / self.cell_m) - 2, int(high / self.cell_m) + 3], 0, size))
            for low, high, size in ((top, bottom, self.shape[0]), (left, right, self.shape[1]))
        )
        return rows, cols

    def local(self, window: Window, *, origin_m: tuple[float, float], angle_rad: float) -> tuple[Floats, Floats]:
        """The centres of a window's cells, in metres in a turned frame around `origin_m`."""
        rows, cols = window
        x = (np.arange(cols.start, cols.stop, dtype=np.float32) + 0.5) * self.cell_m - origin_m[0]
        y = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * self.cell_m - origin_m[1])[:, None]
        cos, sin = math.cos(angle_rad), math.sin(angle_rad)
        return (cos * x + sin * y).astype(np.float32), (cos * y - sin * x).astype(np.float32)

    def paint(
        self,
        window: Window,
        inside: Mask,
        *,
        rgb: Rgb,
        light: Floats | float,
        mottle: float,
        opacity: Floats | float = 1.0,
    ) -> None:
        """Lay a textured colour, times `light`, over the cells inside."""
        texture = light * (1.0 + mottle * self.mottle[window])
        tint = 0.25 * mottle * self.tone[window]
        for band, (colour, sign) in enumerate(zip(rgb, (1.0, 0.0, -1.0), strict=True)):
            fresh = colour * texture * (1.0 + sign * tint)
            layer = self.rgb[band][window]
            layer[inside] += (opacity * (fresh - layer))[inside]


def noise(rng: np.random.Generator, *, shape_px: tuple[int, int], step: float) -> Floats:
    """Smooth noise with bumps of `step` cells, about zero mean and unit variance."""
    height, width = shape_px
    coarse = rng.standard_normal((int(height / step) + 2, int(width / step) + 2), dtype=np.float32)
    return 1.3 * np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.float32)


def rasterize(canvas: Canvas, shape: BaseGeometry) -> tuple[Window, Mask]:
    """The cells whose centre lies in a shape, as a window and a mask on it."""
    window = canvas.window(*shape.bounds)
    rows, cols = window
    sheet = Image.new("L", (int(cols.stop - cols.start), int(rows.stop - rows.start)))
    draw = ImageDraw.Draw(sheet)
    shift = np.array([cols.start, rows.start]) + 0.5
    for part in polygons(shape):
        for ring, ink in ((part.exterior, 1), *((hole, 0) for hole in part.interiors)):
            draw.polygon([tuple(p) for p in np.asarray(ring.coords) / canvas.cell_m - shift], fill=ink)
    return window, np.asarray(sheet, bool)


def paint_plan(plan: Plan, *, sun: Sun, canvas: Canvas) -> None:
    """Paint the whole town as the sun lights it."""
    for surface in plan.surfaces:
        paint_surface(canvas, surface)
    for building in plan.buildings:
        paint_roof(canvas, building, sun=sun)
    for prop in plan.props:
        paint_prop(canvas, prop)
    for tree in plan.trees:
        paint_tree(canvas, tree, sun=sun)
    dark = shadows(canvas.height_m, cell_m=canvas.cell_m, sun=sun)
    for band, left in enumerate(SHADE_RGB):
        canvas.rgb[band][dark] *= left


def paint_surface(canvas: Canvas, surface: Surface) -> None:
    """Paint a patch of ground."""
    if surface.shape.is_empty:
        return
    window, inside = rasterize(canvas, surface.shape)
    if inside.any():
        canvas.paint(
            window,
            inside,
            rgb=surface.rgb,
            light=1.0 + surface.grain * canvas.grain[window],
            mottle=surface.mottle,
            opacity=surface.opacity * (np.clip(0.6 + canvas.mottle[window], 0, 1) if surface.ragged else 1.0),
        )


def paint_roof(canvas: Canvas, building: Building, *, sun: Sun) -> None:
    """Paint a roof: for each box its planes (the highest box wins), then edges and courses."""
    reach = max(math.hypot(x, y) for a, b, c, d in building.boxes for x in (a, c) for y in (b, d))
    x0, y0 = building.origin_m
    window = canvas.window(x0 - reach, y0 - reach, x0 + reach, y0 + reach)
    x, y = canvas.local(window, origin_m=building.origin_m, angle_rad=building.angle_rad)
    flat = building.roof == "flat"
    inward: Floats = np.full(x.shape, -1.0, np.float32)
    light: Floats = np.ones_like(inward)
    for box in building.boxes:
        left, top, right, bottom = box
        planes = roof_planes(building, box=box, sun=sun)
        sides = np.stack([u * x + v * y + offset for u, v, offset, _ in planes])
        rise = sides.min(axis=0)
        wins = (x > left) & (x < right) & (y > top) & (y < bottom) & (rise > inward)
        inward[wins] = rise[wins]
        if not flat:
            light[wins] = np.array([plane[3] for plane in planes])[sides.argmin(axis=0)][wins]
            light[wins & (np.sort(sides, axis=0)[1] - rise < 0.3)] *= 1.13
    inside = inward >= 0
    rim = inside & (inward < (0.35 if flat else 0.2))
    light[rim] *= 1.18 if flat else 0.75
    courses = 0.0 if flat else 0.035 * np.sin(2 * np.pi * inward / 0.9)
    light = light * (1.0 + courses + 0.03 * canvas.grain[window])
    canvas.paint(window, inside, rgb=building.rgb, light=light, mottle=0.05)
    top_m = building.eave_m + (0.7 * rim if flat else building.pitch * inward)
    canvas.height_m[window][inside] = top_m[inside]


def roof_planes(building: Building, *, box: Box, sun: Sun) -> list[tuple[float, float, float, float]]:
    """For each plane over a box: u, v, w of its distance from the eave, u * x + v * y + w, and its light."""
    left, top, right, bottom = box
    planes = [(1.0, 0.0, -left), (-1.0, 0.0, right), (0.0, 1.0, -top), (0.0, -1.0, bottom)]
    if building.roof == "gable":
        planes = planes[2:] if right - left >= bottom - top else planes[:2]
    cos, sin = math.cos(building.angle_rad), math.sin(building.angle_rad)
    pitch = building.pitch
    return [(u, v, w, sun.shade(pitch * (u * cos - v * sin), pitch * (u * sin + v * cos))) for u, v, w in planes]


def paint_prop(canvas: Canvas, prop: Prop) -> None:
    """Paint a car, container, tank or skylight on whatever is below it."""
    reach = math.hypot(prop.length_m, prop.width_m) / 2
    x0, y0 = prop.center_m
    window = canvas.window(x0 - reach, y0 - reach, x0 + reach, y0 + reach)
    x, y = canvas.local(window, origin_m=prop.center_m, angle_rad=prop.angle_rad)
    u, v = abs(x) / (prop.length_m / 2), abs(y) / (prop.width_m / 2)
    inside = u**2 + v**2 < 1 if prop.round else (u < 1) & (v < 1)
    if inside.any():
        light = 1.0 + 0.03 * canvas.grain[window]
        canvas.paint(window, inside, rgb=prop.rgb, light=light, mottle=0.04)
        heights = canvas.height_m[window]
        heights[inside] = np.median(heights[inside]) + prop.height_m


def paint_tree(canvas: Canvas, tree: Tree, *, sun: Sun) -> None:
    """Paint a crown: a dome with a ragged edge, lit from the sun's side, its leaves in clumps."""
    x0, y0 = tree.center_m
    reach = 1.2 * tree.radius_m
    window = canvas.window(x0 - reach, y0 - reach, x0 + reach, y0 + reach)
    x, y = canvas.local(window, origin_m=tree.center_m, angle_rad=0.0)
    clumps, grain = canvas.mottle[window], canvas.grain[window]
    distance = np.hypot(x, y) / tree.radius_m * (1.0 + 0.09 * clumps)
    inside = distance < 1.0
    if inside.any():
        sunny = (x * sun.toward[0] + y * sun.toward[1]) / tree.radius_m
        light = 0.95 + 0.38 * sunny + 0.16 * clumps + 0.07 * grain
        canvas.paint(window, inside, rgb=tree.rgb, light=np.maximum(light, 0.25), mottle=0.08)
        dome = tree.height_m * (0.45 + 0.55 * np.sqrt(np.maximum(1.0 - distance**2, 0.0)))
        heights = canvas.height_m[window]
        heights[inside] = np.maximum(heights, dome)[inside]


def shadows(height_m: Floats, *, cell_m: float, sun: Sun) -> Mask:
    """Where something higher hides the sun.

    The horizon seen toward the sun is found by doubling: what hides the sun within 2n cells is what hides it
    within n cells, or within n cells as seen from n cells further on.
    """
    drop, (sx, sy) = cell_m * math.tan(sun.elevation_rad), sun.toward
    horizon = height_m.copy()
    step = 1
    while step * drop < float(height_m.max()):
        dx, dy = round(step * sx), round(step * sy)
        here, there = overlap(height_m.shape[0], dy), overlap(height_m.shape[1], dx)
        far = horizon[here[1], there[1]] - step * drop
        horizon[here[0], there[0]] = np.maximum(horizon[here[0], there[0]], far)
        step *= 2
    return horizon > height_m + 0.15


def overlap(size: int, shift: int) -> tuple[slice, slice]:
    """The slices of an axis that face each other when it is moved by `shift`: here, and there."""
    return (slice(0, size - shift), slice(shift, size)) if shift >= 0 else (slice(-shift, size), slice(0, size + shift))


def photograph(canvas: Canvas, *, finer: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The camera: uneven light, mixed and blurred pixels, sensor noise. Returns (3, height, width).

    `finer` is the number of cells along a pixel's side.
    """
    height, width = canvas.shape[0] // finer, canvas.shape[1] // finer
    image = canvas.rgb.reshape(3, height, finer, width, finer).mean(axis=(2, 4))
    # Film's shoulder: bright roofs keep their planes.
    image -= 0.5 * np.maximum(image - 180.0, 0.0)
    image *= 1.0 + 0.04 * noise(rng, shape_px=(height, width), step=250.0)
    for axis in (1, 2):
        padded = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        before, after = np.roll(padded, 1, axis), np.roll(padded, -1, axis)
        blurred = 0.64 * padded + 0.18 * (before + after)
        image = np.take(blurred, np.arange(1, image.shape[axis] + 1), axis)
    image += rng.standard_normal(image.shape, dtype=np.float32) * (1.5 + 0.012 * image)
    digits: npt.NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return digits
