"""Outputs appear whole or not at all: after an error, a kill, a full disk."""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from samft_core.errors import OutputError
from samft_core.output import check_output, whole_file, whole_folder
from tests.conftest import assert_one_clear_line

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(os.name != "posix", reason="kills and limits are POSIX's")


def listing(folder: Path) -> list[str]:
    """Everything below a folder, hidden names too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def interrupted(opened: AbstractContextManager[Path], names: Callable[[Path], list[Path]], error=RuntimeError) -> None:
    """Write half of some files, then fail."""
    with opened as temporary:
        for name in names(temporary):
            name.write_text("half")
        raise error


class TestWholeFile:
    def test_appears_under_its_name_alone(self, tmp_path):
        path = tmp_path / "new" / "folder" / "a.gpkg"
        with whole_file(path, overwrite=False) as temporary:
            assert temporary.parent == path.parent
            assert temporary.suffix == ".gpkg"
            temporary.write_text("whole")
            assert not path.exists()
        assert path.read_text() == "whole"
        assert listing(path.parent) == ["a.gpkg"]

    @pytest.mark.parametrize("name", ["a.gpkg", "city [1] *?.gpkg"])
    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_nothing_appears_after_an_error(self, tmp_path, name, error):
        with pytest.raises(error):
            interrupted(
                whole_file(tmp_path / name, overwrite=False),
                lambda temporary: [temporary, temporary.with_name(f"{temporary.name}-journal")],  # as SQLite's
                error,
            )
        assert listing(tmp_path) == []

    def test_an_existing_file_is_refused_before_any_work(self, tmp_path):
        path = tmp_path / "a.gpkg"
        path.write_text("old")
        with pytest.raises(OutputError, match="--overwrite") as caught, whole_file(path, overwrite=False):
            pytest.fail("the work began")
        assert_one_clear_line(caught.value)
        assert path.read_text() == "old"
        assert listing(tmp_path) == ["a.gpkg"]

    def test_overwriting_replaces_it_only_when_whole(self, tmp_path):
        path = tmp_path / "a.gpkg"
        path.write_text("old")
        with pytest.raises(RuntimeError):
            interrupted(whole_file(path, overwrite=True), lambda temporary: [temporary])
        assert path.read_text() == "old"
        with whole_file(path, overwrite=True) as temporary:
            temporary.write_text("new")
            assert path.read_text() == "old"
        assert path.read_text() == "new"
        assert listing(tmp_path) == ["a.gpkg"]

    def test_a_writer_that_wrote_nothing_is_an_error(self, tmp_path):
        with pytest.raises(OutputError), whole_file(tmp_path / "a.gpkg", overwrite=False):
            pass
        assert listing(tmp_path) == []


class TestWholeFolder:
    def test_appears_under_its_name_alone(self, tmp_path):
        with whole_folder(tmp_path / "chips", overwrite=False, made_with="old") as temporary:
            assert list(temporary.iterdir()) == []
            (temporary / "inner").mkdir()
            (temporary / "inner" / "a.tif").write_text("whole")
            assert not (tmp_path / "chips").exists()
        assert listing(tmp_path) == ["chips", "chips/inner", "chips/inner/a.tif"]

    def test_nothing_appears_after_an_error(self, tmp_path):
        with pytest.raises(RuntimeError):
            interrupted(
                whole_folder(tmp_path / "chips", overwrite=False, made_with="old"),
                lambda temporary: [temporary / "a.tif"],
            )
        assert listing(tmp_path) == []

    def test_an_existing_folder_is_refused_before_any_work(self, tmp_path):
        (tmp_path / "chips").mkdir()
        (tmp_path / "chips" / "old").write_text("old")
        with pytest.raises(OutputError) as caught, whole_folder(tmp_path / "chips", overwrite=False, made_with="old"):
            pytest.fail("the work began")
        assert_one_clear_line(caught.value)
        assert listing(tmp_path) == ["chips", "chips/old"]

    def test_an_empty_folder_counts_as_absent(self, tmp_path):
        (tmp_path / "chips").mkdir()
        with whole_folder(tmp_path / "chips", overwrite=False, made_with="old") as temporary:
            (temporary / "new").write_text("new")
        assert listing(tmp_path) == ["chips", "chips/new"]

    def test_overwriting_replaces_it_only_when_whole(self, tmp_path):
        (tmp_path / "chips").mkdir()
        (tmp_path / "chips" / "old").write_text("old")
        with pytest.raises(RuntimeError):
            interrupted(
                whole_folder(tmp_path / "chips", overwrite=True, made_with="old"), lambda temporary: [temporary / "new"]
            )
        assert listing(tmp_path) == ["chips", "chips/old"]
        with whole_folder(tmp_path / "chips", overwrite=True, made_with="old") as temporary:
            (temporary / "new").write_text("new")
        assert listing(tmp_path) == ["chips", "chips/new"]

    def test_the_old_one_comes_back_if_the_new_one_cannot_take_its_place(self, tmp_path, monkeypatch):
        (tmp_path / "chips").mkdir()
        (tmp_path / "chips" / "old").write_text("old")
        replace = Path.replace

        def failing(self: Path, target: Path) -> Path:
            if (self / "new").exists():
                raise PermissionError(13, "Permission denied")  # as on Windows, where a file of it is open
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", failing)
        with pytest.raises(OutputError), whole_folder(tmp_path / "chips", overwrite=True, made_with="old") as temporary:
            (temporary / "new").write_text("new")
        assert listing(tmp_path) == ["chips", "chips/old"]


class TestUnwritable:
    @POSIX
    def test_folder_that_cannot_be_made(self):
        with pytest.raises(OutputError, match="can be written") as caught:
            check_output(Path("/proc/nope/x.gpkg"), overwrite=False)
        assert_one_clear_line(caught.value)

    @pytest.mark.parametrize("opener", [whole_file, functools.partial(whole_folder, made_with="old")])
    def test_parent_that_is_a_file(self, tmp_path, opener):
        (tmp_path / "notes").write_text("a file")
        with pytest.raises(OutputError) as caught, opener(tmp_path / "notes" / "x", overwrite=False):
            pytest.fail("the work began")
        assert_one_clear_line(caught.value)
        assert listing(tmp_path) == ["notes"]

    def test_check_leaves_nothing_but_the_folder(self, tmp_path):
        check_output(tmp_path / "a" / "b.gpkg", overwrite=False)
        assert listing(tmp_path) == ["a"]


@POSIX
class TestKilled:
    @pytest.mark.parametrize("kind", ["file", "folder"])
    @pytest.mark.parametrize("existing", [False, True])
    def test_in_the_middle_of_writing(self, tmp_path, kind, existing):
        path = tmp_path / "out"
        inner = path if kind == "file" else path / "part"
        if existing:
            inner.parent.mkdir(exist_ok=True)
            inner.write_text("old")
        more = ', made_with="part"' if kind == "folder" else ""
        code = f"""
