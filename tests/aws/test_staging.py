"""What goes to S3: the same bytes for the same files, once, whole, and going on where it was cut off."""

import importlib.metadata
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from samft_core.errors import ChipsError, InputError
from samft_core.progress import silent
from tests.cli.conftest import houses, write_scene, write_vector
from tests.conftest import assert_one_clear_line
from training.aws import content, staging
from training.aws import upload as uploading
from training.aws.content import Member, Tar, open_file
from training.aws.layout import CHIPS, CODE, Prefixes
from training.aws.session import Clients
from training.aws.staging import Staged, plan_uploads, upload, write_staged
from training.chips import Chips, open_chips
from training.prepare import PrepareSettings, prepare
from training.scenes import loose_scenes

ROOT = Path(__file__).parents[2]
CHUNK = 5 << 20
"""The smallest that S3 takes in an upload of several parts."""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A chips folder of nine chips, made once."""
    folder = tmp_path_factory.mktemp("staging")
    image, labels = write_scene(folder / "scene.tif"), write_vector(folder / "labels.gpkg", houses())
    settings = PrepareSettings(gsd_m=0.5, size_px=64)
    return prepare(loose_scenes([str(image)], [str(labels)]), folder / "town", settings=settings).chips.path


@pytest.fixture
def chips(made, tmp_path) -> Chips:
    """A copy of it, which a test may change."""
    return open_chips(shutil.copytree(made, tmp_path / "town"))


@pytest.fixture
def model(tmp_path, monkeypatch) -> Path:
    """A base model's folder, whose weights take five chunks."""
    monkeypatch.setattr(content, "CHUNK_BYTES", CHUNK)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(np.random.default_rng(0).bytes(4 * CHUNK + 1000))
    return folder


def prefixes(bucket: str = "bucket") -> Prefixes:
    return Prefixes(to=f"s3://{bucket}/a/b", job="samft-town-1")


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def channel(staged: Staged, name: str) -> list[str]:
    return [item.uri for item in staged.uploads if item.channel == name]


def kept(aws, bucket: str) -> dict[str, bytes]:
    """All objects of a bucket."""
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {found["Key"]: s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read() for found in listed}


# Planning


def test_the_plan_is_all_of_the_chips_and_the_code_and_needs_no_aws(chips, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    staged = plan_uploads(chips, prefixes(), model=None)
    write_staged(staged, tmp_path / "staged")
    unpacked = tmp_path / "unpacked"
    for part in (tmp_path / "staged" / CHIPS).iterdir():
        subprocess.run(["tar", "--extract", "--one-top-level=unpacked", "--file", part], cwd=tmp_path, check=True)
    assert files_below(unpacked) == files_below(chips.path)
    assert sorted(path.name for path in (tmp_path / "staged" / CODE).iterdir()) == [
        "requirements.txt",
        "source.tar.gz",
        "start.py",
    ]
    assert set(staged.channels) == {CHIPS, CODE}
    for item in staged.uploads:
        assert item.uri.startswith(staged.channels[item.channel])
        assert item.bytes == (tmp_path / "staged" / item.channel / item.name).stat().st_size
    assert staged.bytes == sum(len(data) for data in files_below(tmp_path / "staged").values())


def test_the_same_chips_have_the_same_places_wherever_and_whenever(chips, tmp_path):
    here = plan_uploads(chips, prefixes(), model=None)
    copy = shutil.copytree(chips.path, tmp_path / "elsewhere")
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o777)
    there = plan_uploads(open_chips(copy), prefixes(), model=None)
    assert [item.uri for item in there.uploads] == [item.uri for item in here.uploads]
    assert [item.digests for item in there.uploads] == [item.digests for item in here.uploads]


def test_one_changed_byte_is_another_place(chips):
    before = plan_uploads(chips, prefixes(), model=None)
    path = next((chips.path / "images").iterdir())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    after = plan_uploads(chips, prefixes(), model=None)
    assert after.channels[CHIPS] != before.channels[CHIPS]
    assert after.channels[CODE] == before.channels[CODE]


def test_many_chips_make_few_objects_in_the_order_of_the_manifest(chips, tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "PART_BYTES", 40_000)
    staged = plan_uploads(chips, prefixes(), model=None)
    write_staged(staged, tmp_path)
    parts = sorted((tmp_path / CHIPS).iterdir())
    assert len(parts) > 2
    names = []
    for part in parts:
        with tarfile.open(part) as members:
            found = members.getmembers()
        assert part.stat().st_size <= 40_000 + 1024 or len(found) == 1
        assert {(member.mtime, member.uid, member.gid, member.uname, member.mode) for member in found} == {
            (0, 0, 0, "", 0o644)
        }
        names += [member.name for member in found]
    rows = [file for _, row in chips.manifest.iterrows() for file in (row["image"], row["mask"])]
    assert names == ["chips.json", "manifest.parquet", "buildings.parquet", *rows]


