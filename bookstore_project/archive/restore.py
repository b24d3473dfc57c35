"""Puts a verified backup in the place of a stopped store, with a new timeline.

The engine exchanges the services' rows and the accounts (`replication.engine.copies`); what else belongs to the
store is exchanged here, while every replica refuses. Killed anywhere, it leaves the old store, or one that refuses
until the same or another restore is run.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError

from bookstore_project import files
from bookstore_project.archive import manifest
from bookstore_project.archive.staging import Staged
from bookstore_project.replication.engine import copies
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.service import get_service
from bookstore_project.settings import secret_files, topology
from bookstore_project.sqlite_files import opened


def staging_folder() -> Path:
    """On the store's own disk, so that files can be renamed into their place."""
    return topology.DATA / "restoring"


def what_is_lost(staged: Staged) -> list[str]:
    """What the present store has and the backup hasn't, in sentences; empty if nothing."""
    told = []
    for name in topology.SERVICES:
        told += copies.lost_by_replacing(get_service(name), staged.file(name))
    told += _accounts_lost(staged.folder / manifest.ACCOUNTS)
    if _differs(settings.SECRET_KEY_FILE, staged.folder / manifest.SECRET) and told:
        told.append("The secret key is replaced by the backup's: order ids follow from it; sessions end.")
    return told


def _accounts_lost(backup: Path) -> list[str]:
    """Accounts that the backup hasn't, and passwords that have changed since."""
    try:
        with opened(backup) as connection:
            theirs = dict(connection.execute('SELECT "username", "password" FROM "auth_user"'))
        ours = copies.passwords()
    except (sqlite3.Error, DatabaseError) as error:
        return [f"accounts: whatever the store's hold, which can't be read: {error}"]
    gone = sorted(ours.keys() - theirs.keys())
    changed = sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name])
    told = [f"accounts: {', '.join(gone)} would be gone."] if gone else []
    return told + ([f"accounts: the passwords of {', '.join(changed)} would be those of then."] if changed else [])


def install(staged: Staged, say: Callable[[str], None]) -> None:
    """Makes the backup the store. Raises Unavailable, OSError; the caller holds `stopped_store`."""
    services = {get_service(name): staged.file(name) for name in topology.SERVICES}
    copies.replace_store(services, staged.folder / manifest.ACCOUNTS, lambda: _exchange_secrets(staged))
    say("Restored.")


def _exchange_secrets(staged: Staged) -> None:
    """The password of `staff`, and the secret key that order ids follow from."""
    _replace_secret(settings.SECRET_KEY_FILE, staged.folder / manifest.SECRET)
    if (staged.folder / manifest.STAFF_PASSWORD).exists():
        _replace_secret(settings.STAFF_PASSWORD_FILE, staged.folder / manifest.STAFF_PASSWORD)
    secret_files.remember()
    reached("restore-accounts")


def _replace_secret(path: Path, staged: Path) -> None:
    if _differs(path, staged):
        files.write(path, staged.read_bytes(), sync=True)


def _differs(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return files.read(path).strip() != other.read_bytes().strip()
    return True
