"""samft worker."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

import click

NICENESS = 5
"""How far the worker steps back, so that QGIS is drawn and clicked while it computes on all processors."""


@click.command(short_help="Answer QGIS: JSON lines on stdin and stdout.")
def worker() -> None:
    """Answer requests, one JSON object a line on stdin, with JSON lines on stdout.

    The QGIS plugin starts this; samft_core/protocol.py tells what is said. Models stay loaded between jobs. It ends
    when told to quit or when stdin ends; logs go to stderr.
    """
    from samft_core.worker import Worker

    if hasattr(os, "nice"):
        os.nice(NICENESS)
    Worker(*_take_streams()).run()


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for the protocol; whoever else reads finds nothing, whoever else prints does so on stderr.

    On Windows a library that looks at stdin while it is being loaded would also wait for a request
    (https://github.com/numpy/numpy/issues/24290).
    """
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, replies
