"""samft prepare."""

from __future__ import annotations

from pathlib import Path

import click

from samft_core.cli.options import PATH, nodata_option, overwrite_option


@click.command(short_help="Cut labelled rasters into chips to train on.")
@click.argument("images", nargs=-1, metavar="IMAGE...")
@click.option("--labels", multiple=True, metavar="VECTOR", help="Building polygons, in any CRS; may be repeated.")
@click.option("--spacenet", metavar="FOLDER", help="A SpaceNet folder instead, local or s3://BUCKET/PREFIX.")
@click.option("--out", type=PATH, required=True, metavar="CHIPS", help="The chips folder to make.")
@click.option("--aoi", metavar="AREA", help="Polygons of the area where the labels are complete; the rest is ignored.")
@click.option(
    "--gsd", type=float, metavar="M", help="Metres per pixel; the coarsest image's by default, but not below 0.3."
)
@click.option(
    "--size",
    type=int,
    default=512,
    show_default=True,
    metavar="PX",
    help="A chip's side. SAM sees a chip enlarged to 1024: smaller chips give finer masks and take longer.",
)
@click.option("--bands", metavar="R,G,B", help="Band numbers from 1, one or three; the first three by default.")
@nodata_option
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draw of train, val, test."
)
@overwrite_option
def prepare(
    images: tuple[str, ...],
    labels: tuple[str, ...],
    spacenet: str | None,
    out: Path,
    aoi: str | None,
    gsd: float | None,
    size: int,
    bands: str | None,
    nodata: float | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Cut IMAGEs and their labels into chips at one resolution.

    An IMAGE is any raster GDAL opens, or its bands in several files, separated by commas: B04.tif,B03.tif,B02.tif.

    The result is a folder with an image and a mask per chip (0 background, 1 building, 255 ignore), a manifest with
    each chip's footprint and split, and the label polygons of each chip. Chips without buildings are kept.
    """
    from samft_core.cli.progress import progress_bar
    from samft_core.errors import InputError
    from training.prepare import PrepareSettings
    from training.prepare import prepare as prepare_chips
    from training.scenes import loose_scenes, spacenet_scenes, unsigned_unless_credentials

    if bool(spacenet) == bool(images) or (images and not labels):
        raise InputError(
            expected="images with --labels, or --spacenet FOLDER",
            got=f"{len(images)} images, {len(labels)} label files, --spacenet {spacenet or 'not given'}",
            remedy="see samft prepare --help",
        )
    settings = PrepareSettings(gsd_m=gsd, size_px=size, bands=_bands(bands), nodata=nodata, seed=seed)
    with unsigned_unless_credentials(), progress_bar() as progress:
        scenes = spacenet_scenes(spacenet) if spacenet else loose_scenes(images, labels)
        made = prepare_chips(scenes, out, aoi=aoi, settings=settings, overwrite=overwrite, progress=progress)
    chips = made.chips
    counts = ", ".join(f"{len(chips.split(name))} {name}" for name in ("train", "val", "test"))
    click.echo(f"{len(chips.manifest)} chips of {chips.meta.size_px} px at {chips.meta.gsd_m} m in {out}: {counts}")
    parts, share = chips.manifest["buildings"].sum(), chips.manifest["building_share"].mean()
    click.echo(f"{parts} building parts, {share:.1%} of the ground")
    if made.repaired or made.ignored or made.dropped:
        click.echo(
            f"{made.repaired} broken geometries repaired, {made.ignored} features without a polygon ignored, "
            f"{made.dropped} chips with almost nothing known left out"
        )


def _bands(text: str | None) -> tuple[int, ...] | None:
    from samft_core.errors import InputError

    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            expected="--bands as numbers, such as 3,2,1", got=text, remedy="separate them by commas"
        ) from error
