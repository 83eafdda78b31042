"""Squares of the ground, ranked by hand."""

import geopandas
import shapely

from samft_core.comparison import compare_files
from tests.conftest import UTM
from training.cells import best_median_worst


def houses(x_m: float, count: int) -> list[shapely.Polygon]:
    """Houses of 8 m in a column, 20 m apart, some way east of a corner."""
    return [shapely.box(500_000 + x_m, 3_762_000 + 20 * i, 500_008 + x_m, 3_762_008 + 20 * i) for i in range(count)]


def compared(folder, found, true):
    for name, polygons in (("found", found), ("true", true)):
        geopandas.GeoDataFrame(geometry=polygons, crs=UTM).to_file(folder / f"{name}.gpkg", driver="GPKG")
    return compare_files(folder / "found.gpkg", folder / "true.gpkg")


def test_best_median_and_worst(tmp_path):
    far = [houses(1000 * i, 4) for i in range(3)]
    found = [*far[0], *far[1][:2], shapely.affinity.translate(far[2][0], 40)]
    squares = best_median_worst(compared(tmp_path, found, [*far[0], *far[1], *far[2]]), side_m=1000)
    assert [square.title.split(":")[0] for square in squares] == ["best", "median", "worst"]
    assert "F1 1.000, found 4, false 0, missed 0" in squares[0].title
    assert [len(side) for side in (squares[0].hits, squares[0].met, squares[0].missed)] == [4, 4, 0]
    assert "F1 0.667, found 2, false 0, missed 2" in squares[1].title
    assert "F1 0.000, found 0, false 1, missed 4" in squares[2].title
    assert [len(side) for side in (squares[2].hits, squares[2].missed, squares[2].false)] == [0, 4, 1]


def test_all_buildings_count_once(tmp_path):
    result = compared(tmp_path, houses(0, 30), houses(4.5, 30))
    squares = best_median_worst(result, side_m=100_000)
    assert sum(len(square.missed) for square in squares) >= 30


def test_fewer_squares_than_names(tmp_path):
    (square,) = best_median_worst(compared(tmp_path, houses(0, 1), houses(0, 1)))
    assert square.title.startswith("best")
    assert (len(square.hits), len(square.missed), len(square.false)) == (1, 0, 0)


def test_nothing_found(tmp_path):
    true = houses(0, 2)
    (square,) = best_median_worst(compared(tmp_path, [], true), side_m=100_000)
    assert (len(square.hits), len(square.missed)) == (0, 2)
