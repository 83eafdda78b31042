"""Scores as several verbs show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def format_scores(report: Mapping[str, Any]) -> str:
    """Scores as lines for a person."""
    return "\n".join(line for kind, values in report.items() for line in _lines(kind, values))


def _lines(kind: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The numbers in one line, and what holds further numbers in lines of its own."""
    numbers = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    if numbers:
        yield f"{kind}: " + ", ".join(
            f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}" for name, value in numbers.items()
        )
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _lines(f"{kind} {name}", value)
