"""Verified copies in the place of a stopped store's databases, with a new timeline.

They are loaded into databases of other names, and compared; then all three change their names at once. What was there
stays, under a name that says until when it counted.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from psycopg import sql

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.log import entries
from bookstore_project.replication.log.descriptions import describe, lost_after
from bookstore_project.replication.log.entries import Entry
from bookstore_project.replication.postgresql import databases, head
from bookstore_project.replication.postgresql.arrival import Arrival
from bookstore_project.replication.postgresql.backend.base import wrapper
from bookstore_project.replication.postgresql.file_copies import accounts_models
from bookstore_project.replication.postgresql.primary import own_alias
from bookstore_project.replication.service import Service
from bookstore_project.replication.timelines import wait_out_leases
from bookstore_project.replication.transfer import comparing
from bookstore_project.replication.transfer.places import FilePlace, Model, Place
from bookstore_project.sqlite_files import opened

RESTORING = "restoring"
OLDER = (
    "The backup is of other code: its tables aren't those of today. Restore it into two files (another "
    "BOOKSTORE_DATA, no BOOKSTORE_DATABASE_URL), start that store once, and move it here by `manage.py move_to`."
)

# ------------------------------------------------------------------------------------------- what would be lost


def lost_by_replacing(service: Service, copy: Path) -> list[str]:
    """What the store has and the verified copy hasn't, in sentences; empty if nothing."""
    alias = own_alias(service)
    if not databases.exists(alias):
        return []
    database = wrapper(alias)
    with opened(copy) as backup:
        kept = entries.read_head(backup)
    try:
        present = head.read(database.raw)
        known = database.raw.execute("SELECT hash FROM replication_logentry WHERE position = %s", (kept.position,))
        if known.fetchone() != (kept.hash,):
            return [f"{service.name}: all that it has; its log isn't the backup's, or doesn't reach back to it."]
        rows = database.raw.execute(
            "SELECT position, epoch, payload, keys, hash FROM replication_logentry WHERE position > %s "
            "ORDER BY position",
            (kept.position,),
        )
        lost = list(describe(service, (Entry(*row) for row in rows)))
    except (Unavailable, DatabaseError, psycopg.Error) as error:
        return [f"{service.name}: whatever its database holds, which can't be read: {error}"]
    finally:
        database.close()
    return lost_after(service, kept.position, present.position, lost)


def passwords() -> Mapping[str, str]:
    """Of the accounts that there are, hashed, by name."""
    if not databases.exists(DEFAULT_DB_ALIAS):
        return {}
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute('SELECT "username", "password" FROM "auth_user"')
        return dict(cursor.fetchall())


# ---------------------------------------------------------------------------------------------------- replacing


def replace_store(copies: Mapping[Service, Path], accounts: Path, alongside: Callable[[], None]) -> None:
    """See `interface.Copies`."""
    aliases = {own_alias(service): [table.model for table in service.tables.values()] for service in copies}
    paths = {own_alias(service): path for service, path in copies.items()}
    for alias, models in {DEFAULT_DB_ALIAS: accounts_models(), **aliases}.items():
        _load(alias, models, paths.get(alias, accounts), is_service=alias in paths)
        reached(f"restore-loaded-{alias}")
    wait_out_leases()
    connections.close_all()
    with databases.server_of(DEFAULT_DB_ALIAS) as server:
        _close_to_others(server, list(map(databases.name_of, [DEFAULT_DB_ALIAS, *aliases])))
        reached("restore-closed")
        with server.transaction():
            for alias in (DEFAULT_DB_ALIAS, *aliases):
                _rename(server, databases.name_of(alias))
            alongside()
            reached("restore-renamed")


def _load(alias: str, models: list[Model], path: Path, *, is_service: bool) -> None:
    """A new database beside the alias's, with the rows of that file."""
    name = databases.name_of(alias)
    target = Arrival(databases.parameters(alias), f"{name} {RESTORING}")
    with databases.server_of(alias) as server:
        server.execute("SET default_transaction_read_only = off")
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(target.name)))
    target.claim(path.name)
    with databases.under_name(alias, target.name):
        call_command("migrate", database=alias, verbosity=0, interactive=False)
        there = _migrations(connections[alias].cursor(), models)
    with opened(path) as file:
        if _migrations(file, models) != there:
            raise Unavailable(OLDER)
        place = FilePlace(file)
        newest = entries.read_head(file) if is_service else None
        target.fill(
            newest,
            {model: place.rows(model) for model in models},
            {model: place.last_number(model) for model in models},
        )

        def look(theirs: Place) -> str:
            found = (comparing.difference(place, theirs, model, lambda: None) for model in models)
            return next(filter(None, found), "")

        if found := target.look(look):
            raise Unavailable(f"{name} isn't what the backup says: {found}. Nothing was replaced.")
    target.open()


def _migrations(cursor: Any, models: list[Model]) -> set[tuple[str, str]]:
    """Of these models' apps: each engine has its own tables beside them."""
    labels = {model._meta.app_label for model in models}
    found = cursor.execute("SELECT app, name FROM django_migrations")
    return {(app, name) for app, name in (found or cursor).fetchall() if app in labels}


def _close_to_others(server: "psycopg.Connection[Any]", names: list[str]) -> None:
    """No client has the databases open any more: they can't be renamed else.

    An autovacuum worker is a superuser's, and ended by the renaming itself.
    """
    server.execute("SET default_transaction_read_only = off")
    for (name,) in server.execute("SELECT datname FROM pg_database WHERE datname = ANY(%s)", (names,)).fetchall():
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
    server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = ANY(%s) AND backend_type <> 'autovacuum worker'",
        ([*names, *(f"{name} {RESTORING}" for name in names)],),
    )


def _rename(server: "psycopg.Connection[Any]", name: str) -> None:
    if server.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None:
        aside = databases.name_aside(name)
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))
        server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(aside)))
    loaded = sql.Identifier(f"{name} {RESTORING}")
    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(loaded, sql.Identifier(name)))
