"""The bands that are read of a raster, from one dataset or from several that lie on each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from samft_core.errors import RasterError
from samft_core.grid import Grid
from samft_core.names import one_line
from samft_core.nodata import is_nodata
from samft_core.source import Source
from samft_core.stretch import Stretch, StretchPolicy

SAMPLE_SIDE_PX = 1024
"""The longest side of the decimated read that the stretch's statistics come from."""

SAME_PLACE_PX = 0.01
"""How far apart the corners of two files may lie that make one raster."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Bands of one dataset."""

    source: Source
    bands: tuple[int, ...]
    """Their numbers within the dataset, from 1."""
    places: tuple[int, ...]
    """Their places among all bands that are read, from 0."""


@dataclass(frozen=True, kw_only=True)
class Bands:
    """The bands that are read, each dataset's in one go."""

    parts: tuple[Part, ...]
    numbers: tuple[int, ...]
    """Their numbers, from 1, over all datasets in order."""
    nodata: float | None
    """The caller's nodata value; None where the raster says itself what is valid."""

    def read(self, **where: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Read all of them, and where all are known.

        Args:
            where: rasterio's `window` or `out_shape` (height, width).

        Returns:
            (bands, height, width) in a type that holds each band's, and (height, width).
        """
        read = [(part, *part.source.read(part.bands, **where)) for part in self.parts]
        known = np.logical_and.reduce([its for _, _, its in read])
        if self.nodata is not None:
            known &= ~np.logical_and.reduce([_all_at(values, self.nodata) for _, values, _ in read])
        if len(read) == 1:
            return read[0][1], known
        rows: list[Any] = [None] * len(self.numbers)
        for part, values, _ in read:
            for place, band in zip(part.places, values, strict=True):
                rows[place] = band
        return np.stack(rows), known

    @property
    def are_bytes(self) -> bool:
        """Whether all of them are uint8, which is not stretched."""
        return all(dtype == "uint8" for part in self.parts for dtype in part.source.dtypes(part.bands))

    @property
    def state(self) -> tuple[tuple[str, int, int], ...]:
        """Name, size and time of change of all files behind them; none where any has no local file."""
        if not all(part.source.files for part in self.parts):
            return ()
        there = {file: file.stat() for part in self.parts for file in part.source.files}
        return tuple((str(file), its.st_size, its.st_mtime_ns) for file, its in there.items())

    def stretch(self, policy: StretchPolicy, grid: Grid) -> Stretch:
        """The stretch, from one decimated read of the whole that never depends on what is asked for."""
        if self.are_bytes:
            return policy.of(np.zeros((len(self.numbers), 1, 1), dtype=np.uint8), np.ones((1, 1), dtype=np.bool_))
        factor = max(1.0, max(grid.shape) / SAMPLE_SIDE_PX)
        shape = (max(1, round(grid.height / factor)), max(1, round(grid.width / factor)))
        return policy.of(*self.read(out_shape=shape))

    def nodata_values(self) -> list[float | None]:
        """The nodata value that holds for each band, the raster's own or the caller's."""
        values: list[float | None] = [self.nodata] * len(self.numbers)
        for part in self.parts:
            for place, value in zip(part.places, part.source.nodata(part.bands), strict=True):
                values[place] = value if self.nodata is None else self.nodata
        return values


def _all_at(values: npt.NDArray[Any], nodata: float) -> npt.NDArray[np.bool_]:
    """Where every band has a value."""
    return np.asarray(np.logical_and.reduce([is_nodata(band[None], [nodata]) for band in values]))


def choose_bands(sources: Sequence[Source], name: str, *, bands: Sequence[int] | None, nodata: float | None) -> Bands:
    """Pick bands out of all there are.

    Args:
        sources: The raster's datasets, whose bands are counted on from one to the next.
        name: The raster's.
        bands: One or three numbers; by default the first three that are not alpha, or the first alone.
        nodata: What means no data, if nothing in the datasets that are read says so.

    Raises:
        RasterError: There are no such bands, or the datasets do not lie on each other.
    """
    _require_one_place(sources)
    befores = [0, *itertools.accumulate(source.count for source in sources)]
    numbers = _default_bands(sources, befores) if bands is None else tuple(bands)
    _require_bands(numbers, befores[-1], name)
    parts = []
    for source, before in zip(sources, befores[:-1], strict=True):
        places = tuple(place for place, number in enumerate(numbers) if before < number <= before + source.count)
        if places:
            own = tuple(numbers[place] - before for place in places)
            _require_colours(source, own)
            parts.append(Part(source=source, bands=own, places=places))
    told = any(part.source.tells_validity(part.bands) for part in parts)
    return Bands(parts=tuple(parts), numbers=numbers, nodata=None if told else nodata)


def _default_bands(sources: Sequence[Source], befores: Sequence[int]) -> tuple[int, ...]:
    """The first three that are not alpha, or the first alone."""
    pairs = zip(sources, befores[:-1], strict=True)
    colours = [before + band for source, before in pairs for band in source.colours]
    return tuple(colours[:3] if len(colours) >= 3 else colours[:1] or [1])


def _require_bands(numbers: Sequence[int], count: int, name: str) -> None:
    """Refuse more or fewer bands than the model takes, and bands that are not there."""
    if len(numbers) not in (1, 3):
        raise RasterError(
            expected="one band or three",
            got=f"{len(numbers)}: {','.join(map(str, numbers))}",
            remedy="choose them with --bands, for example --bands 3,2,1",
        )
    if not all(1 <= number <= count for number in numbers):
        raise RasterError(
            expected=f"bands {','.join(map(str, numbers))} in {one_line(name)}",
            got=f"a raster of {count} band{'s' if count > 1 else ''}",
            remedy="use a raster that has them, or chips and a bundle made for these bands",
        )


def _require_colours(source: Source, bands: Sequence[int]) -> None:
    """Refuse numbers of colours."""
    if source.is_palette(bands):
        raise RasterError(
            expected="bands of colours",
            got=f"{one_line(source.name)}, which holds numbers of colours in a table",
            remedy="put the colours in their place with gdal_translate -expand rgb",
        )


def _require_one_place(sources: Sequence[Source]) -> None:
    """Refuse datasets that differ in size, CRS or place."""
    first, *others = sources
    mine = first.grid
    for other in others:
        its = other.grid
        differences = {
            "size": (mine.shape, its.shape) if mine.shape != its.shape else None,
            "CRS": (mine.crs.name, its.crs.name) if mine.crs != its.crs else None,
            "place": (mine.transform[:6], its.transform[:6]) if _apart_px(mine, its) > SAME_PLACE_PX else None,
        }
        for what, values in differences.items():
            if values:
                raise RasterError(
                    expected=f"files of one {what}, as {first.name} has it, {values[0]}",
                    got=f"{other.name} with {values[1]}",
                    remedy="put one onto the other with gdalwarp, or give them as rasters of their own",
                )


def _apart_px(one: Grid, other: Grid) -> float:
    """The largest distance between the same corners of two grids, in pixels of the first."""
    corners = [(0, 0), (one.width, 0), (0, one.height), (one.width, one.height)]
    moves = [np.subtract(~one.transform @ (other.transform @ corner), corner) for corner in corners]
    return float(np.abs(moves).max())
