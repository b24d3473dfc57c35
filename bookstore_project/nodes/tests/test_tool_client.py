"""What commands and tools ask nodes with; tests/test_connection.py has what becomes of kept connections."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from bookstore_project.cluster.drain_command import is_answering
from bookstore_project.nodes import tool_client
from bookstore_project.nodes.tool_client import IDLE_S, Session
from bookstore_project.settings.topology import Node
from tests.waiting import PATIENCE_S


class Server:
    """Gives one answer to each request, on as many connections as there are, and keeps what it heard on which."""

    def __init__(self, answer: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.heard: list[tuple[int, str]] = []
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as incoming:
                while head := self._head(incoming):
                    self.heard.append((number, head))
                    try:
                        connection.sendall(self._answer)
                    except OSError:
                        break
            number += 1

    def _head(self, incoming: Any) -> str:
        """Of the next request, whose body is read, too; empty when there is none any more."""
        lines = list(takewhile(bytes.strip, iter(incoming.readline, b"")))
        lengths = [int(line.partition(b":")[2]) for line in lines if line.lower().startswith(b"content-length:")]
        incoming.read(sum(lengths))
        return b"".join(lines).decode()

    def close(self) -> None:
        """Returns when nobody serves any more: each connection has ended with its session."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        self._listener.close()
        assert not self._thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Any]:
    made: list[Server] = []

    def start(head: str, body: bytes = b"{}") -> Server:
        made.append(Server(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body))
        return made[-1]

    yield start
    for server in made:
        server.close()


def test_an_answer_is_told_whatever_its_status(serve: Any) -> None:
    server = serve("404 Not Found\r\nX-Cache: hit\r\nX-Replica: catalog-2", b'{"code": "not_found"}')
    with Session(server.address) as session:
        answer = session.get("/product/9")
    assert (answer.status, answer.json) == (404, {"code": "not_found"})
    assert (answer.cache, answer.replica) == ("hit", "catalog-2")
    assert answer.headers["x-cache"] == "hit"


def test_the_environment_leads_nobody_elsewhere(serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server, proxy = serve("200 OK"), serve("502 Bad Gateway")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{proxy.address}")
    monkeypatch.setenv("no_proxy", "")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login staff password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Session(server.address) as session:
        assert session.get("/").status == 200
    ((_, head),) = server.heard
    assert "authorization" not in head.lower()
    assert proxy.heard == []


def test_a_redirect_is_an_answer_like_others(serve: Any) -> None:
    elsewhere = serve("200 OK")
    server = serve(f"302 Found\r\nLocation: http://{elsewhere.address}/")
    with Session(server.address) as session:
        assert session.call("POST", "/", {"quantity": 1}, login=("staff", "secret")).status == 302
    assert "Authorization: Basic " in server.heard[0][1]
    assert elsewhere.heard == []


def test_an_answer_beyond_all_bounds_is_none(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_client, "LARGEST_BYTES", 1000)
    server = serve("200 OK", b"x" * 1001)
    with Session(server.address) as session, pytest.raises(OSError, match="larger than 1000 bytes"):
        session.get("/")


def test_a_connection_that_the_node_may_be_about_to_close_is_not_used(serve: Any) -> None:
    server = serve("200 OK")
    now = [0.0]
    with Session(server.address, clock=lambda: now[0]) as session:
        for silence_s in (0, IDLE_S - 1, IDLE_S + 1):
            now[0] += silence_s
            session.get("/")
    assert [number for number, _ in server.heard] == [0, 0, 1]


def test_a_replica_answers_if_it_says_that_it_is_ready(serve: Any) -> None:
    ready, busy = serve("200 OK"), serve("503 Service Unavailable")
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    ports = (ready.port, busy.port, port)
    answers = [is_answering(Node("catalog-1", "catalog", "127.0.0.1", each, 1)) for each in ports]
    assert answers == [True, False, False]
    assert ready.heard[0][1].startswith("GET /readyz HTTP/1.1")
