"""A job's model brought here: whole, resumed where it was cut off, and never where it does not belong."""

import gzip
import io
import json
import os
import resource
import tarfile
from pathlib import Path

import numpy as np
import pytest

from samft_core.bundle import CONFIG, WEIGHTS, Card, Recipe, load_bundle, write_card
from samft_core.digest import sha256
from samft_core.errors import InputError, OutputError, SamftError
from samft_core.stretch import StretchPolicy
from tests.aws.conftest import Aws
from tests.aws.test_jobs import train
from tests.conftest import assert_one_clear_line
from training.aws import fetch as fetching
from training.aws.session import Clients
from training.aws.unpack import unpack
from training.cli.jobs import jobs

RECIPE = Recipe(
    gsd_m=0.5,
    bands=None,
    stretch=StretchPolicy(),
    tile_px=64,
    overlap_px=16,
    input_px=64,
    prompt="box",
    threshold=0.5,
    min_area_m2=4.0,
)


@pytest.fixture(scope="module")
def left(tmp_path_factory) -> Path:
    """What a job leaves in /opt/ml/model."""
    folder = tmp_path_factory.mktemp("model")
    bundle = folder / "bundle"
    bundle.mkdir()
    (bundle / CONFIG).write_text("{}")
    (bundle / WEIGHTS).write_bytes(np.random.default_rng(0).bytes(3_000_000))
    card = Card(
        recipe=RECIPE,
        base_id="samft-tiny",
        base_revision=None,
        base_sha256=None,
        trained="all",
        weights_sha256=sha256(bundle / WEIGHTS),
        config_sha256=sha256(bundle / CONFIG),
    )
    write_card(card, bundle)
    (folder / "report.html").write_text("<html></html>")
    (folder / "metrics.jsonl").write_text(json.dumps({"epoch": 1}) + "\n")
    return folder


@pytest.fixture(scope="module")
def packed(left, tmp_path_factory) -> bytes:
    """The same as SageMaker packs it."""
    path = tmp_path_factory.mktemp("packed") / "model.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(left, arcname=".")
    return path.read_bytes()


@pytest.fixture
def done(aws, packed, tmp_path, monkeypatch) -> Path:
    """samft-a is done, and its model on S3; gives the folder that the command runs in."""
    aws.client("s3").create_bucket(Bucket="bucket")
    train(aws, "samft-a")
    put(aws, packed)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(aws: Aws, data: bytes) -> None:
    aws.client("s3").put_object(Bucket="bucket", Key="jobs/samft-a/output/model.tar.gz", Body=data)


def fetch(*arguments: str) -> None:
    jobs.main(["fetch", "samft-a", *arguments], prog_name="samft jobs", standalone_mode=False)


def refused(*arguments: str) -> str:
    with pytest.raises(InputError) as caught:
        fetch(*arguments)
    assert_one_clear_line(caught.value)
    return str(caught.value)


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_the_job_left_is_what_is_fetched(done, left, capsys):
    fetch()
    assert files_below(done) == {f"samft-a/{name}": data for name, data in files_below(left).items()}
    assert load_bundle(done / "samft-a" / "bundle").card.hash in capsys.readouterr().out
    assert "an output that does not exist yet" in refused()
    fetch("--overwrite", "--out", "samft-a")
    fetch("--out", "deep/other")
    assert load_bundle("deep/other/bundle").card.hash == load_bundle(left / "bundle").card.hash


def test_a_download_that_is_cut_off_goes_on(done, left, aws, way):
    way.cuts.extend([1_000_000, 700_000])
    fetch()
    assert files_below(done / "samft-a") == files_below(left)
    begins = [line["headers"]["range"] for line in aws.requests("GetObject")]
    assert begins == ["bytes=0-", "bytes=1000000-", "bytes=1700000-"]
    assert len({line["headers"]["if-match"] for line in aws.requests("GetObject")}) == 1


