"""What is one raster's name, and what a list of several files."""

import pytest

from samft_core.names import may_be_opened, one_line, short_name, split_names


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.tif", ["a.tif"]),
        ("B04.tif,B03.tif,B02.tif", ["B04.tif", "B03.tif", "B02.tif"]),
        ("B04.tif, B03.tif", ["B04.tif", "B03.tif"]),
        ("s3://b/B04.tif,s3://b/B03.tif", ["s3://b/B04.tif", "s3://b/B03.tif"]),
        ("/vsis3/b/B04.tif,/vsizip/x.zip/B03.tif", ["/vsis3/b/B04.tif", "/vsizip/x.zip/B03.tif"]),
        ("https://host/wms?bbox=1,2,3,4", ["https://host/wms?bbox=1,2,3,4"]),
        ('NETCDF:"x,y.nc":red', ['NETCDF:"x,y.nc":red']),
        ("<VRTDataset>1,GPKG:2</VRTDataset>", ["<VRTDataset>1,GPKG:2</VRTDataset>"]),
        ("a.tif,", ["a.tif", ""]),
    ],
)
def test_split(name, parts):
    assert split_names(name) == parts


def test_a_file_that_is_there_is_one(tmp_path):
    path = tmp_path / "a,b.tif"
    assert split_names(str(path)) == [str(tmp_path / "a"), "b.tif"]
    path.touch()
    assert split_names(str(path)) == [str(path)]


def test_short_name():
    assert short_name("/data/x/B04.tif,/data/x/B03.tif") == "B04.tif,B03.tif"
    assert short_name("s3://bucket/key/a.tif") == "a.tif"


@pytest.mark.parametrize("name", ["GPKG:/x.gpkg:table", "WMS:http://host", "s3://b/k", "/vsimem/a.tif", "<xml/>"])
def test_what_gdal_may_know(name):
    assert may_be_opened(name)


@pytest.mark.parametrize("name", ["", "no.tif", "no/2024:01/x.tif", "C:\\no.tif", "x" * 9999])
def test_what_is_just_missing(name):
    assert not may_be_opened(name)


def test_one_line():
    assert one_line("a\n  b\tc ") == "a b c"
    assert len(one_line("x" * 9999)) < 500
