"""The one way to write: a replicated transaction.

Commit on both files, invalidate the caches, then make it visible. The steps are numbered as in DESIGN.md.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db import models, transaction

from bookstore_project.nodes import deadlines
from bookstore_project.replication import metrics
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.events import published
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.pinning import current_pin
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.commit.attempt import Attempt, Committed, RunAgain, active_attempt
from bookstore_project.replication.sqlite_pair.commit.recovery import Faults
from bookstore_project.replication.sqlite_pair.locks.mutex import LOCK_TIMEOUT_S, WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness

__all__ = ["Accusation", "Committed", "active_attempt", "get_verified", "run", "settle", "verify"]

T = TypeVar("T")
M = TypeVar("M", bound=models.Model)
logger = logging.getLogger("bookstore.replication")


def run(service_name: str, change: Callable[[], T], *, timeout_s: float = LOCK_TIMEOUT_S) -> Committed[T]:
    """Calls `change` with the ORM pinned to a replica of the service, and replicates what it did.

    Everything or nothing: an exception that `change` raises takes all back and comes out here. `change` may be
    called again, so it has no effects but those in the database; what must happen once belongs into
    `django.db.transaction.on_commit`, which runs after the write is visible everywhere. Inside of another
    replicated transaction of the same service it joins that one.

    Raises Unavailable (nothing was changed: the lock wasn't had within `timeout_s` seconds, or by the deadline of the
    request at hand, or one file is at fault and the other can't do without it), OutcomeUnknown (a commit failed
    half-way), WriteRefused (inside of a read).
    """
    return _run(service_name, change, timeout_s)


def _run(
    service_name: str, change: Callable[[], T], timeout_s: float, accusation: "Accusation | None" = None
) -> Committed[T]:
    service = get_service(service_name)
    pin = current_pin(service_name)
    if pin is not None and pin.for_writing:
        with transaction.atomic(using=pin.alias):
            return Committed(change(), 0, "")
    if pin is not None:
        raise WriteRefused(f"A replicated transaction of {service_name} can't begin inside of a read of it.")
    patience_s = min(timeout_s, deadlines.left_s())
    began = time.monotonic()
    with writer_lock(service.lock_dir, began + patience_s) as lock:
        metrics.lock_wait.labels(service_name).observe(time.monotonic() - began)
        attempt, committed = _perform(service, lock, change, _faults(service, accusation))
    # Step 9: after the lock is let go, before the acknowledgement; nobody is waited for.
    if committed.changes:
        metrics.commits.labels(service_name).inc()
        published.send_robust(
            sender=service_name,
            changes=committed.changes,
            position=committed.position,
            timeline=committed.timeline,
        )
    for callback in attempt.callbacks:
        try:
            callback()
        except Exception:  # The write stands, and has to be acknowledged as what it is.
            logger.exception("A side effect of an acknowledged write failed")
    return committed


def _faults(service: Service, accusation: "Accusation | None") -> Faults:
    """What is known to be at fault before anything is opened. A lock of another program's will pass."""
    if accusation is None or not in_sync_set.speaks_against_it(accusation.fault):
        return {}
    record = read_witness(service.witness_file).files.get(accusation.alias)
    is_same = record is not None and record.nonce == accusation.nonce
    return {accusation.alias: accusation.fault} if is_same else {}


def _perform(
    service: Service, lock: WriterLock, change: Callable[[], T], faults: Faults
) -> tuple[Attempt, Committed[T]]:
    """Attempts it on all in-sync files, and again on the others if one of them turns out to be at fault."""
    while True:
        attempt = Attempt(service, lock, pushes)
        try:
            return attempt, attempt.perform(change, faults)
        except RunAgain as again:
            # One alias more each time: it ends when nobody is left, at the latest.
            faults[again.alias] = again.fault


@dataclass(frozen=True)
class Accusation:
    """What a reader has seen in a copy, and a writer may not meet: an unreadable page, a row that was changed.

    It is about the copy of that nonce: the file may have been replaced meanwhile.
    """

    alias: str
    nonce: str
    fault: Exception


def settle(service_name: str, *, timeout_s: float = LOCK_TIMEOUT_S, accusation: Accusation | None = None) -> int:
    """Finishes what a dead writer left above the floor; the floor then. Raises as `run` does.

    With an accusation, the copy is taken out, or suspected if nobody can do without it.
    """
    return _run(service_name, lambda: None, timeout_s, accusation).position


def verify(instance: models.Model) -> None:
    """That a row on which a decision rests (the stock that says no) is what the log last said.

    Raises ReplicaFault, which belongs to the replica. Call it inside of a replicated transaction, before the row
    is changed.
    """
    attempt = active_attempt()
    if attempt is None:
        raise WriteRefused("verify() needs a replicated transaction around it.")
    attempt.verify(instance)


def get_verified(model: type[M], key: object) -> M | None:
    """The row of that primary key, None if there is none; either way the log says the same.

    For decisions, as `verify`, and quicker than a query and `verify` together.
    """
    attempt = active_attempt()
    if attempt is None:
        raise WriteRefused("get_verified() needs a replicated transaction around it.")
    return attempt.get_verified(model, key)
