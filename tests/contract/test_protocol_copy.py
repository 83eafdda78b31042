"""Worker and plugin speak from the same page."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_two_protocol_files_are_the_same_to_the_byte():
    toolkit = (ROOT / "samft_core" / "protocol.py").read_bytes()
    assert (ROOT / "qgis_plugin" / "worker" / "protocol.py").read_bytes() == toolkit
