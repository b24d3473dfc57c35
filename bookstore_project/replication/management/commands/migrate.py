"""`migrate` for a store of five databases: plain `migrate` brings all of them up to date."""

import time
from contextlib import ExitStack
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from bookstore_project.replication import setup
from bookstore_project.replication.caretaker import fault_of
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.mutex import LOCK_TIMEOUT_S, WriterLock, writer_lock
from bookstore_project.replication.service import Service, get_service, wrapper
from bookstore_project.replication.witness import read_witness
from bookstore_project.settings import topology


class Command(migrate.Command):
    help = "Migrates every database of the store: accounts, and both replicas of each service."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        chosen = options["database"]
        return super().get_check_kwargs({**options, "database": chosen or topology.ACCOUNTS})

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = options.pop("database")
        if chosen in (None, topology.ACCOUNTS):
            self.migrate_accounts(*args, **options)
        for name in topology.APPS_OF_SERVICE:
            service = get_service(name)
            if chosen is None or chosen in service.aliases:
                self.migrate_service(service, *args, **options)

    def migrate_accounts(self, *args: Any, **options: Any) -> None:
        topology.database_file(topology.ACCOUNTS).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.is_behind(topology.ACCOUNTS, args, options):
            super().handle(*args, database=topology.ACCOUNTS, **options)

    def migrate_service(self, service: Service, *args: Any, **options: Any) -> None:
        """Both files, always: one alone would not be a replica any more."""
        try:
            with writer_lock(service.lock_dir, time.monotonic() + LOCK_TIMEOUT_S) as lock:
                if service.witness_file.exists():
                    self.migrate_store(service, lock, args, options)
                else:
                    self.migrate_files(service.aliases, service, args, options)
                    setup.create_first_witness(service)
        except Unavailable as error:
            raise CommandError(error.detail) from error

    def migrate_store(
        self, service: Service, lock: WriterLock, args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        """A store that has been running: a file at fault is left for its repair."""
        for alias in setup.adopt_moved_files(service, lock):
            self.stderr.write(f"{alias}: its file was moved here, with the content that it had.")
        witness = read_witness(service.witness_file)
        sound = []
        for alias in service.aliases:
            fault = fault_of(alias, witness)
            if fault is None:
                sound.append(alias)
            else:
                self.stderr.write(f"{alias}: {fault}. It is rebuilt from the other copy when the store runs.")
        if len(sound) < len(service.aliases) and any(self.is_behind(alias, args, options) for alias in sound):
            raise CommandError(f"{service.name} has a copy at fault: `manage.py replication repair` first.")
        self.migrate_files(sound, service, args, options)

    def migrate_files(
        self, aliases: list[str], service: Service, args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        with ExitStack() as guards:
            for alias in aliases:
                topology.database_file(alias).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                guards.enter_context(wrapper(alias).unguarded())
                if self.is_behind(alias, args, options):
                    super().handle(*args, database=alias, **options)
                setup.prepare_file(service, alias)

    def is_behind(self, alias: str, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
        """Whether there is anything to do, so that a start with nothing to migrate is quick and quiet."""
        if options.get("app_label") or options.get("check_unapplied") or options.get("plan"):
            return True
        connection = connections[alias]
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        return bool(plan)
