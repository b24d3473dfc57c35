"""A store that begins, and one whose files were moved: when there is a witness, and what it says.

The witness comes last, after both files: whatever was interrupted before is done again.
"""

import sqlite3
from contextlib import closing, suppress
from urllib.parse import quote

from bookstore_project.replication import copying, leases, log, membership, rebuild, scrub, stored
from bookstore_project.replication.backend.base import identity_of
from bookstore_project.replication.errors import ReplicaFault, Unavailable
from bookstore_project.replication.mutex import WriterLock
from bookstore_project.replication.participant import REPLICA_ERRORS, assert_incarnation
from bookstore_project.replication.service import Service, get_service, wrapper
from bookstore_project.replication.stamps import Overwritten, check_file
from bookstore_project.replication.timelines import new_timeline
from bookstore_project.replication.witness import FileRecord, Witness, create_witness, read_witness
from bookstore_project.settings import topology


def is_new(service: Service) -> bool:
    """Whether nothing was ever written to the service's files: there are none, or they were being made.

    Raises Unavailable if there are files of a store, but no witness that vouches for both.
    """
    first, second = (_head_of(alias) for alias in service.aliases)
    if second is None and (first is None or first.position == 0):
        return True
    if first is None or second is None:
        missing, present = service.aliases if first is None else reversed(service.aliases)
        raise Unavailable(
            f"There is no witness of {service.name}, {present} has data, and {missing} has none: an operator has to "
            "say which counts."
        )
    return False


def _head_of(alias: str) -> log.Head | None:
    """None where there is no file, or a file that was never finished."""
    path = topology.database_file(alias)
    if not path.exists():
        return None
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=1)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'replication_logentry'").fetchone():
            return None
        with suppress(ReplicaFault):
            return log.read_head(connection)
    return None


def has_history(service: Service) -> bool:
    """Whether anything was ever written to the service's files, as far as can be told: what can't be read, was."""
    try:
        if any(head.position for head in map(_head_of, service.aliases) if head is not None):
            return True
        return service.witness_file.exists() and read_witness(service.witness_file).floor > 0
    except (Unavailable, sqlite3.Error):
        return True


def create_first_witness(service: Service) -> None:
    """The witness of a store that begins: both files in sync, nothing settled but the base.

    Files with a history had a witness: it is made anew if they agree. Raises Unavailable if they don't.
    """
    heads, files = {}, {}
    for alias in service.aliases:
        database = wrapper(alias)
        database.ensure_connection()
        heads[alias] = log.read_head(database.connection)
        nonce = database.connection.execute("SELECT nonce FROM replication_incarnation").fetchone()[0]
        files[alias] = FileRecord(identity_of(database.path), nonce, 0)
    if any(head.position for head in heads.values()):
        rebuild.rebuild_under_lock(service)
        return
    if len(set(heads.values())) != 1:
        raise Unavailable(
            f"There is no witness of {service.name}, and its two files differ: an operator has to say which counts."
        )
    floor = next(iter(heads.values())).position
    for node in topology.NODES.values():
        if node.service == topology.FRONT:
            leases.record_no_lease(node.name)
    create_witness(service.witness_file, Witness(new_timeline(), 1, tuple(service.aliases), floor, files))


def adopt_moved_files(service: Service, lock: WriterLock) -> list[str]:
    """Accepts in-sync files that are the ones the witness knows, but for the inode or the time of the last write.

    Gives back which ones those were. After a power cut the witness may not know of the last checkpoint.
    A data folder that was copied or restored as a whole has other inodes and the same content. The content says
    whose it is (the nonce); whether it has all that is settled is for the next writer to find, as ever. Under the
    writer lock, while the store is prepared: beside a running store, a file that was replaced is at fault.
    """
    witness = read_witness(service.witness_file)
    moved = [alias for alias in witness.in_sync if _is_only_moved(alias, witness)]
    for alias in moved:
        known = witness.files[alias]
        path = topology.database_file(alias)
        record = FileRecord(identity_of(str(path)), known.nonce, path.stat().st_size)
        witness = membership.register_file(service, lock, witness, alias, record)
    return moved


def _is_only_moved(alias: str, witness: Witness) -> bool:
    path = topology.database_file(alias)
    try:
        is_moved = _has_other_inode(alias, witness)
        if not (is_moved or _is_overwritten(alias, witness)) or membership.damage(alias):
            return False
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=1)) as connection:
            assert_incarnation(connection, alias, witness, of_any_code=True)
            as_stored = stored.as_found(connection, get_service(alias.rpartition("-")[0]))
            # A -wal that isn't its own may lie beside a file that was put here alone.
            return not scrub.findings(connection, as_stored) and not _differs(connection, alias, witness)
    except REPLICA_ERRORS:
        return False


def _differs(connection: sqlite3.Connection, alias: str, witness: Witness) -> bool:
    """Whether an in-sync file that lies where it lay has other digests."""
    for other in witness.in_sync:
        if other != alias and not _has_other_inode(other, witness):
            # One that is at fault itself says nothing.
            with suppress(*REPLICA_ERRORS), copying.opened(other, witness, of_any_code=True) as theirs:
                shorter, longer = sorted((connection, theirs), key=lambda file: log.read_head(file).position)
                if scrub.difference(shorter, longer):
                    return True
    return False


def _has_other_inode(alias: str, witness: Witness) -> bool:
    """Also where there is no file at all."""
    try:
        return identity_of(str(topology.database_file(alias))) != witness.files[alias].identity
    except OSError:
        return True


def _is_overwritten(alias: str, witness: Witness) -> bool:
    try:
        check_file(alias, witness)
    except Overwritten:
        return True
    return False
