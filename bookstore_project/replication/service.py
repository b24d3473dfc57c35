"""A replicated service as the protocol sees it: its files, its tables, its place on disk."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.apps import apps
from django.db import connections, models

from bookstore_project.replication.backend.base import DatabaseWrapper
from bookstore_project.settings import topology


@dataclass(frozen=True)
class Table:
    """A replicated table: its name, primary key column, all columns, and the model behind it."""

    name: str
    key_column: str
    columns: tuple[str, ...]
    model: type[models.Model]


@dataclass(frozen=True)
class Service:
    """`catalog` or `order`: two files that are to be one."""

    name: str
    app_label: str

    @property
    def aliases(self) -> list[str]:
        return topology.database_aliases(self.name)

    @property
    def witness_file(self) -> Path:
        return topology.witness_file(self.name)

    @property
    def lock_dir(self) -> Path:
        return topology.lock_dir(self.name)

    @property
    def tables(self) -> dict[str, Table]:
        return _tables(self.app_label)


def get_service(name: str) -> Service:
    return Service(name, topology.APPS_OF_SERVICE[name])


def service_of_app(app_label: str) -> str | None:
    """The service that replicates this app's models; None for the apps outside replication."""
    return _SERVICES.get(app_label)


_SERVICES = {label: service for service, label in topology.APPS_OF_SERVICE.items()}


def wrapper(alias: str) -> DatabaseWrapper:
    """This thread's connection to a replica's database."""
    connection = connections[alias]
    assert isinstance(connection, DatabaseWrapper)
    return connection


@cache
def _tables(app_label: str) -> dict[str, Table]:
    found = {}
    for model in apps.get_app_config(app_label).get_models(include_auto_created=True):
        meta = model._meta
        if meta.proxy or not meta.managed:
            continue
        columns = tuple(str(field.column) for field in meta.local_concrete_fields)
        found[meta.db_table] = Table(meta.db_table, str(meta.pk.column), columns, model)
    return found
