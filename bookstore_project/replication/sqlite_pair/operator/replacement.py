"""Other files in the place of a stopped store's, with a new timeline: a backup's.

First nobody is in sync, durably and with the reason, in any service; then the files are exchanged; the witnesses come
last. Killed before the first of these steps, the old store is intact; killed after it, the store refuses until the
same or another restore is run, which begins anew. What was there is put aside (`quarantine`).
"""

import secrets
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

from bookstore_project import files
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.log import entries
from bookstore_project.replication.log.descriptions import describe, lost_after
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import backup_copy, comparison, derived, source
from bookstore_project.replication.sqlite_pair.files.comparison import FileSummary, Relation
from bookstore_project.replication.sqlite_pair.files.file_identity import record_of
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, write_witness
from bookstore_project.replication.sqlite_pair.operator import data_loss, execution, planning
from bookstore_project.replication.sqlite_pair.operator.planning import State
from bookstore_project.replication.timelines import wait_out_leases

INTERRUPTED = "`manage.py restore` was interrupted: repeat it"


# ------------------------------------------------------------------------------------------- what would be lost


def lost_by_replacing(service: Service, copy: Path) -> list[str]:
    """What the store has and the verified copy hasn't, in sentences; empty if nothing."""
    state = planning.inspect(service, is_thorough=False)
    if state.witness is not None and not state.witness.in_sync and _is_interrupted(state.witness):
        return [f"{service.name}: a restore was interrupted; what was there before is put aside."]
    readable = [file for file in state.found.files.values() if file.head is not None]
    if not readable:
        present = any(replication_settings.files[alias].exists() for alias in service.aliases)
        return [f"{service.name}: whatever its files hold, which can't be read."] if present else []
    newest = max(readable, key=lambda file: file.head.position if file.head else 0)
    try:
        return _beyond(service, newest, copy)
    except data_loss.UNREADABLE as error:
        return [f"{service.name}: what {newest.alias} holds, which can't be read to its end: {error}"]


def _beyond(service: Service, present: FileSummary, copy: Path) -> list[str]:
    assert present.head is not None
    with (
        source.snapshot_of(copy) as backup,
        source.snapshot_of(replication_settings.files[present.alias]) as there,
    ):
        ours = comparison.summarize(backup, service, f"the backup's {service.name}", is_thorough=False)
        assert ours.head is not None
        found = comparison.relate(ours, present, backup, there)
        if found.relation is Relation.INCOMPARABLE:
            return [f"{service.name}: all that is newer than the backup; its log doesn't reach back to it."]
        after = ours.head.position if found.departed_at is None else found.departed_at - 1
        rows = list(describe(service, entries.entries_after(there, after)))
    return lost_after(service, after, present.head.position, rows)


# ---------------------------------------------------------------------------------------------------- replacing


def replace_store(copies: Mapping[Service, Path], accounts: Path, alongside: Callable[[], None]) -> None:
    """Puts a verified copy in the place of both files of each service, and of the accounts; nobody else uses them.

    `alongside` exchanges what else belongs to the store, while every replica refuses. Each copy has to lie on the
    store's disk, and its folder is written to. Raises Unavailable, OSError.
    """
    connections.close_all()
    drafts = {alias: _draft(copy, alias) for service, copy in copies.items() for alias in service.aliases}
    reached("restore-prepared")
    with ExitStack() as stack:
        refusing: dict[Service, Witness] = {}
        installed: set[str] = set()
        for service in copies:
            lock = stack.enter_context(writer_lock(service.lock_dir))
            state = planning.inspect(service, is_thorough=False)
            installed |= _installed_before(state)
            records = {alias: replace(execution.NO_FILE, nonce=drafts[alias].nonce) for alias in service.aliases}
            refusing[service] = execution.refuse(service, lock, state, INTERRUPTED, records)
            reached(f"restore-refusing-{service.name}")
        wait_out_leases()
        exchange(replication_settings.files[DEFAULT_DB_ALIAS], accounts)
        alongside()
        for alias, draft in drafts.items():
            path = replication_settings.files[alias]
            if alias in installed:  # What a former attempt put here: the old store's file is aside already.
                backup_copy.remove(path)
            exchange(path, draft.path)
            reached(f"restore-installed-{alias}")
        for service, witness in refusing.items():
            _write_witness(service, witness, copies[service], drafts)
            reached(f"restore-written-{service.name}")


def _draft(copy: Path, alias: str) -> backup_copy.Draft:
    """A replica's file beside the copy, ready and on disk."""
    draft = backup_copy.Draft(copy.with_name(f"{alias}.sqlite3"), secrets.token_hex(16))
    shutil.copyfile(copy, draft.path)
    draft.path.chmod(0o600)
    with closing(sqlite3.connect(draft.path, isolation_level=None)) as connection:
        derived.mend(connection)
    backup_copy.make_replica(draft.path, draft.nonce)
    return draft


def _is_interrupted(witness: Witness) -> bool:
    return any(exclusion.reason == INTERRUPTED for exclusion in witness.out.values())


def _installed_before(state: State) -> set[str]:
    """The files that a restore which was cut short had put into their place: the refusing witness says which."""
    if state.witness is None or not _is_interrupted(state.witness):
        return set()
    return {alias for alias, file in state.found.files.items() if file.nonce == state.witness.files[alias].nonce}


def exchange(path: Path, draft: Path) -> None:
    """The draft takes the place of a database file; what was there is put aside."""
    backup_copy.put_aside(path)
    files.make_folder(path.parent)
    files.sync_file(draft)
    draft.rename(path)
    files.sync_folder(path.parent)


def _write_witness(service: Service, refusing: Witness, copy: Path, drafts: Mapping[str, backup_copy.Draft]) -> None:
    with source.snapshot_of(copy) as connection:
        epoch, head = entries.read_epoch(connection), entries.read_head(connection)
    records = {alias: record_of(replication_settings.files[alias], drafts[alias].nonce) for alias in service.aliases}
    restored = replace(
        refusing,
        epoch=max(refusing.epoch, epoch) + 1,
        in_sync=tuple(service.aliases),
        floor=head.position,
        files=records,
        out={},
        suspects={},
    )
    write_witness(service.witness_file, restored, sync=True)
