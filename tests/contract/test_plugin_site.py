"""The package as plugins.qgis.org looks at it, and the same bytes whenever it is built."""

import configparser
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIRED = ("name", "description", "version", "qgisMinimumVersion", "author", "email", "about", "tracker", "repository")


def run(*command, cwd):
    return subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


def build(folder):
    built = run(ROOT / "scripts" / "package-plugin", folder, cwd=folder)
    assert built.returncode == 0, built.stderr
    return Path(built.stdout.strip())


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def unpacked(package):
    with zipfile.ZipFile(package) as archive:
        archive.extractall(package.parent)
    return package.parent / "samft"


def needs(tool):
    return pytest.mark.skipif(importlib.util.find_spec(tool) is None, reason=f"{tool} comes with the dev extra")


def test_it_is_built_the_same_bytes(package, tmp_path):
    assert build(tmp_path).read_bytes() == package.read_bytes()


def test_it_holds_what_it_must_and_nothing_else(package):
    with zipfile.ZipFile(package) as archive:
        entries = archive.infolist()
    names = {entry.filename for entry in entries}
    assert names >= {f"samft/{name}" for name in ("__init__.py", "metadata.txt", "LICENSE", "icon.svg", "help.md")}
    assert {name.split("/")[0] for name in names} == {"samft"}
    assert {Path(name).suffix for name in names} <= {".py", ".svg", ".md", ".txt", ".qm", ""}
    assert not [name for name in names if "test" in name or "__pycache__" in name or "/." in name]
    assert package.stat().st_size < 25_000_000
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert package.name == "samft-0.1.0.zip"


def test_metadata(unpacked):
    from samft_core.version import VERSION

    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(unpacked / "metadata.txt", encoding="utf-8")
    general = metadata["general"]
    assert [name for name in REQUIRED if not general.get(name, "").strip()] == []
    assert general["version"] == VERSION
    assert general["hasProcessingProvider"] == "yes"
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", unpacked.name)
    assert "pip install samft" in general["about"]
    assert (unpacked / general["icon"]).exists()
    assert general["changelog"].strip()
    assert not general["description"].endswith(".")
    assert "GNU GENERAL PUBLIC LICENSE" in (unpacked / "LICENSE").read_text()


def test_every_file_has_its_licence(unpacked):
    first = {path.name: path.read_text().splitlines()[0] for path in unpacked.rglob("*.py")}
    assert {line for line in first.values() if not line.startswith("# SPDX-License-Identifier: ")} == set()


@needs("bandit")
def test_bandit_finds_nothing(unpacked):
    said = run("-m", "bandit", "-q", "-r", unpacked, cwd=unpacked)
    assert (said.returncode, said.stdout) == (0, "")


@needs("flake8")
def test_flake8_finds_nothing(unpacked):
    said = run("-m", "flake8", "--isolated", "--max-line-length", 120, ".", cwd=unpacked)
    assert said.stdout == ""


@needs("detect_secrets")
def test_there_are_no_secrets(unpacked):
    said = run("-m", "detect_secrets", "scan", "--all-files", ".", cwd=unpacked)
    assert json.loads(said.stdout)["results"] == {}
