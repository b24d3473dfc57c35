"""Connections to other nodes, kept open between calls."""

import re
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import IO
from urllib.parse import quote

from bookstore_project.nodes.connections import Answer, BrokenOff, Connection, NotConnected

_USUAL_TARGET = re.compile(r"[!$&-;=?-Z_a-z~%]*", re.ASCII)
_SAFE_IN_TARGETS = "!$&'()*+,-./:;=?@_~%"
_BREAKS_LINES = re.compile(r"[\r\n\0]")


class Pool:
    """Of one node. Thread-safe: whoever asks has a connection for itself, and gives it back."""

    def __init__(self, host: str, port: int, kept: int, encryption: ssl.SSLContext | None = None) -> None:
        """Up to `kept` connections stay open between calls."""
        self._host, self._port, self._kept, self._encryption = host, port, kept, encryption
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._idle: deque[Connection] = deque()

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        connect_s: float,
        read_s: float,
        into: IO[bytes] | None = None,
    ) -> Answer:
        """Sends a request, and waits for the whole answer, up to `read_s` seconds in all.

        The body of a 200 goes `into` that file, if there is one. Raises NotConnected, BrokenOff, NotWritten, and
        ValueError for a header that would be two.
        """
        request = self._head(method, path, headers, body)
        connection = self._open_one() or Connection(self._connect(connect_s))
        return self._heard(connection, lambda: connection.exchange(request, body, read_s, into))

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes, read_s: float
    ) -> "Sent | None":
        """Sends a small request if a connection is open, and doesn't wait for the answer; None if none is open.

        Raises BrokenOff and ValueError, as `ask` does.
        """
        request = self._head(method, path, headers, body)
        if (connection := self._open_one()) is None:
            return None
        try:
            connection.send(request, body, read_s)
        except OSError as error:
            connection.close()
            raise BrokenOff(f"takes no request: {error}") from error
        return Sent(self, connection)

    def _heard(self, connection: Connection, hear: Callable[[], Answer]) -> Answer:
        try:
            answer = hear()
        except (OSError, ValueError) as error:
            connection.close()
            raise BrokenOff(str(error)) from error
        except BaseException:
            connection.close()  # What is left on it is no answer to the next call.
            raise
        self._give_back(connection)
        return answer

    def _head(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        target = path if _USUAL_TARGET.fullmatch(path) else quote(path, safe=_SAFE_IN_TARGETS)
        told = {"Host": self._address, **headers}
        if body is not None or method in ("POST", "PUT", "PATCH"):
            told["Content-Length"] = str(len(body or b""))
        for name, value in told.items():
            if _BREAKS_LINES.search(value):
                raise ValueError(f"{name} has a line break in it")
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def _open_one(self) -> Connection | None:
        """The one that was used last, which the other side has kept the likeliest."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_usable():
                return connection
            connection.close()

    def _connect(self, connect_s: float) -> socket.socket:
        try:
            made = socket.create_connection((self._host, self._port), connect_s)
        except OSError as error:
            raise NotConnected("refuses connections") from error
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._encryption is not None:
                return self._encryption.wrap_socket(made, server_hostname=self._host)
        except (OSError, ValueError) as error:  # The ssl module's errors are some of the former.
            made.close()
            raise NotConnected(f"comes to no TLS: {error}") from error
        return made

    def _give_back(self, connection: Connection) -> None:
        if connection.is_kept and len(self._idle) < self._kept:
            self._idle.append(connection)
        else:
            connection.close()


class Sent:
    """A request that is under way."""

    def __init__(self, pool: Pool, connection: Connection) -> None:
        self._pool, self._connection = pool, connection
        self._is_asked = False

    def answer(self) -> Answer:
        """Waits for it, once. Raises BrokenOff."""
        self._is_asked = True
        return self._pool._heard(self._connection, self._connection.hear_late)

    def __del__(self) -> None:
        if not self._is_asked:
            self._connection.close()  # What comes on it is no answer to the next call.
