"""scripts/install with stand-ins for Python and pip: what it does, in which order, and what it says when it cannot.

The stand-in is a shell script that writes down how it was called. As `python -m venv` it copies itself.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("cat", "cmp", "cp", "dirname", "head", "mkdir", "mv", "rm", "sed", "sh")
STAND_IN = """#!/bin/sh
case "$*" in
    *ensurepip*) echo "$VERDICT" && exit ;;
    *fcntl*) exec "$REAL_PYTHON" "$@" ;;
    --version) echo "Python 3.99" && exit ;;
    "-c ") exit ;;
    "-m venv --clear .venv") rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"$FAILS_AT"*) echo "did $*" >>steps && exit 1 ;;
esac
echo "did $*" >>steps
"""


class Checkout:
    """A folder with the install script, its inputs and a PATH of our own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.tools = folder / "tools"
        (self.folder / "scripts").mkdir(parents=True)
        self.tools.mkdir()
        for name in TOOLS:
            (self.tools / name).symlink_to(shutil.which(name) or name)
        shutil.copy(ROOT / "scripts/install", self.folder / "scripts/install")
        (self.folder / "pyproject.toml").write_text("[project]\n")
        (self.folder / "requirements.lock").write_text((ROOT / "requirements.lock").read_text())

    def provide(self, name: str) -> None:
        (self.tools / name).write_text(STAND_IN)
        (self.tools / name).chmod(0o755)

    def start(self, verdict: str = "usable", fails_at: str = "nothing", **more: str) -> subprocess.Popen[str]:
        environment = {"PATH": str(self.tools), "VERDICT": verdict, "FAILS_AT": fails_at, **more}
        return subprocess.Popen(
            [self.folder / "scripts/install"],
            env={"REAL_PYTHON": sys.executable, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def install(self, verdict: str = "usable", fails_at: str = "nothing") -> tuple[int, str]:
        """Its exit code and what it said; nothing ever goes to stdout."""
        process = self.start(verdict, fails_at)
        output, said = process.communicate(timeout=30)
        assert output == ""
        return process.returncode, said

    def steps(self) -> list[str]:
        """What was done since the last look, each by its most telling word."""
        file = self.folder / "steps"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [next(word for word in TELLING if word in line) for line in lines]


TELLING = ("venv --clear", "build.lock", "requirements.lock", "--editable", "providers.weights")
FROM_NOTHING = list(TELLING)
UPDATE = FROM_NOTHING[1:]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    made.provide("python3")
    return made


def test_a_fresh_clone_gets_everything_in_order(checkout: Checkout) -> None:
    code, said = checkout.install()
    assert (code, checkout.steps()) == (0, FROM_NOTHING)
    assert said.splitlines()[0] == "callrelay: making .venv with Python 3.99"


def test_the_build_backend_is_installed_first_from_the_lock(checkout: Checkout) -> None:
    checkout.install()
    first = (checkout.folder / ".venv/build.lock").read_text()
    assert first.startswith("setuptools==")
    assert first.count("--hash=sha256:") == 2
    assert first.count("# via") == 1


def test_a_second_run_looks_after_the_models_only_and_says_nothing(checkout: Checkout) -> None:
    checkout.install()
    checkout.steps()
    assert checkout.install() == (0, "")
    assert checkout.steps() == ["providers.weights"]


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.lock", "scripts/install"])
def test_a_changed_input_brings_the_packages_up_to_date(checkout: Checkout, name: str) -> None:
    checkout.install()
    checkout.steps()
    with (checkout.folder / name).open("a") as file:
        file.write("# changed\n")
    assert checkout.install()[0] == 0
    assert checkout.steps() == UPDATE


def test_a_run_that_broke_off_is_not_believed(checkout: Checkout) -> None:
    checkout.install(fails_at="requirements.lock")
    checkout.steps()
    assert checkout.install()[0] == 0
    assert checkout.steps() == FROM_NOTHING


def test_an_update_that_broke_off_is_not_believed(checkout: Checkout) -> None:
    checkout.install()
    (checkout.folder / "pyproject.toml").write_text("[project] # changed\n")
    checkout.install(fails_at="--editable")
    checkout.steps()
    (checkout.folder / "pyproject.toml").write_text("[project]\n")
    assert checkout.install()[0] == 0
    assert checkout.steps() == FROM_NOTHING


def test_a_checkout_that_moved_is_made_anew(checkout: Checkout) -> None:
    checkout.install()
    checkout.steps()
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    assert checkout.install()[0] == 0
    assert checkout.steps() == FROM_NOTHING


def test_a_python_that_went_away_is_replaced(checkout: Checkout) -> None:
    checkout.install()
    checkout.steps()
    python = checkout.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert checkout.install()[0] == 0
    assert checkout.steps() == FROM_NOTHING


def test_without_a_package_index_the_way_out_is_named(checkout: Checkout) -> None:
    code, said = checkout.install(fails_at="build.lock")
    assert code == 3
    assert "needs its package index" in said
    assert "Then run scripts/install again." in said


def test_models_that_cannot_be_had_fail_the_run(checkout: Checkout) -> None:
    assert checkout.install(fails_at="providers.weights")[0] != 0


@pytest.mark.parametrize(
    ("verdict", "remedy"),
    [("3.10.13, which is too old", "python3 is 3.10.13, which is too old"), ("", "apt install python3")],
)
def test_an_unusable_python_is_named_with_its_remedy(checkout: Checkout, verdict: str, remedy: str) -> None:
    code, said = checkout.install(verdict)
    assert code == 3
    assert "Python 3.11 or newer" in said
    assert remedy in said


def test_no_python_at_all_is_named(checkout: Checkout) -> None:
    (checkout.tools / "python3").unlink()
    code, said = checkout.install()
    assert code == 3
    assert "no python3 was found" in said


def test_a_python_without_venv_is_named_with_the_package_that_brings_it(
    checkout: Checkout, tmp_path: Path
) -> None:
    """Here the real Python judges itself, with ensurepip hidden as Debian does."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "ensurepip.py").write_text("raise ImportError('left out')")
    (checkout.tools / "python3").unlink()
    (checkout.tools / "python3").symlink_to(os.path.realpath(sys.executable))
    _, said = checkout.start(PYTHONPATH=str(hidden)).communicate(timeout=30)
    assert f"apt install python{sys.version_info.major}.{sys.version_info.minor}-venv" in said


def test_the_newest_python_is_taken(checkout: Checkout) -> None:
    for name in ("python3.11", "python3.13"):
        checkout.provide(name)
    (checkout.tools / "python3.13").write_text(STAND_IN.replace("3.99", "3.13"))
    assert "making .venv with Python 3.13" in checkout.install()[1]


def test_a_name_on_the_path_that_does_not_run_is_passed_over(checkout: Checkout) -> None:
    (checkout.tools / "python3.14").write_text("#!/bin/sh\nexit 127\n")
    (checkout.tools / "python3.14").chmod(0o755)
    assert checkout.install()[0] == 0


def test_a_second_run_at_the_same_time_waits_and_finds_all_done(checkout: Checkout) -> None:
    folder = os.open(checkout.folder, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    runs = [checkout.start(), checkout.start()]
    said = [run.stderr.readline().strip() for run in runs if run.stderr]
    assert said == ["callrelay: waiting for another scripts/install here to finish"] * 2
    assert checkout.steps() == []
    os.close(folder)
    for run in runs:
        run.communicate(timeout=30)
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted(checkout.steps()) == sorted([*FROM_NOTHING, "providers.weights"])
