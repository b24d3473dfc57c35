"""A replicated transaction, from the lock to the floor: an attempt, and another without a file that is at fault."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bookstore_project.nodes import deadlines
from bookstore_project.replication import metrics
from bookstore_project.replication.interface import Caches, Callback, Committed
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.commit.attempt import Attempt, RunAgain
from bookstore_project.replication.sqlite_pair.commit.recovery import Faults
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness

T = TypeVar("T")


@dataclass(frozen=True)
class FaultReport:
    """What a reader has seen in a copy, and a writer may not meet: an unreadable page, a row that was changed.

    It is about the copy of that nonce: the file may have been replaced meanwhile.
    """

    alias: str
    nonce: str
    fault: Exception


def write(
    service: Service,
    change: Callable[[], T],
    caches: Caches,
    *,
    timeout_s: float,
    report: FaultReport | None = None,
) -> tuple[Committed[T], list[Callback]]:
    """Steps 1 to 8; what `change` left for `on_commit` is the caller's to call. Raises as `transaction.run` does."""
    began = time.monotonic()
    with writer_lock(service.lock_dir, timeout_s=min(timeout_s, deadlines.left_s())) as lock:
        metrics.lock_wait.labels(service.name).observe(time.monotonic() - began)
        return _perform(service, lock, caches, change, _faults(service, report))


def settle(service: Service, caches: Caches, *, timeout_s: float, report: FaultReport | None = None) -> None:
    """Finishes what a dead writer left above the floor. Raises as `transaction.run` does.

    With an report, the copy is taken out, or suspected if nobody can do without it.
    """
    write(service, lambda: None, caches, timeout_s=timeout_s, report=report)


def _faults(service: Service, report: FaultReport | None) -> Faults:
    """What is known to be at fault before anything is opened. A lock of another program's will pass."""
    if report is None or not in_sync_set.speaks_against_it(report.fault):
        return {}
    record = read_witness(service.witness_file).files.get(report.alias)
    is_same = record is not None and record.nonce == report.nonce
    return {report.alias: report.fault} if is_same else {}


def _perform(
    service: Service, lock: WriterLock, caches: Caches, change: Callable[[], T], faults: Faults
) -> tuple[Committed[T], list[Callback]]:
    """Attempts it on all in-sync files, and again on the others if one of them turns out to be at fault."""
    while True:
        attempt = Attempt(service, lock, caches)
        try:
            return attempt.perform(change, faults), attempt.callbacks
        except RunAgain as again:
            # One alias more each time: it ends when nobody is left, at the latest.
            faults[again.alias] = again.fault
