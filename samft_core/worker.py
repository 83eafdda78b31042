# SPDX-License-Identifier: MIT
"""The worker: answers requests, one job at a time, until it is told to quit or nobody asks any more."""

from __future__ import annotations

import collections
import contextlib
import json
import queue
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from samft_core import protocol
from samft_core.errors import InputError, SamftError
from samft_core.output import check_output
from samft_core.progress import Progress
from samft_core.version import VERSION

if TYPE_CHECKING:
    import geopandas

    from samft_core.bundle import Bundle
    from samft_core.sam.segmenter import SamSegmenter

SECONDS_BETWEEN_PROGRESS = 0.1
KEPT_MODELS = 2
"""How many loaded models are kept; SAM's largest takes 2.5 GB."""


class Worker:
    """Reads requests on one thread and does the jobs on the caller's.

    Args:
        requests: Lines of the protocol, read to their end.
        replies: Where the answers go.
    """

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self._writing = threading.Lock()
        self._jobs: queue.Queue[protocol.Segment | None] = queue.Queue()
        self._cancelled: set[str] = set()
        self._ending = threading.Event()
        self._models: collections.OrderedDict[str, SamSegmenter] = collections.OrderedDict()

    def run(self) -> None:
        """Say hello, then answer; returns on quit and at the end of the requests."""
        self._send(protocol.Hello(protocol=protocol.PROTOCOL, version=VERSION))
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        while (job := self._jobs.get()) is not None:
            self._send(self._answer(job))

    def _listen(self) -> None:
        try:
            for line in self._requests:
                try:
                    request = protocol.decode_request(line)
                except protocol.ProtocolError as error:
                    self._send(protocol.Error(id=error.job, message=str(error), kind="input"))
                    continue
                if isinstance(request, protocol.Segment):
                    self._jobs.put(request)
                elif isinstance(request, protocol.Cancel):
                    self._cancelled.add(request.id)
                else:
                    return
        finally:
            self._ending.set()
            self._jobs.put(None)

    def _answer(self, job: protocol.Segment) -> protocol.Reply:
        """Do a job; whatever goes wrong in it is an answer too."""
        try:
            return self._segment(job)
        except _JobCancelledError:
            return protocol.Cancelled(id=job.id)
        except InputError as error:
            return protocol.Error(id=job.id, message=_one_line(error), kind="input")
        except SamftError as error:
            return protocol.Error(id=job.id, message=_one_line(error), kind="failure")
        except Exception as error:  # noqa: BLE001 - the next job may well succeed
            traceback.print_exc()
            message = f"expected to finish, got {type(error).__name__}: {_one_line(error)}; see the log above for where"
            return protocol.Error(id=job.id, message=message, kind="failure")
        finally:
            self._cancelled.discard(job.id)

    def _segment(self, job: protocol.Segment) -> protocol.Result:
        from samft_core.bundle import load_bundle

        progress = self._progress(job)
        _check_settings(job)
        progress("loading", 0, 1)
        bundle = load_bundle(job.bundle)  # first, since the imports below take seconds
        from samft_core.footprint_file import check_format, write_footprints
        from samft_core.footprints import segment

        out = Path(job.out)
        check_format(out)
        check_output(out, overwrite=False)
        model = self._model(bundle)
        progress("loading", 1, 1)
        found = segment(
            bundle,
            job.raster,
            bounds=job.bounds,
            bounds_crs=job.bounds_crs,
            threshold=job.threshold,
            min_area_m2=job.min_area_m2,
            regularize=job.regularize,
            segmenter=model,
            progress=progress,
        )
        count = 0

        def counted() -> Iterator[geopandas.GeoDataFrame]:
            nonlocal count
            for batch in found.batches(progress):
                count += len(batch)
                yield batch

        write_footprints(counted(), out, provenance=found.provenance, overwrite=False)
        return protocol.Result(id=job.id, out=job.out, footprints=count, provenance=json.dumps(found.provenance))

    def _model(self, bundle: Bundle) -> SamSegmenter:
        """The bundle's model, loaded only if it was not used lately."""
        key = bundle.card.hash
        if key not in self._models:
            while len(self._models) >= KEPT_MODELS:
                self._models.popitem(last=False)
            self._models[key] = bundle.segmenter()
        self._models.move_to_end(key)
        return self._models[key]

    def _progress(self, job: protocol.Segment) -> Progress:
        """Tells how far a job is, not too often, and stops it if it was cancelled."""
        told_stage, told_s = "", 0.0

        def tell(stage: str, done: int, total: int, note: str = "") -> None:  # noqa: ARG001
            nonlocal told_stage, told_s
            if job.id in self._cancelled or self._ending.is_set():
                raise _JobCancelledError
            now_s = time.monotonic()
            if stage != told_stage or done == total or now_s - told_s >= SECONDS_BETWEEN_PROGRESS:
                told_stage, told_s = stage, now_s
                self._send(protocol.Progress(id=job.id, stage=stage, done=done, total=total))

        return tell

    def _send(self, reply: protocol.Reply) -> None:
        with self._writing, contextlib.suppress(OSError):  # whoever asked is gone; the end of stdin tells the rest
            self._replies.write(protocol.encode(reply))
            self._replies.flush()


class _JobCancelledError(Exception):
    """Leaves a job from within its progress."""


def _check_settings(job: protocol.Segment) -> None:
    """What the command line checks in its options."""
    if job.threshold is not None and not 0 < job.threshold < 1:
        raise InputError(
            expected="a threshold above 0 and below 1", got=str(job.threshold), remedy="leave it out for the bundle's"
        )
    if job.min_area_m2 is not None and job.min_area_m2 < 0:
        raise InputError(
            expected="a smallest area of 0 m2 or more", got=str(job.min_area_m2), remedy="leave it out for the bundle's"
        )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
