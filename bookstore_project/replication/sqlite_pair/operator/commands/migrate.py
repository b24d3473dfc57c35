"""`migrate` for a store of five databases: plain `migrate` brings all of them up to date."""

import os
import sqlite3
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.exceptions import AmbiguityError
from django.db.migrations.executor import MigrationExecutor

from bookstore_project import files, sqlite_files
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ADVICE, Unavailable, is_damage
from bookstore_project.replication.interface import Caches
from bookstore_project.replication.log import triggers
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.files import derived, schema_version, stored_schema
from bookstore_project.replication.sqlite_pair.files.backup_copy import put_aside
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.repair import bootstrap, migration, witness_rebuild
from bookstore_project.replication.sqlite_pair.repair.maintenance import fault_of


class Command(migrate.Command):
    help = "Migrates every database of the store: accounts, and both copies of each service."

    def __init__(self, caches: Caches) -> None:
        super().__init__()
        self.caches = caches

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        chosen = options["database"]
        return super().get_check_kwargs({**options, "database": chosen or DEFAULT_DB_ALIAS})

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = options.pop("database")
        self.options = options
        if chosen in (None, DEFAULT_DB_ALIAS):
            self.migrate_accounts()
        for name in replication_settings.services:
            service = get_service(name)
            if chosen is None or chosen in service.aliases:
                self.migrate_service(service)

    def migrate_accounts(self) -> None:
        path = replication_settings.files[DEFAULT_DB_ALIAS]
        files.make_folder(path.parent)
        if problem := self.unreadable(path):
            # There is no second copy of it, and the shop sells without.
            connections[DEFAULT_DB_ALIAS].close()
            self.stderr.write(
                f"The accounts can't be read ({problem}): {put_aside(path).name} keeps the file, and a new one is "
                "made. Staff accounts other than `staff` are to be made again, or restored from a backup."
            )
        files.make_file(path)
        if self.says_something or self.plan(DEFAULT_DB_ALIAS):
            self.migrate_file(DEFAULT_DB_ALIAS)

    def unreadable(self, path: Path) -> str:
        """Why SQLite can't make anything of a file; empty if it can, or if there is none."""
        if not os.path.lexists(path):
            return ""
        if not path.is_file():
            return "it is no plain file"
        try:
            with sqlite_files.opened(path) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError as error:
            return str(error) if is_damage(error) else ""
        return ""

    def migrate_service(self, service: Service) -> None:
        """Both files, always: one alone would not be a copy any more."""
        for alias in service.aliases:
            wrapper(alias).close()  # It may be open to a file that was replaced.
        try:
            if self.options["plan"] or self.options["check_unapplied"]:
                self.show_plan(service)
                return
            with writer_lock(service.lock_dir) as lock:
                if not service.witness_file.exists():
                    if bootstrap.is_new(service):
                        migration.build_store(service, self.migrate_file)
                    bootstrap.create_first_witness(service, self.caches)
                self.migrate_store(service, lock)
        except Unavailable as error:
            raise CommandError(error.detail) from error

    def show_plan(self, service: Service) -> None:
        """What would be done, without doing anything."""
        alias = next((name for name in service.aliases if replication_settings.files[name].exists()), None)
        if alias is not None:
            self.migrate_file(alias)
            return
        alias = service.aliases[0]
        with tempfile.TemporaryDirectory() as folder, wrapper(alias).unguarded(Path(folder) / "empty.sqlite3"):
            self.migrate_file(alias)

    def migrate_store(self, service: Service, lock: WriterLock) -> None:
        """A file at fault is left for its repair, unless there is something to migrate: then both are made anew."""
        witness_rebuild.rebuild_under_lock(service, lock)
        in_sync_set.take_back(service, lock)
        for alias in bootstrap.adopt_moved_files(service, lock):
            self.stderr.write(f"{alias}: its file was moved here, with the content that it had.")
        sound = self.sound_files(service)
        if not sound:
            raise CommandError(f"No copy of {service.name} can be migrated.")
        if self.concerns(service, sound[0]):
            migration.migrate_store(service, lock, self.caches, self.migrate_file)
            self.stderr.write(
                f"{service.name} was migrated: processes of other code refuse until they are restarted."
            )
            return
        with ExitStack() as guards:
            for alias in sound:
                guards.enter_context(wrapper(alias).unguarded())
                self.finish(service, alias)
            self.tell_what_no_migration_makes(service, sound[0])

    def sound_files(self, service: Service) -> list[str]:
        witness = read_witness(service.witness_file)
        sound = []
        for alias in service.aliases:
            fault = fault_of(alias, witness)
            if alias in witness.suspects:
                self.stderr.write(f"{alias}: {fault}. {ADVICE}")
            elif fault is not None:
                self.stderr.write(f"{alias}: {fault}. It is rebuilt from the other copy when the store runs.")
            elif alias in witness.in_sync:
                sound.append(alias)
        return sound

    def concerns(self, service: Service, alias: str) -> bool:
        """Whether the service's own tables may change, or the file doesn't say yet which code it is for."""
        labels = schema_version.labels_of(service.app_labels)
        if any(step.app_label in labels for step, _ in self.plan(alias)):
            return True
        found = schema_version.of_file(wrapper(alias).connect_now())
        # Rendering the recorded state takes a tenth of a second: a start with nothing to migrate does without.
        return found != schema_version.of_code(service.name) and (
            found != stored_schema.as_migrated(alias, service).schema_version
        )

    def finish(self, service: Service, alias: str) -> None:
        """What doesn't touch replicated tables: the records of other apps' migrations, lost triggers and indexes."""
        if self.says_something or self.plan(alias):
            self.migrate_file(alias)
        connection = wrapper(alias).connect_now()
        if schema_version.of_file(connection) != schema_version.of_code(service.name):
            return
        for each in (triggers, derived):
            if not each.installed(connection, service):
                each.install(connection, service)

    def tell_what_no_migration_makes(self, service: Service, alias: str) -> None:
        """Of changed models: there is nothing to migrate, and yet no process of this code may use the files."""
        is_whole = not self.options.get("app_label")  # Else there may be more to migrate.
        if is_whole and schema_version.of_file(wrapper(alias).connect_now()) != schema_version.of_code(service.name):
            self.stderr.write(
                f"Models of {service.name} have changed, and no migration makes these changes: run "
                "`manage.py makemigrations`, then `manage.py migrate`. Until then the nodes refuse."
            )

    def migrate_file(self, alias: str) -> None:
        """Django's own `migrate`, on the file that the alias is connected to."""
        super().handle(database=alias, **self.options)

    @property
    def says_something(self) -> bool:
        """Whether the operator asked for something particular, and gets an answer though there is nothing to do."""
        named = ("app_label", "check_unapplied", "plan", "prune", "run_syncdb")
        return any(self.options.get(name) for name in named)

    def plan(self, alias: str) -> list[tuple[Any, bool]]:
        """The migrations that there are to run; none where Django will complain of the arguments."""
        connection = connections[alias]
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        try:
            return list(executor.migration_plan(self.targets(executor)))
        except (LookupError, AmbiguityError):
            return []

    def targets(self, executor: MigrationExecutor) -> list[tuple[str, str | None]]:
        app_label, name = self.options.get("app_label"), self.options.get("migration_name")
        graph = executor.loader.graph
        if app_label and name == "zero":
            return [(app_label, None)]
        if app_label and name:
            found = executor.loader.get_migration_by_prefix(app_label, name)
            return [(app_label, found.name)]
        leaves: list[tuple[str, str | None]] = list(graph.leaf_nodes(app_label or None))
        return leaves
