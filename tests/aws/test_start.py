"""What a machine runs first: archives that are not to be trusted, requirements that are missing, SIGTERM."""

import io
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from training.aws.start import unpack

START = Path(__file__).parents[2] / "training" / "aws" / "start.py"

HANDED_OVER = "import os; print('handed over', os.getcwd()); import shed; print(shed.__file__)"
"""What stands for training.aws.container."""


def member(name: str, content: bytes = b"x", **more) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content) if more.get("type", tarfile.REGTYPE) == tarfile.REGTYPE else 0
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def write_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


class TestUnpack:
    @pytest.mark.parametrize("mode", ["w", "w:gz"])
    def test_files_and_folders(self, mode, tmp_path):
        folder = member("a/empty", type=tarfile.DIRTYPE)
        long = "a/" + "b" * 200
        archive = write_tar(tmp_path / "t", member("a/b/c.txt", b"1"), folder, member(long, b""), mode=mode)
        unpack(archive, tmp_path / "out")
        found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")}
        assert found == {"a", "a/b", "a/b/c.txt", "a/empty", long}
        assert (tmp_path / "out" / "a/b/c.txt").read_bytes() == b"1"

    @pytest.mark.parametrize(
        "bad",
        [
            member("../outside"),
            member("a/../../outside"),
            member("/tmp/samft-outside"),
            member("link", type=tarfile.SYMTYPE, linkname="/etc"),
            member("link", type=tarfile.LNKTYPE, linkname="/etc/hostname"),
            member("device", type=tarfile.CHRTYPE),
            member("pipe", type=tarfile.FIFOTYPE),
        ],
        ids=lambda bad: f"{bad[0].name} {bad[0].type.decode()}",
    )
    def test_anything_else_is_refused(self, bad, tmp_path):
        archive = write_tar(tmp_path / "t", member("good"), bad)
        with pytest.raises(ValueError, match="no file or folder below it"):
            unpack(archive, tmp_path / "x" / "out")
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["good", "out", "t", "x"]
        assert not Path("/tmp/samft-outside").exists()

    def test_a_file_twice(self, tmp_path):
        with pytest.raises(ValueError, match="'a' twice"):
            unpack(write_tar(tmp_path / "t", member("a"), member("a")), tmp_path / "out")

    @pytest.mark.parametrize("mode", ["w", "w:gz"])
    @pytest.mark.parametrize("left", [0.3, 0.6])
    def test_a_damaged_one(self, mode, left, tmp_path):
        archive = write_tar(tmp_path / "t", member("a", os.urandom(50_000)), mode=mode)
        archive.write_bytes(archive.read_bytes()[: int(left * archive.stat().st_size)])
        with pytest.raises(ValueError, match="damaged"):
            unpack(archive, tmp_path / "out")


@pytest.fixture
def machine(tmp_path) -> Path:
    """Its code channel, with an `shed` required from a folder of wheels, and its Python, which has only pip."""
    code = tmp_path / "ml" / "input" / "data" / "code"
    names = ["training/__init__.py", "training/aws/__init__.py", "training/aws/container.py"]
    contents = [b"", b"", HANDED_OVER.encode()]
    write_tar(code / "source.tar.gz", *map(member, names, contents), mode="w:gz")
    (code / "start.py").write_bytes(START.read_bytes())
    (code / "requirements.txt").write_text("shed==1.0\n")
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    there = next((tmp_path / "venv" / "lib").iterdir()) / "site-packages"
    import pip

    (there / "pip").symlink_to(Path(pip.__file__).parent)
    (tmp_path / "tmp").mkdir()
    return tmp_path


def start(machine: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [machine / "venv" / "bin" / "python", machine / "ml/input/data/code/start.py", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "SAMFT_ML_ROOT": str(machine / "ml"),
            "TMPDIR": str(machine / "tmp"),
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
            **environment,
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def write_wheel(folder: Path) -> None:
    folder.mkdir()
    about = "shed-1.0.dist-info"
    with zipfile.ZipFile(folder / "shed-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("shed.py", "")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: shed\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "shed.py,,\n")


def failure(machine: Path) -> str:
    return (machine / "ml" / "output" / "failure").read_text()


class TestStart:
    def test_installs_what_is_missing_and_hands_over(self, machine):
        write_wheel(machine / "wheels")
        done = start(machine, PIP_FIND_LINKS=str(machine / "wheels"))
        assert done.returncode == 0, done.stdout + done.stderr
        first, second = done.stdout.splitlines()
        assert first.startswith(f"handed over {machine / 'tmp'}")
        assert second.endswith("site-packages/shed.py")
        assert not (machine / "ml" / "output").exists()
        again = start(machine)  # where nothing is missing, nothing is looked for
        assert again.returncode == 0, again.stdout
        assert again.stdout.splitlines()[1] == second

    def test_says_in_one_line_what_cannot_be_installed(self, machine):
        done = start(machine)
        assert done.returncode == 1
        assert "handed over" not in done.stdout
        assert failure(machine) == (
            "expected to install what samft needs, got: No matching distribution found for shed==1.0; give the job "
            "access to a package index, or an image that holds it all (--image)\n"
        )
        assert done.stdout.splitlines()[-1] == f"error: {failure(machine).strip()}"

    def test_installs_nothing_where_it_is_told_so(self, machine):
        done = start(machine, "--installed")
        assert done.stdout.startswith("handed over")
        assert "No module named 'shed'" in done.stderr

    def test_a_damaged_source(self, machine):
        (machine / "ml/input/data/code/source.tar.gz").write_bytes(b"no archive")
        done = start(machine)
        assert done.returncode == 1
        assert failure(machine).startswith("expected samft's code in ")
        assert failure(machine).count("\n") == 1

    def test_knows_the_standard_library_alone(self):
        code = f"import sys, runpy; sys.argv = ['x']; runpy.run_path({str(START)!r}); print(*sys.modules)"
        loaded = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
        tops = {name.split(".")[0] for name in loaded.stdout.split()}
        assert not {name for name in tops if not name.startswith("_")} - set(sys.stdlib_module_names)
