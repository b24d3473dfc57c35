"""What tests ask of a service's two files, through connections that know nothing of replication."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

from django.db import connections

from bookstore_project import sqlite_files
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.log import entries, images
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.backend import lending
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.files import derived
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.support.forks import Fork
from bookstore_project.replication.transaction import active_attempt

T = TypeVar("T")
Rows = list[tuple[object, ...]]
SHORT_WAIT_S = 0.05
OF_ITS_OWN = "replication_incarnation"
"""The one table in which two copies differ."""


@contextmanager
def opened(alias: str) -> Iterator[sqlite3.Connection]:
    with sqlite_files.opened(replication_settings.files[alias], is_writable=True) as connection:
        yield connection


@contextmanager
def held(alias: str, *begin: str) -> Iterator[sqlite3.Connection]:
    """Another program holds the lock of the alias's file, for longer than others wait: here that is 50 ms."""
    options = connections.settings[alias]["OPTIONS"]
    usual_s = options["timeout"]
    with opened(alias) as stranger:
        for statement in begin or ("BEGIN IMMEDIATE",):
            stranger.execute(statement)
        options["timeout"] = SHORT_WAIT_S
        _set_patience(alias, SHORT_WAIT_S)
        try:
            yield stranger
        finally:
            options["timeout"] = usual_s
            _set_patience(alias, usual_s)
            stranger.execute("ROLLBACK")


def _set_patience(alias: str, timeout_s: float) -> None:
    """Of what this thread has and would be lent; others are made with what the settings say."""
    database = wrapper(alias)
    for connection in (database.connection, lending.idle(database.path).connection):
        if connection is not None:
            connection.execute(f"PRAGMA busy_timeout = {timeout_s * 1000:.0f}")


def rows(alias: str, sql: str) -> Rows:
    """What the file itself says."""
    with opened(alias) as connection:
        return connection.execute(sql).fetchall()


def dump(alias: str) -> dict[str, Rows]:
    """Every table of the file with every row, but for what is a copy's own."""
    # When it was migrated, and how many rows its triggers have ever noted.
    skipped = (OF_ITS_OWN, "django_migrations", "sqlite_sequence")
    with opened(alias) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in names
            if name not in skipped and not name.startswith(derived.PREFIXES)
        }


def assert_copies_equal(service_name: str) -> None:
    """Both files hold the same rows and log, the log is chained and settled, each row is what its digest says."""
    first, second = get_service(service_name).aliases
    ours, theirs = dump(first), dump(second)
    assert [name for name in ours if ours[name] != theirs.get(name)] == []
    assert ours.keys() == theirs.keys()
    for alias in (first, second):
        assert_sound(service_name, alias)


def assert_sound(service_name: str, alias: str) -> None:
    service = get_service(service_name)
    with opened(alias) as connection:
        held = list(entries.entries_after(connection, -1))
        assert held[0].payload == held[0].keys == entries.EMPTY, "the log has no base"
        for previous, entry in pairwise(held):
            assert entry.position == previous.position + 1, "the log has a gap"
            assert entry.chained_to(previous.hash) == entry.hash, f"the chain breaks at {entry.position}"
        assert held[-1].position == read_witness(service.witness_file).floor
        assert not entries.has_pending(connection)
        seen = dict.fromkeys(connection.execute('SELECT "table", "key" FROM replication_rowdigest'), False)
        for table in service.tables.values():
            for (key,) in connection.execute(f'SELECT "{table.key_column}" FROM "{table.name}"').fetchall():
                entries.assert_digest(connection, table.name, key, images.read_image(connection, table, key))
                seen[(table.name, connection.execute("SELECT json_quote(?)", (key,)).fetchone()[0])] = True
        assert all(seen.values()), "a digest of a row that is gone"
        assert derived.findings(connection, service) == []


def head(alias: str) -> int:
    (position,) = rows(alias, "SELECT max(position) FROM replication_logentry")[0]
    assert isinstance(position, int)
    return position


def floor(service_name: str) -> int:
    return read_witness(get_service(service_name).witness_file).floor


def change_around(alias: str, *statements: str) -> None:
    """Damage that leaves no trace: a change that no trigger sees."""
    with opened(alias) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)


if replication_settings.engine == "postgresql":  # There are no files: the same is asked of the server.
    from bookstore_project.replication.postgresql.tests import database_rows as on_server

    rows, dump, floor, assert_copies_equal = (
        on_server.rows,
        on_server.dump,
        on_server.floor,
        on_server.assert_copies_equal,
    )


# -------------------------------------------------------------------- within a replicated transaction


def lead() -> str:
    """The alias that the transaction around this reads and writes."""
    attempt = active_attempt()
    assert attempt is not None
    return attempt.lead_alias


def execute(sql: str, parameters: Sequence[str] | None = None) -> None:
    """Raw SQL, in the transaction around this."""
    with connections[lead()].cursor() as cursor:
        cursor.execute(sql, parameters)


# -------------------------------------------------------------------------------- threads and processes


def python(code: str) -> Fork:
    """Another process of this store, with Django set up, that runs `code`."""
    return Fork(code)


def run_and_die(point: str, code: str) -> None:
    """Runs `code` in a process that is killed as soon as it comes to that point of the protocol, as it must."""
    with python(f"points.hooks[{point!r}] = lambda: os.kill(os.getpid(), 9)\n{code}") as process:
        assert process.wait() == -signal.SIGKILL, f"it never came to {point}"


def obedient(code: str) -> str:
    """What a process says that is root, perhaps, and heeds modes all the same."""
    drop = "-dac_override,-dac_read_search"
    launcher = ("setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}") if os.geteuid() == 0 else ()
    with Fork(code, launcher=launcher, is_merged=True) as process:
        return process.communicate()


KilledAt = Callable[[str, str], None]
"""Runs code in a process that is killed at a point of the protocol."""
Obedient = Callable[[str], str]
"""Runs code in a process that heeds modes; gives what it says."""
