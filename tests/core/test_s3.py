"""Rasters on S3, read by GDAL from moto's server, against the same files read locally."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio.shutil

from samft_core.errors import RasterError
from samft_core.raster import Pixels, Raster, open_raster
from tests.conftest import assert_one_clear_line, write_raster
from tests.s3 import S3, serve

pytest.importorskip("moto")


@pytest.fixture(scope="module")
def server():
    with serve() as running:
        yield running


@pytest.fixture
def s3(server, monkeypatch) -> S3:
    """With credentials."""
    server.point_gdal_here(monkeypatch)
    return server


@pytest.fixture
def s3_without_credentials(server, monkeypatch) -> S3:
    server.point_gdal_here(monkeypatch, credentials=False)
    return server


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Path:
    """A COG of uint16 with overviews, which the stretch's statistics are read from, and a hole."""
    folder = tmp_path_factory.mktemp("local")
    array = (np.random.default_rng(0).integers(0, 99, (3, 1100, 1300)) * 40).astype(np.uint16)
    known = np.ones(array.shape[1:], dtype=bool)
    known[300:500, 700:900] = False
    plain = write_raster(folder / "plain.tif", array, mask=known, photometric="rgb")
    rasterio.shutil.copy(plain, folder / "cog.tif", driver="COG", compress="deflate", blocksize=256)
    assert (folder / "cog.tif").stat().st_size < 8e6  # boto3 would upload it in parts, and moto forget the ACL
    return folder / "cog.tif"


def read(raster: Raster) -> tuple[Pixels, Pixels]:
    """At its own resolution and at about a third of it."""
    coarse = raster.grid.rescaled(1.4)
    return raster.read(raster.grid, raster.grid.window), raster.read(coarse, coarse.window)


def assert_same_pixels(found: tuple[Pixels, Pixels], path: str | Path) -> None:
    with open_raster(path) as raster:
        expected = read(raster)
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.valid, other.valid)


@pytest.mark.parametrize("prefix", ["s3://", "/vsis3/"])
@pytest.mark.parametrize("boto3", [True, False], ids=["with boto3", "without boto3"])
def test_pixels_are_the_local_files(s3, local, prefix, boto3, monkeypatch):
    bucket = s3.new_bucket()
    s3.upload(local, bucket, key="some/where/a.tif")
    if not boto3:
        monkeypatch.setattr("rasterio.session.boto3", None)
    name = f"{prefix}{bucket}/some/where/a.tif"
    with open_raster(name) as raster, open_raster(local) as there:
        assert raster.name == name
        assert raster.short_name == "a.tif"
        assert raster.grid == there.grid
        assert raster.stretch == there.stretch
        assert raster.identity["files"] == []
        found = read(raster)
    assert not found[0].valid.all()
    assert_same_pixels(found, local)


def test_one_file_per_band(s3, tmp_path):
    bucket = s3.new_bucket()
    array = np.random.default_rng(0).integers(0, 255, (3, 200, 300)).astype(np.uint8)
    files = [write_raster(tmp_path / f"B{number}.tif", band) for number, band in enumerate(array)]
    with open_raster(",".join(s3.upload(file, bucket) for file in files)) as raster:
        found = read(raster)
    assert np.array_equal(found[0].image, array)
    assert_same_pixels(found, ",".join(map(str, files)))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_sidecars_are_found(s3, tmp_path):
    bucket = s3.new_bucket()
    image = write_raster(tmp_path / "a.png", np.eye(60, dtype=np.uint8) * 200, driver="PNG", crs=None, transform=None)
    world, sidecar = tmp_path / "a.pgw", tmp_path / "a.png.aux.xml"
    world.write_text("0.5\n0\n0\n-0.5\n500000.25\n3761999.75\n")
    sidecar.write_text("<PAMDataset><SRS>EPSG:32611</SRS></PAMDataset>")
    for file in (world, sidecar):
        s3.upload(file, bucket)
    with open_raster(s3.upload(image, bucket)) as raster:
        assert raster.grid.bounds == (500_000, 3_761_970, 500_030, 3_762_000)
        assert_same_pixels(read(raster), image)


class TestWithoutCredentials:
    @pytest.mark.parametrize("prefix", ["s3://", "/vsis3/"])
    def test_a_public_object(self, s3_without_credentials, local, prefix):
        bucket = s3_without_credentials.new_bucket()
        s3_without_credentials.upload(local, bucket, public=True)
        with open_raster(f"{prefix}{bucket}/cog.tif") as raster:
            assert_same_pixels(read(raster), local)

    def test_a_private_object(self, s3_without_credentials, local):
        name = s3_without_credentials.upload(local, s3_without_credentials.new_bucket())
        with pytest.raises(RasterError, match="AWS credentials") as caught, open_raster(name):
            pass
        assert name in str(caught.value)
        assert_one_clear_line(caught.value)

    def test_they_are_asked_for_first(self, s3, local):
        """A private object is read once there are credentials, although reading it without has failed before."""
        name = s3.upload(local, s3.new_bucket())
        with pytest.MonkeyPatch.context() as monkeypatch:
            s3.point_gdal_here(monkeypatch, credentials=False)
            with pytest.raises(RasterError), open_raster(name):
                pass
        with open_raster(name) as raster:
            assert_same_pixels(read(raster), local)


@pytest.mark.parametrize("credentials", [True, False], ids=["with credentials", "without"])
class TestMissing:
    @pytest.fixture
    def here(self, server, monkeypatch, credentials) -> S3:
        server.point_gdal_here(monkeypatch, credentials=credentials)
        return server

    def refused(self, name: str) -> None:
        with pytest.raises(RasterError, match="check the address") as caught, open_raster(name):
            pass
        assert name in str(caught.value)
        assert_one_clear_line(caught.value)

    @pytest.mark.parametrize("prefix", ["s3://", "/vsis3/"])
    def test_key(self, here, prefix):
        self.refused(f"{prefix}{here.new_bucket()}/none.tif")

    def test_bucket(self, here):
        self.refused("s3://there-is-no-such-bucket/none.tif")


@pytest.mark.parametrize("credentials", [True, False], ids=["with credentials", "without"])
class TestAnotherThread:
    @pytest.fixture
    def here(self, server, monkeypatch, credentials) -> S3:
        server.point_gdal_here(monkeypatch, credentials=credentials)
        return server

    def test_reads_the_same(self, here, local):
        name = here.upload(local, here.new_bucket(), public=True)
        with open_raster(name) as raster, ThreadPoolExecutor(1) as pool:
            assert_same_pixels(pool.submit(read, raster).result(), local)

    def test_files_of_a_vrt_are_opened_there(self, here, local, tmp_path):
        """A VRT opens its files when it is read."""
        bucket = here.new_bucket()
        here.upload(local, bucket, public=True)
        rasterio.shutil.copy(local, local.with_name("mosaic.vrt"), driver="VRT")
        name = here.upload(local.with_name("mosaic.vrt"), bucket, public=True)
        with ThreadPoolExecutor(1) as opening, ThreadPoolExecutor(1) as reading:
            context = open_raster(name)
            raster = opening.submit(context.__enter__).result()
            found = reading.submit(read, raster).result()
            opening.submit(context.__exit__, None, None, None).result()
        assert_same_pixels(found, local)
