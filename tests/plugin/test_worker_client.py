"""What becomes of jobs, and of QGIS, when the worker does not do as it should.

The workers that hang, die or chatter are small programs that speak the protocol; where nothing of the kind is needed,
the real one answers.
"""

import collections
import os
import queue
import resource
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

PATIENCE_S = 60

PRELUDE = """
import json, os, sys, time
def say(type, **content):
    sys.stdout.write(json.dumps({"type": type, **content}) + "\\n")
    sys.stdout.flush()
def answer(request):
    if request["verb"] == "cancel":
        return
    say("toolkit", id=request["id"], version="0", python="3", torch="2", device=str(os.getpid()))
def hello():
    say("hello", protocol=3, version="0")
def requests():
    for line in sys.stdin:
        request = json.loads(line)
        if request["verb"] == "quit":
            return
        yield request
"""
GOOD = "hello()\nfor request in requests():\n    answer(request)"


@pytest.fixture
def client(plugin):
    from samft.worker import client

    return client


@pytest.fixture
def conversation(plugin):
    from samft.worker import conversation

    return conversation


@pytest.fixture
def protocol(plugin):
    from samft.worker import protocol

    return protocol


@pytest.fixture
def fake(toolkit, tmp_path):
    """Has the plugin find a program of our own; call it with its body, or with that of each start."""

    def write(*bodies):
        starts = [f"#!{sys.executable}", PRELUDE, f"count = {str(tmp_path / 'starts')!r}"]
        starts += ["with open(count, 'a') as file:", "    file.write('x')", "start = os.path.getsize(count)"]
        for number, body in enumerate(bodies, start=1):
            condition = f"start == {number}" if number < len(bodies) else f"start >= {number}"
            starts.append(f"if {condition}:\n" + textwrap.indent(textwrap.dedent(body), "    "))
        path = tmp_path / "samft"
        path.write_text("\n".join(starts))
        path.chmod(0o755)
        toolkit(path)
        return lambda: len((tmp_path / "starts").read_text()) if (tmp_path / "starts").exists() else 0

    return write


@pytest.fixture
def worker(client):
    lines = collections.deque(maxlen=1000)  # a log is bounded
    made = client.Worker(lines.append)
    made.lines = lines
    yield made
    made.close()


@pytest.fixture
def about(protocol):
    numbers = iter(range(1000))
    return lambda: protocol.About(id=f"job-{next(numbers)}")


class Listener:
    def __init__(self):
        self.replies = queue.SimpleQueue()

    def __call__(self, reply):
        self.replies.put(reply)

    def last(self):
        while True:
            reply = self.replies.get(timeout=PATIENCE_S)
            if type(reply).__name__ != "Progress":
                return reply


def in_thread(function):
    """Run it; gives a function that waits for what comes of it."""
    outcome = queue.SimpleQueue()

    def run():
        try:
            outcome.put(function())
        except Exception as error:  # noqa: BLE001 - it is what the tests look at
            outcome.put(error)

    threading.Thread(target=run, daemon=True).start()
    return lambda: outcome.get(timeout=PATIENCE_S)


def test_one_process_for_one_job_after_another(worker, fake, about):
    starts = fake(GOOD)
    assert worker.do(about()).device == worker.do(about()).device
    assert starts() == 1


def test_jobs_from_two_threads_get_their_own_answers(worker, fake, about):
    fake(GOOD)
    jobs = [about() for _ in range(40)]
    waiting = [in_thread(lambda job=job: worker.do(job)) for job in jobs]
    assert [wait().id for wait in waiting] == [job.id for job in jobs]


def test_a_worker_killed_in_its_job_takes_that_job_alone(worker, fake, about, client):
    starts = fake("hello()\nfor request in requests():\n    time.sleep(1)\n    os.kill(os.getpid(), 9)", GOOD)
    first, second = Listener(), Listener()
    worker.submit(about(), first)
    worker.submit(about(), second)
    assert "it crashed or was killed" in first.last().message
    assert type(second.last()).__name__ == "Toolkit"
    assert starts() == 2


