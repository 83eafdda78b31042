"""Many rasters to footprints: into one file, or into one file each."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import geopandas
import numpy as np
import shapely

from samft_core.bundle import Bundle
from samft_core.cog import picture_job, write_probability
from samft_core.errors import InputError, OutputError, OutsideError
from samft_core.field import JOB, StoredField
from samft_core.footprint_file import Summary, check_format, read_summary, write_footprints
from samft_core.footprints import Segmentation, segment, texts
from samft_core.grid import reproject
from samft_core.names import split_names
from samft_core.output import check_output, clear_half_written
from samft_core.plan import Settings, planned
from samft_core.predict import Segmenter
from samft_core.progress import Progress, silent


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is done with each raster."""

    bundle: Bundle
    settings: Settings = field(default_factory=Settings)
    segmenter: Segmenter | None = None
    """A loaded model; loaded from the bundle for each raster if None."""
    overwrite: bool = False
    """Whether outputs that exist are replaced; those of the very same job are left as they are."""
    progress: Progress = silent
    """Told about each raster's tiles and rows."""

    def segment(self, raster: str, folder: Path) -> Segmentation:
        """What is found in a raster, its probabilities kept in a folder."""
        return segment(
            self.bundle,
            raster,
            folder=folder,
            segmenter=self.segmenter,
            progress=self.progress,
            **vars(self.settings),
        )

    def job(self, raster: str) -> object:
        """The digest of all that a raster's footprints depend on."""
        with planned(self.bundle, raster, self.settings) as plan:
            return plan.provenance["job"]


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


def segment_into_one(batch: Batch, rasters: Sequence[str], out: Path, *, probability: Path | None = None) -> Outcome:
    """Find the buildings in rasters and write their footprints into one file.

    A raster that fails does not stop the others. An interrupted run leaves its finished row bands in
    `parts_folder(out)`; the same call goes on from there.

    Args:
        batch: What is done with each.
        rasters: Any that `segment` takes.
        out: The file, in the CRS of the first raster, with the attribute `raster`.
        probability: Where to write the probabilities: a GeoTIFF for one raster, a folder for several.

    Raises:
        OutputError: An output exists, would replace an input, or cannot be written.
        InputError: None of the rasters could be segmented; the first one's error.
    """
    pictures = _pictures(rasters, probability)
    check_format(out)
    _check_apart(batch, rasters, [out, *pictures.values()])
    check_output(out, overwrite=batch.overwrite)
    outcome = Outcome(outputs=[out])
    for raster, picture in pictures.items():
        with _noted(raster, outcome):
            _check_picture(batch, raster, picture)
    for path in (out, *pictures.values()):
        clear_half_written(path)
    try:
        found = _segment_all(batch, [each for each in rasters if each not in outcome.failures], out, outcome)
        for raster in found.keys() & pictures.keys():
            if picture_job(pictures[raster]) != found[raster].provenance["job"]:
                write_probability(found[raster], pictures[raster], overwrite=batch.overwrite)
        outcome.overlapping = _overlaps(found)
        provenance = _provenance(found, outcome.overlapping)
        batches = _joined(found, outcome, batch.progress)
        write_footprints(batches, out, provenance=provenance, overwrite=batch.overwrite)
    except BaseException:
        if not kept_rows(out):
            _remove_parts(out)
        raise
    _remove_parts(out)
    return outcome


