"""samft segment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from samft_core.cli.options import PATH, Limits, device_option, nodata_option, overwrite_option
from samft_core.errors import OutputError, SamftError

if TYPE_CHECKING:
    from samft_core.batch import Outcome
    from samft_core.sam.embeddings import EmbeddingCache


class _InterruptedError(SamftError):
    """Ctrl-C, with a word on what is left."""

    exit_code = 130


@click.command(short_help="Find the buildings in rasters and write their footprints.")
@click.argument("bundle", type=PATH)
@click.argument("rasters", nargs=-1, required=True, metavar="RASTER...")
@click.option(
    "--out",
    type=PATH,
    required=True,
    help="The footprints: one .gpkg, .parquet, .fgb or .geojson, or a folder for a GeoPackage for each raster.",
)
@click.option("--bounds", type=float, nargs=4, metavar="L B R T", help="Look only inside this box.")
@click.option("--bounds-crs", metavar="C", help="The CRS of --bounds, such as EPSG:4326; the raster's own by default.")
@click.option("--aoi", metavar="AREA", help="Look only inside the polygons of this vector file.")
@nodata_option
@click.option(
    "--threshold",
    type=Limits(0, 1, min_open=True, max_open=True),
    metavar="T",
    help="A pixel is building where its probability is not below; the bundle's by default.",
)
@click.option(
    "--min-area-m2",
    type=Limits(min=0),
    metavar="A",
    help="Leave out smaller footprints; the bundle's by default.",
)
@click.option("--min-hole-m2", type=Limits(min=0), metavar="A", help="Fill smaller holes; as --min-area-m2 by default.")
@click.option(
    "--probability",
    type=PATH,
    metavar="P.tif",
    help="Also write the probabilities as a cloud-optimized GeoTIFF; for several rasters, a folder of them.",
)
@click.option("--no-regularize", is_flag=True, help="Keep outlines as the model drew them, corners not squared.")
@click.option(
    "--cache",
    is_flag=True,
    help="Keep the encoder's answers, so that the same raster, or another decoder on the same encoder, is segmented "
    "without encoding again.",
)
@device_option
@overwrite_option
def segment(
    bundle: Path,
    rasters: tuple[str, ...],
    out: Path,
    probability: Path | None,
    no_regularize: bool,
    cache: bool,
    device: str,
    overwrite: bool,
    **settings: Any,
) -> None:
    """Find the buildings in RASTERs with a trained BUNDLE and write their footprints.

    A RASTER is a file or address that GDAL opens, the files of its bands with commas between them
    (B04.tif,B03.tif,B02.tif), a folder, a pattern in quotes ("tiles/*.tif"), or a text file with one of these on each
    line. It is read at the bundle's resolution, whatever its own. Areas without data give no footprints.

    Every footprint has id, score, area_m2, bundle, threshold and raster, in the first raster's CRS. Rasters that show
    the same ground are not merged: each gives its own footprints.

    An interrupted run leaves its finished rows beside the output; the same command goes on from there.
    """
    from samft_core.batch import Batch, kept_rows, segment_into_each, segment_into_one
    from samft_core.bundle import load_bundle
    from samft_core.cli.progress import progress_bar
    from samft_core.footprint_file import DRIVERS, check_format
    from samft_core.output import check_output
    from samft_core.plan import Settings
    from samft_core.raster_list import list_rasters

    into_one = bool(out.suffix) and not (out.is_dir() and out.suffix.lower() not in DRIVERS)
    if into_one:  # before the model is loaded
        check_format(out)
        check_output(out, overwrite=overwrite)
    names = list_rasters(rasters)
    opened = load_bundle(bundle)
    from samft_core.sam.embeddings import cache_limit_bytes  # after what is checked at once, since this takes seconds

    limit_bytes = cache_limit_bytes() if cache else 0
    model = opened.segmenter(device, cache=cache)
    asked = Settings(regularize=not no_regularize, **settings)
    run = segment_into_one if into_one else segment_into_each
    try:
        with progress_bar() as progress:
            batch = Batch(bundle=opened, settings=asked, segmenter=model, overwrite=overwrite, progress=progress)
            outcome = run(batch, names, out, probability=probability)
    except (KeyboardInterrupt, OutputError) as error:
        if not (kept := kept_rows(out)):
            raise
        left = f"finished rows are kept in {kept}: the same command goes on from there"
        if isinstance(error, OutputError):
            remedy = f"{error.remedy}; {left}"
            raise OutputError(expected=error.expected, got=error.got, remedy=remedy) from error
        raise _InterruptedError(f"interrupted; nothing half-written was left, and {left}") from None
    finally:
        if model.cache:
            model.cache.prune(limit_bytes)
    _report(outcome, names, out, model.cache)


def _report(outcome: Outcome, rasters: list[str], out: Path, cache: EmbeddingCache | None) -> None:
    """Say what came about, and what did not."""
    click.echo(f"{outcome.footprints} footprints, {outcome.area_m2:.0f} m2, in {out}")
    if cache:
        click.echo(f"embeddings for another time, {cache.size_bytes() / 1e9:.2f} GB, in {cache.root}")
    for one, other in outcome.overlapping:
        click.echo(f"note: {one} and {other} show the same ground; buildings there come once from each", err=True)
    for raster in outcome.outside:
        click.echo(f"note: {raster} lies outside of what was asked for", err=True)
    failed = {raster: error for raster, error in outcome.failures.items() if raster not in outcome.outside}
    for raster, error in failed.items():
        click.echo(f"note: {raster} failed: {' '.join(str(error).split())}", err=True)
    if failed:
        raise SamftError(
            f"expected to segment {len(rasters)} rasters, got {len(rasters) - len(failed)}; mend those above and "
            f"segment them again, the others are in {out}"
        )
