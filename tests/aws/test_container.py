"""A job on its machine, piece by piece; test_carried_out.py runs whole ones."""

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from samft_core.errors import InputError, SamftError
from tests.conftest import assert_one_clear_line
from training.aws.container import (
    SECONDS_BETWEEN_LOOKS,
    environment,
    judge,
    plain,
    read_job,
    told_metrics,
    unpack_chips,
)
from training.aws.layout import Container, metric_definitions
from training.aws.torchrun import Node, Outcome, run

GIVEN = {"model": "samft-tiny", "processes_per_node": "2", "chips_digest": "0", "epochs": "3", "prompt": '"none"'}


def write_config(root: Path, **changed) -> Container:
    """What SageMaker writes for the second of two machines, changed."""
    content = {
        "hyperparameters": GIVEN,
        "resourceconfig": {
            "current_host": "algo-2",
            "hosts": ["algo-2", "algo-1"],
            "network_interface_name": "eth7",
        },
        "inputdataconfig": {"chips": {"TrainingInputMode": "File"}, "code": {"TrainingInputMode": "File"}},
    } | changed
    container = Container(root=root)
    container.config.mkdir(parents=True)
    for name, value in content.items():
        (container.config / f"{name}.json").write_text(json.dumps(value))
    return container


class TestReadJob:
    def test_a_machine_among_others(self, tmp_path):
        job = read_job(write_config(tmp_path))
        assert job.node == Node(hosts=("algo-1", "algo-2"), rank=1, processes=2)
        assert not job.node.first
        assert (job.model, job.start) == ("samft-tiny", "samft-tiny")
        assert job.settings == {"epochs": "3", "prompt": "none"}

    def test_ten_machines_are_counted_as_people_do(self, tmp_path):
        hosts = [f"algo-{number}" for number in range(1, 12)]
        place = {"current_host": "algo-11", "hosts": sorted(hosts)}
        node = read_job(write_config(tmp_path, resourceconfig=place)).node
        assert node.hosts == tuple(hosts)
        assert node.rank == 10

    def test_a_channel_with_the_model_is_what_training_starts_from(self, tmp_path):
        job = read_job(write_config(tmp_path, inputdataconfig={"chips": {}, "model": {}}))
        assert (job.model, job.start) == ("samft-tiny", str(tmp_path / "input/data/model"))

    def test_one_process_where_there_is_no_gpu(self, tmp_path, monkeypatch):
        monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
        given = {**GIVEN, "processes_per_node": "auto"}
        assert read_job(write_config(tmp_path, hyperparameters=given)).node.processes == 1

    def test_a_process_for_each_gpu(self, tmp_path, monkeypatch):
        monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
        given = {key: value for key, value in GIVEN.items() if key != "processes_per_node"}
        assert read_job(write_config(tmp_path, hyperparameters=given)).node.processes == 4

    @pytest.mark.parametrize(
        "changed",
        [
            {"hyperparameters": {}},
            {"hyperparameters": {**GIVEN, "processes_per_node": "many"}},
            {"resourceconfig": {"current_host": "algo-3", "hosts": ["algo-1"]}},
            {"inputdataconfig": {"chips": {"TrainingInputMode": "Pipe"}}},
        ],
    )
    def test_what_samft_did_not_submit(self, changed, tmp_path):
        with pytest.raises(InputError) as caught:
            read_job(write_config(tmp_path, **changed))
        assert_one_clear_line(caught.value)


@pytest.mark.parametrize(
    ("given", "meant"), [("all", "all"), ('"all"', "all"), ("12", "12"), ("1e-4", "1e-4"), ("true", "true"), ('"', '"')]
)
def test_values_that_a_launcher_put_into_json(given, meant):
    assert plain(given) == meant


