"""The supervisor does what its own user asks for through its socket, and nobody else's bidding."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bookstore_project.cluster.tests.stub_cluster import STUB
from bookstore_project.nodes.supervisor_client import address_of
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for

NONSENSE = (
    b"\n",
    b"nonsense\n",
    b"[]\n",
    b'"stop"\n',
    b"{}\n",
    b'{"command": "stop"}\n',
    b'{"command": "stop", "node": []}\n',
    b'{"command": "stop", "node": "catalog-9"}\n',
    b'{"command": "explode", "node": "catalog-1"}\n',
    b'{"command": "stop", "node": "catalog-1", "after_s": "x"}\n',
    b'{"command": "stop", "node": "catalog-1", "after_s": NaN}\n',
    b'{"command": "states", "wait_s": NaN}\n',
    b'{"command": "states", "wait_s": 1e9}\n',
    b"\xff\n",
    b"x" * 200_000 + b"\n",
)


def path_of(store: Store) -> Path:
    return store.data / "run" / "control.sock"


def ask(store: Store, line: bytes) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        with address_of(path_of(store)) as address:
            connection.connect(address)
        connection.sendall(line)
        told = connection.makefile("rb").readline()
    return dict(json.loads(told))


def order(store: Store, command: str, node: str = "catalog-1") -> dict[str, Any]:
    return ask(store, json.dumps({"command": command, "node": node, "by": "a test"}).encode() + b"\n")


def states(store: Store) -> dict[str, str]:
    return dict(ask(store, b'{"command": "states"}\n')["states"])


def state_of(pid: int) -> str:
    """As `ps` shows it: T is stopped by a signal."""
    return subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()[:1]


@pytest.mark.processes
def test_only_the_owner_may_open_the_socket_which_is_gone_with_the_supervisor(store: Store) -> None:
    mode = path_of(store).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    store.stop()
    assert not path_of(store).exists()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs to become another user")
@pytest.mark.processes
def test_another_user_is_refused_even_if_the_file_let_him_in(shared: Store) -> None:
    folder = path_of(shared).parent
    before = (path_of(shared).stat().st_mode, folder.stat().st_mode)
    path_of(shared).chmod(0o666)
    folder.chmod(0o711)
    script = (
        "import os, socket, sys\n"
        "os.chdir(sys.argv[1])\n"
        "os.setuid(65534)\n"
        "line = socket.socket(socket.AF_UNIX)\n"
        "line.connect('control.sock')\n"
        'line.sendall(b\'{"command": "kill", "node": "catalog-1"}\\n\')\n'
        "print(line.makefile().readline())\n"
    )
    pid = shared.pid("catalog-1")
    asked = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert "Only the user who runs the store" in asked.stdout, asked.stderr
    assert shared.pid("catalog-1") == pid
    path_of(shared).chmod(before[0])
    folder.chmod(before[1])


def test_a_stopped_node_stays_stopped_until_it_is_started(shared: Store) -> None:
    old = shared.pid("catalog-1")
    assert order(shared, "stop") == {"ok": True, "detail": "catalog-1 is stopped, until it is started."}
    assert old not in shared.processes(), "the answer comes when it is gone"
    assert states(shared)["catalog-1"] == "stopped"
    wait_for(lambda: "catalog-1 is stopped, until it is started" in shared.console())
    assert "catalog-1 died" not in shared.console()
    assert order(shared, "stop")["ok"], "once more changes nothing"
    assert order(shared, "start")["detail"] == "catalog-1 is starting."
    shared.wait_restarted("catalog-1", old)
    assert states(shared) == dict.fromkeys(shared.nodes, "running")


def test_a_killed_node_is_started_again(shared: Store) -> None:
    old = shared.pid("order-2")
    assert order(shared, "kill", "order-2")["ok"]
    shared.wait_restarted("order-2", old)
    assert "order-2: kill, as asked by a test" in shared.console()


@pytest.mark.processes
def test_a_paused_node_answers_nothing_until_it_goes_on(shared: Store) -> None:
    pid = shared.pid("catalog-2")
    assert order(shared, "pause", "catalog-2")["ok"]
    wait_for(lambda: state_of(pid) == "T")  # A signal has come when the process runs next.
    assert states(shared)["catalog-2"] == "paused"
    assert order(shared, "continue", "catalog-2")["ok"]
    wait_for(lambda: state_of(pid) != "T")
    assert shared.is_ready("catalog-2")
    assert shared.pid("catalog-2") == pid
    assert states(shared)["catalog-2"] == "running"


def test_a_paused_node_can_be_stopped_and_started(shared: Store) -> None:
    old = shared.pid("front")
    for command in ("pause", "stop", "start"):
        assert order(shared, command, "front")["ok"], command
    shared.wait_restarted("front", old)
    assert states(shared)["front"] == "running"


def test_what_needs_a_process_is_refused_where_there_is_none(shared: Store) -> None:
    order(shared, "stop")
    for command in ("kill", "pause", "continue"):
        told = order(shared, command)
        assert not told["ok"]
        assert f"nothing to {command}" in told["detail"]
    assert order(shared, "start", "order-1")["detail"] == "order-1 wasn't stopped."
    order(shared, "start")
    shared.wait_ready()


@pytest.mark.processes
def test_a_store_with_a_stopped_and_a_paused_node_stops(store: Store) -> None:
    order(store, "stop", "order-1")
    order(store, "pause", "order-2")
    assert store.stop(signal.SIGTERM) == 0
    store.wait_gone()


@pytest.mark.parametrize("line", NONSENSE, ids=lambda line: line[:60].decode(errors="replace"))
def test_nonsense_is_refused_and_does_nothing(shared: Store, line: bytes) -> None:
    pids = {node: shared.pid(node) for node in shared.nodes}
    try:
        told = ask(shared, line)
    except (ConnectionError, json.JSONDecodeError):  # A line without end: it hangs up.
        told = {"ok": False}
    assert not told["ok"]
    assert states(shared) == dict.fromkeys(shared.nodes, "running")
    assert {node: shared.pid(node) for node in shared.nodes} == pids


@pytest.mark.processes
def test_the_command_speaks_to_the_supervisor(store: Store) -> None:
    old = store.pid("order-1")
    done = store.manage("node", "stop", "order-1")
    assert (done.returncode, done.stdout) == (0, "order-1 is stopped, until it is started.\n")
    refused = store.manage("node", "pause", "order-1")
    assert refused.returncode != 0
    assert "there is nothing to pause" in refused.stderr
    assert old not in store.processes()
    store.stop()
    alone = store.manage("node", "stop", "order-1")
    assert "No supervisor answers" in alone.stderr


@pytest.mark.processes
def test_a_socket_in_a_deep_folder_works_too(tmp_path: Path) -> None:
    """The kernel takes names of about a hundred bytes."""
    folder = tmp_path / ("deep" * 12) / ("deeper" * 10)
    folder.mkdir(parents=True)
    with Store(folder / "var", command=STUB, is_forked=True) as store:
        assert states(store) == dict.fromkeys(store.nodes, "running")


@pytest.mark.processes
def test_who_knows_the_states_is_told_when_they_have_changed(shared: Store) -> None:
    known = states(shared)
    line = json.dumps({"command": "states", "known": known, "wait_s": 0}).encode() + b"\n"
    assert ask(shared, line)["states"] == known
    with ThreadPoolExecutor(1) as asking:
        line = json.dumps({"command": "states", "known": known, "wait_s": 60}).encode() + b"\n"
        began = time.monotonic()
        told = asking.submit(ask, shared, line)
        order(shared, "pause")
        assert told.result(PATIENCE_S)["states"] == {**known, "catalog-1": "paused"}
        assert time.monotonic() - began < 60, "it was told of it"
    order(shared, "continue")
    assert states(shared) == known


@pytest.mark.processes
def test_a_store_that_stops_while_somebody_waits_says_nothing_of_it(store: Store) -> None:
    line = json.dumps({"command": "states", "known": states(store), "wait_s": 60}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as connection:
        with address_of(path_of(store)) as address:
            connection.connect(address)
        connection.sendall(line)
        # Whoever asks after it is answered after it was heard.
        assert states(store)
        store.stop()
    assert "Traceback" not in store.console()
