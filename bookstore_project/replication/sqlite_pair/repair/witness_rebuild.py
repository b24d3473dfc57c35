"""A new witness where there is no usable one: missing, damaged, or an old copy of itself.

Only if both files agree: each is sound by its own account, and their logs are equal, or one is the beginning of the
other. Everything that was ever settled is in the longer one then. It begins a new timeline, because nobody can say
any more up to where the old one was settled; no replica answers without a witness, so that the leases run out
meanwhile, and with them whatever a front still has in its cache.
"""

import logging

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import comparison
from bookstore_project.replication.sqlite_pair.files.comparison import Comparison
from bookstore_project.replication.sqlite_pair.files.file_identity import record_of
from bookstore_project.replication.sqlite_pair.files.staleness import unusable
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import (
    Witness,
    create_witness,
)
from bookstore_project.replication.timelines import new_timeline, wait_out_leases

logger = logging.getLogger("bookstore.replication")

HELP = "an operator has to say which copy counts: `manage.py replication adopt`"


def rebuild_witness(service: Service) -> bool:
    """Whether a new witness had to be made, and was.

    Raises Unavailable if the files don't agree, and names the command that helps.
    """
    if unusable(service) is None:
        return False
    with writer_lock(service.lock_dir) as lock:
        return rebuild_under_lock(service, lock)


def rebuild_under_lock(service: Service, lock: WriterLock | None = None) -> bool:
    """The same for a caller who holds the writer lock, or makes a store that nobody uses yet."""
    problem = unusable(service)
    if problem is None:
        return False
    found = _agreed(service, problem)
    reached("rebuild-agreed")
    wait_out_leases()
    if unusable(service) is None:  # It was put back meanwhile, by whoever took it.
        return False
    if lock is not None:
        lock.assert_current()
    try:
        create_witness(service.witness_file, _witness_of(service, found))
    except OSError as error:
        raise Unavailable(f"{problem} A new one can't be written: {error.strerror}.") from error
    logger.warning("%s Both copies agree: it was made anew, up to position %s", problem, _newest(found))
    return True


def _agreed(service: Service, problem: str) -> Comparison:
    found = comparison.compare(service)
    if not found.is_whole:
        complaints = [f"{alias}: {file.complaint}" for alias, file in found.files.items() if file.complaint]
        why = "; ".join([f"the two copies are {found.relation}", *complaints, *filter(None, [found.difference])])
        raise Unavailable(f"{problem} It can't be made anew ({why}): {HELP}.")
    return found


def _newest(found: Comparison) -> int:
    assert found.newest is not None
    head = found.files[found.newest].head
    assert head is not None
    return head.position


def _witness_of(service: Service, found: Comparison) -> Witness:
    epoch = max(file.epoch for file in found.files.values()) + 1
    files = {alias: record_of(replication_settings.files[alias], file.nonce) for alias, file in found.files.items()}
    behind = found.behind
    in_sync = tuple(alias for alias in service.aliases if alias not in behind)
    out = {
        alias: in_sync_set.out_because(OSError("its log is the shorter one; the witness was lost"))
        for alias in behind
    }
    return Witness(new_timeline(), epoch, in_sync, _newest(found), files, out)