def test_a_download_that_is_given_up_goes_on_when_it_is_asked_for_again(done, left, aws, way):
    way.cuts.extend([1_000_000] + [0] * fetching.ATTEMPTS)
    with pytest.raises(SamftError, match="run the same command to go on"):
        fetch()
    (part,) = done.iterdir()
    assert part.name.startswith(".samft-a.")
    assert part.stat().st_size == 1_000_000
    way.cuts.clear()
    fetch()
    assert aws.requests("GetObject")[-1]["headers"]["range"] == "bytes=1000000-"
    assert files_below(done) == {f"samft-a/{name}": data for name, data in files_below(left).items()}


def test_another_model_under_the_same_name_is_not_mixed_with_the_first(done, left, aws, way):
    way.cuts.extend([1_000_000] + [0] * fetching.ATTEMPTS)
    with pytest.raises(SamftError):
        fetch()
    way.cuts.clear()
    (left / "report.html").write_text("<html>other</html>")
    other = io.BytesIO()
    with tarfile.open(fileobj=other, mode="w:gz") as archive:
        archive.add(left, arcname=".")
    put(aws, other.getvalue())
    fetch()
    assert (done / "samft-a" / "report.html").read_text() == "<html>other</html>"
    assert [path.name for path in done.iterdir()] == ["samft-a"]


def test_a_damaged_download_is_never_used(done, packed):
    fetch()
    (done / "samft-a").rename(done / "good")
    etag = fetching._find(Clients(), fetching.find_job(Clients(), "samft-a"))
    (done / f".samft-a.{etag.mark}.part").write_bytes(packed[:1000] + bytes([packed[1000] ^ 255]) + packed[1001:])
    with pytest.raises(SamftError, match="not what S3 has"):
        fetch()
    assert [path.name for path in done.iterdir()] == ["good"]


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no\nGPU"}, "failed: AlgorithmError: no GPU"),
        ({"TrainingJobStatus": "InProgress", "SecondaryStatus": "Training"}, "InProgress (Training); wait"),
        ({"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}, "submit --continue samft-a"),
    ],
)
def test_a_job_that_is_not_done_is_refused_and_says_why(done, way, job, words):
    way.jobs["samft-a"] = [job]
    assert words in refused()
    assert list(done.iterdir()) == []


def test_a_model_that_was_deleted(done, aws):
    aws.client("s3").delete_object(Bucket="bucket", Key="jobs/samft-a/output/model.tar.gz")
    assert "nothing there" in refused()


def test_a_bundle_that_was_changed_is_refused(done, aws, left):
    changed = io.BytesIO()
    with tarfile.open(fileobj=changed, mode="w:gz") as archive:
        for name, data in files_below(left).items():
            info, content = member(name, data=data.replace(b"{}", b"{ }") if name.endswith(CONFIG) else data)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    put(aws, changed.getvalue())
    assert "config.json with SHA-256" in refused()
    assert list(done.iterdir()) == []


def test_a_model_of_another_program_is_refused(done, aws):
    put(aws, archive(member("weights.pth"), member("log.txt")))
    assert "got log.txt, weights.pth; fetch a job that samft submit has started" in refused()
    assert list(done.iterdir()) == []


def test_a_folder_of_the_users_is_never_replaced(done, aws):
    (done / "samft-a").mkdir()
    (done / "samft-a" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError):
        fetch("--overwrite")
    assert files_below(done) == {"samft-a/thesis.txt": b"mine"}
    assert not aws.requests("GetObject")


# Archives with bad intentions


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as made:
        for info, data in members:
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def member(
    name: str, kind: bytes = tarfile.REGTYPE, *, to: str = "", data: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info, data


def sparse(size: int) -> tuple[tarfile.TarInfo, bytes]:
    """A file of some zeros, of which the archive holds a byte."""
    info = tarfile.TarInfo("bundle/sparse")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": info.name,
        "GNU.sparse.realsize": str(size),
    }
    return info, b"1\n0\n1\n".ljust(tarfile.BLOCKSIZE, b"\0") + b"x"


