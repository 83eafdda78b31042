"""Bundles, rasters and chips in words."""

from __future__ import annotations

from samft_core.bundle import Bundle
from samft_core.errors import RasterError
from samft_core.grid import format_bounds
from samft_core.raster import open_raster
from training.chips import SPLITS, Chips


def describe_bundle(bundle: Bundle) -> str:
    """A bundle's card in a few lines."""
    card, recipe = bundle.card, bundle.card.recipe
    validation = card.training.get("validation", {})
    bands = ", ".join(map(str, recipe.bands)) if recipe.bands else "the first three"
    return "\n".join(
        [
            f"bundle {card.hash} in {bundle.path}",
            f"  trained: {card.trained} of {card.base_id}, by samft {card.version}, {card.created}",
            f"  looks at: bands {bands} at {recipe.gsd_m} m, tiles of {recipe.tile_px} px seen at {recipe.input_px} px",
            f"  decides: threshold {recipe.threshold:.2f}, at least {recipe.min_area_m2:g} m2",
            f"  val IoU: {validation.get('iou', float('nan')):.3f}",
        ]
    )


def describe_raster(path: str) -> str:
    """A raster's place and pixels in a few lines.

    Raises:
        RasterError: It is none.
    """
    with open_raster(path) as raster:
        grid = raster.grid
        gsd_x_m, gsd_y_m = grid.gsd_m
        return "\n".join(
            [
                f"raster {path}",
                f"  size: {grid.height} rows x {grid.width} columns",
                f"  CRS: {grid.crs.name}, covering {format_bounds(grid.bounds)}",
                f"  pixels on the ground: {gsd_x_m:.3f} x {gsd_y_m:.3f} m",
                f"  bands read: {', '.join(map(str, raster.bands))}",
            ]
        )


def describe_chips(chips: Chips) -> str:
    """A chips folder in a few lines."""
    meta, manifest = chips.meta, chips.manifest
    counts = ", ".join(f"{len(chips.split(name))} {name}" for name in SPLITS)
    return "\n".join(
        [
            f"chips in {chips.path}",
            f"  {len(manifest)} of {meta.size_px} px at {meta.gsd_m} m: {counts}",
            f"  buildings: {manifest['buildings'].sum()} parts, {manifest['building_share'].mean():.1%} of the ground",
            f"  scenes: {', '.join(scene['image'] for scene in meta.scenes)}",
        ]
    )


def describe_fit(bundle: Bundle, path: str) -> str:
    """Whether a bundle can be used on a raster, and what speaks against it."""
    recipe = bundle.card.recipe
    head = f"bundle {bundle.card.hash} on {path}: "
    try:
        with open_raster(path, bands=recipe.bands) as raster:
            coarsest_m = max(raster.grid.gsd_m)
    except RasterError as error:
        return f"{head}does not fit, {error}"
    if coarsest_m > 1.5 * recipe.gsd_m:
        return f"{head}fits, but {coarsest_m:.2f} m pixels are coarser than the {recipe.gsd_m} m it was trained at"
    return f"{head}fits"
