"""Rasters as they come: every file layout, type, kind of validity and georeference, against a truth made by hand.

A scene of 120 x 160 pixels has two values in each band: red is high on two buildings, green everywhere else, blue in
the left half. Where a layout has a hole, what lies under it is brighter than anything else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from samft_core import open_raster, segment
from samft_core.grid import Grid
from samft_core.raster import Pixels
from tests.conftest import UTM, UTM_HALF_METRE, write_raster
from tests.fakes import PerfectSegmenter, make_bundle

HEIGHT, WIDTH = 120, 160
BUILDINGS = [(20, 16, 72, 56), (88, 70, 140, 106)]
"""(left, top, right, bottom) in pixels."""

HOLE = (121, 41, 160, 93)
"""The same of what is unknown; it takes a corner off the second building."""

LEVELS = {"uint8": (20, 230), "uint16": (1000, 9000), "int16": (-200, 3000), "int32": (-70_000, 90_000),
          "float32": (0.05, 0.9), "float64": (-1e-4, 1e-3)}  # fmt: skip
BRIGHT = {"uint8": 255, "uint16": 60_000, "int16": 30_000, "int32": 2_000_000, "float32": 50.0, "float64": 7.0}


def block(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    inside = np.zeros((HEIGHT, WIDTH), dtype=bool)
    inside[top:bottom, left:right] = True
    return inside


TRUTH = np.logical_or.reduce([block(*building) for building in BUILDINGS])
KNOWN = ~block(*HOLE)
PLANES = np.stack([TRUTH, ~TRUTH, block(0, 0, 80, HEIGHT)])
GREY = np.stack([TRUTH] * 3)


def scene(dtype: str = "uint8", planes: np.ndarray = PLANES, *, hole: float | None = None) -> np.ndarray:
    """The bands, with a value in the hole if one is given."""
    low, high = LEVELS[dtype]
    values = np.where(planes, high, low).astype(dtype)
    return values if hole is None else np.where(KNOWN, values, np.array(hole).astype(dtype))


def under_a_hole(dtype: str = "uint8", planes: np.ndarray = PLANES) -> np.ndarray:
    return scene(dtype, planes, hole=BRIGHT[dtype])


@dataclass(frozen=True, kw_only=True)
class Layout:
    write: Callable[[Path], object]
    """Writes into a folder and gives the raster's name."""
    dtype: str = "uint8"
    planes: np.ndarray | None = None
    """What red, green and blue should show; `PLANES` by default."""
    known: np.ndarray | None = None
    """Where it is valid; everywhere by default."""
    bands: tuple[int, ...] | None = None
    crs: str = UTM
    transform: Affine = UTM_HALF_METRE
    tolerance: int = 0
    """How far grey levels may lie from the truth in a lossy file."""
    warped: bool = False
    """Whether its pixels are not the file's."""

    @property
    def expected(self) -> np.ndarray:
        low, high = LEVELS["uint8"] if self.dtype == "uint8" else (0, 255)
        return np.where(PLANES if self.planes is None else self.planes, high, low)

    @property
    def valid(self) -> np.ndarray:
        return np.ones((HEIGHT, WIDTH), dtype=bool) if self.known is None else self.known

    def on_map(self, box: tuple[int, int, int, int]) -> shapely.Polygon:
        """A box of pixels in map coordinates."""
        left, top, right, bottom = box
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return shapely.Polygon([self.transform @ corner for corner in corners])


def tif(values: np.ndarray, **options) -> Callable[[Path], Path]:
    options = {"photometric": "rgb" if len(values) == 3 else "minisblack", **options}
    return lambda folder: write_raster(folder / "a.tif", values, **options)


def placed(crs: str, transform: Affine) -> Layout:
    return Layout(write=tif(scene(), crs=crs, transform=transform), crs=crs, transform=transform)


