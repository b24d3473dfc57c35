"""A server that is there and says nothing is as good as gone, and one that is busy isn't."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from bookstore_project.replication.postgresql import silent_servers
from bookstore_project.replication.postgresql.silent_servers import ASKS_FOR_TLS, LOOKS, Watch, answers
from tests.actors import Actor
from tests.postgres import Server, server_of_tests
from tests.waiting import wait_for

SHORT_S = 0.1


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """All of its processes, as by a disk that hangs; the kernel goes on."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    pids = [server.pid, *map(int, children)]
    try:
        for pid in pids:
            with suppress(ProcessLookupError):  # One of somebody who has just left.
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@pytest.fixture
def server() -> Server:
    return server_of_tests()


@pytest.fixture
def connection(server: Server) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with server.connect() as made:
        yield made


@pytest.mark.processes
def test_who_waits_for_a_server_that_says_nothing_is_told(
    server: Server, connection: "psycopg.Connection[tuple[object, ...]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silent_servers, "ANSWER_S", SHORT_S)
    watch = Watch()
    watch.add(connection)
    with stopped(server):
        asking = Actor(lambda: connection.execute("SELECT 1"))

        def is_told() -> bool:
            watch.look()
            return not asking.is_alive()

        wait_for(is_told, what="the one who waits is told")
        with pytest.raises(psycopg.OperationalError):
            asking.result()
        assert connection.closed
    assert server.execute("SELECT 1") == [(1,)]


@pytest.mark.processes
def test_who_waits_for_long_goes_on_waiting_while_the_server_answers(
    server: Server, connection: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    asked = []

    def is_heard(address: tuple[str, int]) -> bool:
        asked.append(address)
        return answers(address)

    watch = Watch(is_heard)
    watch.add(connection)
    pid = connection.info.backend_pid
    asking = Actor(lambda: connection.execute("SELECT pg_sleep(3600)"))

    def is_asked() -> bool:
        watch.look()
        return len(asked) > 2

    wait_for(is_asked, what="the server is asked")
    assert asking.is_alive()
    assert set(asked) == {(str(server.folder), server.port)}
    server.execute(f"SELECT pg_cancel_backend({pid})")
    with pytest.raises(psycopg.errors.QueryCanceled):
        asking.result()


def test_nobody_is_asked_for_connections_that_wait_for_nothing(
    connection: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    def is_heard(address: tuple[str, int]) -> bool:
        raise AssertionError("asked")

    watch = Watch(is_heard)
    watch.add(connection)
    for _ in range(2 * LOOKS):
        watch.look()
    connection.close()
    watch.look()


def test_connections_of_the_store_are_watched(monkeypatch: pytest.MonkeyPatch, seven_articles: Path) -> None:
    added = []
    monkeypatch.setattr(silent_servers.Watch, "add", lambda self, connection: added.append(connection))
    connections.close_all()
    connections["shelf-1"].ensure_connection()
    assert added == [connections["shelf-1"].connection]


def test_a_server_is_heard_if_it_says_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()

        def serve() -> bytes:
            taken, _ = listening.accept()
            with taken:
                heard = taken.recv(len(ASKS_FOR_TLS))
                taken.sendall(b"N")
                return heard

        serving = Actor(serve)
        assert answers(address)
        assert serving.result() == ASKS_FOR_TLS
        monkeypatch.setattr(silent_servers, "ANSWER_S", SHORT_S)
        assert not answers(address), "it takes the connection, and says nothing"
    assert not answers(address), "nobody is there"
