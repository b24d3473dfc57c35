"""Whether a copy is sound as a whole: asked before it counts alone, and before it is believed again.

It takes a second for some ten megabytes. So a small file is checked at once, under the writer lock if need be. A
large one counts alone if a scrub found it sound lately; if not, maintenance checks it, outside of the lock.
"""

import sqlite3
from contextlib import suppress

from bookstore_project.replication import maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.backend.base import identity, identity_of
from bookstore_project.replication.sqlite_pair.files import scrub, source, stored_schema
from bookstore_project.replication.sqlite_pair.files.file_identity import wal_identity
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS
from bookstore_project.replication.sqlite_pair.files.scrub import Tell
from bookstore_project.replication.sqlite_pair.membership.witness import FileRecord, Witness

AT_ONCE_BYTES = 16 << 20
"""Checked under the writer lock: a second's work, for which writers wait. A larger file is left to maintenance."""


SCRUBS = 2.0
"""Times the seconds between two scrubs: as long as a copy passes for checked after the last one."""


def was_checked_lately(service: Service, alias: str, witness: Witness) -> bool:
    """Whether all of this very copy was looked at when a scrub was due last, or since, and nothing was found."""
    since_s = maintenance_log.seconds_since_check(service.name, alias, witness.files[alias].nonce)
    return since_s is not None and 0 <= since_s <= SCRUBS * replication_settings.scrub_every_s


def is_quick(alias: str) -> bool:
    """Whether the check may be made under the writer lock. A file that is gone is a quick matter, too."""
    try:
        return replication_settings.files[alias].stat().st_size <= AT_ONCE_BYTES
    except OSError:
        return True


def fault_of_whole(
    service: Service, alias: str, witness: Witness, tell: Tell | None = None, *, is_compared: bool = False
) -> BaseException | None:
    """What is wrong with a copy, suspected or not; None if nothing is.

    It is opened as any copy that is read from, and scrubbed. With `is_compared` it must agree with the other copy,
    too, if that one is in sync, lies where it lay, and can be opened: for files of which nobody can say who wrote
    them last.
    """
    try:
        with source.opened(alias, witness, of_any_code=True, is_judged=True) as connection:
            if found := scrub.findings(connection, stored_schema.as_found(connection, service), tell):
                return ReplicaFault(found[0])
            if is_compared and (difference := _difference(connection, alias, witness)):
                return ReplicaFault(difference)
    except REPLICA_ERRORS as error:
        return error
    return None


def _difference(connection: sqlite3.Connection, alias: str, witness: Witness) -> str:
    """A row that another copy has another digest of; one that is at fault itself says nothing."""
    for other in witness.in_sync:
        if other != alias and is_in_place(other, witness):
            with (
                suppress(*REPLICA_ERRORS),
                source.opened(other, witness, of_any_code=True, is_judged=True) as theirs,
            ):
                shorter, longer = sorted((connection, theirs), key=lambda file: entries.read_head(file).position)
                if difference := scrub.difference(shorter, longer):
                    return difference
    return ""


def is_in_place(alias: str, witness: Witness) -> bool:
    """Whether the file at the path is the one that the witness knows, whatever is in it."""
    try:
        return identity_of(str(replication_settings.files[alias])) == witness.files[alias].identity
    except OSError:
        return False


def record_as_it_lies(alias: str, witness: Witness) -> FileRecord:
    """How the witness would know the file at the path, whoever wrote it last; raises OSError if there is none."""
    path = replication_settings.files[alias]
    status = path.stat()
    return FileRecord(
        identity(status), witness.files[alias].nonce, status.st_size, status.st_mtime_ns, wal_identity(path)
    )