def cog(values: np.ndarray, **options) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        plain = tif(values, **options)(folder)
        rasterio.shutil.copy(plain, folder / "cog.tif", driver="COG", compress="deflate", blocksize=128)
        plain.unlink()
        return folder / "cog.tif"

    return write


def image(driver: str, *, world: bool, prj: bool = False, bands: int = 3, **options) -> Callable[[Path], Path]:
    """JPEG or PNG, placed by a world file or by `.aux.xml`; the latter names the CRS, or a `.prj` does."""

    def write(folder: Path) -> Path:
        suffix = {"JPEG": "jpg", "PNG": "png"}[driver]
        path = folder / f"a.{suffix}"
        place = {} if world else {"crs": UTM, "transform": UTM_HALF_METRE}
        values = scene(planes=GREY) if driver == "JPEG" else scene()
        write_raster(path, values[:bands], driver=driver, **{"crs": None, "transform": None, **place}, **options)
        if world:
            # pixel size, two rotations, negative pixel size, and the first pixel's centre
            text = "0.5\n0\n0\n-0.5\n500000.25\n3761999.75\n"
            path.with_suffix(f".{suffix[0]}{suffix[-1]}w").write_text(text)
            Path(f"{path}.aux.xml").unlink(missing_ok=True)
            wkt = pyproj.CRS(UTM).to_wkt("WKT1_ESRI")
            if prj:
                path.with_suffix(".prj").write_text(wkt)
            else:
                Path(f"{path}.aux.xml").write_text(f"<PAMDataset><SRS>{UTM}</SRS></PAMDataset>")
        return path

    return write


def with_alpha(colours: np.ndarray, *, opaque: float = 255, first: bool = False, **options) -> Callable[[Path], Path]:
    """The colours and a band that says where they are opaque, behind or before them."""

    def write(folder: Path) -> Path:
        alpha = np.where(KNOWN, opaque, 0).astype(colours.dtype)[None]
        values = np.concatenate([alpha, colours] if first else [colours, alpha])
        path = write_raster(folder / "a.tif", values, photometric="minisblack", **options)
        with rasterio.open(path, "r+") as dataset:
            uses = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined][: len(colours)]
            dataset.colorinterp = [ColorInterp.alpha, *uses] if first else [*uses, ColorInterp.alpha]
        return path

    return write


def with_tags(values: np.ndarray, **tags: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = tif(values)(folder)
        with rasterio.open(path, "r+") as dataset:
            dataset.update_tags(**tags)
        return path

    return write


def with_msk(folder: Path) -> Path:
    """A mask in a file of its own."""
    path = tif(under_a_hole())(folder)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(KNOWN)
    assert (folder / "a.tif.msk").exists()
    return path


def vrt(folder: Path, *, sources: list[tuple[str, int, int]], nodata: tuple[object, ...] = (None,) * 3) -> Path:
    """A VRT by hand: files with the columns they fill, and a nodata value for each band."""
    bands = []
    for number, value in enumerate(nodata, 1):
        parts = "".join(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{name}</SourceFilename><SourceBand>{number}</SourceBand>'
            f'<SrcRect xOff="0" yOff="0" xSize="{stop - start}" ySize="{HEIGHT}"/>'
            f'<DstRect xOff="{start}" yOff="0" xSize="{stop - start}" ySize="{HEIGHT}"/></SimpleSource>'
            for name, start, stop in sources
        )
        none = "" if value is None else f"<NoDataValue>{value}</NoDataValue>"
        bands.append(f'<VRTRasterBand dataType="Byte" band="{number}">{none}{parts}</VRTRasterBand>')
    path = folder / "a.vrt"
    path.write_text(
        f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}"><SRS>{UTM}</SRS>'
        f"<GeoTransform>500000,0.5,0,3762000,0,-0.5</GeoTransform>{''.join(bands)}</VRTDataset>"
    )
    return path


def vrt_of_one(folder: Path) -> Path:
    tif(scene())(folder)
    return vrt(folder, sources=[("a.tif", 0, WIDTH)])


