# SPDX-License-Identifier: MIT
"""What QGIS and the worker say to each other: one JSON object a line, in UTF-8.

QGIS starts `samft worker`, which says `Hello` and then answers requests from its stdin on its stdout. Every job
(`About`, `Segment`, `Ask`, `Run`) gets any number of `Progress` and then one answer: `Toolkit`, `Result`, `Answer` or
`Done`, or else `Error` or `Cancelled`. Jobs are done one after the other. A `Cancel` that comes too late gets nothing.
A line that is no request gets an `Error`, under its id if it has one.

The same file lies in samft_core and in qgis_plugin/worker, to the byte, hence Python 3.9 and the standard library.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

PROTOCOL = 3
"""Raised whenever an older plugin or worker would misunderstand."""

Bounds = tuple[float, float, float, float]
"""(left, bottom, right, top)."""

Points = tuple[tuple[float, float, int], ...]
"""(x, y, label) of each: label 1 on the building, 0 off it."""

Texts = tuple[str, ...]

Kind = Literal["input", "failure"]
"""Whose fault an error is: the user's, who can mend it, or the worker's."""


class ProtocolError(ValueError):
    """A line that is no message.

    Args:
        message: One line: what was expected, what came, what to do.
        job: The id of the request it belongs to, as far as that can be told.
    """

    def __init__(self, message: str, job: str | None = None) -> None:
        super().__init__(message)
        self.job = job


@dataclass(frozen=True)
class Request:
    """What QGIS asks for."""

    key: ClassVar[str] = "verb"
    name: ClassVar[str]


@dataclass(frozen=True)
class Reply:
    """What the worker says."""

    key: ClassVar[str] = "type"
    name: ClassVar[str]


@dataclass(frozen=True)
class About(Request):
    """Say what toolkit this is."""

    name = "about"
    id: str
    """Chosen by QGIS, one for each job; every reply to it carries it."""


@dataclass(frozen=True)
class Segment(Request):
    """Find the buildings in a raster.

    The worker keeps the probabilities of the latest jobs: asked again for the same raster, bundle and bounds at another
    threshold, it draws the outlines anew without running the model.
    """

    name = "segment"
    id: str
    bundle: str
    """A folder."""
    raster: str
    """Any name that GDAL opens."""
    out: str
    """The vector file to write, of a format by its suffix; must not exist yet."""
    bounds: Bounds | None = None
    """Where to look; all of the raster if None."""
    bounds_crs: str | None = None
    """An authority's code or WKT; the raster's own if None."""
    threshold: float | None = None
    """Between 0 and 1; the bundle's if None."""
    min_area_m2: float | None = None
    """The bundle's if None."""
    regularize: bool = True
    as_is: bool = False
    """Whether the raster's pixels are the model's already, as where a map was rendered for it."""
    preview: str | None = None
    """A GeoTIFF of probabilities to write, if all was looked at: in 254ths, 255 where not known; must not exist yet."""


@dataclass(frozen=True)
class Ask(Request):
    """Outline the one building that a box or points mean; one of the two is given."""

    name = "ask"
    id: str
    bundle: str
    raster: str
    box: Bounds | None = None
    points: Points | None = None
    """At least one of them on the building."""
    crs: str | None = None
    """Of the box or the points; the raster's own if None."""
    threshold: float | None = None
    regularize: bool = True
    as_is: bool = False


@dataclass(frozen=True)
class Run(Request):
    """Run one of the toolkit's verbs, as its command line would."""

    name = "run"
    id: str
    arguments: Texts
    """The verb, then what it takes."""


@dataclass(frozen=True)
class Cancel(Request):
    """Stop a job, whether it is running or waiting."""

    name = "cancel"
    id: str
    keep: bool = False
    """Whether a `Segment` gives what it has found so far, as a `Result` that is not complete."""


@dataclass(frozen=True)
class Quit(Request):
    """Stop every job and end, as the end of stdin does."""

    name = "quit"


@dataclass(frozen=True)
class Hello(Reply):
    """The worker is there."""

    name = "hello"
    protocol: int
    version: str
    """Of the toolkit."""


@dataclass(frozen=True)
class Toolkit(Reply):
    """The answer to `About`."""

    name = "toolkit"
    id: str
    version: str
    python: str
    torch: str
    device: str
    """Where models will run, in words."""


@dataclass(frozen=True)
class Progress(Reply):
    """`done` of `total` steps of a stage are behind us."""

    name = "progress"
    id: str
    stage: str
    done: int
    total: int
    note: str = ""
    """A figure worth seeing, such as "loss 0.21"."""


