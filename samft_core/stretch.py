"""How a raster's values become the 0 to 255 the model is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from samft_core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class StretchPolicy:
    """The rule pinned by training: uint8 stays as it is, anything else is stretched between two percentiles."""

    lower_percentile: float = 2.0
    upper_percentile: float = 98.0

    def __post_init__(self) -> None:
        if not 0 <= self.lower_percentile < self.upper_percentile <= 100:
            raise InputError(
                expected="percentiles with 0 <= lower < upper <= 100",
                got=f"{self.lower_percentile} and {self.upper_percentile}",
                remedy="take 2 and 98 unless there is a reason not to",
            )

    def of(self, sample: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_]) -> Stretch:
        """The stretch of one raster.

        Args:
            sample: A decimated read of all of the raster, (bands, height, width).
            valid: True where the sample has data, (height, width).
        """
        if sample.dtype == np.uint8:
            return Stretch(low=(0.0,) * len(sample), high=(255.0,) * len(sample))
        known = sample[:, valid].astype(np.float64)
        if known.size == 0:
            return Stretch(low=(0.0,) * len(sample), high=(1.0,) * len(sample))
        low, high = np.percentile(known, [self.lower_percentile, self.upper_percentile], axis=1)
        high = np.where(high > low, high, low + 1.0)
        return Stretch(low=tuple(map(float, low)), high=tuple(map(float, high)))


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """One raster's linear stretch: per band, `low` becomes 0 and `high` becomes 255."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def apply(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """Stretch (bands, height, width) in the raster's own units to uint8, rounding to the nearest."""
        low = np.array(self.low, dtype=np.float32)[:, None, None]
        high = np.array(self.high, dtype=np.float32)[:, None, None]
        scaled = (values - low) * (np.float32(255) / (high - low))
        stretched: npt.NDArray[np.uint8] = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
        return stretched