def vrt_of_two(folder: Path) -> Path:
    for name, cols in (("west.tif", slice(0, 100)), ("east.tif", slice(100, WIDTH))):
        write_raster(folder / name, scene()[:, :, cols])
    return vrt(folder, sources=[("west.tif", 0, 100), ("east.tif", 100, WIDTH)])


def vrt_with_a_gap(folder: Path) -> Path:
    """Two files that leave some columns out, which the VRT calls 7."""
    for name, cols in (("west.tif", slice(0, 80)), ("east.tif", slice(100, WIDTH))):
        write_raster(folder / name, scene()[:, :, cols])
    return vrt(folder, sources=[("west.tif", 0, 80), ("east.tif", 100, WIDTH)], nodata=(7, 7, 7))


def vrt_with_nodata_in_red_alone(folder: Path) -> Path:
    values = scene()
    values[0][~KNOWN] = 0
    tif(values)(folder)
    return vrt(folder, sources=[("a.tif", 0, WIDTH)], nodata=(0, None, None))


def one_file_per_band(
    values: np.ndarray, order: tuple[int, ...] = (0, 1, 2), **options: dict[str, object]
) -> Callable[[Path], str]:
    """`B0.tif,B1.tif,...`; options are by file, such as B1."""

    def write(folder: Path) -> str:
        names = [folder / f"B{band}.tif" for band in range(len(values))]
        for path, band in zip(names, values, strict=True):
            write_raster(path, band, **options.get(path.stem, {}))
        return ",".join(str(names[band]) for band in order)

    return write


def two_files(folder: Path) -> str:
    """Red and green in one, blue in the other; with a blank after the comma, as people write it."""
    return f"{write_raster(folder / 'rg.tif', scene()[:2])}, {write_raster(folder / 'b.tif', scene()[2])}"


def turned_points(transform: Affine, crs: str) -> Callable[[Path], Path]:
    """Ground control points at the corners and the middle, and no transform."""
    places = [(0, 0), (WIDTH, 0), (0, HEIGHT), (WIDTH, HEIGHT), (WIDTH / 2, HEIGHT / 2)]
    points = []
    for col, row in places:
        x, y = transform @ (col, row)
        points.append(GroundControlPoint(row=row, col=col, x=x, y=y))
    return tif(under_a_hole(), crs=None, transform=None, gcps=points, gcps_crs=crs, mask=KNOWN)


def partial(values: np.ndarray, value: float, band: int = 1) -> np.ndarray:
    """A value in the hole of one band alone."""
    values = values.copy()
    values[band][~KNOWN] = value
    return values


DEGREES = Affine(5.4e-6, 0, -117.0, 0, -4.5e-6, 34.0)
MERCATOR = Affine(0.6, 0, -13_024_380.0, 0, -0.6, 4_028_802.0)
FEET = Affine(1.64, 0, 6_480_000.0, 0, -1.64, 1_840_000.0)
ROTATED = Affine.translation(500_000, 3_762_000) @ Affine.rotation(30) @ Affine.scale(0.5, -0.5)
GAP = ~block(80, 0, 100, HEIGHT)
FOUR = np.concatenate([PLANES[1:], PLANES])
"""Green, blue, red, green, blue: red is the third band."""

