"""samft's core: rasters, the model and polygons.

The public Python API; names are imported on first use, so that `import samft_core` costs nothing:

    from samft_core import load_bundle, segment, write_footprints

    found = segment(load_bundle("run/bundle"), "city.tif")
    write_footprints(found.footprints, Path("city.gpkg"), provenance=found.provenance, overwrite=False)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from samft_core.version import __version__

if TYPE_CHECKING:
    from samft_core.asking import Marks, Told, ask
    from samft_core.bundle import Bundle, Card, Recipe, load_bundle
    from samft_core.cog import write_probability
    from samft_core.contours import contour
    from samft_core.errors import InputError, SamftError
    from samft_core.footprint_file import write_footprints
    from samft_core.footprints import Segmentation, segment
    from samft_core.grid import Grid, Window
    from samft_core.predict import Segmenter
    from samft_core.raster import Pixels, Raster, open_raster
    from samft_core.scores import Counts, ThresholdCurve, match_objects
    from samft_core.stretch import Stretch, StretchPolicy
    from samft_core.tiling import Lattice, Tile
    from samft_core.tracing import trace
    from samft_core.vectors import Labels, read_labels

_HOME = {
    "asking": ["Marks", "Told", "ask"],
    "bundle": ["Bundle", "Card", "Recipe", "load_bundle"],
    "cog": ["write_probability"],
    "contours": ["contour"],
    "errors": ["InputError", "SamftError"],
    "footprint_file": ["write_footprints"],
    "footprints": ["Segmentation", "segment"],
    "grid": ["Grid", "Window"],
    "predict": ["Segmenter"],
    "raster": ["Pixels", "Raster", "open_raster"],
    "scores": ["Counts", "ThresholdCurve", "match_objects"],
    "stretch": ["Stretch", "StretchPolicy"],
    "tiling": ["Lattice", "Tile"],
    "tracing": ["trace"],
    "vectors": ["Labels", "read_labels"],
}

__all__ = [
    "Bundle",
    "Card",
    "Counts",
    "Grid",
    "InputError",
    "Labels",
    "Lattice",
    "Marks",
    "Pixels",
    "Raster",
    "Recipe",
    "SamftError",
    "Segmentation",
    "Segmenter",
    "Stretch",
    "StretchPolicy",
    "ThresholdCurve",
    "Tile",
    "Told",
    "Window",
    "__version__",
    "ask",
    "contour",
    "load_bundle",
    "match_objects",
    "open_raster",
    "read_labels",
    "segment",
    "trace",
    "write_footprints",
    "write_probability",
]


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"samft_core.{module}"), name)
    raise AttributeError(f"module 'samft_core' has no attribute {name!r}")
