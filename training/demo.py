"""The whole flow on a synthetic town: chips, training, evaluation, footprints of an unseen part, a page to look at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
from affine import Affine

from samft_core.boundary import boundary_report, compare_outlines
from samft_core.bundle import Bundle
from samft_core.errors import SamftError
from samft_core.footprint_file import write_footprints
from samft_core.footprints import Segmentation, segment
from samft_core.grid import Geometries
from samft_core.output import whole_folder
from samft_core.overlaps import OBJECT_IOU, SMALLEST_PX, Overlaps, overlaps_report
from samft_core.progress import Progress, silent
from samft_core.raster import open_raster
from samft_core.rasterize import rasterize
from samft_core.sam.known import TINY
from samft_core.scores import ThresholdCurve, pixel_report
from samft_core.vectors import read_labels
from training import figures
from training.chips import Chips
from training.config import TINY_DEFAULTS, TrainConfig, from_mapping
from training.evaluate import evaluate, uncut
from training.loop import train
from training.prepare import PrepareSettings, prepare
from training.report import Section, evaluation_sections, score_facts, settings_section, training_section, write_page
from training.scenes import loose_scenes
from training.stop import StoppedError
from training.town import Town, make_town

CHIP_PX = 256

GSD_M = 0.45
"""Of the town's image: fine enough for sheds, coarse enough for hundreds of buildings to be seen in minutes."""


@dataclass(frozen=True, kw_only=True)
class DemoSize:
    """How large the town is and how long the model learns."""

    width_px: int = 2048
    known_px: int = 2048
    """Rows, from the north, whose buildings the model learns from."""
    unseen_px: int = 768
    """Rows south of them, which it never sees before it is done."""
    epochs: int = 30


def demo(
    out: Path, *, seed: int = 0, size: DemoSize | None = None, overwrite: bool = False, progress: Progress = silent
) -> dict[str, Any]:
    """Run the whole flow into a folder.

    Leaves `town.tif` with `town_buildings.gpkg`, `chips/`, `run/bundle/`, `unseen.tif` with its true
    `unseen_buildings.gpkg`, `footprints.gpkg`, `scores.json` and `report.html`.

    Args:
        out: The folder to appear, whole or not at all.
        seed: Of the town and the training.
        size: How large and how long.
        overwrite: Whether an existing folder is replaced.
        progress: Told about each stage.

    Returns:
        The scores on the unseen part, as scores.json holds them.

    Raises:
        OutputError: The folder exists, or cannot be written.
    """
    size = size or DemoSize()
    with whole_folder(out, overwrite=overwrite, made_with="scores.json") as folder:
        progress("drawing the town", 0, 1)
        height_px = size.known_px + size.unseen_px
        town = make_town(seed=seed, height_px=height_px, width_px=size.width_px, gsd_m=GSD_M)
        write_part(town, folder / "town.tif", first_px=0, count_px=size.known_px)
        write_part(town, folder / "unseen.tif", first_px=size.known_px, count_px=size.unseen_px)
        progress("drawing the town", 1, 1)
        scenes = loose_scenes([str(folder / "town.tif")], [str(folder / "town_buildings.gpkg")])
        chips = prepare(
            scenes, folder / "chips", settings=PrepareSettings(size_px=CHIP_PX, seed=seed), progress=progress
        ).chips
        config = from_mapping({**TINY_DEFAULTS, "epochs": size.epochs, "seed": seed})
        bundle = _trained(chips, folder / "run", config, progress)
        tested = evaluate(bundle, chips, progress=progress)
        found = segment(bundle, folder / "unseen.tif", progress=progress)
        write_footprints(found.footprints, folder / "footprints.gpkg", provenance=found.provenance, overwrite=False)
        truth = read_labels(folder / "unseen_buildings.gpkg").polygons
        scores = score(bundle, found, truth)
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        write_page(
            folder / "report.html",
            title="A town and its buildings",
            lead=f"samft-tiny, trained here on one part of a synthetic town, finds the buildings of a part it has "
            f"never seen with an object F1 of {scores['object']['f1']:.3f} at IoU {OBJECT_IOU} and a pixel IoU of "
            f"{scores['pixel']['iou']:.3f}.",
            sections=[
                _unseen_section(folder / "unseen.tif", found, truth, scores),
                training_section(folder / "run", bundle),
                *evaluation_sections(tested),
                settings_section(bundle),
            ],
        )
    return scores