LAYOUTS = {
    # how the pixels are kept
    "striped": Layout(write=tif(scene(), blockysize=16)),
    "tiled": Layout(write=tif(scene(), tiled=True, blockxsize=64, blockysize=32, compress="lzw")),
    "band by band": Layout(write=tif(scene(), interleave="band", tiled=True, blockxsize=64, blockysize=64)),
    "big endian BigTIFF": Layout(write=tif(scene(), ENDIANNESS="BIG", BIGTIFF="YES")),
    "COG": Layout(write=cog(scene())),
    "COG with a mask": Layout(write=cog(under_a_hole(), mask=KNOWN), known=KNOWN),
    "JPEG in TIFF": Layout(
        write=tif(scene(planes=GREY), compress="jpeg", photometric="ycbcr", JPEG_QUALITY=95), planes=GREY, tolerance=16
    ),
    "JPEG and a world file": Layout(write=image("JPEG", world=True, QUALITY=95), planes=GREY, tolerance=16),
    "JPEG, world file and prj": Layout(
        write=image("JPEG", world=True, prj=True, QUALITY=95), planes=GREY, tolerance=16
    ),
    "JPEG and a sidecar": Layout(write=image("JPEG", world=False, QUALITY=95), planes=GREY, tolerance=16),
    "grey JPEG": Layout(write=image("JPEG", world=True, bands=1, QUALITY=95), planes=GREY, tolerance=16),
    "PNG and a world file": Layout(write=image("PNG", world=True)),
    "PNG and a sidecar": Layout(write=image("PNG", world=False)),
    "grey PNG": Layout(write=image("PNG", world=False, bands=1), planes=GREY),
    "VRT": Layout(write=vrt_of_one),
    "VRT of two files": Layout(write=vrt_of_two),
    "VRT with a gap": Layout(write=vrt_with_a_gap, known=GAP),
    # types
    **{
        dtype: Layout(write=tif(scene(dtype)), dtype=dtype)
        for dtype in ("uint16", "int16", "int32", "float32", "float64")
    },
    # bands
    "one band": Layout(write=tif(scene(planes=PLANES[:1])), planes=GREY),
    "two bands": Layout(write=tif(scene(planes=PLANES[:2])), planes=GREY),
    "four bands": Layout(write=tif(scene(planes=np.concatenate([PLANES, PLANES[:1]])))),
    "four bands, uint16": Layout(write=tif(scene("uint16", np.concatenate([PLANES, PLANES[:1]]))), dtype="uint16"),
    "three of five bands": Layout(write=tif(scene(planes=FOUR)), bands=(3, 4, 5)),
    "three of five bands, turned": Layout(write=tif(scene(planes=FOUR[::-1])), bands=(3, 5, 1), planes=FOUR[[2, 0, 4]]),
    "one of five bands": Layout(write=tif(scene("int16", FOUR)), bands=(3,), planes=GREY, dtype="int16"),
    "one file per band": Layout(write=one_file_per_band(scene())),
    "one file per band, in another order": Layout(write=one_file_per_band(scene()[[2, 0, 1]], (1, 2, 0))),
    "one file per band, uint16": Layout(write=one_file_per_band(scene("uint16")), dtype="uint16"),
    "one file per band, chosen": Layout(write=one_file_per_band(scene(planes=FOUR), (4, 3, 2, 1, 0)), bands=(3, 2, 1)),
    "a file of two bands and one of one": Layout(write=two_files),
    # what is valid
    "nodata 0": Layout(write=tif(scene(hole=0), nodata=0), known=KNOWN),
    "nodata 255": Layout(write=tif(under_a_hole(), nodata=255), known=KNOWN),
    "nodata 0, one band": Layout(write=tif(scene(hole=0)[:1], nodata=0), known=KNOWN, planes=GREY),
    "nodata 0, uint16": Layout(write=tif(scene("uint16", hole=0), nodata=0), known=KNOWN, dtype="uint16"),
    "nodata -9999, int16": Layout(write=tif(scene("int16", hole=-9999), nodata=-9999), known=KNOWN, dtype="int16"),
    "nodata -9999, int16, in one band": Layout(
        write=tif(partial(scene("int16"), -9999), nodata=-9999), known=KNOWN, dtype="int16"
    ),
    "nodata -3.4e38": Layout(
        write=tif(scene("float32", hole=-3.4028234663852886e38), nodata=-3.4028234663852886e38),
        known=KNOWN, dtype="float32",
    ),
    "nodata 1e20, in one band": Layout(
        write=tif(partial(scene("float32"), 1e20), nodata=1e20), known=KNOWN, dtype="float32"
    ),
    "nodata of a VRT in red alone": Layout(write=vrt_with_nodata_in_red_alone, known=KNOWN),
    "nodata of all bands together": Layout(write=with_tags(under_a_hole(), NODATA_VALUES="255 255 255"), known=KNOWN),
    "NaN": Layout(write=tif(scene("float32", hole=np.nan)), known=KNOWN, dtype="float32"),
    "NaN as nodata": Layout(write=tif(scene("float32", hole=np.nan), nodata=np.nan), known=KNOWN, dtype="float32"),
    "NaN in one band": Layout(write=tif(partial(scene("float32"), np.nan)), known=KNOWN, dtype="float32"),
    "infinity in one band": Layout(write=tif(partial(scene("float64"), np.inf)), known=KNOWN, dtype="float64"),
    "internal mask": Layout(write=tif(under_a_hole(), mask=KNOWN), known=KNOWN),
    "internal mask, uint16": Layout(write=tif(under_a_hole("uint16"), mask=KNOWN), known=KNOWN, dtype="uint16"),
    "internal mask, four bands": Layout(
        write=tif(under_a_hole(planes=np.concatenate([PLANES, GREY[:1]])), mask=KNOWN), known=KNOWN
    ),
    "internal mask beside nodata": Layout(
        write=tif(np.where(block(121, 41, 160, 60), np.uint8(0), under_a_hole()), nodata=0,
                  mask=KNOWN | block(121, 41, 160, 60)),
        known=KNOWN,
    ),
    "mask in a file of its own": Layout(write=with_msk, known=KNOWN),
    "JPEG in TIFF with a mask": Layout(
        write=tif(scene(planes=GREY, hole=0), compress="jpeg", photometric="ycbcr", JPEG_QUALITY=95, mask=KNOWN),
        known=KNOWN, planes=GREY, tolerance=16,
    ),
    "RGBA": Layout(write=with_alpha(under_a_hole()), known=KNOWN),
    "RGBA as GDAL takes four bands to be": Layout(
        write=lambda folder: write_raster(
            folder / "a.tif", np.concatenate([under_a_hole(), np.where(KNOWN, 255, 0).astype(np.uint8)[None]])
        ),
        known=KNOWN,
    ),
    "RGBA, uint16": Layout(write=with_alpha(under_a_hole("uint16"), opaque=65535), known=KNOWN, dtype="uint16"),
    "RGBA, hardly opaque": Layout(write=with_alpha(under_a_hole(), opaque=1), known=KNOWN),
    "RGBA, hardly opaque, uint16": Layout(
        write=with_alpha(under_a_hole("uint16"), opaque=1), known=KNOWN, dtype="uint16"
    ),
    "ARGB": Layout(write=with_alpha(under_a_hole(), first=True), known=KNOWN),
    "grey and alpha": Layout(write=with_alpha(under_a_hole()[:1]), known=KNOWN, planes=GREY),
    "red, green, blue, near infrared and alpha": Layout(
        write=with_alpha(under_a_hole(planes=np.concatenate([PLANES, GREY[:1]]))), known=KNOWN
    ),
    "alpha beside nodata": Layout(write=with_alpha(under_a_hole(), nodata=0), known=KNOWN),
    "alpha as PNG": Layout(
        write=lambda folder: write_raster(
            folder / "a.png", np.concatenate([under_a_hole(), np.where(KNOWN, 255, 0).astype(np.uint8)[None]]),
            driver="PNG",
        ),
        known=KNOWN,
    ),
    "one file per band, a mask in one": Layout(
        write=one_file_per_band(under_a_hole(), B1={"mask": KNOWN}), known=KNOWN
    ),
    "one file per band, each with a mask of its own": Layout(
        write=one_file_per_band(
            under_a_hole(),
            B0={"mask": ~block(121, 41, 140, 93)}, B1={"mask": ~block(140, 41, 160, 60)},
            B2={"mask": ~block(140, 60, 160, 93)},
        ),
        known=KNOWN,
    ),
    "one file per band, nodata in one": Layout(
        write=one_file_per_band(partial(scene("uint16"), 0), B1={"nodata": 0}), known=KNOWN, dtype="uint16"
    ),
    "one file per band, a mask and nodata": Layout(
        write=one_file_per_band(
            partial(scene("uint16"), 0), B1={"nodata": 0}, B2={"mask": KNOWN | block(121, 41, 160, 60)}
        ),
        known=KNOWN, dtype="uint16",
    ),
    # where it lies
    "degrees": placed("EPSG:4326", DEGREES),
    "Web Mercator": placed("EPSG:3857", MERCATOR),
    "State Plane feet": placed("EPSG:2229", FEET),
    "State Plane feet with heights": placed("EPSG:2229+6360", FEET),
    "southern UTM": placed("EPSG:32733", Affine(0.5, 0, 310_000, 0, -0.5, 6_180_000)),
    "rotated": placed(UTM, ROTATED),
    "south-up": placed(UTM, Affine(0.5, 0, 500_000, 0, 0.5, 3_762_000)),
    "mirrored": placed(UTM, Affine(-0.5, 0, 500_000, 0, -0.5, 3_762_000)),
    "non-square": placed(UTM, Affine(0.5, 0, 500_000, 0, -0.25, 3_762_000)),
    "rotated, non-square, in feet": placed(
        "EPSG:2229", Affine.translation(6_480_000, 1_840_000) @ Affine.rotation(-20) @ Affine.scale(1.64, -0.9)
    ),
    "ground control points": Layout(write=turned_points(UTM_HALF_METRE, UTM), known=KNOWN),
    "ground control points in degrees": Layout(
        write=turned_points(DEGREES, "EPSG:4326"), known=KNOWN, crs="EPSG:4326", transform=DEGREES, warped=True
    ),
    "turned ground control points": Layout(
        write=turned_points(ROTATED, UTM), known=KNOWN, transform=ROTATED, warped=True
    ),
}  # fmt: skip

