"""SageMaker's own description of its API, as boto3 brings it along: what a request may hold."""

from __future__ import annotations

import functools
import gzip
import json
import re
from pathlib import Path
from typing import Any

import botocore


@functools.cache
def shapes() -> dict[str, Any]:
    """Every shape of the API, by name."""
    path = next((Path(botocore.__file__).parent / "data" / "sagemaker").glob("*/service-2.json*"))
    raw = path.read_bytes()
    model = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    return model["shapes"]


def complaints(value: Any, shape: str = "CreateTrainingJobRequest", where: str = "") -> list[str]:
    """What a value is not that its shape asks for: names, kinds, required members, lengths, patterns, words."""
    described = shapes()[shape]
    kind = described["type"]
    if kind == "structure":
        members = described["members"]
        found = [f"{where} lacks {name}" for name in described.get("required", []) if name not in value]
        found += [f"{where} has no {name}" for name in value if name not in members]
        for name in value.keys() & members.keys():
            found += complaints(value[name], members[name]["shape"], f"{where}.{name}")
        return found
    found = []
    if kind == "list":
        for number, item in enumerate(value):
            found += complaints(item, described["member"]["shape"], f"{where}[{number}]")
    if kind == "map":
        for key, item in value.items():
            found += complaints(key, described["key"]["shape"], f"{where} key")
            found += complaints(item, described["value"]["shape"], f"{where}[{key}]")
    size = value if kind in ("integer", "long") else len(value) if kind in ("string", "list", "map") else 0
    if not described.get("min", 0) <= size <= described.get("max", float("inf")):
        found.append(f"{where} is of size {size}")
    if kind == "string" and described.get("enum") and value not in described["enum"]:
        found.append(f"{where} is {value}")
    if kind == "string" and "\\p{" not in described.get("pattern", "") and described.get("pattern"):
        found += [] if re.fullmatch(described["pattern"], value) else [f"{where} is {value}"]
    expected = {"string": str, "integer": int, "long": int, "boolean": bool, "list": list, "map": dict}[kind]
    return found if type(value) is expected else [*found, f"{where} is a {type(value).__name__}"]
