# SPDX-License-Identifier: MIT
"""What the worker keeps from job to job: bundles that were checked, loaded models, probabilities."""

from __future__ import annotations

import collections
from collections.abc import Callable, Hashable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from samft_core import protocol
from samft_core.names import split_names
from samft_core.progress import Progress

if TYPE_CHECKING:
    from samft_core.bundle import Bundle
    from samft_core.footprints import Segmentation
    from samft_core.sam.segmenter import SamSegmenter

BUNDLES, MODELS, SEGMENTATIONS = 16, 2, 4
"""How many of each; SAM's largest model takes 2.5 GB, probabilities up to 4 bytes a pixel on disk."""

V = TypeVar("V")


class Kept:
    """Use it as a context; what is on disk goes with it."""

    def __init__(self) -> None:
        self._bundles: collections.OrderedDict[Hashable, Bundle] = collections.OrderedDict()
        self._models: collections.OrderedDict[Hashable, SamSegmenter] = collections.OrderedDict()
        self._found: collections.OrderedDict[Hashable, Segmentation] = collections.OrderedDict()
        self._check: Callable[[], None] = lambda: None

    def __enter__(self) -> Kept:  # noqa: PYI034 - Self came with Python 3.11
        """Begin with nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of everything."""
        for kept in (self._bundles, self._models, self._found):
            kept.clear()

    def watch(self, check: Callable[[], None]) -> None:
        """Have the models look, between two blocks of their encoder, whether to go on."""
        self._check = check

    def bundle(self, path: str) -> Bundle:
        """A bundle, whose files are checked again only where they have changed.

        Raises:
            BundleError: As `load_bundle`.
        """
        from samft_core.bundle import load_bundle

        return _latest(self._bundles, _files(path), BUNDLES, lambda: load_bundle(path))

    def model(self, bundle: Bundle) -> SamSegmenter:
        """The bundle's model, loaded only if it was not used lately; its embeddings are kept on disk."""
        model = _latest(self._models, bundle.card.hash, MODELS, lambda: bundle.segmenter(cache=True))
        model.between_blocks = self._check
        return model

    def segmentation(self, job: protocol.Segment, bundle: Bundle, progress: Progress) -> Segmentation:
        """What is found in a raster; only outlines are made anew where the probabilities are still there."""
        from samft_core.footprints import segment

        key = (bundle.card.hash, job.raster, _files(job.raster), job.bounds, job.bounds_crs, job.as_is)
        drawing = {"threshold": job.threshold, "min_area_m2": job.min_area_m2, "regularize": job.regularize}
        if key in self._found:
            progress("loading", 1, 1)
            self._found.move_to_end(key)
            return self._found[key].restyled(**drawing)  # type: ignore[arg-type]
        model = self.model(bundle)
        progress("loading", 1, 1)
        found = segment(
            bundle,
            job.raster,
            bounds=job.bounds,
            bounds_crs=job.bounds_crs,
            as_is=job.as_is,
            segmenter=model,
            progress=progress,
            **drawing,  # type: ignore[arg-type]
        )
        if found.complete:
            _latest(self._found, key, SEGMENTATIONS, lambda: found)
        return found


def _latest(kept: collections.OrderedDict[Hashable, V], key: Hashable, most: int, make: Callable[[], V]) -> V:
    """What is kept under a key, made if need be; what was used least recently goes."""
    if key not in kept:
        while len(kept) >= most:
            kept.popitem(last=False)
        kept[key] = make()
    kept.move_to_end(key)
    return kept[key]


def _files(name: str) -> tuple[tuple[str, int, int], ...]:
    """The local files of a raster or a bundle, with their size and time of change."""
    paths = [Path(part) for part in split_names(name)]
    every = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    there = [(file, file.stat()) for file in every if file.is_file()]
    return tuple((str(file), its.st_size, its.st_mtime_ns) for file, its in there)
