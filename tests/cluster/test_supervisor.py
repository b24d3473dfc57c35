"""`manage.py cluster` and `make run`, with the real store."""

import json
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from bookstore_project.sqlite_files import opened
from tests.databases import require_tool
from tests.loaded import Forked
from tests.store import ROOT, Store, rest_of
from tests.waiting import PATIENCE_S, wait_for


def has_come_to(path: Path, process: subprocess.Popen[bytes] | Forked) -> bool:
    """Whether the file is there, or won't be any more."""
    return path.exists() or process.poll() is not None


def is_open_to_others(path: Path) -> bool:
    """A draft is gone as soon as it was put in place."""
    try:
        return bool(path.stat().st_mode & 0o077)
    except FileNotFoundError:
        return False


def get_json(url: str) -> Any:
    with urlopen(url, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def databases(store: Store) -> list[Path]:
    return [store.data / node / f"{node.partition('-')[0]}.sqlite3" for node in store.nodes if node != "front"]


class TestRunningStore:
    def test_every_node_answers_with_the_process_in_its_pid_file(self, shared_store: Store) -> None:
        for node in shared_store.nodes:
            assert get_json(f"{shared_store.url(node)}/readyz")["node"] == node
            assert shared_store.pid(node) in shared_store.processes()

    def test_seven_books_of_the_course_are_sold_by_the_front(self, shared_store: Store) -> None:
        books = get_json(f"{shared_store.front}/api/v1/books/?ordering=id&page_size=7")
        assert [book["id"] for book in books["results"]] == [*range(1, 8)]

    def test_whole_data_folder_is_its_owners_alone(self, shared_store: Store) -> None:
        assert [path for path in [shared_store.data, *shared_store.data.rglob("*")] if is_open_to_others(path)] == []

    def test_staff_can_use_the_password_in_the_file(self, shared_store: Store) -> None:
        token = shared_store.manage("token", "staff")
        assert token.returncode == 0, token.stderr
        assert len(token.stdout.strip()) == 40
        user, password = shared_store.staff
        assert user == "staff"
        assert len(password) >= 16

    def test_second_store_on_the_same_folder_is_refused(self, shared_store: Store) -> None:
        second = shared_store.manage("cluster")
        assert second.returncode == 1
        assert (
            f"already runs on {shared_store.data} (supervisor: process {shared_store.supervisor.pid})"
            in second.stderr
        )
        shared_store.wait_ready()

    def test_dbshell_opens_the_nodes_own_database_for_reading(self, shared_store: Store) -> None:
        require_tool()
        question = "SELECT count(*) FROM catalog_app_book WHERE id <= 7"
        count = shared_store.manage("dbshell", "--", question, node="catalog-2")
        assert (count.returncode, count.stdout.strip()) == (0, "7"), count.stderr
        assert "bypass replication" in count.stderr
        change = shared_store.manage("dbshell", "--", "DELETE FROM catalog_app_book", node="catalog-2")
        assert change.returncode != 0
        assert "readonly database" in change.stderr

    def test_dbshell_opens_the_accounts_without_a_node(self, shared_store: Store) -> None:
        require_tool()
        names = shared_store.manage("dbshell", "--", "SELECT username FROM auth_user")
        assert "staff" in names.stdout.split()

    @pytest.mark.parametrize("command", [["check"], ["migrate", "--check"], ["prepare"]])
    def test_management_commands_work_beside_the_running_store(self, shared_store: Store, command: list[str]) -> None:
        answer = shared_store.manage(*command)
        assert answer.returncode == 0, answer.stdout + answer.stderr


class TestStop:
    """What each signal does is tested with nodes that start in a blink; how fast it is, `make bench` tells."""

    def test_waits_for_no_client(self, store: Store) -> None:
        with store.connect() as half, store.connect() as idle:
            half.sendall(b"POST /api/v1/orders/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert idle.recv(100)
            assert store.stop() == 0
            assert rest_of(half) == b"", "cut off, and not waited for"
        assert not store.processes()

    def test_killed_supervisor_leaves_no_orphan_and_the_next_starts_at_once(self, store: Store) -> None:
        store.supervisor.kill()
        store.supervisor.wait(PATIENCE_S)
        store.start()
        store.wait_ready()


class TestStart:
    def test_busy_port_is_named_with_its_owner_and_nothing_is_started(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "var")
        host, _, port = store.addresses["order-2"].partition(":")
        with socket.socket() as listener:
            listener.bind((host, int(port)))
            listener.listen()
            store.start()
            assert store.supervisor.wait(PATIENCE_S) == 1
        assert f"order-2 can't listen on {host}:{port}" in store.console()
        assert f"process {os.getpid()}" in store.console()
        assert "starting" not in store.console()
        assert not any(path.exists() for path in databases(store))

    def test_killed_preparation_is_finished_by_the_next_start(self, tmp_path: Path) -> None:
        """Killed at whatever moment: here, when each of the databases has just appeared."""
        store = Store(tmp_path / "var", is_forked=True)
        for path in [store.data / "accounts.sqlite3", *databases(store)]:
            preparing = store.begin("prepare")
            wait_for(partial(has_come_to, path, preparing))
            preparing.kill()
            preparing.wait()
        with store:
            assert get_json(f"{store.front}/api/v1/books/")["count"] == 7
        for path in databases(store)[:2]:
            with opened(path) as database:
                assert database.execute("SELECT count(*) FROM catalog_app_book").fetchone() == (7,)


class TestRestart:
    @pytest.mark.parametrize("node", ["front", "catalog-1", "order-2"])
    def test_killed_node_answers_again(self, store: Store, node: str) -> None:
        new = store.wait_restarted(node, store.kill(node))
        store.wait_for(lambda: f"pid {new}" in store.console())
        assert f"{node} died (its worker was killed by SIGKILL)" in store.console()


class TestByHand:
    def test_one_process_runs_beside_the_others_and_reloads_when_code_changes(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "var", is_forked=True)
        assert store.manage("prepare").returncode == 0
        server = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", "--node", "catalog-2"],
            cwd=ROOT,
            env=store.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_for(lambda: store.is_ready("catalog-2"), 30)
            first = store.pid("catalog-2")
            assert get_json(f"{store.url('catalog-2')}/api/v1/books/1/")["id"] == 1

            def reloaded() -> bool:
                """The reloader notices changes made after its first look, which may come after the first answer."""
                if store.pid("catalog-2") == first:
                    (ROOT / "bookstore_project" / "wsgi.py").touch()
                return store.pid("catalog-2") != first and store.is_ready("catalog-2")

            wait_for(reloaded, 30, "a reload")
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(PATIENCE_S)
        store.wait_gone()
