"""Statements that wait for a standby: for so long, and not a moment longer.

`statement_timeout` doesn't end that wait, and a backend that waits outlives its client. A cancel ends it: the server
then says that all went well, with a warning. So a warning is a no.
Source: https://www.postgresql.org/docs/15/warm-standby.html#SYNCHRONOUS-REPLICATION
"""

import selectors
import time
from typing import Any

import psycopg
from psycopg import errors, pq

CANCEL_TIMEOUT_S = 1.0
_IS_WELL = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


class NotConfirmed(Exception):
    """The standby hasn't confirmed it: it may last, and it may be lost."""


def confirmed(connection: psycopg.Connection[Any], statement: str, timeout_s: float) -> bytes | None:
    """Has the statement carried out; the first value of its answer, if it has one.

    Raises NotConfirmed if no standby has confirmed it in time, or the connection was lost meanwhile; psycopg.Error if
    the server refuses it: then nothing of it was done.
    """
    warnings: list[str] = []

    def note(warning: errors.Diagnostic) -> None:
        warnings.append(warning.message_primary or "a warning")

    connection.add_notice_handler(note)
    try:
        result = _result(connection, statement, timeout_s)
    except (TimeoutError, psycopg.OperationalError) as error:
        connection.close()
        raise NotConfirmed(str(error).strip() or "the connection was lost") from error
    finally:
        connection.remove_notice_handler(note)
    if result.status not in _IS_WELL:
        raise errors.error_from_result(result)
    if warnings:
        raise NotConfirmed(warnings[0])
    return result.get_value(0, 0) if result.status == pq.ExecStatus.TUPLES_OK else None


def is_cut(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server is known to have closed the connection, on which no answer is awaited."""
    try:
        for _ in ("its last word", "the end"):
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return connection.pgconn.status == pq.ConnStatus.BAD


def _result(connection: psycopg.Connection[Any], statement: str, timeout_s: float) -> pq.abc.PGresult:
    server = connection.pgconn
    server.send_query(statement.encode())
    while server.flush():
        pass
    try:
        return _last_result(server, timeout_s)
    except TimeoutError:
        connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)
        return _last_result(server, CANCEL_TIMEOUT_S)


def _last_result(server: pq.abc.PGconn, timeout_s: float) -> pq.abc.PGresult:
    until, last = time.monotonic() + timeout_s, None
    with selectors.DefaultSelector() as selector:
        selector.register(server.socket, selectors.EVENT_READ)
        while True:
            while server.is_busy():
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError("no standby has confirmed it in time")
                server.consume_input()
            result = server.get_result()
            if result is None:
                break
            last = result
    if last is None:
        raise psycopg.OperationalError("the server gave no answer")
    return last
