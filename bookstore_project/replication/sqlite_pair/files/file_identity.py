"""When a replica's file was last written: a write by anybody but the store shows, whatever it wrote.

Commits go into the `-wal` alone. The file itself is written by checkpoints, and the store makes those itself, under
the writer lock (`checkpoint`), so that the witness can say when the file was last written. An old copy written into
the file in place, with the newer `-wal` beside it, would otherwise pass for the newest state of some rows.

SQLite makes one checkpoint more: when the last connection closes, after which it removes the `-wal`. The store's own
never do (`backend.persistent_wal`); a tool's does, on a store that doesn't run. So where the `-wal` isn't the one
either that the witness knows, by its inode and its salts (a removed file's inode is soon used again), somebody may
just have had a look. Such a file is *unvouched*: it counts when it was checked as a whole (`suspicion`). One with the
`-wal` that is known was *overwritten*, and that no check of one file can make good.
Source: https://sqlite.org/fileformat2.html#the_write_ahead_log
"""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault, is_replica_fault
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.backend.base import identity, wrapper
from bookstore_project.replication.sqlite_pair.membership.witness import (
    FileRecord,
    Witness,
    read_witness,
    unvouched,
    write_witness,
)

CHECKPOINT_EVERY = 128
"""Entries between two checkpoints: some thousand pages."""
LARGE_ENTRY = 256 * 1024
_SALTS = slice(16, 24)


class Overwritten(ReplicaFault):
    """Somebody else wrote the file."""


class Shrunk(Overwritten):
    """It is shorter than it was: somebody is about to write it, or has."""


class Unvouched(ReplicaFault):
    """Somebody else wrote the file, perhaps no more than what was in its `-wal`: a check of all of it tells."""


def record_of(path: Path, nonce: str) -> FileRecord:
    """How the witness knows a file from now on that was just put in its place; raises OSError if there is none."""
    status = path.stat()
    return FileRecord(identity(status), nonce, status.st_size)


def check_file(alias: str, witness: Witness) -> FileRecord:
    """That the file at the path is the one the witness knows; gives back its record, as it is now.

    Raises ReplicaFault: gone, replaced, shrunk, or (Overwritten, Unvouched) written by somebody else. The latter may
    be a checkpoint if `witness` was read without the writer lock: see `check_file_now`.
    """
    known = witness.files[alias]
    path = replication_settings.files[alias]
    try:
        status = path.stat()
    except OSError as error:
        raise ReplicaFault(f"its file is gone: {error.strerror}") from error
    if identity(status) != known.identity:
        raise ReplicaFault("its file was replaced by another one")
    if status.st_size < known.size_bytes:
        raise Shrunk(f"its file shrank from {known.size_bytes} to {status.st_size} bytes")
    wal = known.wal
    if status.st_mtime_ns != known.written_ns:
        wal = wal_identity(path)
        if known.written_ns is not None:
            if wal == known.wal:
                raise Overwritten("its file was overwritten by somebody else")
            raise Unvouched("its file was written, and its -wal replaced, by somebody else")
    if (status.st_size, status.st_mtime_ns, wal) == (known.size_bytes, known.written_ns, known.wal):
        return known
    return replace(known, size_bytes=status.st_size, written_ns=status.st_mtime_ns, wal=wal)


def check_file_now(alias: str, witness_file: Path, witness: Witness) -> FileRecord:
    """`check_file` for those who don't hold the writer lock: a checkpoint since `witness` was read is no fault.

    A checkpoint is announced in the witness before it writes. So if the file has been written, and the witness
    that is read after that says nothing new of it, it was somebody else.
    """
    while True:
        try:
            return check_file(alias, witness)
        except (Overwritten, Unvouched):
            now = read_witness(witness_file)
            if now.files[alias] == witness.files[alias]:
                raise
            witness = now


def write_time(alias: str) -> int | None:
    """When the file at the path was last written, in nanoseconds; None if there is none."""
    try:
        return replication_settings.files[alias].stat().st_mtime_ns
    except OSError:
        return None


def wal_identity(path: Path) -> str:
    """Inode and salts of the `-wal`; empty if there is none, or nothing in it yet."""
    try:
        # SQLite holds its locks on the other two files: opening and closing this one lets go of none.
        descriptor = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        header = os.read(descriptor, _SALTS.stop)
        return f"{os.fstat(descriptor).st_ino}:{header[_SALTS].hex()}" if len(header) == _SALTS.stop else ""
    finally:
        os.close(descriptor)


def is_due(position: int, size_bytes: int) -> bool:
    """Whether a checkpoint should follow the entry."""
    return position % CHECKPOINT_EVERY == 0 or size_bytes > LARGE_ENTRY


def checkpoint(service: Service, witness: Witness, *, truncate_ms: int | None = None) -> Witness:
    """Moves what is in the `-wal` of each in-sync file into the file. Under the writer lock, outside a transaction.

    `truncate_ms` empties the `-wal` too, and waits that long for readers. What fails is left for the next writer to
    find. Raises OSError if the witness can't be written.

    It is announced durably: after a power cut the files may be the new ones, and a witness that knew nothing of it
    would take both for overwritten. That it was made may be lost: then the witness vouches for neither. When a file
    was written is durable before the witness says it.
    """
    sound = [alias for alias in witness.trusted if _is_sound(alias, witness)]
    witness = write_witness(service.witness_file, unvouched(witness, *sound), sync=True)
    reached("checkpoint-announced")
    records = dict(witness.files)
    for alias in sound:
        try:
            _checkpoint(alias, witness, truncate_ms)
            _sync_time(witness.files[alias].identity)
            records[alias] = check_file(alias, witness)
        except Exception as error:
            if not is_replica_fault(error):
                raise
    reached("checkpoint-made")
    return write_witness(service.witness_file, replace(witness, files=records), sync=False)


def _checkpoint(alias: str, witness: Witness, truncate_ms: int | None) -> None:
    database = wrapper(alias)
    database.borrow_writable()
    try:
        if database.connection is not None and database.file_identity != witness.files[alias].identity:
            return
        database.ensure_connection()
        connection: sqlite3.Connection = database.connection
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if truncate_ms is not None:
            (before_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
            connection.execute(f"PRAGMA busy_timeout={truncate_ms}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute(f"PRAGMA busy_timeout={before_ms}")
    finally:
        database.give_back_writable()


def _sync_time(file_identity: str) -> None:
    """Makes durable when the file was written, which SQLite's fdatasync(2) leaves out. Raises OSError.

    By a descriptor of SQLite's: to close one of our own would let go of the locks that this process has on the file.
    Source: https://sqlite.org/howtocorrupt.html, 2.2
    """
    descriptor = next(_descriptors_of(file_identity), None)
    if descriptor is not None:
        os.fsync(descriptor)


def _descriptors_of(file_identity: str) -> Iterator[int]:
    for descriptor in (int(each.name) for each in Path("/dev/fd").iterdir()):
        with suppress(OSError):  # It was closed meanwhile.
            if identity(os.fstat(descriptor)) == file_identity:
                yield descriptor


def _is_sound(alias: str, witness: Witness) -> bool:
    try:
        check_file(alias, witness)
    except ReplicaFault:
        return False
    return True