def test_its_last_words_are_told(worker, fake, about, client):
    fake("""
    hello()
    next(requests())
    sys.stderr.write("out of memory")
    sys.stderr.flush()
    os._exit(3)
    """)
    with pytest.raises(client.ToolkitError, match="it ended with status 3, its last words: out of memory; ") as error:
        worker.do(about())
    assert "\n" not in str(error.value)


def test_a_worker_that_dies_while_nobody_needs_it_is_replaced(worker, fake, about):
    starts = fake(GOOD)
    os.kill(int(worker.do(about()).device), signal.SIGKILL)
    assert worker.do(about())
    assert starts() == 2


def test_a_worker_that_chatters_while_nobody_needs_it_is_replaced(worker, fake, about):
    chatter = "hello()\nfor request in requests():\n    answer(request)\n    print('Welcome!', flush=True)"
    starts = fake(chatter, GOOD)
    worker.do(about())
    assert worker.do(about())
    assert starts() <= 2


def test_garbage_in_a_job(worker, fake, about, client):
    fake("hello()\nfor request in requests():\n    print('Welcome!', flush=True)\n    time.sleep(60)", GOOD)
    with pytest.raises(client.ToolkitError, match="expected a JSON object, got 'Welcome!'"):
        worker.do(about())
    assert worker.do(about())


def test_a_line_without_an_end(worker, fake, about, client, monkeypatch):
    monkeypatch.setattr("samft.worker.process.LONGEST_LINE_BYTES", 1 << 20)
    fake("hello()\nfor request in requests():\n    while True: sys.stdout.write('x' * 65536)")
    with pytest.raises(client.ToolkitError, match=r"expected replies of one line each .* got 1 MB without an end"):
        worker.do(about())


def test_another_version(worker, fake, about, client):
    fake("say('hello', protocol=99, version='9.9')\ntime.sleep(60)")
    with pytest.raises(client.ToolkitError, match=r"got protocol 99 \(samft 9.9\)"):
        worker.do(about())


def test_no_toolkit(worker, toolkit, about, client):
    toolkit("/nowhere/samft")
    with pytest.raises(client.ToolkitError, match=r"expected the samft command .* got no program /nowhere/samft"):
        worker.do(about())


def test_no_hello(worker, fake, about, client, monkeypatch):
    monkeypatch.setattr("samft.worker.process.HELLO_TIMEOUT_S", 1)
    fake("time.sleep(60)")
    with pytest.raises(client.ToolkitError, match="to say hello within 1 s, got nothing"):
        worker.do(about())


def test_a_job_cancelled_before_hello(worker, fake, about, client):
    fake("time.sleep(60)")
    job, listener = about(), Listener()
    worker.submit(job, listener)
    worker.cancel(job.id)
    assert type(listener.last()).__name__ == "Cancelled"


def test_a_job_given_while_another_is_cancelled_before_hello(worker, fake, about):
    fake("time.sleep(3)\n" + GOOD)
    first, second, listeners = about(), about(), [Listener(), Listener()]
    worker.submit(first, listeners[0])
    worker.submit(second, listeners[1])
    worker.cancel(first.id)
    assert [type(listener.last()).__name__ for listener in listeners] == ["Cancelled", "Toolkit"]


def test_silence_in_a_job(worker, fake, about, client, monkeypatch):
    monkeypatch.setattr("samft.worker.conversation.SILENCE_TIMEOUT_S", 1)
    starts = fake("hello()\nfor request in requests(): time.sleep(60)", GOOD)
    with pytest.raises(client.ToolkitError, match="to say something within 0 minutes, got nothing"):
        worker.do(about())
    assert worker.do(about())
    assert starts() == 2


