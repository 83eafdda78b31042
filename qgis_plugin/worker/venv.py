# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual environment that the plugin made for the toolkit, and what is left of one that came to nothing."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsApplication

MARKER = "samft-toolkit.txt"
"""The file that tells a folder of ours from anybody else's, and whether all of it is there."""
UNFINISHED, COMPLETE = "unfinished", "complete"
SCRIPTS, SUFFIX = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")


def profile_folder() -> Path:
    """What the plugin keeps in the user's QGIS profile."""
    return Path(QgsApplication.qgisSettingsDirPath()) / "samft"


def program(venv: Path, name: str) -> Path:
    """A program of a virtual environment, whether it is there or not."""
    return venv / SCRIPTS / (name + SUFFIX)


@dataclass(frozen=True)
class ToolkitVenv:
    """One that the plugin made, makes or may make."""

    folder: Path

    @property
    def samft(self) -> Path:
        """The toolkit's command."""
        return program(self.folder, "samft")

    @property
    def python(self) -> Path:
        """Its Python."""
        return program(self.folder, "python")

    @property
    def state(self) -> str:
        """`COMPLETE`, `UNFINISHED`, or empty for a folder that is not ours."""
        try:
            return (self.folder / MARKER).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    @property
    def is_free(self) -> bool:
        """Whether it can be made here: there is nothing, or what was never finished."""
        return not self.folder.exists() or self.state == UNFINISHED or _is_empty(self.folder)

    def begin(self) -> None:
        """Make the folder anew.

        Raises:
            OSError: It cannot be.
        """
        self.remove()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._mark(UNFINISHED)

    def complete(self) -> None:
        """Say that all of it is there."""
        self._mark(COMPLETE)

    def remove(self) -> None:
        """Delete it, if it is ours and unfinished.

        Raises:
            OSError: Something in it is in use.
        """
        if self.state == UNFINISHED:
            marker = self.folder / MARKER
            for entry in self.folder.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry != marker:
                    entry.unlink()
            marker.unlink()  # last: what is left after a failure is still known as ours
            self.folder.rmdir()

    def _mark(self, state: str) -> None:
        unfinished = self.folder / (MARKER + ".part")
        unfinished.write_text(state + "\n", encoding="utf-8")
        unfinished.replace(self.folder / MARKER)


def own_venvs() -> list[ToolkitVenv]:
    """Those in the profile that are complete, the newest first."""
    found = [ToolkitVenv(marker.parent) for marker in profile_folder().glob(f"*/{MARKER}")]
    complete = [venv for venv in found if venv.state == COMPLETE and venv.samft.exists()]
    return sorted(complete, key=lambda venv: (venv.folder / MARKER).stat().st_mtime, reverse=True)


def next_venv() -> ToolkitVenv:
    """Where the next one may be made: an older one stays, in case it is in use."""
    number = 1
    while True:
        venv = ToolkitVenv(profile_folder() / ("toolkit" if number == 1 else f"toolkit-{number}"))
        if venv.is_free:
            return venv
        number += 1


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
