"""Connections to another node: HTTP/1.1 as two nodes speak it, and no more of it than that. `pools` keeps them open.

Misses, purchases and invalidations wait for calls between nodes, and a library for all of HTTP takes several times as
much of a processor (docs/adr/0055-nodes-have-connections-of-their-own.md). Bodies are sent whole. Source of what is
read: RFC 9112, sections 2 to 7.
"""

import select
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

PIECE_BYTES = 64 * 1024
LONGEST_HEAD_BYTES = 64 * 1024
LATE_S = 0.001
"""For an answer that nobody waited for in its time, and which is there, as a rule."""
NO_BODY = (204, 304)


class NotConnected(Exception):
    """There is no connection: refused, not in time, or no TLS. Nothing was sent."""


class BrokenOff(Exception):
    """There is no whole answer that can be read. The request may have arrived."""


class NotWritten(Exception):
    """The file that was to take the answer doesn't, as on a full disk. The node has no part in that."""


class Headers(dict[str, str]):
    """Of an answer: names in any case find what was sent in any other.

    What was sent twice is joined (RFC 9110, section 5.3).
    """

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Headers":
        made = cls()
        for name, value in pairs:
            key = name.lower()
            before = dict.get(made, key)
            dict.__setitem__(made, key, value if before is None else f"{before}, {value}")
        return made

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whole, but for a body that went into a file."""

    status: int
    headers: Headers
    body: bytes


class Connection:
    """One, used by one caller at a time. All methods raise OSError, or ValueError for what is no HTTP."""

    def __init__(self, plain: socket.socket) -> None:
        self._socket = plain
        self._ahead = b""
        """What has come and isn't read yet."""
        self._until_s = 0.0
        """When the answer that is waited for has to be there, by the monotonic clock."""
        self.is_kept = True
        """Whether another request may follow, once an answer has been read."""

    def is_usable(self) -> bool:
        """Whether the other side hasn't closed it meanwhile, or said what nobody asked."""
        looking = select.poll()
        looking.register(self._socket, select.POLLIN)
        return not looking.poll(0)

    def close(self) -> None:
        self._socket.close()

    def exchange(self, request: bytes, body: bytes | None, read_s: float, into: IO[bytes] | None) -> Answer:
        self.send(request, body, read_s)
        return self._hear_all(into, is_head=request.startswith(b"HEAD "))

    def hear_late(self) -> Answer:
        """The answer to what was sent: also one that has come when its time was over."""
        self._until_s = max(self._until_s, time.monotonic() + LATE_S)
        return self._hear_all(None, is_head=False)

    def send(self, request: bytes, body: bytes | None, read_s: float) -> None:
        self._until_s = time.monotonic() + read_s
        self._socket.settimeout(read_s)
        try:
            if body and len(body) > PIECE_BYTES:
                self._socket.sendall(request)
                self._socket.sendall(body)
            else:
                self._socket.sendall(request + body if body else request)
        except BrokenPipeError:
            pass  # It may have answered before all had come, and hung up: what it said counts.

    def _hear_all(self, into: IO[bytes] | None, *, is_head: bool) -> Answer:
        status, headers = self._read_head()
        while status < 200:  # "Wait", "begin", and whatever else is no answer yet.
            status, headers = self._read_head()
        pieces = self._body(status, headers, is_head=is_head)
        kept = b""
        if into is None or status != 200:
            kept = b"".join(pieces)
        else:
            with _writing():
                into.seek(0)  # A file that an attempt before has begun is begun anew.
                into.truncate()
            for piece in pieces:
                with _writing():
                    into.write(piece)
        self.is_kept = self.is_kept and not self._ahead
        return Answer(status, headers, kept)

    def _read_head(self) -> tuple[int, Headers]:
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError("no HTTP")
        pairs = (line.partition(":") for line in lines)
        headers = Headers.of((name, value.strip()) for name, _, value in pairs)
        self.is_kept = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return int(rest[:3]), headers

    def _body(self, status: int, headers: Headers, is_head: bool) -> Iterator[bytes]:
        if is_head or status in NO_BODY:
            return
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self._until(b"\r\n").partition(b";")[0], 16):
                yield from self._pieces(size)
                if self._until(b"\r\n"):
                    raise ValueError("a chunk is longer than it said")
            while self._until(b"\r\n"):
                pass  # A trailer.
        elif "content-length" in headers:
            yield from self._pieces(int(headers["content-length"]))
        else:
            raise ValueError("an answer whose end can't be told")

    def _pieces(self, size: int) -> Iterator[bytes]:
        if size < 0:
            raise ValueError("less than nothing")
        while size:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            yield piece
            size -= len(piece)
            if size:
                self._hear()

    def _until(self, mark: bytes) -> bytes:
        """What comes before that mark, which is left out."""
        while (at := self._ahead.find(mark)) < 0:
            if len(self._ahead) > LONGEST_HEAD_BYTES:
                raise ValueError("a head without end")
            self._hear()
        found, self._ahead = self._ahead[:at], self._ahead[at + len(mark) :]
        return found

    def _hear(self) -> None:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:  # To a socket, 0 is no time that runs out.
            raise TimeoutError("timed out")
        self._socket.settimeout(left_s)
        if not (heard := self._socket.recv(PIECE_BYTES)):
            raise ConnectionResetError("the connection was closed before the answer's end")
        self._ahead += heard


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(str(error)) from error
