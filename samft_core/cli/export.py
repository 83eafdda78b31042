"""samft export."""

from __future__ import annotations

from pathlib import Path

import click

from samft_core.cli.options import PATH, overwrite_option


@click.command(short_help="Write a bundle as a folder that transformers loads by itself.")
@click.argument("bundle", type=PATH)
@click.option("--out", type=PATH, required=True, help="The folder to write.")
@overwrite_option
def export(bundle: Path, out: Path, overwrite: bool) -> None:
    """Write all weights of a trained BUNDLE, its base model's too, as a Hugging Face SamModel.

    The folder is loaded with SamModel.from_pretrained(OUT) and SamImageProcessor.from_pretrained(OUT), and can be what
    another training starts from: samft train CHIPS --model OUT. What it was made from, resolution, bands, prompt and
    threshold among it, stands in samft_export.json.
    """
    from samft_core.bundle import load_bundle
    from samft_core.output import check_output

    opened = load_bundle(bundle)
    check_output(out, overwrite=overwrite)  # before torch is imported
    from samft_core.sam.export import export_model

    export_model(opened, out, overwrite=overwrite)
    size = sum(file.stat().st_size for file in out.iterdir())
    click.echo(f"a SamModel of {size / 1e6:.0f} MB, in {out}")
