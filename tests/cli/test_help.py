"""The command explains itself, at once."""

import os
import statistics

import pytest

from samft_core.version import VERSION
from tests.cli.conftest import samft

VERBS = ["demo", "evaluate", "info", "prepare", "score", "segment", "train", "worker"]


def test_help_comes_at_once():
    """In processor time, which other work on the machine does not change much."""
    seconds = []
    for _ in range(3):
        before = os.times()
        done = samft("--help")
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
        assert (done.returncode, done.stderr) == (0, "")
    assert statistics.median(seconds) < 1.0
    listed = [line.split()[0] for line in done.stdout.partition("Commands:\n")[2].splitlines() if line[2:3].strip()]
    assert set(VERBS) <= set(listed)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_verb_has_help(good, verb, option):
    said = good(verb, option)
    assert said.startswith(f"Usage: samft {verb}")
    assert len(said.partition("\n\n")[2]) > 100


def test_without_a_verb_the_help_is_shown(good):
    assert good() == good("--help")


def test_version(good):
    assert good("--version") == f"samft, version {VERSION}\n"