BAD = {
    "sparse": (archive(sparse(100_000)), "neither a file nor a folder"),
    "above": (archive(member("../outside.txt", data=b"x")), "would lie elsewhere"),
    "in-and-above": (archive(member("bundle/../../outside.txt", data=b"x")), "would lie elsewhere"),
    "absolute": (archive(member("/tmp/outside.txt", data=b"x")), "would lie elsewhere"),
    "drive": (archive(member("C:\\outside.txt", data=b"x")), "would lie elsewhere"),
    "backslash": (archive(member("..\\outside.txt", data=b"x")), "would lie elsewhere"),
    "stream": (archive(member("bundle:stream", data=b"x")), "would lie elsewhere"),
    "folder-above": (archive(member("../outside", tarfile.DIRTYPE)), "folder that would lie elsewhere"),
    "link": (archive(member("link", tarfile.SYMTYPE, to="/etc/passwd")), "a link to '/etc/passwd'"),
    "through-link": (
        archive(member("d", tarfile.SYMTYPE, to=".."), member("d/outside.txt", data=b"x")),
        "a link to '..'",
    ),
    "hard-link": (archive(member("hard", tarfile.LNKTYPE, to="../outside.txt")), "a link to"),
    "character-device": (archive(member("device", tarfile.CHRTYPE)), "neither a file nor a folder"),
    "block-device": (archive(member("disk", tarfile.BLKTYPE)), "neither a file nor a folder"),
    "pipe": (archive(member("pipe", tarfile.FIFOTYPE)), "neither a file nor a folder"),
    "twice": (archive(member("samft.json", data=b"one"), member("samft.json", data=b"two")), "cannot be unpacked"),
    "file-as-folder": (archive(member("a", data=b"x"), member("a/b", data=b"x")), "cannot be unpacked"),
    "no-gzip": (b"not an archive", "cannot be unpacked"),
    "no-tar": (gzip.compress(b"no tar"), "cannot be unpacked"),
    "cut-off": (archive(member("file", data=bytes(100_000)))[:-20], "cannot be unpacked"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_malicious_or_broken_archive_is_refused(tmp_path, kind):
    data, words = BAD[kind]
    (tmp_path / "model.tar.gz").write_bytes(data)
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError) as caught:
        unpack(tmp_path / "model.tar.gz", tmp_path / "out")
    assert_one_clear_line(caught.value)
    assert words in str(caught.value)
    assert [path.name for path in tmp_path.iterdir() if path.name not in {"model.tar.gz", "out"}] == []
    assert not Path("/tmp/outside.txt").exists()
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_symlink()]


def test_nothing_is_left_of_such_an_archive(done, aws):
    put(aws, archive(member("bundle/good", data=b"x"), member("../outside.txt", data=b"x")))
    assert "would lie elsewhere" in refused()
    assert list(done.iterdir()) == []


def zeros(header: tarfile.TarInfo, count: int) -> bytes:
    """An archive of a header and some GB of zeros, which take some MB."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as compressed:
        compressed.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(count):
            compressed.write(bytes(1 << 20))
    return packed.getvalue()


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_bomb_stops_at_the_limit(tmp_path, kind):
    info = tarfile.TarInfo("bomb")
    info.size, info.type = 200 << 20, kind
    path = tmp_path / "model.tar.gz"
    path.write_bytes(zeros(info, 200))
    assert path.stat().st_size < 2_000_000
    (tmp_path / "out").mkdir()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"more than 0\.05 GB|header without end") as caught:
        unpack(path, tmp_path / "out", max_bytes=50_000_000)
    assert_one_clear_line(caught.value)
    written = sum(file.stat().st_size for file in (tmp_path / "out").rglob("*"))
    assert written <= 50_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr("training.aws.unpack.MAX_MEMBERS", 3)
    (tmp_path / "model.tar.gz").write_bytes(archive(*(member(f"file-{number}") for number in range(4))))
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="more than 3 files"):
        unpack(tmp_path / "model.tar.gz", tmp_path / "out")


def test_modes_and_owners_of_an_archive_count_for_nothing(tmp_path):
    info, data = member("run", data=b"#!/bin/sh")
    info.mode, info.uid = 0o6777, 12345
    (tmp_path / "model.tar.gz").write_bytes(archive((info, data)))
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "model.tar.gz", tmp_path / "out")
    found = (tmp_path / "out" / "run").stat()
    assert found.st_mode & 0o7111 == 0
    assert found.st_uid == os.getuid()
