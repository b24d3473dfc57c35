"""Nodes are forked from what has loaded their libraries, and depend on it no longer than that takes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bookstore_project.cluster.forkserver import HAS_BEGUN, MAY_LIVE
from bookstore_project.cluster.tests.stub_cluster import STUB
from tests.store import ROOT, Store
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere every node loads all by itself"),
]

OWN = ("forkserver", "lifeline")
"""Of the project, what is loaded before the fork, and forgotten after it."""
LOADED = """
import os, sys
from bookstore_project.cluster import forkserver

before = set(sys.modules)
for name in forkserver.LIBRARIES:
    __import__(name)
ours = ("bookstore_project.", "catalog_app", "order_app", "frontend_app")
own = [name for name in sys.modules if name.startswith(ours)]
print(len(os.listdir("/proc/self/task")), *own)
loaded = set(sys.modules)
os.environ["BOOKSTORE_NODE"] = sys.argv[1]
import bookstore_project.asgi
from django.urls import get_resolver

get_resolver().url_patterns
libraries = {name for name in set(sys.modules) - before if not name.startswith(ours)}
print(len(libraries - loaded), len(libraries))
"""
STOPPED = """
import os, signal
from bookstore_project.cluster import forkserver
from bookstore_project.cluster.lifeline import Lifeline

forkserver.LOADED_WITHIN_S = 0.2
server = forkserver.ForkServer(Lifeline())
os.kill(server._process.pid, signal.SIGSTOP)
try:
    server.start([], os.environ, 1)
except forkserver.Unavailable:
    print("unavailable")
try:
    print(os.waitpid(-1, 0))
except ChildProcessError:
    print("nobody is left")
"""
STOPPED_WITH_A_NODE = """
import os, signal
from bookstore_project.cluster import forkserver
from bookstore_project.cluster.launcher import Launcher
from bookstore_project.cluster.lifeline import Lifeline

forkserver.LOADED_WITHIN_S, forkserver.ANSWER_WITHIN_S = 600, 0.2
launcher = Launcher([], Lifeline())
server = launcher._fork_server
ask, forked = server._ask, []

def ask_and_stop(descriptors):
    pid = ask(descriptors)
    os.killpg(server._process.pid, signal.SIGSTOP)  # The node, too, is in that group until its first line.
    assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
    forked.append(pid)
    return pid

server._ask = ask_and_stop
group = launcher.start(os.environ | {"BOOKSTORE_NODE": "nobody"})
(first,) = forked
try:
    os.waitpid(first, os.WNOHANG)
except ChildProcessError:
    print("ended")
else:
    os.kill(first, signal.SIGKILL)
    raise SystemExit("the stopped node is left")
print(group.output.readall().decode().strip())
print(group.wait())
launcher.close()
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("nobody is left")
"""
CLOSED = """
import os, signal, threading
from bookstore_project.cluster import forkserver
from bookstore_project.cluster.lifeline import Lifeline

forkserver.LOADED_WITHIN_S = 600
server = forkserver.ForkServer(Lifeline())
os.kill(server._process.pid, signal.SIGSTOP)

def start():
    try:
        server.start([], os.environ, 1)
    except forkserver.Unavailable:
        print("unavailable")

waiting = threading.Thread(target=start)
waiting.start()
server.close()
waiting.join()
"""
STARTED = """
import os
from bookstore_project.cluster import forkserver
from bookstore_project.cluster.lifeline import Lifeline

