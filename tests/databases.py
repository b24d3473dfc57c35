"""Looks into a store's databases from outside, as an operator would: files, or a database of a server."""

import json
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bookstore_project.replication.sqlite_pair.files import derived
from bookstore_project.sqlite_files import opened
from tests import programs
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for
from tests.writer_lock import held

SERVICES = ("catalog", "order")
OWN_TABLES = frozenset({"replication_incarnation", "sqlite_sequence", "django_migrations"})
"""What differs between the two copies by design."""
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class ServerDatabase:
    """Of a service, on a PostgreSQL server: its one place."""

    url: str
    """Of the server."""
    name: str

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """As a file would answer: UUIDs as 32 digits. Raises sqlite3.OperationalError if it can't be asked."""
        try:
            with psycopg.connect(f"{self.url}{self.name}", autocommit=True, connect_timeout=5) as connection:
                rows = connection.execute(sql.replace("?", "%s").encode(), parameters or None).fetchall()
        except psycopg.OperationalError as error:
            raise sqlite3.OperationalError(str(error)) from error
        return [tuple(value.hex if isinstance(value, UUID) else value for value in row) for row in rows]


Place = Path | ServerDatabase


def files(store: Store, service: str) -> Sequence[Path]:
    return [store.data / f"{service}-{number}" / f"{service}.sqlite3" for number in (1, 2)]


def places(store: Store, service: str) -> Sequence[Place]:
    """Each copy that can be looked into: both files, or what the server has."""
    url = store.environment.get("BOOKSTORE_DATABASE_URL", "")
    return [ServerDatabase(url, service)] if url else files(store, service)


def in_sync(store: Store, service: str) -> set[str]:
    """The in-sync set, as the newest slot of the witness has it."""
    slots = (store.data / "witness" / f"{service}.json").read_text(errors="replace").split("\n")
    newest = max(
        (json.loads(slot.partition(" ")[2]) for slot in slots if "{" in slot), key=lambda slot: slot["counter"]
    )
    return set(newest["in_sync"])


def is_whole(store: Store) -> bool:
    """Whether each service has both of its files."""
    return all(in_sync(store, service) == {f"{service}-1", f"{service}-2"} for service in SERVICES)


def require_tool() -> None:
    """Skips the test where there is no sqlite3 program; under CI, fails it."""
    programs.require("sqlite3", "sqlite3")


def ask_tool(path: Path, sql: str) -> list[dict[str, Any]]:
    """The rows that the sqlite3 program finds."""
    require_tool()
    command = ["sqlite3", "-readonly", "-json", "-cmd", f".timeout {PATIENCE_S * 1000:.0f}", str(path), sql]
    found = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert found.returncode == 0, found.stderr
    rows: list[dict[str, Any]] = json.loads(found.stdout or "[]")
    return rows


def query(path: Place, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
    if isinstance(path, ServerDatabase):
        return path.query(sql, tuple(parameters))
    with opened(path, timeout_s=PATIENCE_S) as connection:
        return connection.execute(sql, tuple(parameters)).fetchall()


def dump(path: Path) -> Rows:
    """Every row of every table that is replicated, in one snapshot."""
    with opened(path, timeout_s=PATIENCE_S) as connection:
        connection.execute("BEGIN")
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if name not in OWN_TABLES and not name.startswith(derived.PREFIXES)
        ]
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}


def dump_both(store: Store, service: str) -> Rows:
    """What both files of the service hold at a moment at which nobody writes. Raises as `rows_of_both` does."""
    with held(store.data / "locks" / service / "mutex"):
        return rows_of_both(store, service)


def rows_of_both(store: Store, service: str) -> Rows:
    """What both files of the service hold, if nobody writes meanwhile.

    Raises AssertionError naming the tables in which they differ, and up to three rows that one of them lacks.
    """
    first, second = (dump(path) for path in files(store, service))
    differing = {
        name: _in_one_alone(first.get(name, []), second.get(name, []))[:3]
        for name in first.keys() | second.keys()
        if first.get(name) != second.get(name)
    }
    assert not differing, f"the two files differ in {differing}"
    return first


def _in_one_alone(first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows that only one of the two lists has, as often as it has them more."""
    ours, theirs = Counter(map(repr, first)), Counter(map(repr, second))
    alone = (ours - theirs) + (theirs - ours)
    return [row for row in first + second if repr(row) in alone]


def wait_until_recorded(store: Store) -> None:
    """Returns when each sale has its order on both files: one may be the sweeper's, whose client heard nothing."""

    def is_recorded() -> bool:
        sold = query(files(store, "catalog")[0], "SELECT count(*) FROM catalog_app_ledgerentry WHERE kind = 'sale'")
        lines = "SELECT count(*) FROM order_app_orderline"
        return all(query(file, lines) == sold for file in files(store, "order"))

    wait_for(is_recorded, what="an order to each sale")


def goods(store: Store) -> dict[str, Rows]:
    """What clients could have changed, of all four files, once each sale has its order.

    Without the order service's log: the sweeper notes there, now and then, how far it has come.
    """
    wait_until_recorded(store)
    everything = {str(path): dump(path) for service in SERVICES for path in files(store, service)}
    return {
        path: {name: rows for name, rows in tables.items() if name.startswith(("catalog_app_", "order_app_order"))}
        for path, tables in everything.items()
    }
