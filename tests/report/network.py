"""A store that isn't there, on a wire that isn't there: time passes only as far as somebody waits for it."""

from collections.abc import Callable
from dataclasses import dataclass

STEP_S = 1e-9


@dataclass(frozen=True)
class Answered:
    """What the store does with a request; without `data` it closes the connection."""

    after_s: float
    data: bytes = b""


def answer(body: bytes = b"", status: int = 200, cache: str = "miss", replica: str = "catalog-1") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nX-Cache: {cache}\r\nX-Replica: {replica}\r\n\r\n"
    return head.encode() + body


class FakeStore:
    """`behave(number, now, data)` says what becomes of the n-th request, from 0.

    With `serves`, so many at a time: others wait, in their order.
    """

    def __init__(self, behave: Callable[[int, float, bytes], Answered], serves: int = 1000) -> None:
        self._behave = behave
        self._now = 0.0
        self._connections = 0
        self._asked = 0
        self._free = [0.0] * serves
        self._coming: list[tuple[float, int, bytes]] = []

    def now(self) -> float:
        return self._now

    def open(self) -> int:
        self._connections += 1
        return self._connections

    def close(self, connection: int) -> None:
        self._coming = [coming for coming in self._coming if coming[1] != connection]

    def send(self, connection: int, data: bytes) -> bool:
        self._free.sort()
        begins = max(self._now, self._free[0])
        does = self._behave(self._asked, begins, data)
        self._asked += 1
        self._free[0] = begins + does.after_s
        self._coming.append((begins + does.after_s, connection, does.data))
        return True

    def poll(self, until: float) -> list[tuple[int, bytes]]:
        first = min((moment for moment, _, _ in self._coming), default=until)
        self._now = max(self._now + STEP_S, min(first, until))
        come = [coming for coming in self._coming if coming[0] <= self._now]
        self._coming = [coming for coming in self._coming if coming[0] > self._now]
        return [(connection, data) for _, connection, data in sorted(come)]
