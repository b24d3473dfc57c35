"""A replicated service as the protocol sees it: its files, its tables, its place on disk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.apps.registry import Apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from bookstore_project.replication.conf import replication_settings

if TYPE_CHECKING:  # It loads Django REST framework, which the supervisor can do without.
    from bookstore_project.api.cached_resources import CachedResource

REPLICATION_APP = "replication"
"""The app whose tables stand beside those of each service: the log, the digests, what triggers note."""


@dataclass(frozen=True)
class Table:
    """A replicated table: its name, primary key column, all columns, the model behind it, what fronts show of it."""

    name: str
    key_column: str
    columns: tuple[str, ...]
    model: type[models.Model]
    shown_by: "tuple[CachedResource, ...]" = ()
    unique: frozenset[str] | None = None
    """Columns by which two rows may be in each other's way; None if that isn't known: any of them."""


@dataclass(frozen=True)
class Service:
    """`catalog` or `order`: two files that are to be one, and the apps whose models live there."""

    name: str
    app_labels: tuple[str, ...]

    @property
    def aliases(self) -> list[str]:
        return list(replication_settings.services[self.name].replicas)

    @property
    def witness_file(self) -> Path:
        return replication_settings.services[self.name].witness_file

    @property
    def lock_dir(self) -> Path:
        return replication_settings.services[self.name].lock_dir

    @property
    def tables(self) -> dict[str, Table]:
        return _tables(self.app_labels)


def get_service(name: str) -> Service:
    if name not in replication_settings.services:
        known = ", ".join(replication_settings.services)
        raise ImproperlyConfigured(f"REPLICATION['SERVICES'] has no service {name!r}: there are {known}.")
    return Service(name, replication_settings.services[name].app_labels)


def service_of_app(app_label: str) -> str | None:
    """The service that replicates this app's models; None for the apps outside replication."""
    return replication_settings.service_of_app.get(app_label)


def replicated_models(registry: Apps, app_labels: Iterable[str]) -> Iterator[type[models.Model]]:
    """The models that have a table of their own, many-to-many tables among them."""
    for label in app_labels:
        for model in registry.get_app_config(label).get_models(include_auto_created=True):
            if model._meta.managed and not model._meta.proxy:
                yield model


def stored_fields(model: type[models.Model]) -> "list[models.Field[Any, Any]]":
    """The fields whose values are stored; the database computes generated ones by itself."""
    return [field for field in model._meta.local_concrete_fields if not getattr(field, "generated", False)]


@cache
def _tables(app_labels: tuple[str, ...]) -> dict[str, Table]:
    return tables_of(apps, app_labels)


def tables_of(registry: Apps, app_labels: Iterable[str]) -> dict[str, Table]:
    """The replicated tables, as the models in a registry describe them."""
    found = {}
    for model in replicated_models(registry, app_labels):
        meta = model._meta
        # In the order of their names: code and its migrations may list them differently.
        columns = tuple(sorted(str(field.column) for field in stored_fields(model)))
        found[meta.db_table] = Table(
            meta.db_table, str(meta.pk.column), columns, model, _shown_by(meta.label), _unique_columns(model)
        )
    return found


def _unique_columns(model: type[models.Model]) -> frozenset[str] | None:
    meta = model._meta
    names = {field.name for field in stored_fields(model) if field.unique or field.primary_key}
    names.update(name for group in meta.unique_together for name in group)
    for constraint in meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            if constraint.expressions:
                return None
            names.update(constraint.fields)
            names.update(constraint.condition.referenced_base_fields if constraint.condition else ())
    columns = {field.name: str(field.column) for field in stored_fields(model)}
    return frozenset(columns[name] for name in names if name in columns)


def _shown_by(model_label: str) -> "tuple[CachedResource, ...]":
    return tuple(resource for resource in replication_settings.cached_resources if resource.model == model_label)
