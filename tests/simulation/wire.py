"""Calls between nodes: messages that the simulator carries, delays, loses, or refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from urllib3 import HTTPHeaderDict
from urllib3.exceptions import ConnectTimeoutError, ProtocolError, ReadTimeoutError

from tests.simulation import actors

REFUSED, BROKEN, ANSWERED = "refused", "broken", "answered"


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    data: bytes


class Pool:
    """Stands in for `urllib3.HTTPConnectionPool`, as `nodes.client` calls it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    def urlopen(
        self, method: str, path: str, *, body: Any, headers: Mapping[str, str], timeout: Any, **_: Any
    ) -> Any:
        sent = [("host", f"{self._host}:{self._port}"), *((name.lower(), value) for name, value in headers.items())]
        if body is not None:
            sent.append(("content-length", str(len(body))))
        said = call(f"{self._host}:{self._port}", method, path, sent, body or b"", timeout.read_timeout)
        if said is None:
            # The stub wants a pool of connections, of which only the name is told.
            raise ReadTimeoutError(self, path, f"Read timed out. (read timeout={timeout.read_timeout})")  # type: ignore[arg-type]
        if said[0] == REFUSED:
            raise ConnectTimeoutError(self, "refused")
        if said[0] == BROKEN:
            raise ProtocolError("Connection aborted.")
        _, status, answered, data = said
        return Response(status, HTTPHeaderDict(answered), data)


def call(
    address: str, method: str, path: str, sent: list[tuple[str, str]], body: bytes, timeout_s: float
) -> tuple[Any, ...] | None:
    assert actors.world is not None, "the simulator calls nobody"
    return actors.world.call(
        "call",
        address,
        method,
        path[:],
        [(name[:], value[:]) for name, value in sent],
        bytes(body),
        timeout_s=timeout_s,
    )


def is_repeatable(method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> bool:
    """Whether those who call may do so again, without having heard an answer."""
    return (
        method == "GET"
        or not path.startswith("/api/v1/books/")
        or any(name == "idempotency-key" for name, _ in headers)
    )
