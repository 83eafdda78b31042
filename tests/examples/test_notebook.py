"""The notebook runs from its first cell to its last, on a smaller town and for fewer epochs."""

from pathlib import Path

import nbclient
import nbformat

NOTEBOOK = Path(__file__).parents[2] / "examples" / "footprints.ipynb"

SMALLER = {
    "EPOCHS = 48": "EPOCHS = 1",
    "height_px=2560, width_px=2048": "height_px=1280, width_px=1024",
    "count_px=2048": "count_px=1024",
    "first_px=2048": "first_px=1024",
    "count_px=512": "count_px=256",
}


def test_every_cell_runs(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for old, new in SMALLER.items():
        assert any(old in cell.source for cell in notebook.cells), old
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    pictures = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data:image/" in str(output.get("data", {}).get("text/html", ""))
    ]
    assert len(pictures) == 4
    assert (tmp_path / "footprints-work" / "footprints.gpkg").exists()


def test_committed_outputs_show_the_story():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(cell.outputs for cell in notebook.cells[3:] if cell.cell_type == "code")
