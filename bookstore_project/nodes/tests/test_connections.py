"""Connections to a node, against one that says whatever a test wants."""

import errno
import io
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO

import pytest

from bookstore_project.nodes import connections
from bookstore_project.nodes.connections import (
    LONGEST_HEAD_BYTES,
    Answer,
    BrokenOff,
    Headers,
    NotConnected,
    NotWritten,
)
from bookstore_project.nodes.pools import Pool, Sent
from tests.clock import Clock
from tests.waiting import PATIENCE_S

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HANG_UP = b""
"""In place of what is said."""


class Node:
    """Answers each request with the next of `said`, each a list of pieces; keeps the requests, by connection."""

    def __init__(self, *said: Sequence[bytes]) -> None:
        self.asked: list[list[bytes]] = []
        self._said = list(said)
        self._left = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.port: int = self._listener.getsockname()[1]
        self.pool = Pool("127.0.0.1", self.port, kept=2)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._said:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.asked.append([])
            with connection, suppress(ConnectionError):
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        while self._said:
            if not (request := connection.recv(65536)):
                return
            self.asked[-1].append(request)
            for piece in self._said.pop(0):
                if piece == HANG_UP:
                    return
                connection.sendall(piece)
        self._left.wait(PATIENCE_S)

    def close(self) -> None:
        self._left.set()
        for kept in self.pool._idle:
            kept.close()
        self._listener.shutdown(socket.SHUT_RDWR)  # Who waits for a connection hears of it.
        self._listener.close()
        self._thread.join(PATIENCE_S)


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    made: list[Node] = []
    yield made
    for node in made:
        node.close()


def ask(
    pool: Pool,
    method: str = "GET",
    path: str = "/",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    read_s: float = PATIENCE_S,
    into: IO[bytes] | None = None,
) -> Answer:
    return pool.ask(method, path, headers=headers or {}, body=body, connect_s=PATIENCE_S, read_s=read_s, into=into)


