"""Work that one process in the whole store does at a time, whatever its host: a session's advisory lock.

The server frees it when the process, or its host, is gone.
Source: https://www.postgresql.org/docs/15/explicit-locking.html#ADVISORY-LOCKS
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from zlib import crc32

import psycopg
from django.db import DatabaseError

from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.databases import MAINTENANCE_DATABASE
from bookstore_project.replication.postgresql.primary import own_alias
from bookstore_project.replication.service import Service


class Role:
    """Who takes it first keeps it as long as it lives, and its connection lasts."""

    def __init__(self, service: Service, name: str) -> None:
        self._service, self._key = service, crc32(f"{service.name} {name}".encode())
        self._database: DatabaseWrapper | None = None

    def is_mine(self) -> bool:
        """Whether this process has the role, taking it if nobody has."""
        if self._database is not None and not self._database.is_usable():
            self.give_up()
        if self._database is None:
            self._take()
        return self._database is not None

    def give_up(self) -> None:
        if self._database is not None:
            with suppress(DatabaseError, psycopg.Error):  # To close it isn't enough: the server may take a moment.
                self._database.raw.execute("SELECT pg_advisory_unlock_all()")
            self._database.close()
            self._database = None

    def _take(self) -> None:
        # Of its own: the lock belongs to the session. And in no database of the store: there may be none yet.
        database = wrapper(own_alias(self._service)).copy()
        database.settings_dict["NAME"] = MAINTENANCE_DATABASE
        # Whichever thread asks next.
        database.inc_thread_sharing()
        try:
            row = database.raw.execute("SELECT pg_try_advisory_lock(%s)", (self._key,)).fetchone()
        except (DatabaseError, psycopg.Error):
            row = None
        if row is not None and row[0]:
            self._database = database
        else:
            database.close()


@contextmanager
def try_role(service: Service, name: str) -> Iterator[bool]:
    """Whether nobody else has that role while the block runs; then this process has it."""
    role = Role(service, name)
    try:
        yield role.is_mine()
    finally:
        role.give_up()
