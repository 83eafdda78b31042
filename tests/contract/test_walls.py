"""The walls between the packages: who may import what, read from the sources and seen in a running process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AWS = {"boto3", "botocore", "sagemaker", "s3transfer"}
MODEL = {"torch", "transformers"}
QGIS = {"qgis", "osgeo", "PyQt5", "PyQt6"}


def imports(path: Path) -> list[tuple[str, bool]]:
    """Every absolute import of a file, and whether it happens when the module is loaded."""
    found = []

    def visit(node: ast.AST, eager: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            eager = False
        if isinstance(node, ast.Import):
            found.extend((alias.name, eager) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append((str(node.module), eager))
        for child in ast.iter_child_nodes(node):
            visit(child, eager)

    visit(ast.parse(path.read_text(encoding="utf-8")), True)
    return found


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", sources("samft_core"), ids=lambda path: str(path.relative_to(ROOT)))
def test_core_knows_neither_training_nor_qgis_nor_aws(path):
    tops = {name.split(".")[0] for name, _ in imports(path)}
    assert not tops & ({"training", "qgis_plugin"} | QGIS | AWS)


@pytest.mark.parametrize("path", sources("samft_core"), ids=lambda path: str(path.relative_to(ROOT)))
def test_torch_only_under_sam(path):
    if (ROOT / "samft_core" / "sam") in path.parents:
        return
    for name, eager in imports(path):
        assert name.split(".")[0] not in MODEL, f"{name} belongs under samft_core/sam"
        assert not (eager and name.startswith("samft_core.sam")), f"{name} must be imported lazily"


@pytest.mark.parametrize("path", sources("training"), ids=lambda path: str(path.relative_to(ROOT)))
def test_training_keeps_aws_apart_and_lazy(path):
    for name, eager in imports(path):
        top = name.split(".")[0]
        assert top not in QGIS | {"qgis_plugin"}
        if top in AWS:
            assert ROOT / "training" / "aws" in path.parents, f"{name} belongs under training/aws"
            assert not eager, f"{name} must be imported lazily"


@pytest.mark.parametrize("path", sources("qgis_plugin"), ids=lambda path: str(path.relative_to(ROOT)))
def test_plugin_needs_nothing_but_qgis(path):
    allowed = {"qgis", "osgeo", "numpy", "__future__"} | set(sys.stdlib_module_names)
    assert {name.split(".")[0] for name, _ in imports(path)} <= allowed
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh Python holds after some code."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sorted(name.split('.')[0] for name in sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines())


@pytest.mark.parametrize(
    "code",
    [
        "from samft_core.cli.main import run; run(['--help'])",
        "from samft_core.cli.main import run; run(['train', '--help'])",
        "import samft_core",
        "from samft_core import Grid, open_raster, read_labels, segment",
    ],
)
def test_light_work_loads_no_torch(code):
    assert not modules_after(code) & MODEL


def test_help_loads_no_raster_library():
    assert not modules_after("from samft_core.cli.main import run; run(['--help'])") & {
        "rasterio",
        "geopandas",
        "numpy",
    }
