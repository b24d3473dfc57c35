"""Who counts: taking a file out of the in-sync set, and letting it in again.

The set shrinks before the commit that a file can't take part in, durably: from then on nobody reads it, whatever it
holds. It never shrinks to a file that is damaged itself: two faults at once are for an operator, not for a guess.
"""

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

from bookstore_project.replication import metrics
from bookstore_project.replication.errors import ADVICE, ReplicaFault, Unavailable
from bookstore_project.replication.mutex import WriterLock
from bookstore_project.replication.points import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.stamps import unvouched
from bookstore_project.replication.witness import Exclusion, FileRecord, Witness, read_witness, write_witness
from bookstore_project.settings import topology

logger = logging.getLogger("bookstore.replication")

REASON_LENGTH = 300
STANDS_BY = "being migrated: it counts again if that is cut short"


def evict(service: Service, lock: WriterLock, witness: Witness, dead: Mapping[str, BaseException]) -> Witness:
    """The witness without the dead, in a new epoch, durable.

    Raises Unavailable, and changes nothing, if nobody would be left, if the one that is left is damaged, or if the
    witness can't be written.
    """
    left = tuple(alias for alias in witness.in_sync if alias not in dead)
    reasons = "; ".join(f"{alias}: {error}" for alias, error in dead.items())
    if not left:
        raise Unavailable(f"No replica of {service.name} can be written ({reasons}); nothing was changed. {ADVICE}")
    if left == witness.in_sync:
        return witness
    for alias in left:
        if problem := damage(alias):
            raise Unavailable(
                f"{reasons}; and {alias}, which would be the only copy, is damaged: {problem}. Nothing was changed. "
                f"{ADVICE}"
            )
    excluded = {alias: out_because(error) for alias, error in dead.items() if alias in witness.in_sync}
    # Whoever repairs an excluded file writes it, and nobody else has to know when.
    witness = unvouched(witness, *excluded)
    shrunk = replace(witness, in_sync=left, out={**witness.out, **excluded})
    reached("evict")
    written = change(service, lock, shrunk)
    for alias, exclusion in excluded.items():
        metrics.evictions.labels(alias).inc()
        logger.warning("%s is out of sync: %s", alias, exclusion.reason)
    return written


def readmit(service: Service, lock: WriterLock, witness: Witness, alias: str, record: FileRecord) -> Witness:
    """The witness with the alias in sync again, in a new epoch, durable. Its file must hold all of the log."""
    in_sync = tuple(name for name in service.aliases if name in witness.in_sync or name == alias)
    out = {name: exclusion for name, exclusion in witness.out.items() if name != alias}
    files = {**witness.files, alias: record}
    reached("readmit")
    return change(service, lock, replace(witness, in_sync=in_sync, out=out, files=files))


def register_file(service: Service, lock: WriterLock, witness: Witness, alias: str, record: FileRecord) -> Witness:
    """The witness that knows an alias's new file; the alias stays out of sync."""
    files = {**witness.files, alias: record}
    return change(service, lock, replace(witness, files=files))


def take_back(service: Service, lock: WriterLock) -> None:
    """If a migration was killed while nobody was in sync, the copy that stood by counts again, as it did before."""
    witness = read_witness(service.witness_file)
    if witness.in_sync:
        return
    for alias, exclusion in witness.out.items():
        if exclusion.reason == STANDS_BY:
            out = {name: other for name, other in witness.out.items() if name != alias}
            change(service, lock, replace(witness, in_sync=(alias,), out=out))
            return


def damage(alias: str) -> str:
    """What SQLite's quick check finds wrong with a file; empty if nothing. Reads the whole file."""
    uri = f"file:{quote(str(topology.database_file(alias)))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=1)) as connection:
            found: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        return str(error)
    return "" if found == "ok" else found


def change(service: Service, lock: WriterLock, witness: Witness) -> Witness:
    """The witness in a new epoch, durable. Raises Unavailable, and changes nothing, if it can't be written."""
    lock.assert_current()
    try:
        return write_witness(service.witness_file, replace(witness, epoch=witness.epoch + 1), sync=True)
    except OSError as error:
        raise Unavailable(f"The witness can't be written: {error.strerror}; nothing was changed.") from error


def out_because(reason: BaseException | str) -> Exclusion:
    """Since now, because of this."""
    # A file that was busy or full, or couldn't be read for once, is what it was; one that isn't what it must be may
    # be anything, also in what open connections remember of it.
    is_suspect = isinstance(reason, ReplicaFault)
    return Exclusion(str(reason)[:REASON_LENGTH], datetime.now(UTC).isoformat(timespec="seconds"), is_suspect)