UNWARPED = {words: layout for words, layout in LAYOUTS.items() if not layout.warped}


@pytest.fixture(params=LAYOUTS.values(), ids=LAYOUTS.keys())
def layout(request) -> Layout:
    return request.param


@pytest.fixture
def name(layout, tmp_path) -> str:
    return str(layout.write(tmp_path))


pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def around(planes: np.ndarray, reduce: Callable) -> np.ndarray:
    """The least or the largest of the 4 x 4 pixels that a triangle filter of step 2 sees, for each two by two."""
    wide = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="edge")
    return reduce(
        [wide[:, row : row + HEIGHT - 1 : 2, col : col + WIDTH - 1 : 2] for row in range(4) for col in range(4)], axis=0
    )


def test_pixels_at_its_own_resolution(layout, name):
    with open_raster(name, bands=layout.bands) as raster:
        assert raster.name == name
        assert raster.grid.crs == pyproj.CRS(layout.crs)
        pixels = raster.read(raster.grid, raster.grid.window)
    if layout.warped:
        assert_same_inside(layout, raster.grid, pixels)
        return
    assert raster.grid.shape == (HEIGHT, WIDTH)
    assert raster.grid.transform.almost_equals(layout.transform, precision=1e-9)
    assert np.array_equal(pixels.valid, layout.valid)
    assert np.abs(pixels.image.astype(int) - layout.expected * layout.valid).max() <= layout.tolerance