class TestEnvironment:
    def test_threads_share_the_processors(self, tmp_path, monkeypatch):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        monkeypatch.setattr("os.sched_getaffinity", lambda process: range(9))
        found = environment(read_job(write_config(tmp_path)))
        assert found["OMP_NUM_THREADS"] == "4"
        assert found["GLOO_SOCKET_IFNAME"] == found["NCCL_SOCKET_IFNAME"] == "eth7"

    def test_what_is_set_stays(self, tmp_path, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        monkeypatch.setenv("SAMFT_CACHE", "/cache")
        found = environment(read_job(write_config(tmp_path)))
        assert (found["OMP_NUM_THREADS"], found["SAMFT_CACHE"]) == ("3", "/cache")

    def test_the_cache_is_not_kept_with_the_checkpoints(self, tmp_path, monkeypatch):
        monkeypatch.delenv("SAMFT_CACHE")
        container = write_config(tmp_path)
        cache = Path(environment(read_job(container))["SAMFT_CACHE"])
        assert container.checkpoints not in (cache, *cache.parents)


def write_parts(folder: Path, *, written: int, planned: int) -> Path:
    folder.mkdir()
    for number in range(1, written + 1):
        with tarfile.open(folder / f"chips-{number:05d}-of-{planned:05d}.tar", "w") as archive:
            info = tarfile.TarInfo(f"images/{number}.tif")
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    return folder


class TestUnpackChips:
    def test_all_parts(self, tmp_path):
        out = unpack_chips(write_parts(tmp_path / "channel", written=3, planned=3), tmp_path / "out")
        assert sorted(path.name for path in out.glob("images/*")) == ["1.tif", "2.tif", "3.tif"]

    @pytest.mark.parametrize(("written", "got"), [(0, "got 0"), (2, "expected 00003 tar files of chips .* got 2")])
    def test_parts_are_missing(self, written, got, tmp_path):
        with pytest.raises(InputError, match=got) as caught:
            unpack_chips(write_parts(tmp_path / "channel", written=written, planned=3), tmp_path / "out")
        assert_one_clear_line(caught.value)

    def test_a_damaged_part(self, tmp_path):
        channel = write_parts(tmp_path / "channel", written=1, planned=1)
        next(channel.iterdir()).write_bytes(b"no archive")
        with pytest.raises(InputError, match="damaged") as caught:
            unpack_chips(channel, tmp_path / "out")
        assert_one_clear_line(caught.value)


def test_metrics_are_told_once_each_as_they_come(tmp_path, capsys):
    path = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"epoch": epoch, "step": 7, "loss": epoch / 4}) for epoch in range(1, 6)]
    path.write_text("\n".join(lines[:2]))  # of an earlier start of the job, which told them
    with told_metrics(path):
        path.write_text(lines[0])  # that start was ahead of its last snapshot
        time.sleep(1.5 * SECONDS_BETWEEN_LOOKS)
        path.write_text("\n".join(lines[:4]))
        time.sleep(1.5 * SECONDS_BETWEEN_LOOKS)
        assert capsys.readouterr().out == "samft: epoch=3 loss=0.75\nsamft: epoch=4 loss=1\n"
        path.write_text("\n".join(lines))
    told = capsys.readouterr().out
    assert told == "samft: epoch=5 loss=1.25\n"
    read = {each["Name"]: re.findall(each["Regex"], told, re.MULTILINE) for each in metric_definitions()}
    assert {name: values for name, values in read.items() if values} == {"epoch": ["5"], "loss": ["1.25"]}


class TestRun:
    """With small programs in place of torchrun."""

    def go(self, code: str) -> tuple[Outcome, list[str]]:
        said = []
        return run([sys.executable, "-c", code], {"PATH": ""}, said.append), said

    def test_all_went_well(self):
        outcome, said = self.go("import os; print(os.environ['TORCH_ELASTIC_SHUTDOWN_TIMEOUT'])")
        assert said == ["110"]
        assert judge(outcome) == 0

    def test_the_first_error_is_the_cause(self):
        outcome, said = self.go("print('error: the cause\\nerror: expected 2 processes'); exit(1)")
        assert said == ["error: the cause", "error: expected 2 processes"]
        with pytest.raises(SamftError, match=r"^the cause$"):
            judge(outcome)

    def test_a_process_that_was_killed(self):
        outcome, _ = self.go("print('note: a process ended with exit status -9'); exit(1)")
        with pytest.raises(SamftError, match="memory"):
            judge(outcome)

    def test_an_error_without_a_word(self):
        with pytest.raises(SamftError, match="got exit status 7; see the job's log"):
            judge(self.go("exit(7)")[0])

    def test_another_machine_was_told_to_stop(self, capsys):
        outcome, _ = self.go("print('error: stopped by SIGTERM after step 3; run'); exit(1)")
        assert judge(outcome) == 143
        assert "another machine" in capsys.readouterr().out

    def test_sigterm_is_passed_on_and_waited_for(self):
        child = (
            "import signal, sys, time\n"
            "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(1)))\n"
            "print('on')\n"
            "time.sleep(60)\n"
        )
        code = (
            "import sys\n"
            "from training.aws.container import judge\n"
            "from training.aws.start import say\n"
            "from training.aws.torchrun import run\n"
            f"sys.exit(judge(run([sys.executable, '-uc', {child!r}], {{}}, say)))\n"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "on\n"
            process.terminate()
            rest = process.communicate(timeout=120)[0]
        assert rest.splitlines()[0] == "saved"
        assert "told to stop" in rest
        assert process.returncode == 143


def test_torchrun_knows_its_place():
    words = " ".join(Node(hosts=("algo-1", "algo-2"), rank=1, processes=4).torchrun)
    assert words.endswith("--nproc-per-node 4 --nnodes 2 --node-rank 1 --master-addr algo-1 --master-port 7777")
    assert "--standalone" in Node(hosts=("algo-1",), rank=0, processes=1).torchrun


FAILING = "import os, signal, sys; print('error: the cause'); {}"


@pytest.mark.parametrize(
    ("end", "last"), [("sys.exit(2)", "2"), ("sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)", "-9")]
)
def test_torchrun_leaves_no_traceback_where_a_process_has_said_why(end, last, tmp_path):
    (tmp_path / "failing.py").write_text(FAILING.format(end))
    said = []
    node = Node(hosts=("algo-1",), rank=0, processes=1)
    outcome = run([*node.torchrun, str(tmp_path / "failing.py")], os.environ, said.append)
    assert (outcome.status, outcome.error, outcome.killed) == (1, "the cause", last == "-9")
    assert f"note: a process ended with exit status {last}" in said
    assert not [line for line in said if "Traceback" in line]
