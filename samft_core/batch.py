"""Many rasters to footprints: into one file, or into one file each."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import geopandas
import numpy as np
import shapely

from samft_core.cog import write_probability
from samft_core.errors import InputError, OutputError, OutsideError
from samft_core.field import StoredField
from samft_core.footprint_file import check_format, write_footprints
from samft_core.footprints import Segmentation, texts
from samft_core.grid import reproject
from samft_core.output import check_output, clear_half_written, whole_file
from samft_core.progress import Progress, silent

Segment = Callable[[str, Path], Segmentation]
"""Finds the buildings in a raster, keeping its probabilities in a folder."""

BEGUN = "probability-begun"
"""The file that tells, in a folder of probabilities, that the GeoTIFF of them was begun."""

JOURNAL = ".samft-segment.json"
"""The file that tells, in a folder of outputs, how far an interrupted call came."""


@dataclass(kw_only=True)
class Outcome:
    """What became of some rasters."""

    outputs: list[Path] = field(default_factory=list)
    """The files of footprints."""
    footprints: int = 0
    area_m2: float = 0.0
    outside: list[str] = field(default_factory=list)
    """Rasters that have no part in the extent."""
    failures: dict[str, InputError] = field(default_factory=dict)
    """Rasters that could not be segmented, and why."""
    overlapping: list[tuple[str, str]] = field(default_factory=list)
    """Rasters in one output that show the same ground: a building there is found in each."""


def parts_folder(out: Path) -> Path:
    """Where the probabilities are kept until an output is whole."""
    return out.with_name(f".{out.name}.parts")


def kept_rows(out: Path) -> Path | None:
    """Where an interrupted call for this output left row bands that are finished, if it did."""
    folders = [parts_folder(out), *out.glob(".*.parts")] if out.is_dir() else [parts_folder(out)]
    return next((folder for folder in folders if any(folder.glob(f"*/{StoredField.BANDS}"))), None)


def segment_into_one(
    rasters: Sequence[str],
    out: Path,
    segment: Segment,
    *,
    probability: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Find the buildings in rasters and write their footprints into one file.

    A raster that fails does not stop the others. An interrupted run leaves its finished row bands in
    `parts_folder(out)`; the same call goes on from there.

    Args:
        rasters: What `segment` takes.
        out: The file, in the CRS of the first raster, with the attribute `raster`.
        segment: How.
        probability: Where to write the probabilities: a GeoTIFF for one raster, a folder for several.
        overwrite: Whether outputs that exist are replaced.
        progress: Told about each raster's rows.

    Raises:
        OutputError: An output exists or cannot be written.
        InputError: None of the rasters could be segmented; the first one's error.
    """
    check_format(out)
    check_output(out, overwrite=overwrite)
    pictures = _pictures(rasters, probability) if probability else {}
    for raster, picture in pictures.items():
        begun = parts_folder(out) / f"{rasters.index(raster):05d}" / BEGUN
        check_output(picture, overwrite=overwrite or begun.exists())
    for path in (out, *pictures.values()):
        clear_half_written(path)
    outcome = Outcome(outputs=[out])
    try:
        found = _segment_all(rasters, parts_folder(out), segment, outcome)
        for raster in found.keys() & pictures.keys():
            _write_picture(found[raster], pictures[raster], overwrite=overwrite)
        outcome.overlapping = _overlaps(found)
        provenance = _provenance(found, outcome.overlapping)
        write_footprints(_joined(found, outcome, progress), out, provenance=provenance, overwrite=overwrite)
    except BaseException:
        if not kept_rows(out):
            shutil.rmtree(parts_folder(out), ignore_errors=True)
        raise
    shutil.rmtree(parts_folder(out), ignore_errors=True)
    return outcome


def segment_into_each(
    rasters: Sequence[str],
    out: Path,
    segment: Segment,
    *,
    probability: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    call: Mapping[str, object],
) -> Outcome:
    """Find the buildings in rasters and write a GeoPackage for each into a folder.

    As `segment_into_one`, raster by raster; the same call, run again after an interruption, leaves alone what is done.

    Args:
        rasters: As there.
        out: The folder; a GeoPackage has its raster's name.
        segment: As there.
        probability: A folder for the GeoTIFFs, if they are wanted.
        overwrite: As there.
        progress: As there.
        call: What the outputs depend on, as JSON values: the journal of another call is of no use.

    Raises:
        OutputError: An output exists or cannot be written, or two rasters have the same name.
        InputError: None of the rasters could be segmented; the first one's error.
    """
    outputs = _names(rasters, out, ".gpkg")
    pictures = _names(rasters, probability, ".tif") if probability else {}
    begun = _read_journal(out / JOURNAL, call)
    for raster in outputs.keys() - set(begun):
        for path in (outputs[raster], pictures.get(raster)):
            if path:
                check_output(path, overwrite=overwrite)
    outcome = Outcome(outputs=[outputs[raster] for raster in begun[:-1]])
    again = begun[-1:]  # it may not be whole
    begun = begun[:-1]
    for raster in [each for each in rasters if each not in begun]:
        begun.append(raster)
        _write_journal(out / JOURNAL, call, begun)
        with _noted(raster, outcome):
            done = segment_into_one(
                [raster],
                outputs[raster],
                segment,
                probability=pictures.get(raster),
                overwrite=overwrite or raster in again,
                progress=progress,
            )
            outcome.outputs += done.outputs
            outcome.footprints += done.footprints
            outcome.area_m2 += done.area_m2
    (out / JOURNAL).unlink()
    if not outcome.outputs:
        raise next(iter(outcome.failures.values()))
    return outcome