def test_a_missing_chip_is_told(chips):
    next((chips.path / "masks").iterdir()).unlink()
    with pytest.raises(ChipsError, match="no masks/") as caught:
        plan_uploads(chips, prefixes(), model=None)
    assert_one_clear_line(caught.value)


@given(
    sizes=st.lists(st.integers(0, 3000), max_size=6),
    name=st.text("aä/ b", min_size=1, max_size=150).filter(lambda text: text.strip("/ ")),
    start=st.integers(0, 20_000),
    length=st.integers(0, 20_000),
)
def test_a_tar_that_is_never_built_reads_like_one_that_is(tmp_path_factory, sizes, name, start, length):
    folder = tmp_path_factory.mktemp("members")
    contents = [np.random.default_rng(size).bytes(size) for size in sizes]
    members = []
    for number, data in enumerate(contents):
        (folder / str(number)).write_bytes(data)
        members.append(Member(name=f"{name.strip('/ ')}-{number}", file=open_file(folder / str(number))))
    tar = Tar(members=tuple(members))
    whole = tar.read(0, tar.size)
    assert len(whole) == tar.size
    with tarfile.open(fileobj=io.BytesIO(whole)) as built:
        assert [(info.name, built.extractfile(info).read()) for info in built] == [
            (member.name, data) for member, data in zip(members, contents, strict=True)
        ]
    assert tar.read(start, length) == whole[start : start + length]


# The code


def test_the_code_runs_from_its_archive_alone(tmp_path, chips):
    staged = plan_uploads(chips, prefixes(), model=None)
    write_staged(staged, tmp_path / "staged")
    with tarfile.open(tmp_path / "staged" / CODE / "source.tar.gz") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "source", filter="data")
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests", "qgis_plugin", "/"))]
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from importlib.metadata import entry_points, version\n"
        "import samft_core, training.aws.layout\n"
        "print(version('samft'), samft_core.__file__, training.__file__)\n"
        "print(*sorted(verb.name for verb in entry_points(group='samft.verbs')))\n"
    )
    alone = [sys.executable, "-S", "-c", script, str(tmp_path / "source")]
    told = subprocess.run(alone, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.splitlines()
    assert told[0].count(str(tmp_path / "source")) == 2
    assert {"train", "segment"} <= set(told[1].split())


def test_the_archive_holds_what_the_wheel_holds(tmp_path, chips):
    """No package data is forgotten: what a wheel leaves out, an installed samft cannot send."""
    tomllib = pytest.importorskip("tomllib")
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    expected = {path.relative_to(ROOT).as_posix() for name in data for path in (ROOT / name).rglob("*.py")}
    for package, patterns in data.items():
        expected |= {p.relative_to(ROOT).as_posix() for pattern in patterns for p in (ROOT / package).glob(pattern)}
    write_staged(plan_uploads(chips, prefixes(), model=None), tmp_path)
    with tarfile.open(tmp_path / CODE / "source.tar.gz") as archive:
        found = {name for name in archive.getnames() if ".dist-info/" not in name}
    assert found == expected


def test_the_requirements_are_those_tested_with_but_torch():
    tested = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            tested[canonicalize_name(requirement.name)] = str(requirement.specifier)
    given = [line for line in (ROOT / "training/aws/requirements.txt").read_text().splitlines() if line[0] != "#"]
    pinned = {canonicalize_name(Requirement(line).name): str(Requirement(line).specifier) for line in given}
    needed, left = set(), ["samft"]
    while left:
        for text in importlib.metadata.requires(left.pop()) or ():
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            wanted = not requirement.marker or requirement.marker.evaluate({"extra": ""})
            if wanted and name not in {*needed, "torch"}:
                needed.add(name)
                left.append(name)
    assert pinned == {name: tested[name] for name in needed}


# Uploading


def test_what_is_on_s3_is_what_was_planned_and_is_sent_once(aws, chips, model, tmp_path):
    bucket = aws.new_bucket()
    staged = plan_uploads(chips, prefixes(bucket), model=model)
    told = []
    upload(staged, Clients(), kms_key=None, progress=lambda stage, done, total, note="": told.append((done, total)))
    write_staged(staged, tmp_path / "staged")
    expected = files_below(tmp_path / "staged")
    found = kept(aws, bucket)
    assert {item.uri.removeprefix(f"s3://{bucket}/") for item in staged.uploads} == set(found)
    for item in staged.uploads:
        assert found[item.uri.removeprefix(f"s3://{bucket}/")] == expected[f"{item.channel}/{item.name}"]
    assert told[-1] == (staged.bytes, staged.bytes)
    assert len(aws.requests("UploadPart")) == 5
    assert not [line for line in aws.requests() if "x-amz-server-side-encryption" in line["headers"]]

    sent = len(aws.requests())
    upload(plan_uploads(chips, prefixes(bucket), model=model), Clients(), kms_key=None, progress=silent)
    assert {line["operation"] for line in aws.requests()[sent:]} == {"HeadObject"}


def test_an_upload_that_was_cut_off_goes_on(aws, chips, model, monkeypatch):
    bucket = aws.new_bucket()
    staged = plan_uploads(chips, prefixes(bucket), model=model)
    weights = next(item for item in staged.uploads if item.name == "model.safetensors")
    rest = staged.bytes - weights.bytes

    def cut(stage, done, total, note=""):
        if done - rest >= 2 * CHUNK:
            raise KeyboardInterrupt

    monkeypatch.setattr(uploading, "AT_ONCE", 1)
    with pytest.raises(KeyboardInterrupt):
        upload(staged, Clients(), kms_key=None, progress=cut)
    before = len(aws.requests("UploadPart"))
    assert 2 <= before < 5
    assert weights.uri.removeprefix(f"s3://{bucket}/") not in kept(aws, bucket)

    upload(staged, Clients(), kms_key=None, progress=silent)
    assert len(aws.requests("UploadPart")) == 5
    assert len(aws.requests("CreateMultipartUpload")) == 1
    assert kept(aws, bucket)[weights.uri.removeprefix(f"s3://{bucket}/")] == (model / weights.name).read_bytes()


def test_something_else_under_the_same_name_is_replaced(aws, chips, model):
    bucket = aws.new_bucket()
    staged = plan_uploads(chips, prefixes(bucket), model=model)
    first, large = staged.uploads[0], staged.uploads[-1]
    for item in (first, large):
        key = item.uri.removeprefix(f"s3://{bucket}/")
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=bytes(item.bytes))
    upload(staged, Clients(), kms_key=None, progress=silent)
    assert kept(aws, bucket)[large.uri.removeprefix(f"s3://{bucket}/")] == (model / large.name).read_bytes()
    assert kept(aws, bucket)[first.uri.removeprefix(f"s3://{bucket}/")] != bytes(first.bytes)


