"""What stands in for libpq below psycopg, as `waiting` uses it."""

from typing import Protocol, Self

import psycopg
from psycopg import errors, pq

from tests.simulation import actors
from tests.simulation.server.messages import LOST, Asking, Done, S, Sent


class Sending(Asking, Protocol):
    closed: bool

    def send(self, message: str) -> Sent:
        """Waits for nothing."""


class Result:
    def __init__(self, done: Done) -> None:
        results, _, self._error = done
        self._rows = results[-1][0] if results else None
        ok = pq.ExecStatus.COMMAND_OK if self._rows is None else pq.ExecStatus.TUPLES_OK
        self.status = ok if self._error is None else pq.ExecStatus.FATAL_ERROR

    def get_value(self, row: int, column: int) -> bytes:
        assert self._rows
        return str(self._rows[row][column]).encode()

    def error_field(self, field: int) -> bytes | None:
        """Of fields, the SQLSTATE."""
        assert self._error is not None
        state: str | None = getattr(errors, self._error[0]).sqlstate
        return state.encode() if state else None

    def get_error_message(self, encoding: str = "utf-8") -> str:
        assert self._error is not None
        return self._error[1]


class ServerConnection:
    """`psycopg.pq.PGconn`, as `waiting` uses it."""

    def __init__(self, connection: Sending) -> None:
        self._connection = connection
        self._sent: Sent | None = None

    @property
    def socket(self) -> Self:
        return self

    @property
    def status(self) -> pq.ConnStatus:
        return pq.ConnStatus.BAD if self._connection.is_bad or self._connection.closed else pq.ConnStatus.OK

    def send_query(self, message: bytes) -> None:
        self._sent = self._connection.send(message.decode())

    def flush(self) -> int:
        return 0

    def is_busy(self) -> bool:
        return self._sent is not None and not self.is_answered_within(0.0)

    def is_answered_within(self, seconds: float) -> bool:
        assert actors.world is not None
        return self._sent is None or self._sent.is_answered_by(actors.world.now_ns + int(seconds * S))

    def consume_input(self) -> None:
        """Raises psycopg.OperationalError if the server has closed the connection, as far as is known."""
        if self._connection.is_bad:
            raise psycopg.OperationalError(LOST)

    def get_result(self) -> Result | None:
        if self._sent is None:
            return None
        sent, self._sent = self._sent, None
        return Result(sent.answer())


class Selector:
    """`selectors.DefaultSelector`, of one connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def register(self, connection: ServerConnection, events: int) -> None:
        self._connection = connection

    def select(self, timeout_s: float) -> bool:
        return self._connection.is_answered_within(timeout_s)
