"""One supervisor for a data folder, whatever is deleted in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bookstore_project.cluster import lock
from tests.store import ROOT, Store
from tests.waiting import PATIENCE_S, wait_for


@pytest.mark.processes
def test_a_second_supervisor_is_refused_whatever_was_deleted(tmp_path: Path) -> None:
    second = Store(tmp_path / "var", is_forked=True)
    with lock.exclusive(second.data):
        (second.data / "run").mkdir()
        shutil.rmtree(second.data / "run")
        refused = second.manage("cluster")
    assert refused.returncode != 0
    assert f"already runs on {second.data} (supervisor: process {os.getpid()})" in refused.stderr
    assert not (second.data / "accounts.sqlite3").exists()


@pytest.mark.processes
def test_make_clean_asks_the_folder_itself(tmp_path: Path) -> None:
    def ask() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bookstore_project.cluster.lock", str(tmp_path)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    with lock.exclusive(tmp_path):
        assert "The store is running (supervisor: process" in ask().stderr
    assert ask().returncode == 0


def test_the_lock_is_of_the_folder_and_a_link_leads_to_the_same(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "link").symlink_to("var")
    with lock.exclusive(tmp_path / "var") as held:
        with pytest.raises(lock.HeldElsewhere), lock.exclusive(tmp_path / "link"):
            pass
        (tmp_path / "var").rename(tmp_path / "elsewhere")
        assert not held.is_replaced(), "nobody can have another one yet"
        (tmp_path / "var").mkdir()
        assert held.is_replaced()


@pytest.mark.processes
def test_a_supervisor_whose_folder_was_replaced_stops(store: Store) -> None:
    store.data.rename(store.data.with_name("elsewhere"))
    store.data.mkdir(exist_ok=True)
    assert store.supervisor.wait(PATIENCE_S) == 0
    assert "Another folder lies at" in store.console()
    store.wait_gone()


@pytest.mark.processes
def test_what_was_deleted_in_the_run_folder_comes_back(store: Store) -> None:
    pids = {node: store.pid(node) for node in store.nodes}
    shutil.rmtree(store.data / "run")

    def is_back() -> bool:
        run = store.data / "run"
        return (run / "control.sock").is_socket() and all((run / f"{node}.pid").exists() for node in pids)

    wait_for(is_back)
    assert {node: store.pid(node) for node in store.nodes} == pids
    assert "wasn't stopped" in store.manage("node", "start", "catalog-1").stdout


@pytest.mark.processes
def test_a_node_by_hand_leaves_the_supervisors_its_pid_file(store: Store) -> None:
    pid = store.pid("catalog-1")
    code = "from bookstore_project.cluster.process import announce; announce()"
    environment = store.environment | {"BOOKSTORE_NODE": "catalog-1"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    assert store.pid("catalog-1") == pid
