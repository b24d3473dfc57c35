import importlib
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import pytest

from deploy.hosts import waking
from deploy.hosts.asking import Answer, Asker, Unanswered
from deploy.hosts.cluster import Cluster
from deploy.hosts.waking import Processes

ROWS = Path("/var/lib/bookstore/patroni/postgresql")
FIRST = f"/usr/lib/postgresql/15/bin/postgres\0-D\0{ROWS}\0--port=5432\0"
SENDS = "postgres: bookstore: walsender replicator 192.0.2.2(40000) streaming 0/3000060\0"


class Machine:
    """Processes that only sleep, under whichever names its `/proc` shows."""

    def __init__(self, proc: Path, stack: ExitStack) -> None:
        self.proc, self._stack = proc, stack
        self._children: dict[int, list[int]] = {}

    def start(self, command: str, parent: int | None = None) -> "subprocess.Popen[bytes]":
        started = self._stack.enter_context(subprocess.Popen(["sleep", "infinity"]))
        self._stack.callback(started.kill)
        (self.proc / f"{started.pid}/task/{started.pid}").mkdir(parents=True)
        self.name(started, command)
        if parent is not None:
            children = self._children.setdefault(parent, [])
            children.append(started.pid)
            (self.proc / f"{parent}/task/{parent}/children").write_text(" ".join(map(str, children)))
        return started

    def name(self, process: "subprocess.Popen[bytes]", command: str) -> None:
        (self.proc / f"{process.pid}/cmdline").write_text(command)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "self").mkdir()
    with ExitStack() as stack:
        yield Machine(tmp_path, stack)


def ended(processes: Processes) -> int:
    return processes.ended(60)


def test_the_end_of_what_sends_to_a_standby_is_told(machine: Machine) -> None:
    first = machine.start(FIRST)
    sender, other = machine.start(SENDS, first.pid), machine.start("postgres: bookstore: checkpointer \0", first.pid)
    processes = Processes(ROWS, machine.proc)
    processes.look()
    other.kill()
    other.wait()
    assert processes.ended(0) == 0
    sender.kill()
    assert ended(processes) == 1


def test_the_end_of_the_first_process_is_told_and_the_next_one_is_found(machine: Machine) -> None:
    processes = Processes(ROWS, machine.proc)
    processes.look()
    for _ in range(2):
        first = machine.start(FIRST)
        processes.look()
        first.kill()
        assert ended(processes) == 1
        machine.name(first, "")


def test_another_server_of_the_machine_is_left_alone(machine: Machine) -> None:
    stranger = machine.start(FIRST.replace("bookstore", "another"))
    processes = Processes(ROWS, machine.proc)
    processes.look()
    stranger.kill()
    stranger.wait()
    assert processes.ended(0) == 0


def test_a_process_is_looked_at_again_until_it_has_its_name(machine: Machine) -> None:
    """Until then it is called as its parent is."""
    first = machine.start(FIRST)
    sender = machine.start(FIRST, first.pid)
    processes = Processes(ROWS, machine.proc)
    processes.look()
    machine.name(sender, SENDS)
    processes.look()
    sender.kill()
    assert ended(processes) == 1


class Patroni(Asker):
    def __init__(self, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._status = status
        self.changed: list[tuple[str, int, str, object]] = []

    def change(
        self, address: str, port: int, path: str, body: object, user: str, password: str, method: str = "PATCH"
    ) -> Answer:
        assert (user, password) == ("patroni", "secret")
        self.changed.append((address, port, path, body))
        return Answer(self._status, {}, None, None)


def test_patroni_is_told_of_a_change_that_is_none(cluster: Cluster) -> None:
    patroni = Patroni()
    waking.wake(cluster.host(1), patroni, "secret")
    assert patroni.changed == [("192.0.2.1", 8008, "/config", {"woken": None})]
    patch_config = importlib.import_module("patroni.utils").patch_config  # It has no types.
    assert not patch_config({"loop_wait": 1}, waking.NOTHING), "else it would write it"


def test_a_patroni_that_refuses_is_said(cluster: Cluster) -> None:
    with pytest.raises(Unanswered, match="401"):
        waking.wake(cluster.host(1), Patroni(HTTPStatus.UNAUTHORIZED), "secret")
