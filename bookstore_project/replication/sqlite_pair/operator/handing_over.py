"""The last moment of a pair whose store moves elsewhere: nobody writes, then nobody is in sync any more.

Killed before the witnesses say so, the store goes on as if nothing had been; killed after it, it refuses until the
move is repeated, or `replication adopt` takes both files again.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from django.db import connections

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Caches
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.commit.writing import perform
from bookstore_project.replication.sqlite_pair.files import comparison, source
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.operator import execution, planning
from bookstore_project.replication.timelines import wait_out_leases
from bookstore_project.replication.writing.member import Member

REASON = (
    "The store has moved to a PostgreSQL server, or `manage.py move_to` was interrupted: repeat it, or start the "
    "store there."
)


def has_handed_over(service: Service) -> bool:
    """Whether its witness says that the store has moved, or is about to."""
    with suppress(Unavailable):
        witness = read_witness(service.witness_file)
        return not witness.in_sync and any(each.reason == REASON for each in witness.out.values())
    return False


@contextmanager
def handing_over(
    settled: Mapping[Service, Callable[[], None]], caches: Caches
) -> Iterator[Mapping[Service, sqlite3.Connection]]:
    """Nobody writes while the block runs, which is given a snapshot of each service; afterwards nobody reads, either.

    Of each service the lock is taken, and what a dead writer left is settled; then its function is called, in a read
    of it, and may write other services whose turn is later. If the block fails, all goes on as before.
    Raises Unavailable.
    """
    with ExitStack() as stack:
        locks = {service: stack.enter_context(_held(service, then, caches)) for service, then in settled.items()}
        with ExitStack() as snapshots:
            yield {service: snapshots.enter_context(source.snapshot_of(_newest(service))) for service in locks}
        for service, lock in locks.items():
            if not has_handed_over(service):
                execution.refuse(service, lock, planning.inspect(service, is_thorough=False), REASON)
            reached(f"handed-over-{service.name}")
        wait_out_leases()
    connections.close_all()


@contextmanager
def _held(service: Service, then: Callable[[], None], caches: Caches) -> Iterator[WriterLock]:
    with writer_lock(service.lock_dir) as lock:
        if not has_handed_over(service):
            member = Member(then)
            perform(service, lock, caches, [member], {})
            member.outcome()
        yield lock


def _newest(service: Service) -> Path:
    """Of files that are settled, one that counts; of those that were handed over, the one with the longest log."""
    witness = read_witness(service.witness_file)
    found = comparison.compare(service, scrubbed=()).files.values()
    heads = {file.alias: file.head.position for file in found if file.head is not None}
    counting = [alias for alias in witness.trusted or service.aliases if alias in heads]
    if not counting:
        raise Unavailable(f"No file of {service.name} can be read: `replication status` says why.")
    return replication_settings.files[max(counting, key=heads.__getitem__)]