@dataclass(frozen=True)
class Result(Reply):
    """The answer to `Segment`."""

    name = "result"
    id: str
    out: str
    """The vector file, whole."""
    footprints: int
    """How many it holds."""
    provenance: str
    """Where they come from: bundle, raster, version, threshold and more, as JSON."""
    complete: bool = True
    """Whether all that was asked for was looked at."""


@dataclass(frozen=True)
class Answer(Reply):
    """The answer to `Ask`."""

    name = "answer"
    id: str
    geometry: str | None
    """The building's outline in the raster's CRS, as hexadecimal WKB; None where the model sees none."""
    score: float
    """Its mean probability; 0 where there is none."""
    area_m2: float
    """Geodesic; 0 where there is none."""
    bundle: str
    """The bundle's hash."""
    threshold: float
    provenance: str
    """As of `Result`."""


@dataclass(frozen=True)
class Done(Reply):
    """The answer to `Run`."""

    name = "done"
    id: str
    said: str
    """What the verb printed."""


@dataclass(frozen=True)
class Error(Reply):
    """A job, or a line that is no request, came to nothing."""

    name = "error"
    id: str | None
    message: str
    """One line for the user."""
    kind: Kind


@dataclass(frozen=True)
class Cancelled(Reply):
    """A job was stopped; it left no output."""

    name = "cancelled"
    id: str


REQUESTS = (About, Segment, Ask, Run, Cancel, Quit)
REPLIES = (Hello, Progress, Toolkit, Result, Answer, Done, Error, Cancelled)
JOBS = (About, Segment, Ask, Run)
"""The requests that get an answer."""


def encode(message: Request | Reply) -> bytes:
    """A message as a line, its end included."""
    content = {message.key: message.name, **dataclasses.asdict(message)}
    return json.dumps(content, allow_nan=False).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """The request in a line.

    Raises:
        ProtocolError: It is none, or says more than this version knows.
    """
    return _decode(line, REQUESTS)


def decode_reply(line: bytes) -> Reply:
    """The reply in a line; what a newer worker says beyond this version's fields is left out.

    Raises:
        ProtocolError: It is none.
    """
    return _decode(line, REPLIES, strict=False)


M = TypeVar("M", Request, Reply)

_UPDATE = "use a plugin and a toolkit of the same release"


def _decode(line: bytes, kinds: Sequence[type[M]], *, strict: bool = True) -> M:
    try:
        content = json.loads(line.decode())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ProtocolError(f"expected a JSON object, got {_short(line)}; send one message a line, in UTF-8")
    job = content.get("id") if isinstance(content.get("id"), str) else None
    key = kinds[0].key
    wanted = {kind.name: kind for kind in kinds}
    kind = wanted.get(str(content.pop(key, None)))
    if kind is None:
        raise ProtocolError(f"expected a {key} among {', '.join(wanted)}, got {_short(line)}; {_UPDATE}", job)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    known = {name: value for name, value in content.items() if name in fields}
    wrong = [name for name, value in known.items() if not _FITS[str(fields[name].type)](value)]
    absent = [name for name, field in fields.items() if name not in known and field.default is dataclasses.MISSING]
    unknown = sorted(set(content) - set(known)) if strict else []
    if wrong or absent or unknown:
        field = (wrong + absent + unknown)[0]
        problem = f"a wrong {field}" if wrong else f"no {field}" if absent else f"an unknown {field}"
        raise ProtocolError(f"expected a {kind.name} with {', '.join(fields)}, got {problem}; {_UPDATE}", job)
    return kind(**{name: _frozen(value) for name, value in known.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _short(line: bytes) -> str:
    text = line.decode(errors="replace").strip()
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300  # no NaN, no infinity


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_number, value)) and value[2] in (0, 1)


_FITS: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "str | None": lambda value: value is None or isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "float": _is_number,
    "float | None": lambda value: value is None or _is_number(value),
    "Bounds | None": lambda value: (
        value is None or (isinstance(value, list) and len(value) == 4 and all(map(_is_number, value)))
    ),
    "Points | None": lambda value: value is None or (isinstance(value, list) and all(map(_is_point, value))),
    "Texts": lambda value: isinstance(value, list) and all(isinstance(text, str) for text in value),
    "Kind": lambda value: value in ("input", "failure"),
}
"""Whether a JSON value suits a field, by the field's annotation (a string here, with annotations postponed)."""