def test_cancel_is_answered_though_the_worker_is_busy_and_does_not_cost_its_life(worker, fake, about, client):
    slow = (
        "hello()\nfor request in requests():\n    time.sleep(3 if request['id'] == 'job-0' else 0)\n    answer(request)"
    )
    starts = fake(slow)
    began_s = time.monotonic()
    with pytest.raises(client.JobCancelledError):
        worker.do(about(), cancelled=lambda: starts() > 0)
    assert time.monotonic() - began_s < PATIENCE_S
    assert worker.do(about())
    assert starts() == 1


def test_a_worker_that_ignores_cancel_is_killed_and_the_next_job_done_by_another(worker, fake, about, monkeypatch):
    monkeypatch.setattr("samft.worker.conversation.CANCEL_TIMEOUT_S", 1)
    starts = fake("hello()\nnext(requests())\ntime.sleep(600)", GOOD)
    job, listeners = about(), [Listener(), Listener()]
    worker.submit(job, listeners[0])
    worker.submit(about(), listeners[1])
    while starts() == 0:
        time.sleep(0.05)
    worker.cancel(job.id)
    assert [type(listener.last()).__name__ for listener in listeners] == ["Cancelled", "Toolkit"]
    assert starts() == 2


def test_a_cancelled_job_in_the_queue_leaves_the_running_one_alone(worker, fake, about, monkeypatch):
    monkeypatch.setattr("samft.worker.conversation.CANCEL_TIMEOUT_S", 0.5)
    slow = GOOD.replace("answer(", "time.sleep(3 * (request['verb'] == 'about')); answer(")
    starts = fake(slow)
    listeners, jobs = [Listener(), Listener()], [about(), about()]
    for job, listener in zip(jobs, listeners):  # noqa: B905 - Python 3.9
        worker.submit(job, listener)
    while starts() == 0:
        time.sleep(0.05)
    worker.cancel(jobs[1].id)
    assert type(listeners[1].last()).__name__ == "Cancelled"
    assert type(listeners[0].last()).__name__ == "Toolkit"
    assert starts() == 1


def test_keeping_what_there_is_may_take_its_time(worker, fake, protocol, monkeypatch):
    monkeypatch.setattr("samft.worker.conversation.CANCEL_TIMEOUT_S", 0.5)
    fake("""
    hello()
    for request in requests():
        if request["verb"] == "cancel":
            time.sleep(2)
            say("result", id=request["id"], out="a.gpkg", footprints=2, provenance="{}", complete=not request["keep"])
        else:
            say("progress", id=request["id"], stage="segmenting", done=1, total=2)
    """)
    job, seen = protocol.Segment(id="a", bundle="b", raster="r", out="a.gpkg"), []
    result = worker.do(job, progress=seen.append, cancelled=lambda: bool(seen), keep=lambda: True)
    assert (result.footprints, result.complete) == (2, False)
    assert [progress.stage for progress in seen] == ["segmenting"]


def test_what_is_to_be_kept_can_still_be_cancelled(worker, fake, protocol, client):
    fake("""
    hello()
    for request in requests():
        if request["verb"] == "cancel" and not request["keep"]:
            say("cancelled", id=request["id"])
    """)
    job, asked = protocol.Segment(id="a", bundle="b", raster="r", out="a.gpkg"), []
    with pytest.raises(client.JobCancelledError):
        worker.do(job, cancelled=lambda: True, keep=lambda: asked.append(1) or len(asked) < 3)


def test_a_caller_that_fails_has_its_job_cancelled(worker, fake, about):
    fake("""
    hello()
    for request in requests():
        if request["verb"] == "cancel":
            say("cancelled", id=request["id"])
        elif request["id"] == "job-0":
            say("progress", id=request["id"], stage="loading", done=0, total=1)
        else:
            answer(request)
    """)

    def fail(_):
        raise KeyError("a dialog")

    with pytest.raises(KeyError):
        worker.do(about(), progress=fail)
    assert worker.do(about())


def test_a_listener_that_fails_harms_nobody(worker, fake, about):
    fake(GOOD)

    def fail(_):
        raise RuntimeError("wrapped C/C++ object has been deleted")

    worker.submit(about(), fail)
    assert worker.do(about())
    assert "wrapped C/C++ object" in "\n".join(worker.lines)


