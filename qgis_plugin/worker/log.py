# SPDX-License-Identifier: GPL-2.0-or-later
"""What the worker writes to stderr, and what happens to it, in a file of bounded size."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

LIMIT_BYTES = 1 << 20
"""Beyond this, the older half is dropped."""
LONGEST_LINE = 2000
"""In characters; the rest of a line is left out."""
LINES_A_SECOND = 1000
"""What comes faster is counted and left out, so that a worker that floods its stderr costs QGIS nothing."""
TOLD_A_MINUTE = 20
"""How many lines at most go to QGIS's own log."""

WORTH_TELLING = re.compile(r"(?i)(expected |error\b|warning\b|critical\b|[\w.]+(error|exception)\b)")
"""How lines begin that a user may need: what the plugin says of the worker, errors, the last lines of tracebacks."""


class WorkerLog:
    """Takes the worker's lines, from any thread.

    Args:
        path: The file; it and its folder are made with the first line.
        tell: Given the lines that a user may need, a few at most.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self.path = path
        self._tell = tell
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._second, self._lines, self._left_out = 0, 0, 0
        self._minute, self._told = 0, 0

    def __call__(self, text: str) -> None:
        """Keep some lines. What cannot be kept is lost: a full disk must not stop the work."""
        for line in text.splitlines():
            with self._lock:
                taken = self._take(line[:LONGEST_LINE].rstrip())
            if taken:
                self._tell(line[:LONGEST_LINE].rstrip())

    def close(self) -> None:
        """Let go of the file; the next line opens it again."""
        with self._lock:
            self._tell_left_out()
            if self._file is not None:
                self._file.close()
                self._file = None

    def _take(self, line: str) -> bool:
        """Write a line if there is room in this second; says whether QGIS's own log is to have it too."""
        second = int(time.monotonic())
        if second != self._second:
            self._tell_left_out()
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines > LINES_A_SECOND:
            self._left_out += 1
            return False
        self._write(line)
        if not WORTH_TELLING.match(line):
            return False
        if second // 60 != self._minute:
            self._minute, self._told = second // 60, 0
        self._told += 1
        return self._told <= TOLD_A_MINUTE

    def _tell_left_out(self) -> None:
        if self._left_out:
            self._write(f"... {self._left_out} more lines were left out")
            self._left_out = 0

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("ab+", buffering=0)
            self._file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n".encode(errors="replace"))
            if self._file.tell() > LIMIT_BYTES:
                self._drop_older_half(self._file)

    @staticmethod
    def _drop_older_half(file: BinaryIO) -> None:
        file.seek(-LIMIT_BYTES // 2, 2)
        newer = file.read().partition(b"\n")[2]
        file.truncate(0)
        file.write(newer)