def assert_same_inside(layout: Layout, grid: Grid, pixels: Pixels) -> None:
    """Compare a warped view to the truth at the middle of each pixel that is two from where any value changes."""
    planes = np.concatenate([layout.expected, layout.valid[None]])
    pieces = [planes[:, row : HEIGHT - 4 + row, col : WIDTH - 4 + col] for row in range(5) for col in range(5)]
    rows, cols = np.nonzero((np.ptp(pieces, axis=0) == 0).all(axis=0))
    x, y = layout.transform @ (cols + 2.5, rows + 2.5)
    there_x, there_y = np.floor(~grid.transform @ (x, y)).astype(int)
    assert len(rows) > 0.7 * HEIGHT * WIDTH
    assert np.array_equal(pixels.valid[there_y, there_x], layout.valid[rows + 2, cols + 2])
    truth = (layout.expected * layout.valid)[:, rows + 2, cols + 2]
    assert np.array_equal(pixels.image[:, there_y, there_x], truth)
    outside = shapely.box(*grid.bounds).area - abs(layout.transform.determinant) * HEIGHT * WIDTH
    assert (~pixels.valid).sum() * abs(grid.transform.determinant) == pytest.approx(
        outside + abs(layout.transform.determinant) * (~layout.valid).sum(), rel=0.03
    )


