"""Supervision, with nodes that start in a blink; the real store is tested in tests/cluster."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from bookstore_project.cluster.tests.stub_cluster import STUB
from tests.store import ROOT, Store, rest_of
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.processes

STARTER = f"""
import sys, time
from pathlib import Path
from tests.store import Store

Store(Path(sys.argv[1]), command={STUB!r}).__enter__()
print("ready", flush=True)
time.sleep(600)
"""


def launcher_of(store: Store, node: str) -> int:
    return os.getpgid(store.pid(node))


def stop(store: Store, number: signal.Signals = signal.SIGTERM) -> None:
    """How fast it is, `make bench` tells."""
    assert store.stop(number) == 0
    assert not store.processes()


def test_console_names_each_node_with_address_and_pid_and_says_where_to_click(store: Store) -> None:
    wait_for(lambda: "Ctrl-C" in store.console())
    for node in store.nodes:
        line = next(line for line in store.console().splitlines() if line.strip().startswith(f"{node} "))
        assert store.addresses[node] in line
        assert f"pid {store.pid(node)}" in line
        assert "ready" in line
    for url in [f"{store.front}/api/docs/", *(f"{store.url(node)}/admin/" for node in store.nodes[1:])]:
        assert url in store.console()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_everything(store: Store, number: signal.Signals) -> None:
    stop(store, number)
    assert not list((store.data / "run").glob("*.pid"))


def test_stop_waits_neither_for_slow_requests_nor_for_half_sent_ones(store: Store) -> None:
    with store.connect("front") as half, store.connect("catalog-1") as slow:
        half.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        slow.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert store.is_ready("catalog-1")
        stop(store)
        assert rest_of(slow) == b"", "cut off, and not waited for"


def test_stopped_node_is_stopped_too(store: Store) -> None:
    """SIGTERM reaches no process that SIGSTOP holds; SIGKILL does."""
    store.kill("order-1", signal.SIGSTOP)
    os.kill(launcher_of(store, "order-1"), signal.SIGSTOP)
    stop(store)


@pytest.mark.parametrize("node", ["front", "catalog-2"])
def test_killed_worker_is_replaced(shared: Store, node: str) -> None:
    old = shared.kill(node)
    new = shared.wait_restarted(node, old)
    wait_for(lambda: f"pid {new}" in shared.console())
    assert f"{node} died (its worker was killed by SIGKILL): starting it again now" in shared.console()


def test_killed_launcher_takes_its_worker_along_and_both_are_replaced(shared: Store) -> None:
    old = shared.pid("order-2")
    os.kill(launcher_of(shared, "order-2"), signal.SIGKILL)
    shared.wait_restarted("order-2", old)
    assert old not in shared.processes()
    assert "order-2 died (killed by SIGKILL)" in shared.console()


@pytest.mark.parametrize("with_launcher", [False, True])
def test_node_that_answers_no_more_is_killed_and_started_anew(tmp_path: Path, with_launcher: bool) -> None:
    """Nobody waits for it: it holds no lock, and no customer has met it."""
    with Store(tmp_path / "var", command=STUB, is_forked=True, environment={"BOOKSTORE_HUNG_AFTER_S": "3"}) as store:
        wait_for(lambda: "Ctrl-C" in store.console())
        others = {store.pid(node): node for node in store.nodes if node != "order-1"}
        if with_launcher:
            os.kill(launcher_of(store, "order-1"), signal.SIGSTOP)
        old = store.kill("order-1", signal.SIGSTOP)
        store.wait_restarted("order-1", old)
        assert old not in store.processes()
        assert "order-1 has given no answer for 3 s: killing it" in store.console()
        assert "order-1 died (" in store.console()
        # On a slow machine another one may have been silent for as long.
        silent = [node for node in others.values() if f"{node} has given no answer for 3 s" in store.console()]
        assert all(store.pid(node) == pid or node in silent for pid, node in others.items())


def test_killed_supervisor_leaves_no_orphan(store: Store) -> None:
    store.supervisor.kill()
    store.supervisor.wait(PATIENCE_S)
    store.wait_gone()


def test_supervisor_and_launchers_killed_at_once_leave_no_orphan(store: Store) -> None:
    launchers = [launcher_of(store, node) for node in store.nodes]
    for pid in (store.supervisor.pid, *launchers):
        with suppress(ProcessLookupError):  # One that ended with the supervisor, before its turn came.
            os.kill(pid, signal.SIGKILL)
    store.supervisor.wait(PATIENCE_S)
    store.wait_gone()


def test_killed_supervisor_of_restarted_nodes_leaves_no_orphan(store: Store) -> None:
    """A node that started later must not hold the lifeline of the others."""
    for node in ("front", "catalog-1"):
        store.wait_restarted(node, store.kill(node))
    store.supervisor.kill()
    store.supervisor.wait(PATIENCE_S)
    store.wait_gone()


def test_killed_starter_leaves_no_orphan(tmp_path: Path) -> None:
    """Nor a supervisor, which is told of its end by a lifeline, too."""
    command = [sys.executable, "-c", STARTER, str(tmp_path / "var")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
        started = Store(tmp_path / "var")
        assert len(started.processes()) > 5
        starter.kill()
    started.wait_gone()


def test_node_that_keeps_dying_is_started_less_and_less_often_and_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "var", command=STUB, is_forked=True, environment={"STUB_BROKEN": "catalog-2"})
    store.start()
    wait_for(lambda: "again in 0.5 s" in store.console())
    said = [line for line in store.console().splitlines() if line.startswith("catalog-2 died")]
    # Where it is slow to die, it had started well, and its end is a new story.
    third = next(number for number, line in enumerate(said) if "again in 0.5 s" in line)
    assert said[max(0, third - 2) : third + 1] == [
        "catalog-2 died (exit status 3): starting it again now",
        "catalog-2 died (exit status 3): starting it again in 0.25 s",
        "catalog-2 died (exit status 3): starting it again in 0.5 s",
    ]
    store.wait_ready("front", "catalog-1")
    stop(store)


def test_what_nodes_say_is_kept_and_the_unusual_shown(shared: Store) -> None:
    for line in ("21:04:11.123+GET+/product/2+200+catalog-1+1.0+ms", "warning:+a+rat+in+the+cellar"):
        with urlopen(f"{shared.url('catalog-1')}/say?{line}", timeout=PATIENCE_S) as answer:
            answer.read()
    wait_for(lambda: "catalog-1  warning: a rat in the cellar" in shared.console())
    assert "GET /product/2" not in shared.console()
    assert "GET /product/2 200 catalog-1 1.0 ms\nwarning: a rat in the cellar" in shared.log("catalog-1")


def test_terminal_that_stops_reading_stops_nobody(tmp_path: Path) -> None:
    store = Store(tmp_path / "var", command=STUB, is_forked=True)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(writing, True)
    process = subprocess.Popen(STUB, env=store.environment, stdout=writing, stderr=writing, start_new_session=True)
    try:
        wait_for(lambda: all(store.is_ready(node) for node in store.nodes))
        old = store.kill("catalog-1")
        wait_for(lambda: store.pid("catalog-1") != old and store.is_ready("catalog-1"))
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reading)
        os.close(writing)
    store.wait_gone()
