"""What lays a store out for a test: databases as they were kept, in the place of whatever was there.

Two ways, by the engine that keeps the rows: copies of files, or databases made from templates.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psycopg
from django.db import connections

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.backend.base import identity_of
from bookstore_project.replication.sqlite_pair.membership.witness import FileRecord, Witness, create_witness
from bookstore_project.replication.timelines import new_timeline
from bookstore_project.settings import databases, secret_files, topology
from tests.on_postgresql import OWNER
from tests.postgres import kept_server, server_of_tests

UNCHANGED = """
SELECT datname, d.oid, b.stats_reset FROM pg_database d, pg_stat_bgwriter b
WHERE datallowconn AND pg_stat_get_db_tuples_inserted(d.oid) = 0
AND pg_stat_get_db_tuples_updated(d.oid) = 0 AND pg_stat_get_db_tuples_deleted(d.oid) = 0
"""
# Of threads that keep theirs, and of whoever has just closed one: its rows are counted when it has ended.
END_SESSIONS = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = ANY(%s)"
Connection = psycopg.Connection[tuple[Any, ...]]
FOLDERS = ("witness", "leases", "locks", "maintenance", "aside", "uploads", "drained", "restoring")


class Layout(Protocol):
    """A template is a folder, which the processes of a run share."""

    def begin(self) -> None:
        """Before the first database is made."""

    def is_kept(self, template: Path) -> bool: ...

    def keep(self, template: Path) -> None:
        """Of all databases as they are."""

    def put_in_place(self, template: Path) -> None: ...


class Files:
    """Of the SQLite engine."""

    def begin(self) -> None:
        """They are made where they are to be."""

    def is_kept(self, template: Path) -> bool:
        return any(template.iterdir())

    def keep(self, template: Path) -> None:
        connections.close_all()
        for alias in connections:
            with (
                closing(sqlite3.connect(replication_settings.files[alias])) as present,
                closing(sqlite3.connect(template / f"{alias}.sqlite3")) as copy,
            ):
                present.backup(copy)  # With what is in its -wal.

    def put_in_place(self, template: Path) -> None:
        """With a witness that knows them."""
        connections.close_all()
        empty_folders()
        for alias in connections:
            path = replication_settings.files[alias]
            path.parent.mkdir(parents=True, exist_ok=True)  # Another process made the template.
            for leftover in path.parent.glob(f"{path.name}*"):
                leftover.unlink()
            shutil.copy(template / f"{alias}.sqlite3", path)
        secret_files.remember()  # Beside the databases: whoever empties their folders takes that away, too.
        self.begin_services(template)

    def begin_services(self, template: Path) -> None:
        pushes.begin()
        for service in map(get_service, replication_settings.services):
            create_witness(service.witness_file, witness_of(service, template))


def empty_folders() -> None:
    for folder in FOLDERS:
        shutil.rmtree(topology.DATA / folder, ignore_errors=True)


class Databases:
    """Of a server of this process's own."""

    def __init__(self) -> None:
        self._laid: dict[str, Laid] = {}

    @property
    def names(self) -> list[str]:
        return sorted({str(database["NAME"]) for database in connections.databases.values()})

    def begin(self) -> None:
        server_of_tests()

    def is_kept(self, template: Path) -> bool:
        return bool(server_of_tests().execute(f"SELECT 1 FROM pg_database WHERE datname LIKE '{template.name} %'"))

    def keep(self, template: Path) -> None:
        connections.close_all()
        for name in self.names:
            # Threads that offer answers to fronts come back by themselves.
            server_of_tests().execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            server_of_tests().end_sessions(name)
            server_of_tests().execute(
                f'CREATE DATABASE "{template.name} {name}" TEMPLATE "{name}" STRATEGY file_copy',
                f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true',
            )
        if "PYTEST_XDIST_WORKER" in os.environ and not kept_server().exists():
            server_of_tests().keep(kept_server())  # Whoever waits for these templates begins with them.

    def put_in_place(self, template: Path) -> None:
        connections.close_all()
        empty_folders()
        secret_files.remember()
        with server_of_tests().connect() as server:
            server.execute(END_SESSIONS, (self.names,))
            unchanged = unchanged_databases(server)
            for name in self.names:
                if self._laid.get(name) != Laid(template, *unchanged.get(name, NOWHERE)):
                    server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
                    kept = f'TEMPLATE "{template.name} {name}" OWNER {OWNER} STRATEGY file_copy'
                    server.execute(f'CREATE DATABASE "{name}" {kept}'.encode())
            present = unchanged_databases(server)
            self._laid = {name: Laid(template, *present[name]) for name in self.names if name in present}


class Laid(NamedTuple):
    """A database as it was made from a template: another one has another `oid`, whatever its name."""

    template: Path
    oid: int
    counted_since: datetime


NOWHERE = (0, datetime.min)


def unchanged_databases(server: Connection) -> dict[str, tuple[int, datetime]]:
    """Those that nobody uses, and in which no row was ever written: their oids, and since when rows are counted.

    A session's rows are counted when it has ended; all counts begin anew when a server has crashed.
    (https://www.postgresql.org/docs/15/monitoring-stats.html)
    """
    used = {name for (name,) in server.execute("SELECT datname FROM pg_stat_activity").fetchall()}
    found = server.execute(UNCHANGED).fetchall()
    return {name: (oid, since) for name, oid, since in found if name not in used}


def witness_of(service: Service, template: Path) -> Witness:
    """That of a store which begins with copies of the files in that folder, both in sync."""
    files = {}
    for alias in service.aliases:
        nonce, floor = nonce_and_floor(template / f"{alias}.sqlite3")
        files[alias] = FileRecord(identity_of(str(replication_settings.files[alias])), nonce, 0)
    return Witness(new_timeline(), 1, tuple(service.aliases), floor, files)


@cache
def nonce_and_floor(path: Path) -> tuple[str, int]:
    """Of a file that nobody writes any more."""
    with closing(sqlite3.connect(path)) as connection:
        (nonce,) = connection.execute("SELECT nonce FROM replication_incarnation").fetchone()
        return nonce, entries.read_head(connection).position


layout: Layout = Databases() if databases.ON_POSTGRESQL else Files()