import os, signal, sys
from pathlib import Path
from samft_core.output import whole_{kind}
with whole_{kind}(Path(sys.argv[1]), overwrite=True{more}) as temporary:
    ({"temporary" if kind == "file" else 'temporary / "part"'}).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
        assert run(code, path).returncode == -signal.SIGKILL
        if existing:
            assert inner.read_text() == "old"
        else:
            assert not path.exists()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import geopandas, numpy as np, shapely
from samft_core.errors import OutputError
from samft_core.cog import write_probability
from samft_core.footprint_file import write_footprints
from samft_core.footprints import segment
from samft_core.output import whole_file
from tests.conftest import write_raster
from tests.fakes import PerfectSegmenter, make_bundle

path = Path(sys.argv[1])
x = np.arange(300.0)
frame = geopandas.GeoDataFrame({"id": x}, geometry=shapely.box(x, 0, x + 0.5, 1), crs="EPSG:32611")
picture = np.random.default_rng(0).integers(0, 255, (3, 200, 200), dtype=np.uint8)
found = segment(make_bundle(), write_raster(path.with_name("picture.tif"), picture), segmenter=PerfectSegmenter())

def write(path):
    if path.suffix == ".tif":
        write_probability(found, path, overwrite=False)
    elif path.suffix == ".bin":
        with whole_file(path, overwrite=False) as temporary:
            temporary.write_bytes(bytes(100_000))
    else:
        write_footprints(frame, path, provenance={}, overwrite=False)

rehearsal = path.with_name("rehearsal" + path.suffix)
write(rehearsal)
size = rehearsal.stat().st_size
rehearsal.unlink()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for missing in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(1, size - missing), resource.RLIM_INFINITY))
    try:
        write(path)
    except OutputError as error:
        print(error)
"""


@POSIX
@pytest.mark.parametrize("suffix", [".bin", ".gpkg", ".fgb", ".geojson", ".parquet", ".tif"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, suffix):
    """The file may grow to some bytes less than it needs; GDAL keeps silent about the last ones."""
    missing = [2, 2_000, 40_000]  # without its last byte, a line's end, GeoJSON is whole
    done = run(FULL_DISK, tmp_path / f"a{suffix}", *missing)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(missing)
    for line in lines:
        assert line.startswith("expected to write ")
        assert "; free some space" in line
    assert listing(tmp_path) == ["picture.tif"]
