"""A server that is there and says nothing: whoever waits for it is told so, as if it had been lost.

TCP notices a machine that is gone. It doesn't notice that processes are stopped, or stuck in a disk that hangs: the
kernel beside them acknowledges whatever is sent. So once somebody has waited for long, the server is asked whether it
takes a new connection. If it gives no answer, the old ones are shut. Their threads get an error, and go to whichever
server is the primary by then.
"""

import logging
import os
import socket
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg import pq

logger = logging.getLogger("bookstore.replication")

EVERY_S = 1.0
LOOKS = 3
"""In so many looks, one after the other, a connection has to be waiting before its server is asked."""
ANSWER_S = 2.0
ASKS_FOR_TLS = b"\0\0\0\x08\x04\xd2\x16\x2f"
"""Every server answers it with one byte, before any password. Source:
https://www.postgresql.org/docs/15/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SSLREQUEST"""

Address = tuple[str, int]
"""Of a server: a host's, or the folder of a socket; and the port."""


def answers(address: Address) -> bool:
    """Whether a server there takes a new connection and says something, within `ANSWER_S`."""
    host, port = address
    is_local = host.startswith("/")
    try:
        with socket.socket(socket.AF_UNIX) if is_local else socket.create_connection(address, ANSWER_S) as asked:
            asked.settimeout(ANSWER_S)
            if is_local:
                asked.connect(f"{host}/.s.PGSQL.{port}")
            asked.sendall(ASKS_FOR_TLS)
            return bool(asked.recv(1))
    except OSError:
        return False


class Watch:
    """Over connections that anybody uses meanwhile. Safe for threads."""

    def __init__(self, is_heard: Callable[[Address], bool] = answers) -> None:
        self._is_heard = is_heard
        self._guard = threading.Lock()
        self._waiting: WeakKeyDictionary[psycopg.Connection[Any], int] = WeakKeyDictionary()
        """In how many looks, one after the other, each connection was waiting for an answer."""

    def add(self, connection: "psycopg.Connection[Any]") -> None:
        with self._guard:
            self._waiting[connection] = 0

    def look(self) -> None:
        """Shuts the connections that wait for a server which says nothing."""
        for address, connections in self._long_waiting().items():
            if not self._is_heard(address):
                logger.error("the server at %s:%s says nothing: %s who wait are told", *address, len(connections))
                for connection in connections:
                    _shut(connection)

    def _long_waiting(self) -> "dict[Address, list[psycopg.Connection[Any]]]":
        found = defaultdict(list)
        with self._guard:
            for connection, looks in list(self._waiting.items()):
                if connection.closed:
                    del self._waiting[connection]
                    continue
                is_waiting = connection.pgconn.transaction_status == pq.TransactionStatus.ACTIVE
                self._waiting[connection] = looks + 1 if is_waiting else 0
                if is_waiting and looks + 1 >= LOOKS:
                    with suppress(psycopg.Error):  # Closed since.
                        found[connection.info.host, connection.info.port].append(connection)
        return found


def _shut(connection: "psycopg.Connection[Any]") -> None:
    """Whoever waits for it reads its end. It is theirs to close."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as shared:
        if not connection.closed:  # Else the number may be another socket's by now.
            shared.shutdown(socket.SHUT_RDWR)


class _Patrol:
    """Of this process's own connections: its thread begins with the first one, after the process was forked."""

    def __init__(self) -> None:
        self._watch, self._process = Watch(), 0

    def watch(self, connection: BaseDatabaseWrapper, **_: Any) -> None:
        """A receiver of Django's `connection_created`."""
        if connection.vendor != "postgresql":
            return
        if self._process != os.getpid():
            self._watch, self._process = Watch(), os.getpid()
            threading.Thread(target=self._go_round, args=(self._watch,), name="silent servers", daemon=True).start()
        self._watch.add(connection.connection)

    def _go_round(self, watch: Watch) -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_S):
            watch.look()


_patrol = _Patrol()


def watch_connections() -> None:
    """Those that this process makes from now on."""
    connection_created.connect(_patrol.watch, dispatch_uid="silent servers")
