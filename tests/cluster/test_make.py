"""The Makefile, with a Python that only writes down what it is asked to do."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bookstore_project.cluster import lock
from tests.store import ROOT, Store
from tests.waiting import PATIENCE_S

STUB = "bookstore_project.cluster.tests.stub_cluster"
PRETENDER = """#!/bin/sh
echo "$@" >> {calls}
echo "$BOOKSTORE_FRONTS" > {calls}.fronts
case "$*" in
    *version_info*) exit {too_old} ;;
    --version) echo "Python 3.9.1" ;;
    "-m venv .venv") mkdir -p .venv/bin && cp {itself} .venv/bin/python ;;
    *cluster.lock*) PYTHONPATH={root} exec {python} "$@" ;;
    *"pip install"*) [ ! -e offline ] ;;
    "manage.py cluster") [ -z "$REALLY" ] || PYTHONPATH={root} exec {python} -m {stub} ;;
esac
"""


class Clone:
    """A fresh clone, as far as make can tell."""

    def __init__(self, folder: Path, *, too_old: bool = False) -> None:
        self.folder = folder
        for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
            shutil.copy(ROOT / name, folder / name)
        self._calls = folder / "calls"
        python = folder / "python"
        places = {"calls": self._calls, "itself": python, "root": ROOT, "python": sys.executable}
        quoted = {name: shlex.quote(str(path)) for name, path in places.items()}
        python.write_text(PRETENDER.format(too_old=int(too_old), stub=STUB, **quoted))
        python.chmod(0o755)

    def command(self, *arguments: str) -> list[str]:
        return [
            "make",
            "--no-print-directory",
            "-C",
            str(self.folder),
            f"PYTHON={self.folder / 'python'}",
            *arguments,
        ]

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self._calls.unlink(missing_ok=True)
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def installed(self) -> list[str]:
        """The files from which the last call of make installed."""
        calls = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [call.split()[-1] for call in calls if "pip install" in call]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_without_a_target_it_lists_them_with_a_sentence_each(clone: Clone) -> None:
    listed = [line.split(None, 2) for line in clone.make().stdout.splitlines()]
    assert {"run", "test", "lint", "bench", "demo", "clean"} <= {target for _, target, _ in listed}
    assert all(sentence for _, _, sentence in listed)


def test_run_takes_the_number_of_fronts(clone: Clone) -> None:
    clone.make("run", "FRONTS=2")
    assert (clone.folder / "calls.fronts").read_text() == "2\n"
    clone.make("run")
    assert (clone.folder / "calls.fronts").read_text() == "\n"


def test_run_makes_the_environment_installs_and_starts_the_cluster(clone: Clone) -> None:
    answer = clone.make("run")
    assert answer.returncode == 0, answer.stderr
    assert clone.installed() == ["requirements.txt"]
    assert answer.stdout.splitlines() == ["Making .venv ...", "Installing requirements.txt ..."]


def test_requirements_are_installed_again_only_when_they_change(clone: Clone) -> None:
    clone.make("run")
    assert clone.make("run").returncode == 0
    assert clone.installed() == []
    (clone.folder / "requirements.txt").touch()
    clone.make("run")
    assert clone.installed() == []
    with (clone.folder / "requirements.txt").open("a") as requirements:
        requirements.write("one-more==1.0\n")
    clone.make("run")
    assert clone.installed() == ["requirements.txt"]


def test_running_needs_no_tools_and_testing_needs_both(clone: Clone) -> None:
    clone.make("run")
    (clone.folder / "requirements-dev.txt").write_text("-r requirements.txt\nother-tool==1.0\n")
    clone.make("run")
    clone.make("demo")
    assert clone.installed() == []
    clone.make("test")
    assert clone.installed() == ["requirements-dev.txt"]


def test_failed_installation_is_tried_again(clone: Clone) -> None:
    (clone.folder / "offline").touch()
    assert clone.make("run").returncode != 0
    (clone.folder / "offline").unlink()
    assert clone.make("run").returncode == 0
    assert clone.installed() == ["requirements.txt"]


def test_old_python_is_refused_with_a_sentence(tmp_path: Path) -> None:
    answer = Clone(tmp_path, too_old=True).make("run")
    assert answer.returncode != 0
    assert "Python 3.11 or newer is needed" in answer.stdout + answer.stderr
    assert not (tmp_path / ".venv").exists()


def test_clean_deletes_the_data_unless_the_store_runs(clone: Clone) -> None:
    data = clone.folder / "var"
    with lock.exclusive(data):
        answer = clone.make("clean")
        assert answer.returncode != 0
        assert "The store is running" in answer.stderr
        assert data.exists()
    assert clone.make("clean").returncode == 0
    assert not data.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_to_make_run_stops_the_store(clone: Clone, number: signal.Signals) -> None:
    """Ctrl-C reaches the whole foreground group, SIGTERM is passed on by make itself."""
    store = Store(clone.folder / "var", command=clone.command("run"), environment={"REALLY": "1"})
    with store:
        if number == signal.SIGINT:
            os.killpg(store.supervisor.pid, number)
            store.supervisor.wait(PATIENCE_S)
        else:
            store.stop(number)
        assert not store.processes()
        assert "Stopped." in store.console()
        assert "***" not in store.console()
