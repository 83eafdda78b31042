"""Every QGIS name in the plugin's sources is there in this QGIS, and its enums are written with their scope."""

import ast
import enum
import importlib
import inspect
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "qgis_plugin").rglob("*.py"))


def chains(tree):
    """What is imported from qgis and, for each attribute chain that begins with it, its names."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("qgis.core", "qgis.gui", "qgis.PyQt.")):
            names.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            parts = ast.unparse(node).split(".")
            if parts[0] in names and all(part.isidentifier() for part in parts):
                yield names[parts[0]], parts[1:], node.lineno
    for module, name in names.values():
        yield (module, name), [], 0


def is_enum_member(thing):
    return isinstance(thing, enum.Enum) or (isinstance(thing, int) and type(thing) not in (int, bool))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_there_and_enums_are_scoped(path):
    absent, bare = [], []
    for (module, name), rest, line in chains(ast.parse(path.read_text(encoding="utf-8"))):
        thing, owner = getattr(importlib.import_module(module), name, None), None
        if thing is None and name != "QgisInterface":
            absent.append(f"{module}.{name}")
            continue
        for part in rest:
            owner, thing = thing, getattr(thing, part, None)
            if thing is None:
                absent.append(f"{'.'.join([name, *rest])} (line {line})")
                break
            if is_enum_member(thing) and not is_scope(owner):
                bare.append(f"{'.'.join([name, *rest])} (line {line})")
                break
            if not inspect.isclass(thing):
                break  # what a method gives is not known
    assert absent == []
    assert bare == []


def is_scope(owner):
    """Whether a class is an enum; sip's old ones are kinds of int."""
    return inspect.isclass(owner) and issubclass(owner, (int, enum.Enum))


def test_the_test_itself():
    from qgis.core import QgsTask
    from qgis.PyQt.QtCore import Qt

    assert is_enum_member(QgsTask.Flag.CanCancel)
    assert is_scope(QgsTask.Flag)
    assert not is_scope(Qt)
    assert not is_scope(QgsTask)
