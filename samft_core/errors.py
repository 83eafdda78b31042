"""Every error samft raises on purpose.

A message is one line: what was expected, what came, what to do about it. `InputError` and its kin are a
user's mistake (the command exits with 2); any other `SamftError` is a failure (it exits with 1).
"""

from __future__ import annotations

import functools


class SamftError(Exception):
    """A failure that is not the user's mistake."""

    exit_code = 1


class InputError(SamftError):
    """Something given to samft is not what it needs.

    Args:
        expected: What would have been right, without a final full stop.
        got: What came instead.
        remedy: What to do about it, in the imperative.
    """

    exit_code = 2

    def __init__(self, *, expected: str, got: str, remedy: str) -> None:
        super().__init__(f"expected {expected}, got {got}; {remedy}")
        self.expected = expected
        self.got = got
        self.remedy = remedy

    def __reduce__(self) -> tuple[functools.partial[InputError], tuple[()]]:
        """Let it pass from one process to another."""
        return functools.partial(type(self), expected=self.expected, got=self.got, remedy=self.remedy), ()


class RasterError(InputError):
    """A raster is missing, unreadable or not georeferenced."""


class OutsideError(InputError):
    """What is asked for lies off the raster."""


class LabelError(InputError):
    """A label file is missing, empty or does not fit its raster."""


class ChipsError(InputError):
    """A chips folder is missing, incomplete or from another version."""


class ModelError(InputError):
    """A base model is unknown, not available offline or not a SAM."""


class BundleError(InputError):
    """A bundle is missing, incomplete, changed or does not fit."""


class ConfigError(InputError):
    """A training setting is unknown or out of range."""


class OutputError(InputError):
    """An output exists already, or its folder is full or not writable."""
