"""What a job's machine runs first: unpacks samft, installs what it lacks, and hands over to `training.aws.container`.

It is alone there, and so needs Python 3.10 and nothing else.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NoReturn

ROOT = "SAMFT_ML_ROOT"
"""The environment variable for another place than /opt/ml."""

INSTALLED = "--installed"
"""The argument that says that the requirements are here: nothing is ever installed."""

STOPPED = 128 + signal.SIGTERM


def main() -> None:
    """Carry the job out."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # process 1 of a container ignores it otherwise
    code = Path(__file__).resolve().parent
    source = Path(tempfile.mkdtemp(prefix="samft-source-"))
    try:
        unpack(code / "source.tar.gz", source)
    except (OSError, ValueError) as error:
        fail(f"expected samft's code in {code / 'source.tar.gz'}, got {error}; submit the job again")
    if INSTALLED not in sys.argv[1:]:
        install(code / "requirements.txt")
    path = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH")]))
    os.chdir(source)
    os.execve(  # noqa: S606 - in place, so that signals reach what does the work
        sys.executable,
        [sys.executable, "-m", "training.aws.container"],
        {**os.environ, "PYTHONPATH": path},
    )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar file, compressed or not, reading it once from beginning to end.

    Nothing but folders and regular files is made, and nothing outside `folder`, which holds no links.

    Raises:
        ValueError: It is damaged, or holds something else, or a file twice.
        OSError: It cannot be read, or there is no room.
    """
    try:
        with archive.open("rb") as stream, tarfile.open(fileobj=stream, mode="r|*") as members:
            for member in members:
                _unpack(members, member, folder)
    except (EOFError, tarfile.TarError, zlib.error) as error:
        raise ValueError(f"a damaged archive ({error})") from error


def _unpack(members: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if not (member.isreg() or member.isdir()) or name.is_absolute() or ".." in name.parts:
        raise ValueError(f"{member.name!r}, which is no file or folder below it")
    target = folder / name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    if target.exists():
        raise ValueError(f"{member.name!r} twice")
    target.parent.mkdir(parents=True, exist_ok=True)
    content = members.extractfile(member)
    with target.open("xb") as file:
        if content:
            shutil.copyfileobj(content, file, 1 << 20)


def install(requirements: Path) -> None:
    """Install what the machine lacks of some requirements; it takes no network where it lacks nothing."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    pip += ["--root-user-action", "ignore", "--retries", "2", "--requirement", str(requirements)]
    mistakes = []
    with subprocess.Popen(  # noqa: S603
        pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            say(line.rstrip("\n"))
            if line.startswith("ERROR: "):
                mistakes.append(line.removeprefix("ERROR: ").strip())
    if process.returncode:
        got = mistakes[-1] if mistakes else f"pip's exit status {process.returncode}"
        fail(
            f"expected to install what samft needs, got: {got}; give the job access to a package index, or an image "
            "that holds it all (--image)"
        )


def say(line: str) -> None:
    """A line of the job's log, in one piece."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def fail(message: str, status: int = 1) -> NoReturn:
    """End the job with one line, which becomes its FailureReason."""
    line = " ".join(message.split())
    say(f"error: {line}")
    failure = Path(os.environ.get(ROOT, "/opt/ml")) / "output" / "failure"
    try:
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(line + "\n", encoding="utf-8")
    except OSError as error:
        say(f"note: {failure} cannot be written: {error}")
    sys.exit(status)


if __name__ == "__main__":
    main()