def segment_into_each(batch: Batch, rasters: Sequence[str], out: Path, *, probability: Path | None = None) -> Outcome:
    """Find the buildings in rasters and write a GeoPackage for each into a folder.

    As `segment_into_one`, raster by raster. Outputs of the very same job, by the digest in them, are left as they are:
    so an interrupted call, run again, goes on.

    Args:
        batch: As there.
        rasters: As there.
        out: The folder; a GeoPackage has its raster's name.
        probability: A folder for the GeoTIFFs, if they are wanted.

    Raises:
        OutputError: An output exists, would replace an input, or cannot be written, or two have the same name.
        InputError: None of the rasters could be segmented; the first one's error.
    """
    outputs = _names(rasters, out, ".gpkg")
    pictures = _names(rasters, probability, ".tif") if probability else {}
    _check_apart(batch, rasters, [*outputs.values(), *pictures.values()])
    outcome, done = Outcome(), set()
    for raster, output in outputs.items():
        with _noted(raster, outcome):
            if _is_done(batch, raster, output, pictures.get(raster)):
                done.add(raster)
                continue
            check_output(output, overwrite=batch.overwrite)
            if raster in pictures:
                _check_picture(batch, raster, pictures[raster])
    for raster in [each for each in rasters if each not in outcome.failures]:
        output = outputs[raster]
        with _noted(raster, outcome):
            if raster in done:
                its: Summary | Outcome = read_summary(output)
            else:
                its = segment_into_one(batch, [raster], output, probability=pictures.get(raster))
            outcome.outputs.append(output)
            outcome.footprints += its.footprints
            outcome.area_m2 += its.area_m2
    if not outcome.outputs:
        raise next(iter(outcome.failures.values()))
    return outcome


def _segment_all(batch: Batch, rasters: Sequence[str], out: Path, outcome: Outcome) -> dict[str, Segmentation]:
    """What was found in each raster but those that failed; the first one's error if all did."""
    found = {}
    for number, raster in enumerate(rasters):
        with _noted(raster, outcome):
            found[raster] = batch.segment(raster, parts_folder(out) / f"{number:05d}")
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


def _is_done(batch: Batch, raster: str, output: Path, picture: Path | None) -> bool:
    """Whether the outputs are there and of the very same job."""
    if not output.exists() or not (picture is None or picture.exists()):
        return False
    job = batch.job(raster)
    return read_summary(output).job == job and (picture is None or picture_job(picture) == job)


def _check_picture(batch: Batch, raster: str, picture: Path) -> None:
    """Refuse a GeoTIFF that exists, but for the very one that would be written."""
    if not (picture.exists() and picture_job(picture) == batch.job(raster)):
        check_output(picture, overwrite=batch.overwrite)


def _check_apart(batch: Batch, rasters: Sequence[str], outputs: Sequence[Path]) -> None:
    """Refuse outputs that would replace each other, a raster, the area of interest or a part of the bundle."""
    inputs = [Path(name) for raster in rasters for name in split_names(raster)]
    inputs += [Path(str(batch.settings.aoi).partition("|")[0])] if batch.settings.aoi else []
    taken = {path.resolve(): "an input" for path in inputs}
    for path in outputs:
        place = path.resolve()
        inside = batch.bundle.path.resolve() in place.parents
        other = "a part of the bundle" if inside else taken.get(place)
        if other:
            raise OutputError(
                expected=f"an output of its own, {path}", got=f"one that is {other} too", remedy="choose another name"
            )
        taken[place] = "an output"


def _remove_parts(out: Path) -> None:
    """Delete the folders of probabilities, and nothing else."""
    for folder in (*parts_folder(out).glob("*"), parts_folder(out)):
        if (folder / JOB).is_file():
            shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.rmdir()


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


def _pictures(rasters: Sequence[str], probability: Path | None) -> dict[str, Path]:
    """Where the probabilities of each raster go."""
    if probability is None:
        return {}
    if len(rasters) > 1:
        return _names(rasters, probability, ".tif")
    if probability.suffix.lower() not in (".tif", ".tiff"):
        raise OutputError(
            expected="a GeoTIFF for the probabilities, ending in .tif",
            got=probability.name,
            remedy="rename it; a folder is for several rasters",
        )
    return {rasters[0]: probability}


def _names(rasters: Sequence[str], folder: Path, suffix: str) -> dict[str, Path]:
    """A file in a folder for each raster.

    Raises:
        OutputError: Two would have the same.
    """
    names = {raster: folder / f"{Path(split_names(raster)[0]).stem}{suffix}" for raster in rasters}
    for (one, path), (other, same) in itertools.combinations(names.items(), 2):
        if path == same:
            raise OutputError(
                expected="rasters of different names for one output each",
                got=f"{one} and {other}",
                remedy="run samft segment once for each folder",
            )
    return names