def _segment_all(rasters: Sequence[str], folder: Path, segment: Segment, outcome: Outcome) -> dict[str, Segmentation]:
    """What was found in each raster but those that failed; the first one's error if all did."""
    found = {}
    for number, raster in enumerate(rasters):
        with _noted(raster, outcome):
            found[raster] = segment(raster, folder / f"{number:05d}")
    if not found:
        raise next(iter(outcome.failures.values()))
    return found


@contextlib.contextmanager
def _noted(raster: str, outcome: Outcome) -> Iterator[None]:
    """Note why a raster cannot be segmented; an output that cannot be written is an error still."""
    try:
        yield
    except OutputError:
        raise
    except InputError as error:
        outcome.failures[raster] = error
        if isinstance(error, OutsideError):
            outcome.outside.append(raster)


def _write_picture(found: Segmentation, path: Path, *, overwrite: bool) -> None:
    """Write the probabilities, again if an interrupted run did so before the footprints were written."""
    begun = found.field.folder / BEGUN
    own = begun.exists()
    if not own:
        check_output(path, overwrite=overwrite)
        begun.touch()
    write_probability(found, path, overwrite=overwrite or own)


def _joined(
    found: Mapping[str, Segmentation], outcome: Outcome, progress: Progress
) -> Iterator[geopandas.GeoDataFrame]:
    """The footprints of all rasters, numbered through, in the CRS of the first."""
    crs = next(iter(found.values())).lattice.crs
    for each in found.values():
        for batch in each.batches(progress):
            footprints = batch.to_crs(crs).assign(raster=texts(each.name, len(batch)))
            footprints["id"] = np.arange(len(batch)) + outcome.footprints + 1
            outcome.footprints += len(batch)
            outcome.area_m2 += float(batch["area_m2"].sum())
            yield footprints


def _overlaps(found: Mapping[str, Segmentation]) -> list[tuple[str, str]]:
    """The pairs of rasters that share ground within what was asked for."""
    crs = next(iter(found.values())).lattice.crs
    places = [reproject(np.array([each.grid.footprint]), each.lattice.crs, crs)[0] for each in found.values()]
    left, right = shapely.STRtree(places).query(places, predicate="intersects")
    names = list(found)
    share = shapely.area(shapely.intersection(np.take(places, left), np.take(places, right)))
    least = 1e-6 * np.minimum(shapely.area(np.take(places, left)), shapely.area(np.take(places, right)))
    return [(names[i], names[j]) for i, j, real in zip(left, right, share > least, strict=True) if real and i < j]


def _provenance(found: Mapping[str, Segmentation], overlapping: list[tuple[str, str]]) -> dict[str, object]:
    """One raster's own; for several, what they have in common, and each one's own under its name."""
    notes = [each.provenance for each in found.values()]
    if len(notes) == 1:
        return notes[0]
    common = {key: value for key, value in notes[0].items() if all(other.get(key) == value for other in notes)}
    rasters = [{key: value for key, value in note.items() if key not in common} for note in notes]
    return {**common, "rasters": rasters, "overlapping": [list(pair) for pair in overlapping]}


def _pictures(rasters: Sequence[str], probability: Path) -> dict[str, Path]:
    return {rasters[0]: probability} if len(rasters) == 1 else _names(rasters, probability, ".tif")


def _names(rasters: Sequence[str], folder: Path, suffix: str) -> dict[str, Path]:
    """A file in a folder for each raster.

    Raises:
        OutputError: Two would have the same.
    """
    names = {raster: folder / f"{Path(raster.split(',')[0]).stem}{suffix}" for raster in rasters}
    for (one, path), (other, same) in itertools.combinations(names.items(), 2):
        if path == same:
            raise OutputError(
                expected="rasters of different names for one output each",
                got=f"{one} and {other}",
                remedy="run samft segment once for each folder",
            )
    return names


def _read_journal(path: Path, call: Mapping[str, object]) -> list[str]:
    """The rasters that an interrupted call of the same kind began, in order; all but the last are done."""
    if not path.is_file():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    return list(content["begun"]) if content["call"] == json.loads(json.dumps(call)) else []


def _write_journal(path: Path, call: Mapping[str, object], begun: list[str]) -> None:
    with whole_file(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps({"call": call, "begun": begun}), encoding="utf-8")
