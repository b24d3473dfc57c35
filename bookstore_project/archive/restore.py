"""Puts a verified backup in the place of a stopped store, with a new timeline.

First nobody is in sync, durably and with the reason, in both services; then the files are exchanged; the witnesses
come last. Killed before the first of these steps, the old store is intact; killed after it, the store refuses until
the same or another restore is run, which begins anew from its backup. What was there is put aside (`quarantine`).
"""

import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import connections

from bookstore_project import files
from bookstore_project.archive import manifest
from bookstore_project.archive.staging import Staged
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.backend.base import identity_of
from bookstore_project.replication.sqlite_pair.files import backup_copy, comparison, source
from bookstore_project.replication.sqlite_pair.files.comparison import FileAccount, Relation
from bookstore_project.replication.sqlite_pair.locks.mutex import LOCK_TIMEOUT_S, writer_lock
from bookstore_project.replication.sqlite_pair.membership.timelines import wait_out_leases
from bookstore_project.replication.sqlite_pair.membership.witness import (
    FileRecord,
    Witness,
    write_witness,
)
from bookstore_project.replication.sqlite_pair.operator import data_loss, execution, planning
from bookstore_project.replication.sqlite_pair.operator.planning import State
from bookstore_project.settings import secret_files, topology

INTERRUPTED = "`manage.py restore` was interrupted: repeat it"
MOST_ROWS = 20


def staging_folder() -> Path:
    """On the store's own disk, so that files can be renamed into their place."""
    return topology.DATA / "restoring"


# ------------------------------------------------------------------------------------------- what would be lost


def what_is_lost(staged: Staged) -> list[str]:
    """What the present store has and the backup hasn't, in sentences; empty if nothing."""
    told = []
    for name in topology.APPS_OF_SERVICE:
        told += _lost_of(get_service(name), staged)
    if _differs(settings.SECRET_KEY_FILE, staged.folder / manifest.SECRET) and told:
        told.append("The secret key is replaced by the backup's: order ids follow from it; sessions end.")
    return told


def _lost_of(service: Service, staged: Staged) -> list[str]:
    state = planning.look(service, is_thorough=False)
    if state.witness is not None and not state.witness.in_sync and _is_interrupted(state.witness):
        return [f"{service.name}: a restore was interrupted; what was there before is put aside."]
    readable = [file for file in state.found.files.values() if file.head is not None]
    if not readable:
        present = any(topology.database_file(alias).exists() for alias in service.aliases)
        return [f"{service.name}: whatever its files hold, which can't be read."] if present else []
    newest = max(readable, key=lambda file: file.head.position if file.head else 0)
    try:
        return _beyond(service, newest, staged)
    except data_loss.UNREADABLE as error:
        return [f"{service.name}: what {newest.alias} holds, which can't be read to its end: {error}"]


def _beyond(service: Service, present: FileAccount, staged: Staged) -> list[str]:
    ours = staged.accounts_of[service.name]
    assert present.head is not None
    with (
        source.snapshot_of(staged.file(service.name)) as backup,
        source.snapshot_of(topology.database_file(present.alias)) as there,
    ):
        found = comparison.relate(ours, present, backup, there)
        assert ours.head is not None
        if found.relation is Relation.INCOMPARABLE:
            return [f"{service.name}: all that is newer than the backup; its log doesn't reach back to it."]
        after = ours.head.position if found.departed_at is None else found.departed_at - 1
        rows = list(data_loss.describe(service, entries.entries_after(there, after)))
    if not rows:
        return []
    count = present.head.position - after
    told = [f"{service.name}: positions {after + 1} to {present.head.position}, {count} entries:"]
    told += [f"  {row}" for row in rows[:MOST_ROWS]]
    return told if len(rows) <= MOST_ROWS else [*told, f"  and {len(rows) - MOST_ROWS} more rows"]


