"""QGIS's own Python runs these tests; they import nothing of the toolkit.

    .venv-qgis/bin/python -m pytest tests/plugin --confcutdir=tests/plugin --qgis_disable_gui

SAMFT_EXECUTABLE and SAMFT_PYTHON name the toolkit's samft and its Python; by default those of .venv.
"""

import importlib.util
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

if importlib.util.find_spec("qgis") is not None:
    sys.excepthook = traceback.print_exception  # PyQt aborts the process on an exception in a slot otherwise


@pytest.fixture(scope="session")
def samft():
    """The toolkit's command."""
    return os.environ.get("SAMFT_EXECUTABLE", str(ROOT / ".venv" / "bin" / "samft"))


@pytest.fixture(scope="session")
def colour_samft(tmp_path_factory):
    """The same with a stand-in for the model, see colour_samft.py."""
    python = os.environ.get("SAMFT_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    path = tmp_path_factory.mktemp("colour") / "samft"
    path.write_text(f'#!/bin/sh\nexec "{python}" "{Path(__file__).with_name("colour_samft.py")}" "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with scene.tif, wide.tif and bundle."""
    python = os.environ.get("SAMFT_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    folder = tmp_path_factory.mktemp("made")
    subprocess.run([python, Path(__file__).with_name("make_fixtures.py"), folder], check=True, timeout=600)
    return folder


@pytest.fixture(scope="session")
def plugins(tmp_path_factory):
    """A folder of plugins as QGIS has it: samft/ is qgis_plugin with metadata.txt."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "samft").mkdir()
    for source in [*(ROOT / "qgis_plugin").iterdir(), ROOT / "metadata.txt"]:
        (folder / "samft" / source.name).symlink_to(source)
    return folder


@pytest.fixture(scope="session")
def plugin(plugins, qgis_app, qgis_processing):
    """The plugin, loaded as qgis_process does."""
    sys.path.insert(0, str(plugins))
    import samft as package

    loaded = package.classFactory(None)
    loaded.initProcessing()
    yield loaded
    loaded.unload()


@pytest.fixture
def toolkit(samft, monkeypatch):
    """Lets the plugin find the toolkit; call it to have it find another program."""

    def use(executable):
        monkeypatch.setenv("SAMFT_EXECUTABLE", str(executable))

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    use(samft)
    return use
