"""The databases of a store on its server: one for each service, and one for the accounts."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from psycopg import sql

from bookstore_project.replication.postgresql.primary import unavailable

MAINTENANCE_DATABASE = "postgres"
"""The one that every server has."""
_PREPARING = crc32(b"preparing")


def exists(alias: str) -> bool:
    """Raises Unavailable if the server can't be asked."""
    with server_of(alias) as server:
        return _has(server, name_of(alias))


def make(alias: str) -> None:
    """Makes the alias's database unless it is there. Raises Unavailable: the role of the store may not, for one."""
    name = name_of(alias)
    with server_of(alias) as server:
        if _has(server, name):
            return
        server.execute("SET default_transaction_read_only = off")
        made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
        with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):  # Another host was first.
            server.execute(made)


@contextmanager
def preparing() -> Iterator[None]:
    """Hosts that start a store for the first time would make the same databases, tables and accounts at once.

    Waits for the one that is before, as long as that takes; a host that is lost frees the lock. Raises Unavailable.
    """
    with server_of(DEFAULT_DB_ALIAS) as server:
        server.execute("SELECT pg_advisory_lock(%s)", (_PREPARING,))
        yield


@contextmanager
def under_name(alias: str, name: str) -> Iterator[None]:
    """While the block runs, the alias leads to another database, in this whole process: no node runs in it."""
    settings = connections[alias].settings_dict
    usual = settings["NAME"]
    connections[alias].close()
    settings["NAME"] = name
    try:
        yield
    finally:
        connections[alias].close()
        settings["NAME"] = usual


def parameters(alias: str) -> dict[str, Any]:
    """By which psycopg connects to the alias's server."""
    found = connections[alias].get_connection_params()
    return {name: found[name] for name in found if name not in ("dbname", "options", "cursor_factory", "context")}


@contextmanager
def server_of(alias: str) -> Iterator["psycopg.Connection[Any]"]:
    database: Any = connections[alias].copy()
    database.settings_dict["NAME"] = MAINTENANCE_DATABASE
    try:
        with closing(database):
            database.ensure_connection()
            yield database.connection
    except (DatabaseError, psycopg.Error) as error:
        raise unavailable(error) from error


def _has(server: "psycopg.Connection[Any]", name: str) -> bool:
    return server.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def name_of(alias: str) -> str:
    return str(connections[alias].settings_dict["NAME"])


def name_aside(name: str) -> str:
    """Under which a database is kept that another one takes the place of: it says until when it counted."""
    return f"{name} until {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
