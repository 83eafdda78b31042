"""SpaceNet folders."""

import shutil

import pytest

from samft_core.errors import InputError
from training.scenes import spacenet_scenes


@pytest.fixture
def folder(tmp_path, scene):
    (tmp_path / "PS-RGB").mkdir()
    (tmp_path / "geojson_buildings").mkdir()
    for name in ("img1", "img22"):
        shutil.copy(scene[0], tmp_path / "PS-RGB" / f"SN2_PS-RGB_{name}.tif")
        (tmp_path / "geojson_buildings" / f"SN2_geojson_buildings_{name}.geojson").touch()
    return tmp_path


def test_images_go_with_the_labels_of_their_name(folder):
    scenes = spacenet_scenes(str(folder))
    assert [scene.image.rpartition("/")[2] for scene in scenes] == ["SN2_PS-RGB_img1.tif", "SN2_PS-RGB_img22.tif"]
    assert [scene.labels[0].rpartition("/")[2] for scene in scenes] == [
        "SN2_geojson_buildings_img1.geojson",
        "SN2_geojson_buildings_img22.geojson",
    ]
    assert all(scene.may_be_empty for scene in scenes)


def test_an_image_without_labels_is_named(folder):
    (folder / "geojson_buildings" / "SN2_geojson_buildings_img22.geojson").unlink()
    with pytest.raises(InputError, match=r"SN2_geojson_buildings_img22\.geojson beside SN2_PS-RGB_img22\.tif"):
        spacenet_scenes(str(folder))


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="PS-RGB"):
        spacenet_scenes(str(tmp_path))
