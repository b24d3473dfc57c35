"""Migrating a store: one copy is migrated aside, the other one counts until all is done, and then both are replaced.

Everything happens on drafts beside the live files, under the writer lock: reads go on meanwhile, and a migration that
fails or is killed leaves the store as it was. A new schema can't be told entry by entry, so the log begins anew, with
a digest of every row as it is now, in a new timeline: fronts forget what they had cached.
"""

import secrets
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from bookstore_project import files
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Caches
from bookstore_project.replication.log import digests, entries, triggers
from bookstore_project.replication.pinning import pinned
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.commit.recovery import begin_settled
from bookstore_project.replication.sqlite_pair.files import backup_copy, derived, scrub, stored_schema
from bookstore_project.replication.sqlite_pair.files.backup_copy import Draft
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import FileRecord, Witness
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.timelines import new_timeline, wait_out_leases

BEING_MIGRATED = "being migrated"
OLD_SCHEMA = "it is from before the migration"
SUFFIX = "migrated"
"""Of drafts: a repairer may be making others at the same time."""

Migrate = Callable[[str], None]
"""Migrates the file that the alias is connected to."""


def migrate_store(service: Service, lock: WriterLock, caches: Caches, migrate: Migrate) -> None:
    """Migrates a store with a witness; both copies are in sync afterwards.

    Raises what `migrate` raises, or Unavailable (no sound copy); the store is as it was then.
    """
    witness, head, donor = _settled(service, lock, caches)
    alias = next(other for other in service.aliases if other != donor)
    try:
        first = backup_copy.make_draft(service, alias, donor, witness, suffix=SUFFIX, of_any_code=True)
        reached("migrate-copied")
        with pinned(service.name, alias, for_writing=True), wrapper(alias).unguarded(first.path):
            # SQLite doesn't drop a column that a trigger names.
            triggers.drop(wrapper(alias).connect_now())
            derived.drop(wrapper(alias).connect_now())
            migrate(alias)
            reached("migrate-migrated")
            begin_log(service, alias, head, witness.epoch, first.nonce)
        second = backup_copy.new_draft(donor, SUFFIX)
        _copy_checked(service, first.path, second)
        reached("migrate-ready")
        _switch(service, lock, witness, {alias: first, donor: second}, floor=head.position + 1)
    finally:
        for name in service.aliases:
            backup_copy.remove(backup_copy.draft_path(name, SUFFIX))
        with suppress(Unavailable):
            in_sync_set.take_back(service, lock)


def build_store(service: Service, migrate: Migrate) -> None:
    """The two files of a store that begins: the first is migrated, the second a copy. The witness comes later."""
    first, second = service.aliases
    files.make_folder(replication_settings.files[first].parent)
    with pinned(service.name, first, for_writing=True), wrapper(first).unguarded():
        migrate(first)
        begin_log(service, first, entries.Head(-1, entries.GENESIS), 1, secrets.token_hex(16))
    draft = backup_copy.new_draft(second, SUFFIX)
    _copy_checked(service, replication_settings.files[first], draft)
    backup_copy.remove(replication_settings.files[second])
    draft.path.rename(replication_settings.files[second])
    reached("migrate-built")


# ------------------------------------------------------------------------------------------------- the drafts


def _settled(service: Service, lock: WriterLock, caches: Caches) -> tuple[Witness, entries.Head, str]:
    """The witness, the head and an alias of a store without unfinished work."""
    opening = begin_settled(service, lock, caches, of_any_code=True)
    try:
        donor = opening.participants[0].alias
        return opening.witness, opening.heads[donor], donor
    finally:
        opening.rollback()


def _copy_checked(service: Service, migrated: Path, draft: Draft) -> None:
    """Checks the migrated file as a whole, and copies it."""
    with closing(sqlite3.connect(migrated, isolation_level=None)) as connection:
        if found := scrub.findings(connection, stored_schema.as_found(connection, service)):
            raise Unavailable(f"The migrated file is damaged: {found[0]}. Nothing was migrated.")
    files.sync_file(migrated)
    backup_copy.copy_file(migrated, draft)


def begin_log(service: Service, alias: str, head: entries.Head, epoch: int, nonce: str) -> None:
    """On an unguarded connection: the log begins after `head`, with what the rows are now.

    Raises Unavailable if the tables aren't what the recorded migrations make of them.
    """
    migrated = stored_schema.as_migrated(alias, service)
    connection = wrapper(alias).connect_now()
    stored_schema.assert_replicable(connection, migrated.service)
    connection.execute("BEGIN IMMEDIATE")
    try:
        triggers.install(connection, migrated.service)
        derived.install(connection, migrated.service)
        entries.forget_pending(connection)
        connection.execute("DELETE FROM replication_rowdigest")
        for table in migrated.service.tables.values():
            digests.write_digests(connection, table)
        connection.execute("DELETE FROM replication_logentry")
        entries.append(connection, entries.make_entry(head, epoch, [], []))
        backup_copy.set_nonce(connection, nonce)
        connection.execute(f"PRAGMA user_version = {migrated.schema_version}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


# ------------------------------------------------------------------------------------------------- the switch


def _switch(service: Service, lock: WriterLock, witness: Witness, drafts: Mapping[str, Draft], *, floor: int) -> None:
    """From the old files to the new ones. Between two steps, one whole copy counts, or stands by to."""
    first, second = drafts
    witness = in_sync_set.change(
        service, lock, replace(witness, in_sync=(second,), out={first: in_sync_set.out_because(BEING_MIGRATED)})
    )
    reached("migrate-one-out")
    witness = in_sync_set.register_file(service, lock, witness, first, _install(first, drafts))
    reached("migrate-one-installed")
    stands_by = {second: in_sync_set.out_because(in_sync_set.STANDS_BY)}
    witness = in_sync_set.change(service, lock, replace(witness, in_sync=(), out={**witness.out, **stands_by}))
    reached("migrate-nobody-in")
    wait_out_leases()
    old = {second: in_sync_set.out_because(OLD_SCHEMA)}
    witness = in_sync_set.change(
        service, lock, replace(witness, timeline=new_timeline(), in_sync=(first,), floor=floor, out=old)
    )
    reached("migrate-new-timeline")
    record = _install(second, drafts)
    reached("migrate-both-installed")
    in_sync_set.readmit(service, lock, witness, second, record)


def _install(alias: str, drafts: Mapping[str, Draft]) -> FileRecord:
    _, record = rejoin.put_in_place(drafts[alias], replication_settings.files[alias])
    return record
