"""A process is gone only if the kernel that ran it says so."""

import os
import subprocess
import sys

import pytest

from bookstore_project.nodes import processes

TELL = "from bookstore_project.nodes.processes import identity; print(identity(), flush=True); input()"


@pytest.mark.processes
def test_a_process_has_ended_once_it_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        identity = other.stdout.readline().strip()
        assert processes.has_ended(identity) is False
        other.kill()
        other.wait()
        assert processes.has_ended(identity) is True


def test_all_have_names_of_one_length() -> None:
    named = processes.instance("0123456789abcdef0123")
    assert (len(named), processes.of_instance(named)) == (54, processes.identity())


def test_whoever_has_its_number_now_is_another_process() -> None:
    machine, pid, started = processes.identity().split(".")
    assert int(pid) == os.getpid()
    assert processes.has_ended(f"{machine}.{pid}.{started}") is False
    assert processes.has_ended(f"{machine}.{pid}.{int(started) - 1}") is True


@pytest.mark.parametrize("unknown", ["", "process", "0123456789abcdef.1.1", "..", "{machine}.x.1", "{machine}.1"])
def test_nothing_is_known_of_other_machines(unknown: str) -> None:
    machine = processes.identity().partition(".")[0]
    assert processes.has_ended(unknown.format(machine=machine)) is None


def test_one_of_another_user_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert processes.has_ended(processes.identity()) is False
