"""Progress on the terminal: a bar where there is one, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import contextvars
import sys
import time
from collections.abc import Iterator

import click
from tqdm import tqdm

from samft_core.progress import Progress

SECONDS_BETWEEN_LINES = 10.0
"""How often a stage says where it is when nobody watches a terminal."""

_LISTENER: contextvars.ContextVar[Progress | None] = contextvars.ContextVar("listener", default=None)


@contextlib.contextmanager
def progress_to(listener: Progress) -> Iterator[None]:
    """Have verbs tell a program how far they are, instead of stderr."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress callback for the command line, written to stderr."""
    listener = _LISTENER.get()
    if listener is not None:
        yield listener
    elif sys.stderr.isatty():
        bars = _Bars()
        try:
            yield bars
        finally:
            bars.close()
    else:
        yield _Lines()


class _Bars:
    """One bar for each stage."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar: tqdm[None] | None = None

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if stage != self._stage or self._bar is None:
            self.close()
            self._stage = stage
            self._bar = tqdm(total=total, desc=stage, file=sys.stderr, dynamic_ncols=True)
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the last bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Lines:
    """A line when a stage begins, ends, and now and then between."""

    def __init__(self) -> None:
        self._stage = ""
        self._told = 0.0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if stage != self._stage or done == total or now - self._told >= SECONDS_BETWEEN_LINES:
            self._stage, self._told = stage, now
            click.echo(f"{stage}: {done} of {total}" + (f" ({note})" if note else ""), err=True)