@pytest.mark.parametrize("layout", UNWARPED.values(), ids=UNWARPED.keys())
def test_pixels_at_half_its_resolution(layout, name):
    with open_raster(name, bands=layout.bands) as raster:
        grid = raster.grid
        half = Grid(crs=grid.crs, transform=grid.transform @ Affine.scale(2), height=HEIGHT // 2, width=WIDTH // 2)
        pixels = raster.read(half, half.window)
    valid = layout.valid.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).all(axis=(1, 3))
    assert np.array_equal(pixels.valid, valid)
    least = around(np.where(layout.valid, layout.expected, 255), np.minimum.reduce)
    most = around(np.where(layout.valid, layout.expected, 0), np.maximum.reduce)
    found = pixels.image[:, valid].astype(int)
    assert (found >= least[:, valid] - layout.tolerance).all()
    assert (found <= most[:, valid] + layout.tolerance).all()
    assert (least == most)[:, valid].mean() > 0.8


def unknown_boxes(layout: Layout) -> list[tuple[int, int, int, int]]:
    if layout.known is None:
        return []
    return [(80, 0, 100, HEIGHT)] if layout.known is GAP else [HOLE]


def geodesic_area_m2(polygon: shapely.Polygon, crs: pyproj.CRS) -> float:
    """The area on the CRS's ellipsoid, by pyproj alone."""
    lonlat = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    moved = shapely.transform(polygon, lonlat.transform, interleaved=False)
    ellipsoid = crs.ellipsoid
    geod = pyproj.Geod(a=ellipsoid.semi_major_metre, b=ellipsoid.semi_minor_metre)
    return abs(geod.geometry_area_perimeter(moved)[0])


@pytest.mark.parametrize(("gsd_m", "least"), [(0.5, 0.97), (0.8, 0.95)])
def test_footprints_are_where_the_buildings_are(layout, name, gsd_m, least):
    """Up to one larger pixel along the hole is not valid either."""
    found = segment(make_bundle(gsd_m=gsd_m, bands=layout.bands), name, segmenter=PerfectSegmenter()).footprints
    truth = shapely.union_all([layout.on_map(building) for building in BUILDINGS])
    for part in unknown_boxes(layout):
        truth -= layout.on_map(part)
    union = found.union_all()
    assert len(found) == len(shapely.get_parts(truth))
    iou = truth.intersection(union).area / truth.union(union).area
    assert iou > least
    for part in unknown_boxes(layout):
        pixel = abs(layout.transform.determinant)
        assert union.intersection(layout.on_map(part)).area < (60 * pixel if layout.warped else 1e-6 * pixel)
    assert found.crs == pyproj.CRS(layout.crs)
    for row in found.itertuples():
        assert row.area_m2 == pytest.approx(geodesic_area_m2(row.geometry, found.crs), rel=1e-3)