def pool_of(nodes: list[Node], *said: Sequence[bytes]) -> tuple[Pool, Node]:
    nodes.append(node := Node(*said))
    return node.pool, node


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("method", "said", "expected"),
    [
        ("GET", [OK], (200, b"ok")),
        ("GET", [OK[:9], OK[9:36], OK[36:]], (200, b"ok")),
        (
            "GET",
            [HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r", b"\n1\r\nd\r\n0\r\nT: v\r\n\r\n"],
            (200, b"abcd"),
        ),
        ("GET", [HEAD + b"Content-Length: 0\r\n\r\n"], (200, b"")),
        ("GET", [b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"], (304, b"")),
        ("GET", [b"HTTP/1.1 204\r\n\r\n"], (204, b"")),
        ("HEAD", [HEAD + b"Content-Length: 999\r\n\r\n"], (200, b"")),
        ("POST", [b"HTTP/1.1 100 Continue\r\n\r\n", OK], (200, b"ok")),
        ("POST", [b"HTTP/1.1 503 No\r\ncontent-length: 1\r\n\r\nx"], (503, b"x")),
    ],
)
def test_an_answer_is_read_whole_and_the_connection_serves_again(
    nodes: list[Node], method: str, said: Sequence[bytes], expected: tuple[int, bytes]
) -> None:
    pool, node = pool_of(nodes, said, [OK])
    answer = ask(pool, method)
    assert (answer.status, answer.body) == expected
    assert ask(pool).body == b"ok"
    assert [len(requests) for requests in node.asked] == [2], "one connection"


@pytest.mark.parametrize(
    "said",
    [
        [OK, HANG_UP],
        [b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok"],
        [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
        [OK + b"HTTP/1.1 200 what nobody asked"],
    ],
)
def test_a_connection_that_is_no_good_any_more_is_not_used_again(nodes: list[Node], said: Sequence[bytes]) -> None:
    pool, node = pool_of(nodes, [*said, HANG_UP], [OK])
    assert ask(pool).body == b"ok"
    if said[-1] == HANG_UP:
        (kept,) = pool._idle
        kept._socket.settimeout(PATIENCE_S)
        assert kept._socket.recv(1, socket.MSG_PEEK) == b"", "it has hung up"
    assert ask(pool).body == b"ok"
    assert [len(requests) for requests in node.asked] == [1, 1]


@pytest.mark.parametrize(
    "said",
    [
        [HANG_UP],
        [OK[:30], HANG_UP],
        [OK[:-1], HANG_UP],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", HANG_UP],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n"],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n"],
        [HEAD + b"\r\nwithout a length"],
        [HEAD + b"Content-Length: -2\r\n\r\nok"],
        [HEAD + b"Content-Length: two\r\n\r\nok"],
        [b"SSH-2.0-OpenSSH\r\n\r\n"],
        [HEAD + b"X: " + b"x" * 2 * LONGEST_HEAD_BYTES],
    ],
)
def test_what_is_no_whole_answer_is_told_from_what_was_never_sent(nodes: list[Node], said: Sequence[bytes]) -> None:
    pool, node = pool_of(nodes, said, [OK])
    with pytest.raises(BrokenOff):
        ask(pool, "POST", body=b"x")
    node._left.set()
    assert not pool._idle, "the next call isn't to read what is left of it"


def test_a_late_answer_is_none(nodes: list[Node]) -> None:
    pool, _ = pool_of(nodes, [])
    with pytest.raises(BrokenOff, match="timed out"):
        ask(pool, read_s=0.01)
    assert not pool._idle


def test_an_answer_that_drips_is_late_as_a_whole(nodes: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    """However soon each piece of it comes."""
    clock = Clock()
    monkeypatch.setattr(connections, "time", clock)
    heard = connections.Connection._hear

    def hear(connection: connections.Connection) -> None:
        heard(connection)
        clock.now += PATIENCE_S / 3

    monkeypatch.setattr(connections.Connection, "_hear", hear)
    monkeypatch.setattr(connections, "PIECE_BYTES", 10)
    pool, _ = pool_of(nodes, [OK])
    with pytest.raises(BrokenOff, match="timed out"):
        ask(pool)


def send(pool: Pool) -> Sent | None:
    return pool.send("POST", "/", headers={}, body=b"{}", read_s=PATIENCE_S)


def test_what_is_sent_ahead_is_answered_when_somebody_asks(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late that is, if the answer is there."""
    pool, node = pool_of(nodes, [OK], [OK], [OK])
    assert send(pool) is None, "no connection is open"
    ask(pool)
    sent = send(pool)
    assert sent is not None
    looking = select.poll()
    looking.register(sent._connection._socket, select.POLLIN)
    assert looking.poll(1000 * PATIENCE_S)
    clock = Clock(now=time.monotonic() + 2 * PATIENCE_S)
    monkeypatch.setattr(connections, "time", clock)
    assert sent.answer().body == b"ok"
    ask(pool)
    assert len(node.asked) == 1, "all on one connection"


@pytest.mark.parametrize("said", [HANG_UP, b"no HTTP\r\n\r\n"])
def test_what_is_sent_ahead_may_get_no_answer(nodes: list[Node], said: bytes) -> None:
    pool, _ = pool_of(nodes, [OK], [said])
    ask(pool)
    sent = send(pool)
    assert sent is not None
    with pytest.raises(BrokenOff):
        sent.answer()
    assert not pool._idle


def test_an_answer_that_nobody_asked_for_is_none_to_the_next_call(nodes: list[Node]) -> None:
    pool, node = pool_of(nodes, [OK], [OK], [OK])
    ask(pool)
    assert send(pool) is not None
    assert not pool._idle
    ask(pool)
    assert len(node.asked) == 2, "on a connection of its own"


def test_a_node_that_is_gone_was_never_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotConnected, match="refuses connections"):
        ask(Pool("127.0.0.1", port, 1))


def test_what_is_sent_is_one_request(nodes: list[Node]) -> None:
    pool, node = pool_of(nodes, [OK], [OK], [OK])
    ask(pool, "GET", '/search/naïve "x"?a=b%20c|d', headers={"X-One": "é"})
    ask(pool, "POST", "/")
    for broken in ("a\r\nX-Two: b", "a\n", "\0"):
        with pytest.raises(ValueError, match="X-One"):
            ask(pool, headers={"X-One": broken})
    ask(pool, "PATCH", "/", body=b"{}")
    host = f"Host: 127.0.0.1:{node.port}\r\n".encode()
    assert node.asked == [
        [
            b"GET /search/na%C3%AFve%20%22x%22?a=b%20c%7Cd HTTP/1.1\r\n" + host + b"X-One: \xe9\r\n\r\n",
            b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 0\r\n\r\n",
            b"PATCH / HTTP/1.1\r\n" + host + b"Content-Length: 2\r\n\r\n{}",
        ]
    ]


def test_a_file_takes_the_body_of_an_answer_that_is_one_and_begins_anew(nodes: list[Node]) -> None:
    pool, _ = pool_of(nodes, [b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"], [OK])
    file = io.BytesIO(b"of an attempt before")
    assert ask(pool, into=file).body == b"no"
    assert ask(pool, into=file).body == b""
    assert file.getvalue() == b"ok"


class Full(io.BytesIO):
    def write(self, piece: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_that_takes_nothing_is_no_fault_of_the_node(nodes: list[Node]) -> None:
    """Which would leave the rotation for it, and then the other one, too."""
    pool, _ = pool_of(nodes, [OK])
    with pytest.raises(NotWritten, match="No space left"):
        ask(pool, into=Full())
    assert not pool._idle


@pytest.mark.parametrize(
    ("host", "named"),
    [("127.0.0.1", b"127.0.0.1:8001"), ("node.example", b"node.example:8001"), ("fd00::1", b"[fd00::1]:8001")],
)
def test_a_node_is_named_as_a_host_header_has_it(host: str, named: bytes) -> None:
    """Django refuses whoever names one that is none: RFC 9110, section 7.2."""
    assert b"\r\nHost: " + named + b"\r\n" in Pool(host, 8001, 1)._head("GET", "/", {}, None)


def test_no_more_connections_are_kept_than_wanted(nodes: list[Node]) -> None:
    _, node = pool_of(nodes, [OK])
    pool = Pool("127.0.0.1", node.port, kept=0)
    ask(pool)
    assert not pool._idle


def test_names_of_headers_have_no_case() -> None:
    found = Headers.of([("ETag", "x"), ("vary", "Accept"), ("Vary", "Cookie")])
    assert (found["etag"], found.get("VARY"), found.get("Other", "-")) == ("x", "Accept, Cookie", "-")
    assert "eTag" in found
    assert "Other" not in found
