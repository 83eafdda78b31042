"""What the plugin shows goes through tr(), and stands in the files for translators."""

import ast
import importlib.machinery
import importlib.util
import string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "qgis_plugin").rglob("*.py"))
SHOWN = {
    "QLabel", "QPushButton", "QCheckBox", "QRadioButton", "QGroupBox", "QAction", "QDockWidget", "QMenu", "QToolBar",
    "setText", "setToolTip", "setStatusTip", "setWhatsThis", "setWindowTitle", "setTitle", "setPlaceholderText",
    "setSuffix", "setPrefix", "addItem", "addAction", "addRow", "addTab", "setFormat", "setSpecialValueText",
    "pushMessage", "pushInfo", "pushWarning", "reportError", "setProgressText", "createMessage", "setLabelText",
    "setHelp", "setDialogTitle", "QgsProcessingException", "information", "warning", "critical", "question",
}  # fmt: skip
"""Widgets and methods that show the texts they are given."""
NO_WORDS = {"samft", "", "SageMaker"}


@pytest.fixture(scope="module")
def script():
    loader = importlib.machinery.SourceFileLoader("translations", str(ROOT / "scripts" / "update-translations"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("translations", loader))
    loader.exec_module(module)
    return module


def literals(node):
    """Literal texts among a call's arguments, those within tr() and f-strings' parts aside."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from literals(part)
    elif isinstance(node, ast.IfExp):
        yield from [*literals(node.body), *literals(node.orelse)]
    elif isinstance(node, ast.BinOp):
        yield from [*literals(node.left), *literals(node.right)]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        yield from literals(node.func.value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_shown_goes_through_tr(path):
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = [text for argument in node.args for text in literals(argument)] if name in SHOWN else []
            found += [f"{text!r} (line {node.lineno})" for text in texts if has_words(text)]
    assert found == []


def has_words(text):
    return text.strip() not in NO_WORDS and any(len(word) > 1 and word.isalpha() for word in text.split())


def test_files_hold_every_text(script):
    texts = set(script.collect())
    for path in (ROOT / "qgis_plugin" / "i18n").glob("*.ts"):
        text = path.read_text(encoding="utf-8")
        assert script.write(script.collect(), script.read(path), path.stem.partition("_")[2]) == text, (
            f"do make translations, then commit {path.name}"
        )
    assert len(texts) > 20


def test_translations_keep_the_fields(script):
    def fields(text):
        return sorted((name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None)

    known = script.read(ROOT / "qgis_plugin" / "i18n" / "samft_de.ts")
    assert len(known) > 300
    assert {source: text for (_, source), text in known.items() if fields(source) != fields(text)} == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class A:\n def tr(self, t): return QCoreApplication.translate('Ctx', t)\n def f(self): self.tr('x')", "Ctx"),
        ("def tr(t): return QCoreApplication.translate('M', t)\nclass A:\n def f(self): tr('x')", "M"),
        ("class A(QDialog):\n def f(self): self.tr('x')", "A"),
        ("QCoreApplication.translate('Direct', 'x')", "Direct"),
    ],
)
def test_texts_are_found_in_their_context(script, tmp_path, monkeypatch, source, expected):
    (tmp_path / "module.py").write_text(source)
    monkeypatch.setattr(script, "PLUGIN", tmp_path)
    assert script.collect() == {(expected, "x"): ["module.py"]}


def test_texts_of_a_base_are_in_every_context_they_may_have(script, tmp_path, monkeypatch):
    base = "class Base:\n def tr(self, t): return QCoreApplication.translate(type(self).__name__, t)\n"
    base += " def f(self): self.tr('shared')\nclass One(Base):\n def g(self): self.tr('own')\nclass Two(Base): pass"
    (tmp_path / "module.py").write_text(base)
    monkeypatch.setattr(script, "PLUGIN", tmp_path)
    assert set(script.collect()) == {(name, "shared") for name in ("Base", "One", "Two")} | {("One", "own")}
