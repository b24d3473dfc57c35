"""A service as a file has it: its tables may have the columns of other code than this process runs."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.apps.registry import Apps
from django.db import connections, models
from django.db.migrations.loader import MigrationLoader

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log import triggers
from bookstore_project.replication.service import Service, Table, tables_of
from bookstore_project.replication.sqlite_pair.files import derived, schema_version


@dataclass(frozen=True)
class StoredService(Service):
    """A service whose tables aren't those of the models of this code."""

    stored: Mapping[str, Table] = field(default_factory=dict, hash=False)

    @property
    def tables(self) -> dict[str, Table]:
        return dict(self.stored)


def as_found(connection: sqlite3.Connection, service: Service) -> StoredService:
    """The service with the tables that this file replicates, by the file's own account."""
    names = connection.execute(
        "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE ? "
        'UNION SELECT DISTINCT "table" FROM replication_rowdigest',
        (f"{triggers.PREFIX}%",),
    ).fetchall()
    return StoredService(service.name, service.app_labels, {name: _table(connection, name) for (name,) in names})


def _table(connection: sqlite3.Connection, name: str) -> Table:
    # Without generated columns, which this PRAGMA leaves out: https://sqlite.org/pragma.html#pragma_table_info
    columns = connection.execute("SELECT name, pk FROM pragma_table_info(?)", (name,)).fetchall()
    key = next((column for column, is_key in columns if is_key), "rowid")
    return Table(name, key, tuple(column for column, _ in columns), models.Model)


def assert_replicable(connection: sqlite3.Connection, service: Service) -> None:
    """That replication carries all of the file's tables and nothing happens there by itself.

    A missing column would break every query, and the values of one too many would not be replicated. What triggers
    and foreign keys change by themselves is in the log already: the other file would change it twice.
    """
    for name, table_name in connection.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"):
        if table_name in service.tables and not name.startswith((triggers.PREFIX, *derived.PREFIXES)):
            raise Unavailable(
                f"{table_name} has a trigger of its own, {name}; nothing was migrated. Do what it does in save(), or "
                "with a constraint."
            )
    for table in service.tables.values():
        differing = set(table.columns) ^ set(_table(connection, table.name).columns)
        if differing:
            raise Unavailable(
                f"{table.name} isn't what its migrations make of it ({', '.join(sorted(differing))}); nothing was "
                "migrated. A migration can be faked only where the columns stay as they are."
            )
        actions = connection.execute("SELECT on_delete, on_update FROM pragma_foreign_key_list(?)", (table.name,))
        if not {action for row in actions for action in row} <= {"NO ACTION", "RESTRICT"}:
            raise Unavailable(
                f"{table.name} has a foreign key with an action in the database; nothing was migrated. Leave it to "
                "Django's on_delete."
            )


@dataclass(frozen=True)
class Migrated:
    """What the recorded migrations of a file make of a service's models."""

    service: StoredService
    schema_version: int


def as_migrated(alias: str, service: Service) -> Migrated:
    """By the table of migrations in the file that the alias is connected to."""
    registry = _state(alias)
    labels = [label for label in service.app_labels if label in registry.app_configs]
    found = tables_of(registry, labels)
    all_labels = [label for label in schema_version.labels_of(service.app_labels) if label in registry.app_configs]
    return Migrated(
        StoredService(service.name, service.app_labels, found), schema_version.of_models(registry, all_labels, alias)
    )


def _state(alias: str) -> Apps:
    loader = MigrationLoader(connections[alias])
    applied = [key for key in loader.applied_migrations if key in loader.graph.nodes]
    registry: Apps = loader.project_state(applied).apps
    return registry
