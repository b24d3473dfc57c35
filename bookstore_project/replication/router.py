"""DATABASE_ROUTERS: replicated apps live on their service's two aliases, everything else on `default`.

It says which of the two databases a query goes to, and refuses a write outside of a replicated transaction. It
writes nothing itself: `transaction` runs the change on one file and `sqlite_pair/commit` brings it to both; which
file a read may use, `reads` has decided before.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, models

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import HOW_TO_WRITE, Unavailable, WriteRefused
from bookstore_project.replication.pinning import current_pin
from bookstore_project.replication.service import REPLICATION_APP, Service, get_service, service_of_app


class ReplicationRouter:
    """Reads go where the gate or the transaction pinned them; writes only into a replicated transaction."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        name = service_of_app(model._meta.app_label)
        if name is None:
            return None
        pin = current_pin(name)
        return pin.alias if pin else local_alias(get_service(name))

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        name = service_of_app(model._meta.app_label)
        if name is None:
            return None
        pin = current_pin(name)
        if pin is None or not pin.for_writing:
            raise WriteRefused(
                f"{model._meta.label} is written outside a replicated transaction. "
                + HOW_TO_WRITE.format(service=name)
            )
        return pin.alias

    def allow_relation(self, first: models.Model, second: models.Model, **hints: Any) -> bool:
        return service_of_app(first._meta.app_label) == service_of_app(second._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        if app_label == REPLICATION_APP:
            return db != DEFAULT_DB_ALIAS
        name = service_of_app(app_label)
        return db == DEFAULT_DB_ALIAS if name is None else db in get_service(name).aliases


def local_alias(service: Service) -> str:
    """The alias to read without a promise (a shell, a command): this node's own, else the first in sync."""
    if replication_settings.service_of_node == service.name:
        return replication_settings.node
    try:
        standing = engine.standing(service)
    except Unavailable:
        return service.aliases[0]
    return next(iter((*standing.trusted, *standing.in_sync, *service.aliases)))
