"""A job's settings: defaults, presets, the TOML table [sagemaker] and flags, validated at birth."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from samft_core.errors import ConfigError
from training.config import TABLE, read_toml

PRESETS = Path(__file__).with_name("presets")
"""A TOML file for each size of model, and one for the AWS sample's recipe."""


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """Where and how long a job may run. Every field is a flag, and a key of the TOML table [sagemaker]."""

    model: str = "facebook/sam-vit-base"
    """What training starts from: an id of the hub, a local folder, or samft-tiny."""
    role: str = ""
    """The ARN of the role that the job runs as."""
    instance_type: str = "ml.g5.xlarge"
    """The kind of machine."""
    instance_count: int = 1
    """How many machines train together."""
    processes_per_node: int = 0
    """Processes on each machine; 0 for one on each GPU, or one."""
    spot: bool = True
    """Managed Spot: cheaper, and interrupted now and then; the job goes on from its checkpoints."""
    max_runtime_s: int = 86400
    """The longest time that is paid for; the job is stopped then."""
    max_wait_s: int = 0
    """With Spot, the longest time from submission to end, waiting included; 0 for twice the longest runtime."""
    volume_gb: int = 0
    """The disk of each machine; 0 to work it out."""
    image: str = ""
    """The container's image; by default AWS's PyTorch image for the region and machine."""
    input_mode: Literal["File", "FastFile"] = "File"
    """Whether chips are copied to the machine before it starts, or read from S3 as it starts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """More environment variables."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The job's tags."""
    subnets: tuple[str, ...] = ()
    """Of the VPC that the machines are in."""
    security_group_ids: tuple[str, ...] = ()
    """Of the same VPC."""
    kms_key_id: str = ""
    """Encrypts what is uploaded, the volumes and the model; by default the account's own settings do."""
    network_isolation: bool = False
    """No network for the container; the image must hold all that samft needs."""
    encrypt_traffic: bool = False
    """Encrypt what the machines tell each other."""

    def __post_init__(self) -> None:
        for name in ("instance_count", "max_runtime_s"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("processes_per_node", "max_wait_s", "volume_gb"):
            self._require(name, getattr(self, name) >= 0, "0 or more")
        self._require("model", bool(self.model), "the name of a model")
        self._require("max_wait_s", self.spot or not self.max_wait_s, "0 where Spot is off: nothing is waited for")

    def _require(self, name: str, fine: bool, expected: str) -> None:
        if not fine:
            raise ConfigError(
                expected=f"{name} to be {expected}",
                got=str(getattr(self, name)),
                remedy=f"change it with {flag(name)}",
            )


def local_folder(model: str) -> Path | None:
    """The folder on this machine that a model's name is, or None."""
    try:
        return Path(model) if Path(model).is_dir() else None
    except (OSError, ValueError):  # no name that a file could have
        return None


def flag(name: str) -> str:
    """The flag that sets a field."""
    return f"--{name.replace('_', '-')}"


def presets() -> list[str]:
    """The names of the presets."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def resolve_job(*, preset: str | None, file: Path | None, flags: Mapping[str, Any]) -> JobSettings:
    """A job's settings: the defaults, then the preset, the file's table [sagemaker], and the flags.

    Args:
        preset: One of `presets`, or None.
        file: A TOML file, or None.
        flags: Values by field; None where a flag was not given.

    Raises:
        ConfigError: A key is unknown, or a value is of the wrong type or out of range.
    """
    values: dict[str, Any] = {}
    for path in (PRESETS / f"{preset}.toml" if preset else None, file):
        values |= _table(path) if path else {}
    values |= {name: value for name, value in flags.items() if value is not None}
    kinds = get_type_hints(JobSettings)
    return JobSettings(**{name: _checked(name, value, kinds) for name, value in values.items()})


def _table(path: Path) -> dict[str, Any]:
    table = read_toml(path).get(TABLE, {})
    if not isinstance(table, dict):
        raise ConfigError(expected=f"a table [{TABLE}] in {path}", got=repr(table), remedy=f"write [{TABLE}]")
    return table


def _checked(name: str, value: Any, kinds: Mapping[str, Any]) -> Any:
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1, cutoff=0.5)
        raise ConfigError(
            expected=f"a job's setting among {', '.join(kinds)}",
            got=name,
            remedy=f"write {near[0]}" if near else "see samft submit --help",
        )
    default = _defaults()[name]
    if isinstance(default, tuple):
        fine, expected = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value), "strings"
    elif isinstance(default, dict):
        fine = isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())
        expected = "a table of strings"
    elif words := get_args(kinds[name]):
        fine, expected = value in words, " or ".join(words)
    else:
        fine = type(value) is type(default)
        expected = {int: "a whole number", bool: "true or false", str: "a string"}[type(default)]
    if not fine:
        raise ConfigError(expected=f"{name} to be {expected}", got=repr(value), remedy="correct the value")
    return tuple(value) if isinstance(default, tuple) else value


def _defaults() -> dict[str, Any]:
    return dataclasses.asdict(JobSettings())