@pytest.mark.parametrize("shrinks", [False, True])
def test_chips_that_change_between_plan_and_upload_are_refused(aws, chips, shrinks):
    bucket = aws.new_bucket()
    staged = plan_uploads(chips, prefixes(bucket), model=None)
    path = next((chips.path / "images").iterdir())
    data = path.read_bytes()
    path.write_bytes(data[:-700] if shrinks else data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(InputError, match="files that have changed since") as caught:
        upload(staged, Clients(), kms_key=None, progress=silent)
    assert_one_clear_line(caught.value)
    assert not kept(aws, bucket)


def test_a_kms_key_encrypts_everything_even_what_was_there(aws, chips, model):
    bucket, key = aws.new_bucket(), f"arn:aws:kms:us-east-1:123456789012:key/{'1' * 8}-1111-1111-1111-{'1' * 12}"
    staged = plan_uploads(chips, prefixes(bucket), model=model)
    upload(staged, Clients(), kms_key=None, progress=silent)
    upload(staged, Clients(), kms_key=key, progress=silent)
    for item in staged.uploads:
        found = aws.client("s3").head_object(Bucket=bucket, Key=item.uri.removeprefix(f"s3://{bucket}/"))
        assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)
    sent = len(aws.requests())
    upload(staged, Clients(), kms_key=key, progress=silent)
    assert {line["operation"] for line in aws.requests()[sent:]} == {"HeadObject"}


def test_no_bucket_no_access_no_valid_credentials(aws, chips):
    def refused(bucket: str) -> str:
        with pytest.raises(InputError) as caught:
            upload(plan_uploads(chips, prefixes(bucket), model=None), Clients(), kms_key=None, progress=silent)
        assert_one_clear_line(caught.value)
        return str(caught.value)

    assert "a bucket that exists" in refused("no-such-bucket")
    bucket = aws.new_bucket()
    aws.refuse("PutObject", code="ExpiredToken", message="The provided token has expired.")
    assert "expired" in refused(bucket)
    aws.refuse("HeadObject", code="AccessDenied", status=403)
    assert "s3:GetObject" in refused(bucket)
