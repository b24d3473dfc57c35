"""Kept connections, against a server that closes them when it likes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from demo.shop import Connection
from tests.client import Client
from tests.connection import IDLE_S, Kept

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


class Server:
    """Answers so many requests on each connection, and then closes it without having said so.

    Where it is to answer none, it hears one and closes.
    """

    def __init__(self, *answers: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._answers = answers
        self.asked: list[tuple[int, str]] = []
        """Each request: on which connection it came, and its first line."""
        self.closed = [threading.Event() for _ in answers]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for number, answers in enumerate(self._answers):
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rb") as incoming:
                for _ in range(answers):
                    if self._hear(number, incoming):
                        connection.sendall(ANSWER)
                if answers == 0:
                    self._hear(number, incoming)
            self.closed[number].set()

    def _hear(self, number: int, incoming: Any) -> bool:
        line = incoming.readline().decode().strip()
        length = 0
        while (header := incoming.readline().strip()) != b"":
            if header.lower().startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
        incoming.read(length)
        if line:
            self.asked.append((number, line))
        return bool(line)

    def end(self) -> None:
        self._listener.close()


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        server.end()


def of_tests(server: Server) -> Client:
    store: Any = SimpleNamespace(addresses={"front": server.address})
    return Client(store, keep_alive=True)


def of_the_demo(server: Server) -> Connection:
    store: Any = SimpleNamespace(addresses={"front": server.address})
    return Connection(store)


@pytest.mark.parametrize("made_for", [of_tests, of_the_demo])
@pytest.mark.parametrize("is_purchase", [False, True])
def test_a_connection_that_was_closed_before_it_was_used_is_replaced(
    servers: list[Server], made_for: Any, is_purchase: bool
) -> None:
    servers.append(server := Server(1, 1))
    with closing(made_for(server)) as client:
        assert client.get("/first").status == 200
        assert server.closed[0].wait(60)
        assert (client.buy(1) if is_purchase else client.get("/second")).status == 200
    second = "POST /api/v1/orders/ HTTP/1.1" if is_purchase else "GET /second HTTP/1.1"
    assert server.asked == [(0, "GET /first HTTP/1.1"), (1, second)]


@pytest.mark.parametrize("made_for", [of_tests, of_the_demo])
def test_a_connection_in_use_is_kept(servers: list[Server], made_for: Any) -> None:
    servers.append(server := Server(2))
    with closing(made_for(server)) as client:
        client.get("/first")
        client.get("/second")
    assert [number for number, _ in server.asked] == [0, 0]


@pytest.mark.parametrize("made_for", [of_tests, of_the_demo])
def test_what_was_sent_is_not_sent_again_by_itself(servers: list[Server], made_for: Any) -> None:
    servers.append(server := Server(0, 1))
    with closing(made_for(server)) as client:
        with pytest.raises(OSError, match=r"closed connection|reset by peer"):
            client.buy(1)
        assert client.get("/after").status == 200
    assert server.asked == [(0, "POST /api/v1/orders/ HTTP/1.1"), (1, "GET /after HTTP/1.1")]


def test_a_connection_that_the_server_may_be_about_to_close_is_not_used(servers: list[Server]) -> None:
    servers.append(server := Server(2, 1))
    now = [0.0]
    kept = Kept(server.address, 60, clock=lambda: now[0])
    with closing(kept):
        for silence_s in (0, IDLE_S - 1, IDLE_S + 1):
            now[0] += silence_s
            http = kept.take()
            http.request("GET", "/")
            http.getresponse().read()
            kept.answered()
    assert [number for number, _ in server.asked] == [0, 0, 1]


def test_nobody_there_is_an_error_each_time() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with closing(Kept(address, 60)) as kept:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                kept.take()