def _differs(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return files.read(path).strip() != other.read_bytes().strip()
    return True


# ---------------------------------------------------------------------------------------------------- installing


def install(staged: Staged, say: Callable[[str], None]) -> None:
    """Makes the backup the store. Raises Unavailable, OSError; the caller holds `stopped_store`."""
    connections.close_all()
    nonces = {alias: _prepare_replica(staged, alias) for alias in _aliases()}
    reached("restore-prepared")
    with ExitStack() as stack:
        refusing: dict[str, Witness] = {}
        installed: set[str] = set()
        for name in topology.APPS_OF_SERVICE:
            service = get_service(name)
            lock = stack.enter_context(writer_lock(service.lock_dir, time.monotonic() + LOCK_TIMEOUT_S))
            state = planning.look(service, is_thorough=False)
            installed |= _installed_before(state)
            files = {alias: replace(execution.NO_FILE, nonce=nonces[alias]) for alias in service.aliases}
            refusing[name] = execution.refuse(service, lock, state, INTERRUPTED, files)
            reached(f"restore-refusing-{name}")
        wait_out_leases()
        _exchange_accounts(staged)
        for alias in _aliases():
            path = topology.database_file(alias)
            if alias in installed:  # What a former attempt put here: the old store's file is aside already.
                backup_copy.remove(path)
            _exchange(path, staged.folder / f"{alias}.sqlite3")
            reached(f"restore-installed-{alias}")
        for name, witness in refusing.items():
            _write_witness(get_service(name), witness, staged, nonces)
            reached(f"restore-written-{name}")
    say("Restored.")


def _aliases() -> list[str]:
    return [alias for name in topology.APPS_OF_SERVICE for alias in topology.database_aliases(name)]


def _prepare_replica(staged: Staged, alias: str) -> str:
    """A replica's file in the staging folder, ready and on disk; its nonce."""
    path, nonce = staged.folder / f"{alias}.sqlite3", secrets.token_hex(16)
    shutil.copyfile(staged.file(topology.NODES[alias].service), path)
    path.chmod(0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("UPDATE replication_incarnation SET nonce = ?", (nonce,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files.sync_file(path)
    return nonce


def _is_interrupted(witness: Witness) -> bool:
    return any(exclusion.reason == INTERRUPTED for exclusion in witness.out.values())


def _installed_before(state: State) -> set[str]:
    """The files that a restore which was cut short had put into their place: the refusing witness says which."""
    if state.witness is None or not _is_interrupted(state.witness):
        return set()
    return {alias for alias, file in state.found.files.items() if file.nonce == state.witness.files[alias].nonce}


def _exchange(path: Path, staged: Path) -> None:
    """The staged file takes the place; what was there is put aside."""
    backup_copy.put_aside(path)
    files.make_folder(path.parent)
    files.sync_file(staged)
    staged.rename(path)
    files.sync_folder(path.parent)


def _exchange_accounts(staged: Staged) -> None:
    """The accounts with the password of `staff`, and the secret key that order ids follow from."""
    _exchange(topology.database_file(topology.ACCOUNTS), staged.folder / manifest.ACCOUNTS)
    _replace_secret(settings.SECRET_KEY_FILE, staged.folder / manifest.SECRET)
    if (staged.folder / manifest.STAFF_PASSWORD).exists():
        _replace_secret(settings.STAFF_PASSWORD_FILE, staged.folder / manifest.STAFF_PASSWORD)
    secret_files.remember()
    reached("restore-accounts")


def _replace_secret(path: Path, staged: Path) -> None:
    if _differs(path, staged):
        files.write(path, staged.read_bytes(), sync=True)


def _write_witness(service: Service, refusing: Witness, staged: Staged, nonces: dict[str, str]) -> None:
    account = staged.accounts_of[service.name]
    assert account.head is not None
    files = {}
    for alias in service.aliases:
        path = topology.database_file(alias)
        files[alias] = FileRecord(identity_of(str(path)), nonces[alias], path.stat().st_size)
    restored = replace(
        refusing,
        epoch=max(refusing.epoch, account.epoch) + 1,
        in_sync=tuple(service.aliases),
        floor=account.head.position,
        files=files,
        out={},
        suspects={},
    )
    write_witness(service.witness_file, restored, sync=True)
