"""Finding a toolkit, testing it, and setting one up: with real Pythons, virtual environments and pip."""

import os
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS's own Python runs these: see tests/plugin/conftest.py")

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtNetwork import QNetworkProxy

PATIENCE_S = 600


@pytest.fixture
def profile(plugin, tmp_path, monkeypatch):
    """A profile folder and a home of its own, with nothing on the PATH but what Python needs."""
    monkeypatch.setattr("samft.worker.venv.profile_folder", lambda: tmp_path / "profile")
    monkeypatch.setattr("samft.gui.setup_dialog.profile_folder", lambda: tmp_path / "profile")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("SAMFT_EXECUTABLE", raising=False)
    QgsSettings().remove("samft/executable")
    return tmp_path / "profile"


@pytest.fixture(scope="session")
def python():
    return os.environ.get("SAMFT_PYTHON", str(Path(__file__).parents[2] / ".venv" / "bin" / "python"))


@pytest.fixture
def wheels(tmp_path, samft):
    """A folder with a wheel named samft, which passes everything on to the real toolkit: torch's is 200 MB."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "samft-0.1.0.dist-info"
    with zipfile.ZipFile(folder / "samft-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            "samft_passed_on.py",
            f"import os, sys\n\ndef main():\n    os.execv({samft!r}, [{samft!r}, *sys.argv[1:]])\n",
        )
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: samft\nVersion: 0.1.0\nProvides-Extra: aws\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\nsamft = samft_passed_on:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    return folder


def make_program(path, body="#!/bin/sh\nexit 3\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body)
    path.chmod(0o755)
    return str(path)


def wait(done, patience_s=PATIENCE_S):
    """Let QGIS work until something is so."""
    deadline_s = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline_s, "waited in vain"
        QgsApplication.processEvents()
        time.sleep(0.02)


def carry_out(plan, tmp_path, before=None):
    from samft.worker.setup import Setup

    lines, ends = [], []
    setup = Setup(plan, tmp_path / "setup.log")
    setup.said.connect(lines.append)
    setup.ended.connect(lambda good, problem: ends.append((good, problem)))
    setup.start()
    if before is not None:
        before(setup, lines)
    wait(lambda: ends)
    assert len(ends) == 1
    assert (tmp_path / "setup.log").read_text().splitlines() == lines
    return (*ends[0], lines)


def test_candidates_are_found_where_people_and_programs_put_them(profile, tmp_path, monkeypatch):
    from samft.worker import toolkits

    home = tmp_path / "home"
    places = [
        home / ".venv/bin/samft",
        home / "samft/.venv/bin/samft",
        home / ".virtualenvs/sam/bin/samft",
        home / "miniforge3/envs/sam/bin/samft",
        tmp_path / "elsewhere/bin/samft",
    ]
    made = [make_program(place) for place in places]
    (home / ".conda").mkdir()
    (home / ".conda" / "environments.txt").write_text(f"{tmp_path / 'elsewhere'}\n{home / 'gone'}\n")
    on_path = make_program(tmp_path / "path/samft")
    by_variable = make_program(tmp_path / "variable/samft")
    chosen = make_program(tmp_path / "chosen/samft")
    (tmp_path / "link").mkdir()
    (tmp_path / "link/samft").symlink_to(chosen)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:{tmp_path / 'link'}:/usr/bin")
    monkeypatch.setenv("SAMFT_EXECUTABLE", by_variable)
    QgsSettings().setValue("samft/executable", chosen)
    (home / "venv/bin").mkdir(parents=True)
    (home / "venv/bin/samft").write_text("not to be run")
    found = toolkits.candidates()
    QgsSettings().remove("samft/executable")
    assert found == [chosen, by_variable, on_path, *made]


def test_the_order_is_setting_variable_path_then_what_the_plugin_made(profile, tmp_path, monkeypatch):
    from samft.worker.environment import ToolkitError, find_executable
    from samft.worker.venv import ToolkitVenv

    with pytest.raises(ToolkitError, match="none on the PATH; choose one or set one up"):
        find_executable()
    venv = ToolkitVenv(profile / "toolkit")
    venv.begin()
    own = make_program(venv.samft)
    with pytest.raises(ToolkitError):
        find_executable()  # it may be half there
    venv.complete()
    assert find_executable() == own
    on_path = make_program(tmp_path / "path/samft")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin")
    assert find_executable() == on_path
    by_variable = make_program(tmp_path / "variable/samft")
    monkeypatch.setenv("SAMFT_EXECUTABLE", by_variable)
    assert find_executable() == by_variable
    QgsSettings().setValue("samft/executable", own)
    assert find_executable() == own
    assert find_executable(chosen="") == by_variable
    QgsSettings().remove("samft/executable")


def test_a_toolkit_says_what_it_is(plugin, toolkit, samft):
    from samft.worker import toolkits

    said = []
    assert toolkits.version_of(samft, said.append) == "0.1.0"
    about = toolkits.examine(samft, said.append)
    assert (about.version, about.python.split(".")[0]) == ("0.1.0", "3")
    assert about.torch[0].isdigit()
    assert about.device


@pytest.mark.parametrize("body", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho 7.0\n"])
def test_another_program_is_no_toolkit(plugin, tmp_path, body):
    from samft.worker import toolkits
    from samft.worker.environment import ToolkitError

    with pytest.raises(ToolkitError, match="expected"):
        toolkits.version_of(make_program(tmp_path / "samft", body), print)


def test_pythons_are_found_and_those_that_will_not_do_are_left_out(profile, tmp_path, python, monkeypatch):
    from samft.worker import pythons

    (tmp_path / "path").mkdir()
    (tmp_path / "path/python3.12").symlink_to(python)
    old = make_program(
        tmp_path / "path/python3.10",
        f'#!/bin/sh\nshift 2\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9, 1)\n$1"\n',
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin")
    found = pythons.candidates()
    assert str(tmp_path / "path/python3.12") in found
    assert old in found
    usable = pythons.usable()
    assert str(tmp_path / "path/python3.12") in usable
    assert old not in usable


def test_set_up_from_a_folder_of_wheels_through_the_dialog(profile, python, wheels, monkeypatch):
    from samft.gui.setup_dialog import SetupDialog
    from samft.worker.environment import find_executable
    from samft.worker.venv import ToolkitVenv, next_venv

    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # as inside QGIS on Windows
    ToolkitVenv(profile / "toolkit").begin()  # as a killed QGIS leaves it
    dialog = SetupDialog(print)
    dialog.python.setEditText(python)
    dialog.from_wheels.setChecked(True)
    dialog.wheels.setFilePath(str(wheels))
    dialog.aws.setChecked(True)
    assert dialog.folder.filePath() == str(profile / "toolkit")
    dialog.show()
    dialog.start.click()
    assert not dialog.start.isEnabled()
    assert dialog.cancel.isEnabled()
    assert not dialog.bar.isHidden()
    wait(dialog.start.isEnabled)
    assert dialog.executable == str(profile / "toolkit/bin/samft"), dialog.output.toPlainText()
    assert "It works" in dialog.status.text()
    assert "Successfully installed samft-0.1.0" in dialog.output.toPlainText()
    assert "Successfully installed samft-0.1.0" in (profile / "setup.log").read_text()
    assert find_executable() == dialog.executable
    dialog.close()
    assert next_venv().folder == profile / "toolkit-2"  # the old one may be in use


def test_a_failure_leaves_nothing(profile, tmp_path, python, wheels):
    from samft.worker.setup import Plan
    from samft.worker.venv import ToolkitVenv

    next(wheels.iterdir()).write_bytes(b"no wheel")
    plan = Plan(python=python, venv=ToolkitVenv(profile / "toolkit"), wheels=str(wheels))
    good, problem, lines = carry_out(plan, tmp_path)
    assert not good
    assert problem.startswith("expected pip to succeed, got ERROR: ")
    assert problem.endswith(f"look into {tmp_path / 'setup.log'}")
    assert not (profile / "toolkit").exists()
    assert len(lines) > 3


def test_cancel_leaves_nothing(profile, tmp_path, python, wheels):
    from samft.worker.setup import Plan
    from samft.worker.venv import ToolkitVenv

    plan = Plan(python=python, venv=ToolkitVenv(profile / "toolkit"), wheels=str(wheels))

    def stop(setup, lines):
        wait((profile / "toolkit/pyvenv.cfg").exists)
        setup.cancel()

    assert carry_out(plan, tmp_path, stop)[:2] == (False, "")
    assert not (profile / "toolkit").exists()


def test_a_python_that_does_not_start_is_told(profile, tmp_path):
    from samft.worker.setup import Plan
    from samft.worker.venv import ToolkitVenv

    broken = make_program(tmp_path / "python", "#!/nowhere/sh\n")
    good, problem, _ = carry_out(Plan(python=broken, venv=ToolkitVenv(profile / "toolkit")), tmp_path)
    assert not good
    assert problem.startswith(f"expected {broken} to start")
    assert not (profile / "toolkit").exists()


def test_what_a_killed_qgis_left_half_made_counts_as_nothing(profile):
    from samft.worker.venv import ToolkitVenv, next_venv, own_venvs

    venv = ToolkitVenv(profile / "toolkit")
    venv.begin()
    make_program(venv.samft)
    assert own_venvs() == []
    assert next_venv() == venv
    venv.begin()
    assert not venv.samft.exists()
    venv.complete()
    make_program(venv.samft)
    venv.remove()
    assert own_venvs() == [venv]


@pytest.mark.parametrize("full", [True, False])
def test_a_folder_of_somebody_else_is_left_alone(profile, tmp_path, python, wheels, full):
    from samft.worker.environment import ToolkitError
    from samft.worker.setup import Plan
    from samft.worker.venv import ToolkitVenv

    theirs = tmp_path / "theirs"
    theirs.mkdir()
    if full:
        (theirs / "thesis.txt").write_text("years of work")
    venv = ToolkitVenv(theirs)
    plan = Plan(python=python, venv=venv, wheels=str(wheels))
    if full:
        with pytest.raises(ToolkitError, match="empty or not there yet"):
            plan.check()
        venv.remove()
        assert (theirs / "thesis.txt").exists()
    else:
        plan.check()


def test_mistakes_are_told_before_anything_is_done(profile, tmp_path, python):
    from samft.gui.setup_dialog import SetupDialog

    dialog = SetupDialog(print)
    dialog.python.setEditText("/no/python")
    dialog.start.click()
    assert dialog.status.text().startswith("expected a Python 3.10 or newer, got /no/python")
    dialog.python.setEditText(python)
    dialog.from_wheels.setChecked(True)
    dialog.start.click()
    assert dialog.status.text().startswith("expected a folder with the wheels of samft")
    assert not profile.exists()
    dialog.close()


def test_pip_goes_through_the_proxy_of_qgis(plugin, monkeypatch):
    from qgis.core import QgsNetworkAccessManager
    from samft.worker import setup

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", "/of/qgis")
    assert not setup.environment().contains("HTTPS_PROXY")
    manager = QgsNetworkAccessManager.instance()
    manager.setupDefaultProxyAndCache()
    proxy = QNetworkProxy(QNetworkProxy.ProxyType.HttpProxy, "proxy.example.org", 3128, "ann", "a/b c")
    manager.setFallbackProxyAndExcludes(proxy, [], ["https://pypi.example.org"])
    try:
        variables = setup.environment()
        assert variables.value("HTTPS_PROXY") == "http://ann:a%2Fb%20c@proxy.example.org:3128"
        assert variables.value("HTTP_PROXY") == variables.value("HTTPS_PROXY")
        assert not variables.contains("PYTHONPATH")
    finally:
        manager.setFallbackProxyAndExcludes(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy), [], [])


def test_commands_run_no_shell_and_name_the_release(plugin, tmp_path):
    from samft.worker.setup import Plan
    from samft.worker.venv import ToolkitVenv

    index, venv = "https://torch.example.org", ToolkitVenv(tmp_path / "a b")
    plan = Plan(python="py", venv=venv, extra_index=index, extras=("aws",))
    look, make, install = plan.commands()
    assert look[:3] == ["py", "-I", "-c"]
    assert make[-2:] == ["venv", str(tmp_path / "a b")]
    assert install[0] == str(tmp_path / "a b" / "bin" / "python")
    assert install[-1] == "samft[aws]==0.1.0"
    assert install[install.index("--extra-index-url") + 1] == index
