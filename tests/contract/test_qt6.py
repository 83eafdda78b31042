"""Every Qt name the plugin uses exists in PyQt6 too, where enums have scopes and exec_() is gone.

What an object is, is read from the sources: `name = QClass(...)` or `self.name = QClass(...)`.
"""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

pytest.importorskip("PyQt6.QtCore", reason="PyQt6 comes with the dev extra")

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "qgis_plugin").rglob("*.py"))
MOVED = {
    "QAction": "QtGui",
    "QActionGroup": "QtGui",
    "QShortcut": "QtGui",
    "QUndoCommand": "QtGui",
    "QUndoStack": "QtGui",
}
"""What qgis.PyQt.QtWidgets has in Qt6 too, though PyQt6 has it elsewhere (QGIS's python/PyQt6/QtWidgets.py)."""


def qt_names(tree):
    """The Qt classes and functions a file imports, as PyQt6 has them, and the names it has not."""
    found, absent = {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qgis.PyQt."):
            module = node.module.rsplit(".", 1)[1]
            for alias in node.names:
                moved = MOVED.get(alias.name, module) if module == "QtWidgets" else module
                thing = getattr(importlib.import_module(f"PyQt6.{moved}"), alias.name, None)
                if thing is None:
                    absent.append(f"{node.module}.{alias.name}")
                found[alias.asname or alias.name] = thing
    return found, absent


def made(tree, names):
    """What expressions such as `self._bar` are, where all that is assigned to them in the file is one Qt class's."""
    classes = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            value = node.value
            known = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in names
            for target in node.targets:
                if isinstance(target, ast.Name | ast.Attribute):
                    thing = names[value.func.id] if known else None
                    classes.setdefault(ast.unparse(target), set()).add(thing if inspect.isclass(thing) else None)
        elif isinstance(node, ast.arg | ast.For | ast.comprehension | ast.withitem | ast.NamedExpr):
            bound = node.arg if isinstance(node, ast.arg) else ast.unparse(getattr(node, "target", None) or node)
            classes.setdefault(bound, set()).add(None)
    return {name: kinds.copy().pop() for name, kinds in classes.items() if len(kinds) == 1 and None not in kinds}


def absent_attributes(tree, names):
    """Chains such as QProcess.NotRunning, or self._bar.setMargin, that PyQt6 does not have."""
    known = {**names, **made(tree, names)}
    outer = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for node in outer:
        whole = ast.unparse(node)
        base = ast.unparse(node.value)
        thing, rest = known.get(base), [node.attr]
        if thing is None and isinstance(node.value, ast.Attribute):
            thing, rest = known.get(ast.unparse(node.value.value)), [node.value.attr, node.attr]
            if thing is None or not inspect.isclass(getattr(thing, rest[0], None)):
                continue  # a method of a result
        for name in rest if thing is not None else []:
            if not hasattr(thing, name):
                yield f"{whole} (line {node.lineno})"
                break
            thing = getattr(thing, name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_qt_name_exists_in_qt6(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names, absent = qt_names(tree)
    assert absent == []
    assert list(absent_attributes(tree, names)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_only_qt5_has(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    gone = [
        node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in {"exec_", "print_"}
    ]
    assert gone == []
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert [name for name in modules if name.startswith(("PyQt", "sip"))] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from qgis.PyQt.QtCore import QRegExp", ["qgis.PyQt.QtCore.QRegExp"]),
        ("from qgis.PyQt.QtCore import Qt\nQt.LeftButton", ["Qt.LeftButton (line 2)"]),
        ("from qgis.PyQt.QtCore import Qt\nQt.MouseButton.LeftButton", []),
        ("from qgis.PyQt.QtCore import Qt\nQt.MouseButton.LeftKnob", ["Qt.MouseButton.LeftKnob (line 2)"]),
        (
            "from qgis.PyQt.QtWidgets import QVBoxLayout\na = QVBoxLayout()\na.setMargin(1)\na.setSpacing(1)",
            ["a.setMargin (line 3)"],
        ),
        ("from qgis.PyQt.QtWidgets import QAction\nQAction.setText", []),
    ],
)
def test_the_test_itself(source, expected):
    tree = ast.parse(source)
    names, absent = qt_names(tree)
    assert absent + list(absent_attributes(tree, names)) == expected