def _trained(chips: Chips, run: Path, config: TrainConfig, progress: Progress) -> Bundle:
    """A run that leaves nothing where it is stopped: there is no demo but a whole one."""
    try:
        return train(chips, run, model=TINY, config=config, progress=progress)
    except StoppedError as error:
        stopped = SamftError(f"stopped by {error.by}; nothing half-written was left, run the same command again")
        stopped.exit_code = error.exit_code
        raise stopped from None


def write_part(town: Town, path: Path, *, first_px: int, count_px: int) -> None:
    """Write some rows of a town as a GeoTIFF, and its buildings, cut at the edges, beside it."""
    transform = town.transform @ Affine.translation(0, first_px)
    image = town.image[:, first_px : first_px + count_px]
    height, width = image.shape[1:]
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": height, "width": width, "tiled": True}
    with rasterio.open(
        path, "w", **profile, crs=town.crs, transform=transform, compress="deflate", photometric="rgb"
    ) as target:
        target.write(image)
    with open_raster(path) as raster:
        outline = raster.grid.footprint
    inside = shapely.get_parts(shapely.intersection(np.array(town.buildings, dtype=object), outline))
    inside = inside[shapely.area(inside) > 0]
    frame = geopandas.GeoDataFrame({"id": np.arange(1, len(inside) + 1)}, geometry=inside, crs=town.crs)
    labels = path.with_name(f"{path.stem}_buildings.gpkg")
    write_footprints(frame, labels, provenance={"made by": "samft demo"}, overwrite=False)


def score(bundle: Bundle, found: Segmentation, truth: Geometries) -> dict[str, Any]:
    """Pixel, object and boundary scores of a segmented raster whose buildings are all known, as those of `evaluate`."""
    recipe, grid = bundle.card.recipe, found.grid
    curve = ThresholdCurve(also=[recipe.threshold])
    curve.add(found.probability, rasterize(truth, grid), found.valid)
    true_m2 = grid.areas_m2(truth)
    called_for = true_m2 >= SMALLEST_PX * recipe.gsd_m**2
    polygons = np.asarray(found.footprints.geometry.to_numpy(), dtype=object)
    overlaps = Overlaps.of(
        polygons,
        truth[called_for],
        predicted_m2=grid.areas_m2(polygons),
        true_m2=true_m2[called_for],
        scores=found.footprints["score"].tolist(),
    )
    outlines = compare_outlines(
        grid.to_metres(grid.to_pixel(polygons)),
        grid.to_metres(grid.to_pixel(truth[called_for])),
        within=uncut(found.valid, grid),
    )
    return {
        "pixel": pixel_report(curve.counts(recipe.threshold)),
        "object": overlaps_report(overlaps),
        "boundary": boundary_report(outlines),
        "trivial_iou": curve.trivial_iou,
        "threshold": recipe.threshold,
        "min_area_m2": recipe.min_area_m2,
        "bundle": bundle.card.hash,
    }


def _unseen_section(image: Path, found: Segmentation, truth: Geometries, scores: dict[str, Any]) -> Section:
    with open_raster(image) as raster:
        pixels = raster.read(raster.grid, raster.grid.window)
        polygons = np.asarray(found.footprints.geometry.to_numpy(), dtype=object)
        picture = figures.footprints(pixels.image, raster.grid.to_pixel(polygons), truth=raster.grid.to_pixel(truth))
    return Section(
        title="The unseen part",
        text=f"{len(polygons)} footprints (yellow) over the image, and the true outlines (light blue, dashed). "
        f"Footprints below {scores['min_area_m2']:g} m2 are left out, and true buildings below {SMALLEST_PX} pixels, "
        "slivers cut at the image's edge, are not called for.",
        facts=score_facts(scores),
        pictures=[picture],
    )
