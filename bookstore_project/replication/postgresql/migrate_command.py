"""`manage.py migrate` on a server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Caches
from bookstore_project.replication.pinning import pinned
from bookstore_project.replication.postgresql import databases, head, schema, shared
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.leases import forget_all
from bookstore_project.replication.postgresql.primary import own_alias
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.timelines import new_timeline

MIGRATION_TIMEOUT_S = 60.0


class Migrate(migrate.Command):
    help = "Migrates every database of the store: accounts, and that of each service."

    def __init__(self, caches: Caches) -> None:
        super().__init__()

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        return super().get_check_kwargs({**options, "database": options["database"] or DEFAULT_DB_ALIAS})

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = options.pop("database")
        if chosen in (None, DEFAULT_DB_ALIAS):
            self.migrate_accounts(options)
        for name in replication_settings.services:
            service = get_service(name)
            if chosen is None or chosen in service.aliases:
                self.migrate_service(service, options)

    def migrate_accounts(self, options: dict[str, Any]) -> None:
        try:
            databases.make(DEFAULT_DB_ALIAS)
        except Unavailable as error:
            raise CommandError(f"accounts: {error.detail}") from error
        super().handle(database=DEFAULT_DB_ALIAS, **options)
        shared.make_tables()

    def migrate_service(self, service: Service, options: dict[str, Any]) -> None:
        alias = own_alias(service)
        try:
            databases.make(alias)
            with wrapper(alias).unguarded(), pinned(service.name, alias, for_writing=True):
                if not schema.is_made(wrapper(alias).raw):
                    self.migrate_database(service, alias, options)
                elif self.has_something_to_do(alias, options):
                    self.migrate_store(service, alias, options)
                else:
                    schema.install(wrapper(alias).raw, service)
        except (Unavailable, DatabaseError, psycopg.Error) as error:
            raise CommandError(f"{service.name}: {error}") from error

    def has_something_to_do(self, alias: str, options: dict[str, Any]) -> bool:
        executor = MigrationExecutor(connections[alias])
        return bool(options.get("app_label")) or bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))

    def migrate_database(self, service: Service, alias: str, options: dict[str, Any]) -> None:
        super().handle(database=alias, **options)
        schema.begin(wrapper(alias).raw)
        schema.install(wrapper(alias).raw, service)

    def migrate_store(self, service: Service, alias: str, options: dict[str, Any]) -> None:
        """Nobody writes meanwhile, and no front uses its cache: data migrations tell nobody what they change.

        Another connection holds the lock, so that Django's own `migrate` has this one.
        """
        with begun_apart(service) as holder:
            forget_all(holder)
            super().handle(database=alias, **options)
            schema.install(wrapper(alias).raw, service)
            holder.raw.execute("UPDATE replication_head SET timeline = %s", (new_timeline(),))
            holder.raw.commit()


@contextmanager
def begun_apart(service: Service) -> Iterator[DatabaseWrapper]:
    """A connection of its own that holds the writer lock. Raises as `head.lock` does."""
    with closing(wrapper(own_alias(service)).copy()) as holder:
        head.lock(holder, MIGRATION_TIMEOUT_S)
        # It is idle for as long as the migrations take.
        holder.raw.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield holder
