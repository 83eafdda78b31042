"""QGIS Desktop on a screen of its own, with a scratch profile, driven by a real mouse and real keys."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

PROGRAMS = ("qgis", "Xvfb", "openbox", "xdotool", "import")
SIZE = (1280, 900)
INI = """[PythonPlugins]
samft=true

[samft]
bundles={bundles}

[qgis]
checkVersion=false
showTips=false
"""


def absent():
    """Which program is not there."""
    return next((program for program in PROGRAMS if shutil.which(program) is None), None)


class Desktop:
    """Use it as a context.

    Args:
        folder: For the profile and all else.
        plugins: A folder of plugins.
        executable: The toolkit's samft.
        bundles: A folder of bundles.
    """

    def __init__(self, folder, plugins, executable, bundles):
        self.folder, self._plugins, self._executable, self._bundles = folder, plugins, executable, bundles
        self._questions = itertools.count()
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _begin(self):
        self._display = self._screen()
        profile = self.folder / "profiles" / "profiles" / "t"
        for part in ("QGIS", "python"):
            (profile / part).mkdir(parents=True)
        (profile / "QGIS" / "QGIS3.ini").write_text(INI.format(bundles=self._bundles))
        (profile / "python" / "plugins").symlink_to(self._plugins)
        self._asked = self.folder / "questions"
        self._asked.mkdir()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("QGIS_", "QT_QPA"))},
            "PATH": f"{os.defpath}:{os.environ['PATH']}",  # QGIS takes its Python from there
            "DISPLAY": self._display,
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "SAMFT_DESKTOP": str(self._asked),
            "SAMFT_EXECUTABLE": str(self._executable),
            "OMP_NUM_THREADS": "1",
        }
        self.folder.chmod(0o700)
        self._environment = environment
        self._start("openbox")
        script = Path(__file__).with_name("desktop_inside.py")
        places = ["--profiles-path", self.folder / "profiles", "--profile", "t"]
        size = ["--width", str(SIZE[0]), "--height", str(SIZE[1])]
        self.qgis = self._start("qgis", "--nologo", *places, *size, "--code", script)
        self.ask("1", timeout_s=240)

    def __exit__(self, *_):
        self._stack.close()

    def ask(self, expression, timeout_s=60):
        """The value of an expression inside QGIS."""
        question = self._asked / f"{next(self._questions):06}.ask"
        part = question.with_suffix(".new")
        part.write_text(expression, encoding="utf-8")
        part.rename(question)
        answer = question.with_suffix(".answer")
        deadline_s = time.monotonic() + timeout_s
        while not answer.exists():
            assert self.qgis.poll() is None, f"QGIS ended: {self.log()}"
            assert time.monotonic() < deadline_s, f"no answer to {expression}: {self.log()}"
            time.sleep(0.05)
        told = json.loads(answer.read_text(encoding="utf-8"))
        assert "error" not in told, told["error"]
        return told["value"]

    def wait(self, expression, timeout_s=180):
        """Wait until an expression inside QGIS is true."""
        deadline_s = time.monotonic() + timeout_s
        while not self.ask(expression):
            assert time.monotonic() < deadline_s, f"not yet {expression}; {self.ask('state()')}"
            time.sleep(0.2)

    def click(self, place):
        """Click with the mouse on a pixel of the screen."""
        self._mouse("mousemove", *place, "sleep", "0.1", "click", 1)

    def drag(self, *places):
        """Drag with the mouse from pixel to pixel."""
        self._mouse("mousemove", *places[0], "sleep", "0.1", "mousedown", 1)
        for place in places[1:]:
            self._mouse("sleep", "0.1", "mousemove", *place)
        self._mouse("sleep", "0.1", "mouseup", 1)

    def key(self, name):
        """Press a key."""
        self._mouse("key", name)

    def picture(self, path):
        """A picture of the screen."""
        subprocess.run(["import", "-window", "root", path], env=self._environment, check=True, timeout=60)

    def log(self):
        """The last lines of what QGIS has printed."""
        return (self.folder / "qgis.log").read_text(errors="replace")[-2000:]

    def _mouse(self, *words):
        subprocess.run(["xdotool", *map(str, words)], env=self._environment, check=True, timeout=60)

    def _screen(self):
        """A screen whose number nobody else has."""
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp"]
        process = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        self._stack.callback(_end, process)
        os.close(write)
        with os.fdopen(read) as pipe:
            return f":{pipe.readline().strip()}"

    def _start(self, *command):
        log = self._stack.enter_context((self.folder / f"{command[0]}.log").open("wb"))
        process = subprocess.Popen(list(map(str, command)), env=self._environment, stdout=log, stderr=log)
        self._stack.callback(_end, process)
        return process


def _end(process):
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
