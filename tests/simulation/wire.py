"""Calls between nodes: messages that the simulator carries, delays, loses, or refuses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bookstore_project.nodes.connections import Answer, BrokenOff, Headers, NotConnected
from tests.simulation import actors
from tests.simulation.actors import UnderWay

REFUSED, BROKEN, ANSWERED = "refused", "broken", "answered"


class Pool:
    """Stands in for `nodes.pools.Pool`, as `nodes.client` calls it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = f"{host}:{port}"
        self._idle = 0
        """So many connections would be open, and nobody waits for an answer on them."""

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, read_s: float, **_: Any
    ) -> Answer:
        self._idle = max(0, self._idle - 1)
        return self._heard(call(self._address, method, path, self._head(headers, body), body or b"", read_s))

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes, read_s: float
    ) -> "Sent | None":
        if not self._idle:
            return None
        self._idle -= 1
        return Sent(begin(self._address, method, path, self._head(headers, body), body, read_s), self._heard)

    def _head(self, headers: Mapping[str, str], body: bytes | None) -> list[tuple[str, str]]:
        sent = [("host", self._address), *((name.lower(), value) for name, value in headers.items())]
        return sent if body is None else [*sent, ("content-length", str(len(body)))]

    def _heard(self, said: tuple[Any, ...] | None) -> Answer:
        if said is None:
            raise BrokenOff("timed out")
        if said[0] != ANSWERED:
            self._idle = 0
        if said[0] == REFUSED:
            raise NotConnected("refuses connections")
        if said[0] == BROKEN:
            raise BrokenOff("the connection was closed before the answer's end")
        self._idle += 1
        _, status, answered, data = said
        return Answer(status, Headers.of(answered), data)


class Sent:
    """Stands in for `nodes.pools.Sent`."""

    def __init__(self, under_way: UnderWay, heard: Callable[[tuple[Any, ...] | None], Answer]) -> None:
        self._under_way, self._heard = under_way, heard

    def answer(self) -> Answer:
        try:
            return self._heard(self._under_way.said())
        except NotConnected as error:  # Whoever is gone has closed the connection, too.
            raise BrokenOff(str(error)) from error


def call(
    address: str, method: str, path: str, sent: list[tuple[str, str]], body: bytes, timeout_s: float
) -> tuple[Any, ...] | None:
    return begin(address, method, path, sent, body, timeout_s).said()


def begin(
    address: str, method: str, path: str, sent: list[tuple[str, str]], body: bytes, timeout_s: float
) -> UnderWay:
    """Asks, and doesn't wait for the answer."""
    assert actors.world is not None, "the simulator calls nobody"
    plain = [(name[:], value[:]) for name, value in sent]
    return actors.world.begin_call("call", address, method, path[:], plain, bytes(body), timeout_s=timeout_s)


def is_repeatable(method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> bool:
    """Whether those who call may do so again, without having heard an answer."""
    return (
        method == "GET"
        or not path.startswith("/api/v1/books/")
        or any(name == "idempotency-key" for name, _ in headers)
    )
