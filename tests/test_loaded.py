"""Commands that are forked from what has loaded the libraries are as those of a new interpreter."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import loaded
from tests.loaded import Unavailable
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked so"),
]

TELLING = """
import json, os, sys
from pathlib import Path
from bookstore_project.settings import topology

told = Path("/proc/self/environ").read_bytes().rstrip(b"\\0").split(b"\\0")
print(json.dumps({
    "arguments": sys.argv,
    "node": topology.NODE.name,
    "environment": dict(os.environ),
    "told": dict(os.fsdecode(line).split("=", 1) for line in told),
    "leads": os.getsid(0) == os.getpid(),
    "parent": os.getppid(),
    "input": sys.stdin.read(),
}))
print("complaint", file=sys.stderr)
raise SystemExit(int(sys.argv[1]))
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "telling.py"
    path.write_text(TELLING)
    return str(path)


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "BOOKSTORE_NODE": "catalog-2", "WIDE": "\u00e9" * 2000, **more}


def test_a_command_has_its_own_arguments_environment_settings_and_streams(program: str) -> None:
    for code, node in ((3, "catalog-2"), (0, "front")):
        done = loaded.run([program, str(code)], environment(BOOKSTORE_NODE=node), PATIENCE_S)
        assert (done.returncode, done.stderr) == (code, "complaint\n")
        told = json.loads(done.stdout)
        assert told["arguments"] == [program, str(code)]
        assert told["node"] == node, "the project is loaded after the fork"
        assert told["environment"] == told["told"] == environment(BOOKSTORE_NODE=node)
        assert told["leads"]
        assert told["parent"] == os.getpid()
        assert told["input"] == ""


def test_what_python_does_as_it_begins_is_done_in_a_new_interpreter(program: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('begun')")
    done = loaded.run([program, "0"], environment(PYTHONPATH=str(tmp_path)))
    assert done.stdout.startswith("begun\n")


def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "waiting.py"
    path.write_text("import os, signal, sys; print(os.getpid(), flush=True); signal.pause()")
    with (tmp_path / "said").open("wb") as output:
        process = loaded.start([str(path)], environment(), output.fileno())
    wait_for((tmp_path / "said").read_text)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    assert process.returncode is None
    process.kill()
    assert process.wait() == process.poll() == -signal.SIGKILL
    with pytest.raises(subprocess.TimeoutExpired):
        loaded.run([str(path)], environment(), 0.01)


def test_orphans_of_tests_stay_nobodys(program: str) -> None:
    """Or they would be zombies here, until the tests' end. (man 2 prctl: PR_GET_CHILD_SUBREAPER is 37.)"""
    loaded.run([program, "0"], environment(), PATIENCE_S)
    adopts = ctypes.c_int(-1)
    ctypes.CDLL(None).prctl(37, ctypes.byref(adopts), 0, 0, 0)
    assert adopts.value == 0


def fork_servers(store: Store) -> set[int]:
    """Children of the supervisor that are neither a node nor a thread of one."""
    children = Path(f"/proc/{store.supervisor.pid}/task/{store.supervisor.pid}/children").read_text()
    return {int(pid) for pid in children.split()} - {os.getpgid(store.pid(node)) for node in store.nodes}


def test_a_store_that_was_forked_is_a_store(prepared: Path, tmp_path: Path) -> None:
    """Its nodes have what it loaded, its processes are found, and it goes on without the process that forks."""
    with Store(tmp_path / "var", prepared=prepared) as store:
        assert isinstance(store.supervisor, loaded.Forked)
        assert {store.supervisor.pid, *map(store.pid, store.nodes)} <= store.processes().keys()
        (first,) = fork_servers(store)
        for pid in (first, *map(store.pid, store.nodes)):
            assert "Umask:\t0077" in Path(f"/proc/{pid}/status").read_text(), "what they write is their owner's alone"
        os.kill(first, signal.SIGKILL)
        store.wait_restarted("front", store.kill("front"))
        wait_for(lambda: fork_servers(store) - {first}, what="another fork server")
        (second,) = fork_servers(store) - {first}
        command = Path(f"/proc/{second}/cmdline")  # It is its parent's until it has one of its own.
        wait_for(lambda: "cluster.forkserver" in command.read_text(), what="a fork server as in the shop")
        store.supervisor.kill()
        assert store.supervisor.wait(PATIENCE_S) == -signal.SIGKILL
        store.wait_gone()


def test_where_nothing_can_be_forked_a_store_is_started_from_nothing(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*arguments: object, **named: object) -> None:
        raise Unavailable

    monkeypatch.setattr(loaded, "start", unavailable)
    store = Store(tmp_path / "var", prepared=prepared)
    assert store.manage("check", "--list-tags").returncode == 0
    store.start()
    assert isinstance(store.supervisor, subprocess.Popen)
    store.supervisor.kill()
    store.supervisor.wait()
    store.wait_gone()


def test_the_file_of_a_command_is_that_of_the_repository(prepared: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "var", prepared=prepared)
    told = store.manage("no-such-command")
    assert told.returncode == 1
    assert "Unknown command: 'no-such-command'" in told.stderr
    assert "manage.py" in store.manage("help").stdout
