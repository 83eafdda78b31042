"""Footprints out and labels in, read back by sqlite3, pyarrow, JSON, pyogrio and fiona."""

import json
import sqlite3

import fiona
import geopandas
import numpy as np
import pyarrow.parquet
import pyogrio
import pyproj
import pytest
import shapely

from samft_core.errors import LabelError, OutputError
from samft_core.footprint_file import check_format, write_footprints
from samft_core.vectors import AREA, read_labels
from tests.conftest import UTM, assert_one_clear_line

SUFFIXES = [".gpkg", ".fgb", ".geojson", ".parquet"]
PROVENANCE = {"bundle": "0123456789ab", "raster": "Zürich.tif", "threshold": 0.5, "regularized": True}


def house(east: float = 0, north: float = 0, width: float = 10, height: float = 8) -> shapely.Polygon:
    """A box near UTM's central meridian."""
    return shapely.box(500_000 + east, 3_762_000 + north, 500_000 + east + width, 3_762_000 + north + height)


def footprints(crs: str = UTM) -> geopandas.GeoDataFrame:
    yard = house(40) - house(42, 2, 3, 3)
    columns = {"id": [1, 2, 3], "score": [0.25, 0.5, 0.9375], "area_m2": [80.06, 80.06, 71.06],
               "bundle": ["0123456789ab"] * 3, "threshold": [0.5] * 3}  # fmt: skip
    return geopandas.GeoDataFrame(columns, geometry=[house(), house(20), yard], crs=UTM).to_crs(crs)


def write(path, geometries, *, crs: str | None = UTM, **columns):
    """A vector file by geopandas, for reading."""
    frame = geopandas.GeoDataFrame(columns, geometry=list(geometries), crs=crs)
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_file(path)
    return path


def provenance_in(path) -> dict[str, object]:
    """The provenance, read without samft and without GDAL where the format allows."""
    if path.suffix == ".gpkg":
        with sqlite3.connect(path) as database:
            ((text,),) = database.execute("SELECT description FROM gpkg_contents")
    elif path.suffix == ".parquet":
        text = pyarrow.parquet.read_schema(path).metadata[b"samft"].decode()
    elif path.suffix == ".geojson":
        text = json.loads(path.read_text())["description"]
    else:
        text = pyogrio.read_info(path)["layer_metadata"]["DESCRIPTION"]
    return json.loads(text)


