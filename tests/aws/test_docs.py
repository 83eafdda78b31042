"""docs/sagemaker.md says what is so."""

import re
from pathlib import Path

from training.aws.instances import find_instance
from training.aws.settings import presets, resolve_job
from training.cli.jobs import jobs
from training.cli.submit import submit

PAGE = Path(__file__).parents[2] / "docs" / "sagemaker.md"


def test_the_table_of_presets():
    rows = [line.split("|")[1:-1] for line in PAGE.read_text().splitlines() if line.startswith("| `")][1:]
    told = {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows}
    assert sorted(told) == presets()
    for name, (model, machine, gpus, hours) in told.items():
        settings = resolve_job(preset=name, file=None, flags={})
        instance = find_instance(settings.instance_type)
        assert model.startswith(settings.model.removeprefix("facebook/"))
        assert machine == settings.instance_type
        assert gpus == f"{instance.gpus} x {instance.gpu}, {instance.gpu_gb} GB"
        assert hours == f"{settings.max_runtime_s / 3600:g} h"
        assert settings.spot


def test_its_options_and_verbs_exist():
    words = PAGE.read_text()
    verbs = set(re.findall(r"(?:samft |`)jobs ([a-z]+)", words))
    assert verbs
    assert verbs <= set(jobs.commands)
    known = {option for command in (submit, *jobs.commands.values()) for each in command.params for option in each.opts}
    known |= {"--no-spot", "--help", "--labels", "--out", "--spacenet", "--size"}
    known |= {"--template-file", "--stack-name", "--capabilities", "--query"}  # of the aws command
    known |= {"--parameter-overrides"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", words)) <= known


def test_its_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", PAGE.read_text()):
        assert (PAGE.parent / link).is_file(), link
