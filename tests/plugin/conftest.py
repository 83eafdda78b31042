"""QGIS's own Python runs these tests; they import nothing of the toolkit.

    .venv-qgis/bin/python -m pytest tests/plugin --confcutdir=tests/plugin --qgis_disable_gui

SAMFT_EXECUTABLE and SAMFT_PYTHON name the toolkit's samft and its Python; by default those of .venv.
"""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
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


@pytest.fixture(scope="module")
def real(samft):
    """Lets all tests of a module find the toolkit."""
    before = dict(os.environ)
    os.environ.update(SAMFT_EXECUTABLE=samft, OMP_NUM_THREADS="1")
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def aws(real, tmp_path_factory):
    """moto's server, with a bucket; the toolkit is led to it. Gives a function that plays AWS's part."""
    python = os.environ.get("SAMFT_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    folder = tmp_path_factory.mktemp("aws")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [python, "-m", "tests.aws.server", str(port), str(folder)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_SHARED_CREDENTIALS_FILE="no-such-file",
        AWS_CONFIG_FILE="no-such-file",
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1",
    )

    def side(*words):
        command = [python, Path(__file__).with_name("aws_side.py"), *words]
        subprocess.run(list(map(str, command)), check=True, timeout=300)

    try:
        _wait_for(port, server)
        side("bucket", "town")
        yield side
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.terminate()
        server.wait()


def _wait_for(port, server):
    until_s = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < until_s:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError("moto's server did not start")
