"""One dataset of a raster: opened by any name GDAL knows, placed on the ground, read with what is valid in it."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import pyproj.exceptions
import rasterio
import rasterio.crs
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.session import DummySession
from rasterio.vrt import WarpedVRT

from samft_core.errors import RasterError
from samft_core.grid import Grid
from samft_core.names import exists, may_be_opened, one_line
from samft_core.nodata import is_nodata

ON_S3 = re.compile(r"/vsis3|(^|\+)s3://")

UNSIGNED = {"AWS_NO_SIGN_REQUEST": "YES"}
"""How GDAL reads a public bucket without credentials."""


class Source:
    """An open dataset; use `open_source`.

    Args:
        file: The dataset itself.
        pixels: The same, or a warped view of it with one more band, an alpha.
        name: What it was opened by.
        grid: The view's.
        options: GDAL's settings without which it cannot be read.
    """

    def __init__(
        self, *, file: DatasetReader, pixels: DatasetReader, name: str, grid: Grid, options: Mapping[str, str]
    ) -> None:
        self._file = file
        self._pixels = pixels
        self._options = options
        self._flags = pixels.mask_flag_enums
        self._alphas = [band for band in pixels.indexes if pixels.colorinterp[band - 1] == ColorInterp.alpha]
        self.name = name
        self.grid = grid
        self.count = int(file.count)

    @property
    def colours(self) -> list[int]:
        """The bands that are not alpha, from 1."""
        return [band for band in self._file.indexes if self._file.colorinterp[band - 1] != ColorInterp.alpha]

    @property
    def files(self) -> list[Path]:
        """The local files it is made of; not `.aux.xml`, in which GIS programs keep notes of a raster they showed."""
        names = [Path(name) for name in self._file.files if not name.endswith(".aux.xml")]
        return [name for name in names if name.is_file()]

    def dtypes(self, bands: Sequence[int]) -> list[str]:
        """The bands' types, as numpy calls them."""
        return [self._file.dtypes[band - 1] for band in bands]

    def nodata(self, bands: Sequence[int]) -> list[float | None]:
        """The bands' nodata values."""
        return [self._file.nodatavals[band - 1] for band in bands]

    def is_palette(self, bands: Sequence[int]) -> bool:
        """Whether any of the bands is an index into a table of colours."""
        return any(self._file.colorinterp[band - 1] == ColorInterp.palette for band in bands)

    def tells_validity(self, bands: Sequence[int]) -> bool:
        """Whether a nodata value, a mask or an alpha band says which pixels of the bands have data."""
        flags = self._file.mask_flag_enums
        has_alpha = ColorInterp.alpha in self._file.colorinterp
        return has_alpha or any(MaskFlags.all_valid not in flags[band - 1] for band in bands)

    def read(self, bands: Sequence[int], **where: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Read bands, and where they are known.

        A pixel is known where all that speaks of it says so: no band is NaN or infinite, every alpha band is above
        0, every band's mask is set, and nodata values leave it (see `is_nodata`).

        Args:
            bands: Their numbers, from 1.
            where: rasterio's `window` or `out_shape` (height, width).

        Returns:
            (bands, height, width) in the dataset's own type, and (height, width).
        """
        with self._reading(where):
            if len(set(self.dtypes(bands))) == 1:
                values = self._pixels.read(bands, **where)
            else:  # rasterio reads bands of several types one by one only
                values = np.stack([self._pixels.read(band, **where) for band in bands])
            known = ~is_nodata(values, self.nodata(bands))
            if values.dtype.kind == "f":
                known &= (np.abs(values) <= np.finfo(np.float32).max).all(axis=0)
            for band in self._alphas:
                known &= self._pixels.read(band, **where) > 0
            for band in self._masked(bands):
                known &= self._pixels.read_masks(band, **where) > 0
        return values, known

    def _masked(self, bands: Sequence[int]) -> list[int]:
        """Bands with a mask of their own; all of a dataset that has one mask are told by the first."""
        flags = {band: self._flags[band - 1] for band in sorted(set(bands))}
        shared = [band for band, of in flags.items() if MaskFlags.per_dataset in of and MaskFlags.alpha not in of]
        return shared[:1] + [band for band, of in flags.items() if not of]

    @contextlib.contextmanager
    def _reading(self, where: Mapping[str, Any]) -> Iterator[None]:
        """Set GDAL up, in whichever thread this is, and turn its failures to read pixels into one line."""
        try:
            with _settings(self._options):
                yield
        except RasterioError as error:
            window = where.get("window")
            place = "while all of it was looked through"
            if window:
                place = f"at rows {window.row_off} to {window.row_off + window.height}"
            raise RasterError(
                expected=f"a raster that can be read, {one_line(self.name)}",
                got=f"an error {place}: {one_line(str(error.__cause__ or error))}",
                remedy="check the file with gdalinfo -checksum",
            ) from error


def open_source(name: str, stack: contextlib.ExitStack) -> Source:
    """Open one dataset.

    Args:
        name: A file, or any name GDAL knows: `/vsi...`, `s3://...`, `GPKG:...`, XML.
        stack: What closes it.

    Raises:
        RasterError: It is missing, no raster or has no georeference.
    """
    if not may_be_opened(name):
        raise RasterError(expected="a raster", got=f"no file {name or 'between two commas'}", remedy="check the path")
    file, options = _open(name, stack)
    if file.count == 0:
        raise RasterError(
            expected="a raster with bands",
            got=f"{one_line(name)}, which only holds others",
            remedy=f"give one of those: {one_line(', '.join(file.subdatasets))}",
        )
    with _settings(options):
        crs, pixels = _georeferenced(file, name, stack)
        grid = Grid(crs=crs, transform=pixels.transform, height=pixels.height, width=pixels.width)
        return Source(file=file, pixels=pixels, name=name, grid=grid, options=options)


def _open(name: str, stack: contextlib.ExitStack) -> tuple[DatasetReader, Mapping[str, str]]:
    """Open a dataset and give what it takes to read it.

    What is on S3 and cannot be had with the credentials at hand is tried without, as public buckets can be read. GDAL
    finds the credentials, in the environment or in `~/.aws`, so that all is the same with and without boto3.
    """
    path = f"/vsis3/{name.removeprefix('s3://')}" if name.startswith("s3://") else name
    try:
        return _enter(path, {}, stack), {}
    except RasterioError as error:
        if not ON_S3.search(name):
            raise RasterError(
                expected="a raster that GDAL can open",
                got=f"{one_line(name)} ({one_line(str(error))})",
                remedy="check the file with gdalinfo",
            ) from error
        signed = error
    try:
        return _enter(path, UNSIGNED, stack), UNSIGNED
    except RasterioError as error:
        words = str(signed) if str(signed) == str(error) else f"{signed}; without credentials: {error}"
        raise RasterError(
            expected="a raster on S3 that GDAL can open",
            got=f"{one_line(name)} ({one_line(words)})",
            remedy="check the address, AWS_REGION and the AWS credentials",
        ) from error


def _enter(path: str, options: Mapping[str, str], stack: contextlib.ExitStack) -> DatasetReader:
    with _settings(options), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # told by `_georeferenced` in our own words
        return stack.enter_context(rasterio.open(path))


def _settings(options: Mapping[str, str]) -> contextlib.AbstractContextManager[Any]:
    """GDAL's settings for this thread; without any, none of rasterio's costly search for credentials either."""
    return rasterio.Env(session=DummySession(), **options) if options else contextlib.nullcontext()


def _georeferenced(file: DatasetReader, name: str, stack: contextlib.ExitStack) -> tuple[pyproj.CRS, DatasetReader]:
    """The CRS and the dataset, or a warped view of it where only ground control points say where it lies."""
    points, points_crs = file.gcps
    placed = file.transform != Affine.identity()
    crs = _crs(points_crs if points and not placed else file.crs, name)
    if crs is None:
        raise RasterError(
            expected="a raster with a coordinate reference system",
            got=f"{one_line(name)} without one{'' if placed or points else ', nor a place on the map'}",
            remedy="assign it, for example with gdal_edit.py -a_srs EPSG:CODE"
            + ("" if placed or points else " -a_ullr LEFT TOP RIGHT BOTTOM"),
        )
    if placed:
        return crs, file
    if not points:
        raise RasterError(
            expected="a raster that says where it lies",
            got=f"{one_line(name)} with neither a geotransform nor ground control points",
            remedy="orthorectify it with gdalwarp -rpc"
            if file.rpcs
            else "add a world file, or place it with gdal_translate -a_ullr LEFT TOP RIGHT BOTTOM, or with -gcp",
        )
    its, has_alpha = rasterio.crs.CRS.from_wkt(crs.to_wkt()), ColorInterp.alpha in file.colorinterp
    return crs, stack.enter_context(WarpedVRT(file, src_crs=its, crs=its, add_alpha=not has_alpha))


def _crs(stated: Any, name: str) -> pyproj.CRS | None:
    """The CRS a dataset states, or the one of a `.prj` beside an image, which GDAL does not look at."""
    try:
        if stated:
            return pyproj.CRS.from_wkt(stated.to_wkt())
        beside = Path(name).with_suffix(".prj") if exists(name) else None
        if beside is None or not beside.is_file() or beside.with_suffix(".shp").exists():  # then it is the shapefile's
            return None
        return pyproj.CRS.from_wkt(beside.read_text(encoding="utf-8"))
    except (pyproj.exceptions.CRSError, UnicodeDecodeError):
        return None