class TestRoundTrip:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    @pytest.mark.parametrize("crs", [UTM, "EPSG:2229", "EPSG:4326"])
    def test_geometry_attributes_and_crs(self, tmp_path, suffix, crs):
        path, frame = tmp_path / f"a{suffix}", footprints(crs)
        write_footprints(frame, path, provenance=PROVENANCE, overwrite=False)
        back = geopandas.read_parquet(path) if suffix == ".parquet" else geopandas.read_file(path)
        expected = frame.to_crs("EPSG:4326") if suffix == ".geojson" else frame
        assert back.crs == expected.crs
        for name in ("id", "score", "area_m2", "bundle", "threshold"):
            assert back.sort_values("id")[name].tolist() == expected[name].tolist()
        precise = 5e-8 if suffix == ".geojson" else 1e-9  # RFC 7946 rounds to seven decimals of a degree
        for one, other in zip(back.sort_values("id").geometry, expected.geometry, strict=True):
            assert one.geom_type == "Polygon"
            assert one.hausdorff_distance(other) <= precise * 2

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_provenance_is_in_the_file(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        write_footprints(footprints(), path, provenance=PROVENANCE, overwrite=False)
        assert provenance_in(path) == PROVENANCE

    @pytest.mark.parametrize("suffix", [*SUFFIXES, ".json"])
    def test_what_was_written_can_be_read_as_labels(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        write_footprints(footprints(), path, provenance=PROVENANCE, overwrite=False)
        labels = read_labels(path)
        assert sorted(labels.scores) == [0.25, 0.5, 0.9375]
        assert (labels.repaired, labels.ignored) == (0, 0)
        assert shapely.area(labels.to_crs(pyproj.CRS(UTM))).sum() == pytest.approx(80 + 80 + 71, rel=1e-3)

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_no_footprints_at_all(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        write_footprints(footprints().iloc[:0], path, provenance=PROVENANCE, overwrite=False)
        labels = read_labels(path, may_be_empty=True)
        assert len(labels.polygons) == 0
        assert provenance_in(path) == PROVENANCE

    def test_layer_name_index_and_schema_of_a_geopackage(self, tmp_path):
        write_footprints(footprints(), tmp_path / "a.gpkg", provenance={}, overwrite=False)
        assert fiona.listlayers(tmp_path / "a.gpkg") == ["footprints"]
        with sqlite3.connect(tmp_path / "a.gpkg") as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("SELECT count(*) FROM rtree_footprints_geom").fetchall() == [(3,)]
        with fiona.open(tmp_path / "a.gpkg") as collection:
            assert collection.schema["geometry"] == "Polygon"
            assert collection.schema["properties"]["score"].startswith("float")

    def test_geojson_keeps_to_rfc_7946(self, tmp_path):
        write_footprints(footprints(), tmp_path / "a.geojson", provenance={}, overwrite=False)
        content = json.loads((tmp_path / "a.geojson").read_text())
        assert "crs" not in content
        for feature in content["features"]:
            shell, *holes = feature["geometry"]["coordinates"]
            assert shapely.LinearRing(shell).is_ccw
            assert not any(shapely.LinearRing(hole).is_ccw for hole in holes)
            assert all(-118 < x < -116 and 33 < y < 35 for x, y in shell)

    def test_geoparquet_metadata(self, tmp_path):
        write_footprints(footprints(), tmp_path / "a.parquet", provenance={}, overwrite=False)
        geo = json.loads(pyarrow.parquet.read_schema(tmp_path / "a.parquet").metadata[b"geo"])
        column = geo["columns"][geo["primary_column"]]
        assert column["geometry_types"] == ["Polygon"]
        assert pyproj.CRS.from_json_dict(column["crs"]).to_epsg() == 32611
        assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]


class TestRefusedOutputs:
    @pytest.mark.parametrize("name", ["a.shp", "a", "a.tif", "a.gpkg.zip"])
    def test_unknown_suffix(self, tmp_path, name):
        with pytest.raises(OutputError, match=r"\.gpkg, \.fgb, \.geojson, \.json, \.parquet") as caught:
            write_footprints(footprints(), tmp_path / name, provenance={}, overwrite=False)
        assert_one_clear_line(caught.value)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("name", "driver"), [("A.GPKG", "GPKG"), ("a.json", "GeoJSON"), ("b.fgb", "FlatGeobuf")])
    def test_known_suffix(self, tmp_path, name, driver):
        assert check_format(tmp_path / name) == driver

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_existing_file(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        path.write_text("mine")
        with pytest.raises(OutputError, match="--overwrite"):
            write_footprints(footprints(), path, provenance={}, overwrite=False)
        assert path.read_text() == "mine"
        write_footprints(footprints(), path, provenance=PROVENANCE, overwrite=True)
        assert provenance_in(path) == PROVENANCE
        assert [file.name for file in tmp_path.iterdir()] == [path.name]


class TestReadLabels:
    def test_multipolygons_are_taken_apart(self, tmp_path):
        pair = shapely.MultiPolygon([house(), house(20)])
        labels = read_labels(write(tmp_path / "a.gpkg", [pair, shapely.MultiPolygon([house(40)])], score=[0.3, 0.7]))
        assert set(shapely.get_type_id(labels.polygons)) == {shapely.GeometryType.POLYGON}
        assert sorted(zip(shapely.bounds(labels.polygons)[:, 0], labels.scores, strict=True)) == [
            (500_000, 0.3), (500_020, 0.3), (500_040, 0.7),
        ]  # fmt: skip
        assert (labels.repaired, labels.ignored) == (0, 0)
        assert labels.crs.to_epsg() == 32611
        assert labels.source == str(tmp_path / "a.gpkg")

    def test_a_bow_tie_is_mended_and_counted(self, tmp_path):
        tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
        labels = read_labels(write(tmp_path / "a.geojson", [tie, shapely.box(20, 0, 30, 10)], crs="EPSG:4326"))
        assert labels.repaired == 1
        assert sorted(shapely.area(labels.polygons)) == pytest.approx([25, 25, 100])
        assert all(shapely.is_valid(labels.polygons))

    def test_points_lines_and_nothing_are_left_out_and_counted(self, tmp_path):
        line = shapely.LineString([(500_000, 3_762_000), (500_001, 3_762_000)])
        flat = shapely.Polygon([(500_000, 3_762_000), (500_005, 3_762_000), (500_003, 3_762_000)])
        mixed = shapely.GeometryCollection([line, house(60)])
        features = [house(), shapely.Point(500_000, 3_762_000), line, None, flat, mixed]
        labels = read_labels(write(tmp_path / "a.gpkg", features))
        assert sorted(shapely.bounds(labels.polygons)[:, 0]) == [500_000, 500_060]
        assert labels.ignored == 4

    def test_scores_stay_with_their_polygons(self, tmp_path):
        features = [shapely.Point(500_000, 3_762_000), house(20), None, shapely.MultiPolygon([house(), house(40)])]
        labels = read_labels(write(tmp_path / "a.gpkg", features, score=[0.1, 0.2, 0.3, 0.4]))
        assert dict(zip(shapely.bounds(labels.polygons)[:, 0], labels.scores, strict=True)) == {
            500_020: 0.2, 500_000: 0.4, 500_040: 0.4,
        }  # fmt: skip

    def test_scores_are_none_where_the_file_has_not_all_of_them(self, tmp_path):
        assert read_labels(write(tmp_path / "a.gpkg", [house()], name=["x"])).scores is None
        assert read_labels(write(tmp_path / "b.gpkg", [house(), house(20)], score=[0.5, None])).scores is None
        assert read_labels(write(tmp_path / "c.gpkg", [house()], score=["high"])).scores is None
        assert read_labels(write(tmp_path / "d.parquet", [house(), house(20)], score=[0.5, None])).scores is None
        assert read_labels(write(tmp_path / "e.gpkg", [house()], score=[1])).scores == (1.0,)

    def test_heights_are_dropped(self, tmp_path):
        labels = read_labels(write(tmp_path / "a.gpkg", [shapely.force_3d(house(), 12.5)]))
        assert not shapely.has_z(labels.polygons).any()
        assert labels.polygons[0].equals(house())

    @pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".geojson", ".fgb", ".parquet"])
    def test_formats(self, tmp_path, suffix):
        crs = "EPSG:4326" if suffix == ".geojson" else UTM
        shapes = geopandas.GeoSeries([house(), house(20)], crs=UTM).to_crs(crs)
        labels = read_labels(write(tmp_path / f"a{suffix}", shapes, crs=crs))
        assert labels.crs == pyproj.CRS(crs)
        assert len(labels.polygons) == 2

    def test_no_polygons(self, tmp_path):
        path = write(tmp_path / "a.gpkg", [shapely.Point(500_000, 3_762_000)] * 3)
        with pytest.raises(LabelError, match="3 features without one") as caught:
            read_labels(path)
        assert_one_clear_line(caught.value)

    @pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
    def test_no_features(self, tmp_path, suffix):
        path = write(tmp_path / f"a{suffix}", [])
        with pytest.raises(LabelError, match="an empty file") as caught:
            read_labels(path)
        assert_one_clear_line(caught.value)
        assert len(read_labels(path, may_be_empty=True).polygons) == 0

    def test_an_area_of_interest_is_called_so(self, tmp_path):
        point, degrees = shapely.Point(500_000, 3_762_000), write(tmp_path / "c.gpkg", [house()], crs="EPSG:4326")
        with pytest.raises(LabelError, match=r"^expected an area of interest in .* the polygons of an area of") as a:
            read_labels(write(tmp_path / "a.gpkg", []), role=AREA)
        with pytest.raises(LabelError, match=r"^expected polygons of an area of interest in ") as b:
            read_labels(write(tmp_path / "b.gpkg", [point]), role=AREA)
        with pytest.raises(LabelError, match=r"^expected an area of interest within .*the CRS of the area of in") as c:
            read_labels(degrees, role=AREA).to_crs(pyproj.CRS(UTM))
        for caught in (a, b, c):
            assert_one_clear_line(caught.value)
            assert "label" not in str(caught.value)
            assert "building" not in str(caught.value)

    def test_missing(self, tmp_path):
        with pytest.raises(LabelError, match="no file") as caught:
            read_labels(tmp_path / "none.gpkg")
        assert_one_clear_line(caught.value)

    @pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".parquet"])
    def test_no_vector_file(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        path.write_text("no vectors\nat all\n")
        with pytest.raises(LabelError, match="OGR can open") as caught:
            read_labels(path)
        assert_one_clear_line(caught.value)

    @pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".parquet"])
    @pytest.mark.filterwarnings("ignore:'crs' was not provided")
    def test_no_crs(self, tmp_path, suffix):
        path = write(tmp_path / f"a{suffix}", [house()], crs=UTM if suffix == ".shp" else None)
        path.with_suffix(".prj").unlink(missing_ok=True)
        with pytest.raises(LabelError, match="ogr2ogr -a_srs") as caught:
            read_labels(path)
        assert_one_clear_line(caught.value)

    def test_two_polygon_layers_need_a_name(self, tmp_path):
        path = tmp_path / "a.gpkg"
        for name, shapes in (("old", [house()]), ("new", [house(), house(20)])):
            geopandas.GeoDataFrame(geometry=shapes, crs=UTM).to_file(path, layer=name)
        with pytest.raises(LabelError, match=r"2: old, new; name one as .*\|layername=NAME") as caught:
            read_labels(path)
        assert_one_clear_line(caught.value)
        assert len(read_labels(f"{path}|layername=new").polygons) == 2
        assert len(read_labels(f"{path}|layername=old").polygons) == 1
        with pytest.raises(LabelError) as caught:
            read_labels(f"{path}|layername=other")
        assert_one_clear_line(caught.value)

    def test_the_only_polygon_layer_is_taken(self, tmp_path):
        path = tmp_path / "a.gpkg"
        geopandas.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs=UTM).to_file(path, layer="trees")
        geopandas.GeoDataFrame(geometry=[house()], crs=UTM).to_file(path, layer="houses")
        assert read_labels(path).polygons[0].equals(house())


