"""What nodata values say about pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BRIGHTEST = 65535
"""The largest value that is taken for a colour; a nodata value above it, or below 0, can be none."""


def is_nodata(values: npt.NDArray[Any], nodata: Sequence[float | None]) -> npt.NDArray[np.bool_]:
    """Where nodata values say that a pixel is unknown.

    A value that can be a colour (0 is black, 255 may be white) does so only where all bands that have such a value
    are at theirs: a pure red is known. Of values that cannot (-9999, say) one band's is enough.

    Args:
        values: (bands, height, width) in the dataset's own type.
        nodata: Each band's value.
    """
    colours: list[npt.NDArray[np.bool_]] = []
    others: list[npt.NDArray[np.bool_]] = []
    for band, value in zip(values, nodata, strict=True):
        if value is not None and np.isfinite(value):
            (colours if 0 <= value <= BRIGHTEST else others).append(_equal(band, value))
    if colours:
        others.append(np.logical_and.reduce(colours))
    nowhere = np.zeros(values.shape[1:], dtype=np.bool_)
    return np.asarray(np.logical_or.reduce([nowhere, *others]))


def _equal(band: npt.NDArray[Any], value: float) -> npt.NDArray[np.bool_]:
    """Where a band has a value; floats may differ by a few units in the last place, as GDAL allows."""
    if band.dtype.kind == "f":
        return np.asarray(np.abs(band.astype(np.float64) - value) <= 5e-7 * abs(value))
    return np.asarray(band == value)
