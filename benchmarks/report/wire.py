"""Requests as bytes, answers read from bytes, and the connections between: what a load generator needs, and no more.

Plain HTTP/1.1 with kept connections (RFC 9112), on one thread. It is small because it has to cost little beside what
it measures.
"""

import contextlib
import json
import re
import select
import socket
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

CHUNK_BYTES = 1 << 14
END = b"\r\n\r\n"
FEW = 4
"""Connections: of so many, select(2) is as cheap as epoll(7)."""
LONG_S, EARLY_S = 0.05, 0.002
"""Who waits for longer than the one needn't be exact yet, and looks again that much before the moment."""
_USUAL_LENGTH = b"\r\ncontent-length: "
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CACHE = re.compile(rb"\r\nx-cache: *(\w+)", re.IGNORECASE)
_REPLICA = re.compile(rb"\r\nx-replica: *([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One that can be sent as often as one likes."""

    kind: str
    data: bytes
    book: int = 0


def request(
    kind: str, method: str, path: str, *, body: Any = None, book: int = 0, login: tuple[str, str] | None = None
) -> Request:
    """`body` is sent as JSON; `login` is a user's name and password."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
    if login is not None:
        head += f"Authorization: Basic {b64encode(':'.join(login).encode()).decode()}\r\n"
    sent = b"" if body is None else json.dumps(body).encode()
    if method != "GET":
        head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n"
    return Request(kind, head.encode() + b"\r\n" + sent, book)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    cache: str
    """`hit`, `miss`, `bypass`, or nothing if the store doesn't say."""
    replica: str
    body: bytes


def is_whole(heard: bytes) -> bool:
    """Whether nothing of an answer is missing. ValueError if it isn't HTTP."""
    end = heard.find(END)
    if end < 0:
        return False
    # As this store writes it; others may write it otherwise.
    if (begins := heard.find(_USUAL_LENGTH, 0, end)) >= 0:
        begins += len(_USUAL_LENGTH)
        length = heard[begins : heard.find(b"\r", begins)]
    elif found := _LENGTH.search(heard, 0, end + 2):
        length = found[1]
    else:
        raise ValueError("an answer without a length")
    if not heard[9:12].isdigit():
        raise ValueError("an answer without a status")
    return len(heard) >= end + len(END) + int(length)


def read_reply(heard: bytes) -> Reply:
    """A whole answer."""
    head, _, body = heard.partition(END)
    cache, replica = _CACHE.search(head), _REPLICA.search(head)
    return Reply(int(head[9:12]), cache[1].decode() if cache else "", replica[1].decode() if replica else "", body)


class Wire(Protocol):
    """What carries bytes, and tells the time. Tests have one of their own."""

    def now(self) -> float: ...

    def open(self) -> int:
        """A new connection's number; it may turn out later that nobody is there."""

    def close(self, connection: int) -> None: ...

    def send(self, connection: int, data: bytes) -> bool:
        """False if the connection is broken."""

    def poll(self, until: float) -> list[tuple[int, bytes]]:
        """What has come, by connection (nothing: it has ended); waits for it, but not after `until`."""


class Sockets:
    """Connections to one address."""

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        self._address = (host, int(port))
        self._epoll = select.epoll()
        self._numbers: list[int] = []
        self.now = time.perf_counter
        self._sockets: dict[int, socket.socket] = {}

    def __enter__(self) -> "Sockets":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in list(self._sockets):
            self.close(connection)
        self._epoll.close()

    def open(self) -> int:
        made = socket.socket()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # Seen when something is sent.
            made.connect(self._address)
        made.setblocking(False)
        self._sockets[made.fileno()] = made
        self._numbers = list(self._sockets)
        self._epoll.register(made.fileno(), select.EPOLLIN)
        return made.fileno()

    def close(self, connection: int) -> None:
        with contextlib.suppress(OSError):
            self._epoll.unregister(connection)
        self._sockets.pop(connection).close()
        self._numbers = list(self._sockets)

    def send(self, connection: int, data: bytes) -> bool:
        try:
            return self._sockets[connection].send(data) == len(data)
        except OSError:
            return False

    def poll(self, until: float) -> list[tuple[int, bytes]]:
        wait_s = max(0.0, until - self.now())
        is_few = len(self._numbers) <= FEW
        heard = []
        for number in select.select(self._numbers, (), (), wait_s)[0] if is_few else self._of_many(wait_s):
            try:
                heard.append((number, self._sockets[number].recv(CHUNK_BYTES)))
            except BlockingIOError:  # Woken for nothing.
                continue
            except OSError:
                heard.append((number, b""))
        return heard

    def _of_many(self, wait_s: float) -> Sequence[int]:
        """epoll(7) waits for whole milliseconds, select(2) for microseconds: of many, the one waits for the other."""
        if wait_s > LONG_S:
            return [number for number, _ in self._epoll.poll(wait_s - EARLY_S)]
        if wait_s and not select.select([self._epoll], (), (), wait_s)[0]:
            return []
        return [number for number, _ in self._epoll.poll(0)]