def test_a_listener_may_ask_again_and_close(worker, fake, about):
    fake("hello()\nnext(requests())\nos._exit(1)", GOOD)
    listener, over = Listener(), threading.Event()

    def ask_again(_):
        worker.submit(about(), listener)

    worker.submit(about(), ask_again)
    assert type(listener.last()).__name__ == "Toolkit"

    def close(_):
        worker.close()
        over.set()

    worker.submit(about(), close)
    assert over.wait(PATIENCE_S)
    assert worker.do(about())


def test_a_flood_of_stderr_neither_blocks_nor_fills_memory(worker, fake, about):
    fake("""
    hello()
    for request in requests():
        for _ in range(4000):
            sys.stderr.write(("x" * 127 + "\\n") * 512)  # 250 MB in all
        sys.stderr.write("y" * (20 << 20))
        sys.stderr.flush()
        answer(request)
    """)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert worker.do(about())
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    print(f"{grown_mb:.0f} MB")
    assert grown_mb < 20
    assert max(map(len, worker.lines)) <= 4000


def test_an_endless_flood_of_stderr_is_cancelled_and_ended(worker, fake, about, client, monkeypatch):
    monkeypatch.setattr("samft.worker.conversation.CANCEL_TIMEOUT_S", 1)
    starts = fake("hello()\nnext(requests())\nwhile True: sys.stderr.write('y' * (1 << 20))", GOOD)
    job = about()
    with pytest.raises(client.JobCancelledError):
        worker.do(job, cancelled=lambda: starts() > 0)
    assert worker.do(about())
    assert starts() == 2


def test_closing_in_an_endless_flood_of_stderr(worker, fake, about):
    starts = fake("hello()\nnext(requests())\nwhile True: sys.stderr.write('y' * (1 << 20))")
    in_thread(lambda: worker.do(about()))
    while starts() == 0:
        time.sleep(0.05)
    began_s = time.monotonic()
    worker.close()
    assert time.monotonic() - began_s < PATIENCE_S


def test_closing_in_a_job(worker, fake, about, client):
    starts = fake("hello()\nnext(requests())\ntime.sleep(600)", GOOD)
    waiting = in_thread(lambda: worker.do(about()))
    while starts() == 0:
        time.sleep(0.05)
    worker.close()
    assert "got the end of QGIS" in str(waiting())
    assert worker.do(about())


def test_closing_before_hello(worker, fake, about):
    starts = fake("time.sleep(600)")
    waiting = in_thread(lambda: worker.do(about()))
    while starts() == 0:
        time.sleep(0.05)
    worker.close()
    assert isinstance(waiting(), Exception)


def test_an_idle_worker_is_let_go(worker, fake, about, monkeypatch):
    monkeypatch.setattr("samft.worker.conversation.IDLE_TIMEOUT_S", 0.5)
    starts = fake(GOOD)
    pid = int(worker.do(about()).device)
    deadline_s = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()
    assert worker.do(about())
    assert starts() == 2


def test_the_real_one_killed_in_its_job(worker, toolkit, protocol, client, made, tmp_path):
    def job(raster):
        return protocol.Segment(
            id=raster, bundle=str(made / "bundle"), raster=str(made / raster), out=str(tmp_path / f"{raster}.gpkg")
        )

    def kill(progress):
        if progress.stage == "segmenting":
            os.kill(worker._thread._process.pid, signal.SIGKILL)

    with pytest.raises(client.ToolkitError, match="crashed or was killed"):
        worker.do(job("wide.tif"), progress=kill)
    assert not (tmp_path / "wide.tif.gpkg").exists()
    assert worker.do(job("scene.tif")).footprints > 20
    with pytest.raises(client.ToolkitError, match="expected a raster, got no file"):
        worker.do(job("nowhere.tif"))
    assert worker.do(protocol.About(id="about")).device
