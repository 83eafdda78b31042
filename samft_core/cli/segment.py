"""samft segment."""

from __future__ import annotations

from pathlib import Path

import click

from samft_core.cli.options import PATH, Limits, device_option, overwrite_option


@click.command(short_help="Find the buildings in rasters and write their footprints.")
@click.argument("bundle", type=PATH)
@click.argument("rasters", nargs=-1, required=True, metavar="RASTER...")
@click.option("--out", type=PATH, required=True, help="The footprints: .gpkg, .parquet, .fgb or .geojson.")
@click.option("--bounds", type=float, nargs=4, metavar="L B R T", help="Look only inside this box.")
@click.option("--bounds-crs", metavar="C", help="The CRS of --bounds, such as EPSG:4326; the raster's own by default.")
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
@click.option("--probability", type=PATH, metavar="P.tif", help="Also write the probabilities as a GeoTIFF.")
@click.option("--no-regularize", is_flag=True, help="Keep outlines as the model drew them, corners not squared.")
@device_option
@overwrite_option
def segment(
    bundle: Path,
    rasters: tuple[str, ...],
    out: Path,
    bounds: tuple[float, float, float, float] | None,
    bounds_crs: str | None,
    threshold: float | None,
    min_area_m2: float | None,
    probability: Path | None,
    no_regularize: bool,
    device: str,
    overwrite: bool,
) -> None:
    """Find the buildings in RASTERs with a trained BUNDLE and write their footprints.

    The result is a vector file in the first raster's CRS; every footprint has id, score, area_m2, bundle, threshold
    and raster. Areas without data give none. A raster is read at the bundle's resolution, whatever its own.
    """
    import pandas

    from samft_core.bundle import load_bundle
    from samft_core.cli.progress import progress_bar
    from samft_core.errors import InputError
    from samft_core.footprints import segment as segment_raster
    from samft_core.footprints import write_probability
    from samft_core.output import check_output
    from samft_core.vectors import check_format, write_footprints

    check_format(out)
    check_output(out, overwrite=overwrite)
    if probability:
        check_output(probability, overwrite=overwrite)
        if len(rasters) > 1:
            raise InputError(
                expected="one raster with --probability",
                got=f"{len(rasters)}",
                remedy="run samft segment once for each",
            )
    opened = load_bundle(bundle)
    model = opened.segmenter(device)
    found = []
    with progress_bar() as progress:
        for raster in rasters:
            result = segment_raster(
                opened,
                raster,
                bounds=bounds,
                bounds_crs=bounds_crs,
                threshold=threshold,
                min_area_m2=min_area_m2,
                regularize=not no_regularize,
                segmenter=model,
                progress=progress,
            )
            if probability:
                write_probability(result, probability, overwrite=overwrite)
            found.append((result.footprints.assign(raster=Path(raster).name), result.provenance))
    crs = found[0][0].crs
    footprints = pandas.concat([frame.to_crs(crs) for frame, _ in found], ignore_index=True)
    footprints["id"] = range(1, len(footprints) + 1)
    provenance = {**found[0][1], "raster": ", ".join(str(notes["raster"]) for _, notes in found)}
    write_footprints(footprints, out, provenance=provenance, overwrite=overwrite)
    click.echo(f"{len(footprints)} footprints, {footprints['area_m2'].sum():.0f} m2, in {out}")