class TestReprojection:
    def test_vertex_by_vertex(self, tmp_path):
        labels = read_labels(write(tmp_path / "a.gpkg", [house(), house(20)]))
        moved = labels.to_crs(pyproj.CRS("EPSG:4326"))
        to_lonlat = pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
        for before, after in zip(labels.polygons, moved, strict=True):
            x, y = np.array(before.exterior.coords).T
            assert np.array(after.exterior.coords) == pytest.approx(np.column_stack(to_lonlat.transform(x, y)))

    def test_to_its_own_crs_nothing_moves(self, tmp_path):
        labels = read_labels(write(tmp_path / "a.gpkg", [house()]))
        assert labels.to_crs(pyproj.CRS(UTM))[0].equals(house())

    def test_scores_go_to_every_part(self, tmp_path):
        # A notch 1 mm short of an edge of 0.8 degrees along a parallel; UTM's straight edge lies 300 m north of it.
        fragile = shapely.Polygon([(-117.4, 34), (-116.6, 34), (-116.6, 34.3), (-117.0, 34.00000001), (-117.4, 34.3)])
        path = write(tmp_path / "a.gpkg", [fragile, shapely.box(-117, 33, -116.9, 33.1)], crs="EPSG:4326",
                     score=[0.2, 0.9])  # fmt: skip
        moved = read_labels(path).reprojected(pyproj.CRS(UTM))
        assert moved.crs == pyproj.CRS(UTM)
        assert all(shapely.is_valid(moved.polygons))
        south = shapely.bounds(moved.polygons)[:, 1] < 3_700_000
        assert south.sum() == 1
        assert [score for score, lower in zip(moved.scores, south, strict=True) if lower] == [0.9]
        assert {score for score, lower in zip(moved.scores, south, strict=True) if not lower} == {0.2}

    def test_labels_in_the_wrong_crs(self, tmp_path):
        labels = read_labels(write(tmp_path / "a.gpkg", [house()], crs="EPSG:4326"))
        with pytest.raises(LabelError, match="check the CRS of the labels") as caught:
            labels.to_crs(pyproj.CRS(UTM))
        assert_one_clear_line(caught.value)
