"""What stands in for a connection of psycopg, to the server that is the primary, and for its cursors."""

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, Self

import psycopg

from tests.simulation import actors
from tests.simulation.server import dialect
from tests.simulation.server.libpq import ServerConnection
from tests.simulation.server.messages import Sent, answer, ask, error_of
from tests.simulation.server.replication import ADDRESSES

OPEN_S = 2.0


class Connection:
    """To whichever server says that it is the primary: `target_session_attrs`. Raises psycopg.OperationalError."""

    def __init__(self, service: str) -> None:
        assert actors.world is not None
        self.autocommit = True
        self.closed = self.is_bad = self.in_transaction = False
        self.pgconn = ServerConnection(self)
        self._handlers: list[Callable[[Any], None]] = []
        self._number = 0
        client = f"{actors.world.name}/{actors.world.number}"
        for self.address in ADDRESSES:
            said = answer(ask(self.address, "open", client, service), OPEN_S)
            if said and said[0] == "primary":
                self.session = said[1]
                return
        raise psycopg.OperationalError("no server is the primary")

    # ------------------------------------------------------------------------------------------- statements

    def send(self, message: str) -> Sent:
        self._number += 1
        return Sent(self, self._number, message)

    def execute(self, statement: str | bytes, values: Sequence[Any] | None = None) -> "Cursor":
        return Cursor(self).execute(statement, values)

    def cursor(self, name: str = "") -> "Cursor":
        return Cursor(self)

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def commit(self) -> None:
        if self.in_transaction:
            self.execute("COMMIT")

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            ask(self.address, "close", self.session)

    def cancel_safe(self, *, timeout: float) -> None:
        answer(ask(self.address, "cancel", self.session), timeout)

    def add_notice_handler(self, handler: Callable[[Any], None]) -> None:
        self._handlers.append(handler)

    def remove_notice_handler(self, handler: Callable[[Any], None]) -> None:
        self._handlers.remove(handler)

    def tell(self, notices: Sequence[str]) -> None:
        for notice in notices:
            for handler in self._handlers:
                handler(SimpleNamespace(message_primary=notice))


class Cursor:
    """Of psycopg's, what the store uses; and what Django's wrapper of SQLite's cursors does, by `%s`."""

    description: Any = None
    rowcount = -1
    lastrowid = None

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left: list[tuple[list[tuple[Any, ...]] | None, int]] = []
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, statement: str | bytes, values: Sequence[Any] | None = None) -> Self:
        """Raises psycopg.Error."""
        text = statement.decode() if isinstance(statement, bytes) else statement
        if self._connection.closed or self._connection.is_bad:
            raise psycopg.OperationalError("the connection is closed")
        self._left, _, error = self._connection.send(dialect.formatted(text, values)).answer()
        if error is not None:
            raise error_of(*error)
        self.nextset()
        return self

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        for values in rows:
            self.execute(statement, values)

    def nextset(self) -> bool:
        if not self._left:
            return False
        rows, self.rowcount = self._left.pop(0)
        self.description, self._rows = None if rows is None else [("column",)], list(rows or ())
        return True

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        found, self._rows = self._rows[:size], self._rows[size:]
        return found

    def fetchall(self) -> list[tuple[Any, ...]]:
        found, self._rows = self._rows, []
        return found

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass
