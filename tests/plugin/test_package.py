"""The package, installed in a profile of its own, as qgis_process and a German user have it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

from osgeo import ogr

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def qgis_process(tmp_path_factory, samft):
    """Runs qgis_process where the package is installed and enabled; gives what it says."""
    home = tmp_path_factory.mktemp("home")
    script = [sys.executable, ROOT / "scripts" / "package-plugin", home / "dist"]
    package = subprocess.run(script, capture_output=True, text=True, timeout=300, check=True).stdout.strip()
    with zipfile.ZipFile(package) as archive:
        archive.extractall(home / ".local/share/QGIS/QGIS3/profiles/default/python/plugins")

    def run(*arguments, language="en_US"):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QGIS_")},
            "QT_QPA_PLATFORM": "offscreen",
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "XDG_DATA_HOME": str(home / ".local/share"),
            "SAMFT_EXECUTABLE": samft,
            "OMP_NUM_THREADS": "1",
            "LC_ALL": f"{language}.UTF-8",
            "LANG": f"{language}.UTF-8",
        }
        command = ["qgis_process.bin", *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)

    enabled = run("plugins", "enable", "samft")
    assert enabled.returncode == 0, enabled.stdout + enabled.stderr
    return run


def test_an_algorithm_runs(qgis_process, made, tmp_path):
    out = tmp_path / "footprints.gpkg"
    values = [f"INPUT={made / 'scene.tif'}", f"BUNDLE={made / 'bundle'}", f"OUTPUT={out}"]
    done = qgis_process("run", "samft:segment_raster", "--", *values)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ogr.Open(str(out)).GetLayer(0).GetFeatureCount() > 0


@pytest.mark.skipif(shutil.which("lrelease") is None, reason="Qt's lrelease compiles translations")
def test_it_speaks_german(qgis_process):
    listed = qgis_process("list", language="de_AT")
    assert "Raster segmentieren" in listed.stdout
    assert "Segment raster" not in listed.stdout
    assert "Segment raster" in qgis_process("list").stdout
