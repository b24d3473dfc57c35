"""Messages to a simulated server, and what comes of them.

Whoever hears nothing for long asks whether the server still says anything, as `silent_servers` does; if it doesn't,
the connection is lost.
"""

import pickle
from collections.abc import Sequence
from typing import Any, Protocol

import psycopg
from psycopg import errors

from tests.simulation import actors
from tests.simulation.actors import UnderWay
from tests.simulation.wire import ANSWERED

S = 1_000_000_000
AGAIN_S, ALIVE_S = 1.0, 2.0
SILENT_AFTER = 3
"""Questions without an answer, after which the server is asked whether it says anything."""
LOST = "server closed the connection unexpectedly"
_SHOWN = 60
Done = tuple[list[tuple[list[tuple[Any, ...]] | None, int]], list[str], tuple[str, str] | None]
"""Results, notices, and the name and text of an error."""


def ask(address: str, what: str, *said: Any) -> UnderWay:
    world = actors.world
    assert world is not None
    return world.begin_call("call", address, "SQL", what, [], pickle.dumps(said))


def answer(under_way: UnderWay, timeout_s: float) -> tuple[Any, ...] | None:
    """None if there is none in time; nothing, if the connection broke."""
    world = actors.world
    assert world is not None
    if not under_way.is_said_by(world.now_ns + int(timeout_s * S)):
        return None
    said = under_way.said()
    return pickle.loads(said[3]) if said and said[0] == ANSWERED else ()


class Asking(Protocol):
    """A connection, of which the server's address and the number of its session there are known."""

    address: str
    session: int
    is_bad: bool
    in_transaction: bool

    def tell(self, notices: Sequence[str]) -> None:
        """Has whoever wants to know told of them."""


class Sent:
    """A message of which the answer is awaited."""

    def __init__(self, connection: "Asking", number: int, message: str) -> None:
        self._connection, self._number, self._message = connection, number, message
        self._asked = self._ask()
        self._silences = 0
        self._asked_ns = self._now()

    def _now(self) -> int:
        assert actors.world is not None
        return actors.world.now_ns

    def _ask(self) -> UnderWay:
        connection, shown = self._connection, self._message[:_SHOWN].partition("\n")[0]
        return ask(connection.address, f"run {shown}", connection.session, self._number, self._message)

    def is_answered_by(self, until_ns: int) -> bool:
        """Waits until then, at most. Raises psycopg.OperationalError if the connection is lost."""
        while not self._asked.is_said_by(min(until_ns, self._asked_ns + int(AGAIN_S * S))):
            if self._now() >= until_ns:
                return False
            self._silences += 1
            if self._silences >= SILENT_AFTER:
                self._silences = 0
                if not answer(ask(self._connection.address, "alive"), ALIVE_S):
                    self._lose()
            self._asked, self._asked_ns = self._ask(), self._now()
        return True

    def answer(self) -> Done:
        """Waits for it. Raises psycopg.OperationalError if the connection is lost."""
        while not self.is_answered_by(self._now() + S):
            pass
        said = self._asked.said()
        told: tuple[Any, ...] = pickle.loads(said[3]) if said and said[0] == ANSWERED else ("lost",)
        if told[0] != "done":
            self._lose()
        _, results, notices, error, self._connection.in_transaction = told
        self._connection.tell(notices)
        return results, notices, error

    def _lose(self) -> None:
        self._connection.is_bad = True
        raise psycopg.OperationalError(LOST)


def error_of(name: str, text: str) -> psycopg.Error:
    kind: type[psycopg.Error] = getattr(errors, name)
    return kind(text)
