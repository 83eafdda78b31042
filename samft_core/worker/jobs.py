# SPDX-License-Identifier: MIT
"""What the worker does for each kind of request."""

from __future__ import annotations

import contextlib
import io
import json
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from samft_core import protocol
from samft_core.errors import InputError, SamftError
from samft_core.progress import Enough, Progress
from samft_core.version import VERSION
from samft_core.worker.kept import Kept

if TYPE_CHECKING:
    import geopandas

Job = protocol.About | protocol.Segment | protocol.Ask | protocol.Run
Check = Callable[[], None]
"""Called often; raises an exception when the job is to be left."""


def do(job: Job, kept: Kept, *, progress: Progress, check: Check) -> protocol.Reply:
    """Do a job.

    Args:
        job: What to do.
        kept: What earlier jobs have left.
        progress: Told how far the job is; raises an exception when it is to be left.
        check: The same without telling anything.

    Raises:
        SamftError: It cannot be done.
    """
    if isinstance(job, protocol.About):
        return about(job)
    if isinstance(job, protocol.Run):
        return run(job, progress)
    _check_settings(job)
    kept.watch(check)
    return segment(job, kept, progress) if isinstance(job, protocol.Segment) else ask(job, kept, progress)


def about(job: protocol.About) -> protocol.Toolkit:
    """What toolkit this is."""
    from samft_core.sam.segmenter import describe_device

    torch, device = describe_device()
    return protocol.Toolkit(id=job.id, version=VERSION, python=platform.python_version(), torch=torch, device=device)


def run(job: protocol.Run, progress: Progress) -> protocol.Done:
    """Run a verb of the command line; what it prints is the answer.

    Raises:
        SamftError: It failed; the message is the one that the command line gives.
    """
    import click

    from samft_core.cli.main import describe_failure, run_verb
    from samft_core.cli.progress import progress_to

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), progress_to(progress):
        try:
            status = run_verb(job.arguments)
        except click.ClickException as error:
            raise _VerbError(*describe_failure(error)) from error
    if status:
        raise _VerbError(f"expected samft {job.arguments[0]} to succeed, got status {status}; see the log", status)
    return protocol.Done(id=job.id, said=printed.getvalue().strip())


def segment(job: protocol.Segment, kept: Kept, progress: Progress) -> protocol.Result:
    """Find the buildings in a raster, running the model only where that was not done lately."""
    progress("loading", 0, 1)
    bundle = kept.bundle(job.bundle)  # first, since the imports below take seconds
    from samft_core.footprint_file import check_format, write_footprints
    from samft_core.output import check_output
    from samft_core.worker.preview import write_preview

    out = Path(job.out)
    check_format(out)
    check_output(out, overwrite=False)
    if job.preview is not None:
        check_output(Path(job.preview), overwrite=False)
    found = kept.segmentation(job, bundle, progress)
    count = 0

    def to_the_end(stage: str, done: int, total: int, note: str = "") -> None:
        with contextlib.suppress(Enough):  # what is there is outlined whole
            progress(stage, done, total, note)

    def counted() -> Iterator[geopandas.GeoDataFrame]:
        nonlocal count
        for batch in found.batches(to_the_end):
            count += len(batch)
            yield batch

    if job.preview is not None and found.complete:
        write_preview(found, Path(job.preview), to_the_end)
    write_footprints(counted(), out, provenance=found.provenance, overwrite=False)
    return protocol.Result(
        id=job.id,
        out=job.out,
        footprints=count,
        provenance=json.dumps(found.provenance),
        complete=found.complete,
    )


def ask(job: protocol.Ask, kept: Kept, progress: Progress) -> protocol.Answer:
    """Outline the building that a box or points mean."""
    progress("loading", 0, 1)
    bundle = kept.bundle(job.bundle)
    from samft_core.asking import Marks
    from samft_core.asking import ask as ask_for_one

    model = kept.model(bundle)
    progress("loading", 1, 1)
    told = ask_for_one(
        bundle,
        job.raster,
        Marks(box=job.box, points=job.points, crs=job.crs),
        threshold=job.threshold,
        regularize=job.regularize,
        as_is=job.as_is,
        segmenter=model,
    )
    return protocol.Answer(
        id=job.id,
        geometry=told.geometry.wkb_hex if told.geometry is not None else None,
        score=told.score,
        area_m2=told.area_m2,
        bundle=bundle.card.hash,
        threshold=told.threshold,
        provenance=json.dumps(told.provenance),
    )


def _check_settings(job: protocol.Segment | protocol.Ask) -> None:
    """What the command line checks in its options."""
    if job.threshold is not None and not 0 < job.threshold < 1:
        raise InputError(
            expected="a threshold above 0 and below 1", got=str(job.threshold), remedy="leave it out for the bundle's"
        )
    smallest_m2 = job.min_area_m2 if isinstance(job, protocol.Segment) else None
    if smallest_m2 is not None and smallest_m2 < 0:
        raise InputError(
            expected="a smallest area of 0 m2 or more", got=str(smallest_m2), remedy="leave it out for the bundle's"
        )


class _VerbError(SamftError):
    """What the command line would have ended with."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