forkserver.LOADED_WITHIN_S = forkserver.ANSWER_WITHIN_S = 600
server = forkserver.ForkServer(Lifeline())
for number in range(10):
    environment = os.environ | {"BOOKSTORE_NODE": "nobody", **{f"V{each}": "\u00e9" * 50_000 for each in range(10)}}
    pid = server.start([], environment, os.open("/dev/null", os.O_WRONLY))
    print(os.getpgid(pid) == os.getsid(pid) == pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
SPAWNED = """
import os
from pathlib import Path
from bookstore_project.cluster import forkserver
from bookstore_project.cluster.launcher import Launcher
from bookstore_project.cluster.lifeline import Lifeline

def refuse():
    raise forkserver.Unavailable

forkserver.adopt_orphans = refuse
del os.memfd_create  # Only Linux has it.
group = Launcher([], Lifeline()).start(os.environ | {"BOOKSTORE_NODE": "nobody"})
print(group.output.readall().decode().strip())
print(group.wait())
"""


def run(script: str, *arguments: str, data: Path) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=environment | {"BOOKSTORE_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One that was started as in the shop; as is that of the next fixture."""
    with Store(tmp_path / "var", command=STUB) as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("stub") / "var", command=STUB) as running:
        yield running


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that a node can be loaded on."""
    store = Store(tmp_path_factory.mktemp("prepared") / "var")
    assert store.manage("prepare").returncode == 0
    return store.data


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def launchers(store: Store) -> set[int]:
    return {os.getpgid(store.pid(node)) for node in store.nodes}


def fork_servers(store: Store) -> set[int]:
    found = set()
    for pid, command in store.processes().items():
        with suppress(FileNotFoundError):
            if "cluster.forkserver" in command and parent_of(pid) == store.supervisor.pid:
                found.add(pid)
    return found - launchers(store)


def has_loaded(pid: int) -> bool:
    """Whether it is past what it does first; one that is stopped before that has asked for nothing."""
    return "uvloop" in Path(f"/proc/{pid}/maps").read_text()


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


@pytest.mark.parametrize("node", ["front", "catalog-1", "order-1"])
def test_nearly_all_libraries_are_loaded_before_without_settings_and_without_a_thread(
    prepared: Path, node: str
) -> None:
    """A thread would be lost in what is forked, with the locks that it holds; and settings are a node's own."""
    first, second = run(LOADED, node, data=prepared)
    threads, *own = first.split()
    assert threads == "1"
    assert set(own) <= {"bookstore_project.cluster", *(f"bookstore_project.cluster.{name}" for name in OWN)}
    later, all_of_them = map(int, second.split())
    assert later < all_of_them / 10


def test_nodes_are_children_of_the_supervisor_and_lead_groups_of_their_own(shared: Store) -> None:
    for node in shared.nodes:
        launcher = os.getpgid(shared.pid(node))
        assert parent_of(shared.pid(node)) == launcher
        assert parent_of(launcher) == shared.supervisor.pid
        assert os.getsid(launcher) == launcher
        assert "cluster.forkserver" in command_of(launcher)


def test_the_death_of_the_fork_server_harms_nobody(store: Store) -> None:
    pids = {node: store.pid(node) for node in store.nodes}
    (old,) = fork_servers(store)
    os.kill(old, signal.SIGKILL)
    for node in ("front", "order-2"):
        store.wait_restarted(node, store.kill(node))
    assert {node: store.pid(node) for node in store.nodes if node not in ("front", "order-2")} == {
        node: pid for node, pid in pids.items() if node not in ("front", "order-2")
    }
    assert old not in store.processes()
    # Whoever was started while it was gone has loaded all by itself; there is another one soon.
    wait_for(
        lambda: any(map(has_loaded, fork_servers(store))), what="another fork server, which isn't waited for long"
    )
    store.wait_restarted("front", store.kill("front"))
    assert "cluster.forkserver" in command_of(os.getpgid(store.pid("front")))


def test_one_that_is_stopped_holds_up_neither_a_node_nor_the_end(store: Store) -> None:
    (stopped,) = fork_servers(store)
    os.kill(stopped, signal.SIGSTOP)
    store.wait_restarted("catalog-1", store.kill("catalog-1"))
    wait_for(lambda: fork_servers(store) - {stopped}, what="another fork server")
    (other,) = fork_servers(store) - {stopped}
    wait_for(lambda: has_loaded(other), what="a fork server that has asked to end with the supervisor")
    os.kill(other, signal.SIGSTOP)
    store.supervisor.kill()
    store.wait_gone()


def test_one_that_answers_no_more_is_given_up_with_all_that_it_forked(prepared: Path) -> None:
    assert run(STOPPED, data=prepared) == ["unavailable", "nobody is left"]


def test_a_node_stopped_with_it_before_its_first_line_is_ended_and_started_anew(prepared: Path) -> None:
    """It may live already, and would run beside the one that was started in its place."""
    ended, *said, status, left = run(STOPPED_WITH_A_NODE, data=prepared)
    assert (ended, status, left) == ("ended", "1", "nobody is left")
    assert "BOOKSTORE_NODE" in said[-1]


def test_whoever_waits_for_one_that_is_closed_waits_no_longer(prepared: Path) -> None:
    assert run(CLOSED, data=prepared) == ["unavailable"]


def test_whoever_is_started_leads_its_group_already_whatever_its_environment_weighs(prepared: Path) -> None:
    """Or what is said to the group at once is said to nobody."""
    assert run(STARTED, data=prepared) == ["True 1"] * 10


def test_where_orphans_are_not_adopted_a_node_loads_all_by_itself(prepared: Path) -> None:
    *said, status = run(SPAWNED, data=prepared)
    assert "BOOKSTORE_NODE" in said[-1]
    assert status == "1"


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A fork server without a supervisor."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "bookstore_project.cluster.forkserver", str(theirs.fileno())]
    with ours, subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        yield ours
        ours.close()
        assert process.wait() == 0


@pytest.mark.parametrize("is_allowed", [True, False])
def test_whoever_is_forked_goes_on_once_somebody_knows_of_it(server: socket.socket, is_allowed: bool) -> None:
    """Otherwise it could run beside another one that was started in its place."""
    (output, write_end), (allowed, permit), (begun, beginning) = os.pipe(), os.pipe(), os.pipe()
    request = os.memfd_create("request")
    os.write(request, b'[[], {"BOOKSTORE_NODE": "nobody"}]')
    with os.fdopen(output) as said, os.fdopen(begun, "rb") as has_begun:
        socket.send_fds(server, [b"?"], [request, write_end, allowed, beginning])
        assert server.recv(64).isdigit()
        if is_allowed:
            os.write(permit, MAY_LIVE)
        for descriptor in (request, write_end, allowed, permit, beginning):
            os.close(descriptor)
        assert has_begun.read() == (HAS_BEGUN if is_allowed else b"")
        assert ("BOOKSTORE_NODE" in said.read()) is is_allowed


def test_no_zombie_is_left_of_a_node_whose_launcher_was_killed(shared: Store) -> None:
    worker = shared.pid("catalog-1")
    os.kill(os.getpgid(worker), signal.SIGKILL)
    shared.wait_restarted("catalog-1", worker)
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), what="the end of the worker")


EARLY = """
import gc, os, sys
from bookstore_project.cluster import early

print("django" in sys.modules)
early.begin()
print(gc.isenabled(), oct(os.umask(0o077)))
early.end()
print(gc.isenabled())
(begun,) = early._begun
print(early.take() is begun, early.take() is begun)
early.close()
print(begun[1]._process.poll() is None)
begun[1].close()
early.begin()
((_, untaken),) = early._begun
pid = untaken._process.pid
early.close()
print(os.path.exists(f"/proc/{pid}"))
"""


def test_it_begins_before_the_supervisor_loads_anything_and_ends_if_nobody_takes_it(tmp_path: Path) -> None:
    loaded, resting, working, taken, living, left = run(EARLY, data=tmp_path)
    assert (loaded, left) == ("False", "False")
    assert resting == "False 0o77"
    assert working == "True"
    assert taken == "True False", "by one supervisor"
    assert living == "True", "whoever has taken it ends it"
