"""Calls between nodes: messages that the simulator carries, delays, loses, or refuses."""

from collections.abc import Mapping, Sequence
from typing import Any

from bookstore_project.nodes.connections import Answer, BrokenOff, Headers, NotConnected
from tests.simulation import actors

REFUSED, BROKEN, ANSWERED = "refused", "broken", "answered"


class Pool:
    """Stands in for `nodes.pools.Pool`, as `nodes.client` calls it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = f"{host}:{port}"

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, read_s: float, **_: Any
    ) -> Answer:
        sent = [("host", self._address), *((name.lower(), value) for name, value in headers.items())]
        if body is not None:
            sent.append(("content-length", str(len(body))))
        said = call(self._address, method, path, sent, body or b"", read_s)
        if said is None:
            raise BrokenOff("timed out")
        if said[0] == REFUSED:
            raise NotConnected("refuses connections")
        if said[0] == BROKEN:
            raise BrokenOff("the connection was closed before the answer's end")
        _, status, answered, data = said
        return Answer(status, Headers.of(answered), data)

    def send(self, method: str, path: str, **_: Any) -> None:
        """No connection is kept open: whoever would send something ahead asks in a thread."""


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
