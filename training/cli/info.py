"""samft info."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Say what a bundle, a raster or a chips folder is, and whether they fit.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
def info(paths: tuple[str, ...]) -> None:
    """Say what each PATH is: a bundle, a raster or a chips folder.

    Given bundles and rasters together, it also says whether each bundle fits each raster.
    """
    from samft_core.bundle import CARD, load_bundle
    from training.chips import META, open_chips
    from training.describe import describe_bundle, describe_chips, describe_fit, describe_raster

    bundles, rasters = [], []
    for path in paths:
        if (Path(path) / CARD).exists():
            bundles.append(load_bundle(path))
            click.echo(describe_bundle(bundles[-1]))
        elif (Path(path) / META).exists():
            click.echo(describe_chips(open_chips(path)))
        else:
            rasters.append(path)
            click.echo(describe_raster(path))
    for bundle in bundles:
        for raster in rasters:
            click.echo(describe_fit(bundle, raster))
