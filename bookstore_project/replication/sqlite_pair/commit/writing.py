"""A replicated transaction, from the lock to the floor: an attempt, and another without a file that is at fault."""

import time
from collections.abc import Callable
from typing import TypeVar

from bookstore_project.nodes import deadlines
from bookstore_project.replication import metrics
from bookstore_project.replication.interface import Caches, Callback, Committed
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.commit.attempt import Attempt, RunAgain
from bookstore_project.replication.sqlite_pair.commit.opening import Faults
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock, writer_lock

T = TypeVar("T")


def write(
    service: Service,
    change: Callable[[], T],
    caches: Caches,
    *,
    timeout_s: float,
) -> tuple[Committed[T], list[Callback]]:
    """Steps 1 to 8; what `change` left for `on_commit` is the caller's to call. Raises as `transaction.run` does."""
    began = time.monotonic()
    with writer_lock(service.lock_dir, timeout_s=min(timeout_s, deadlines.left_s())) as lock:
        metrics.lock_wait.labels(service.name).observe(time.monotonic() - began)
        return _perform(service, lock, caches, change)


def settle(service: Service, caches: Caches, *, timeout_s: float) -> None:
    """Finishes what a dead writer left above the floor. Raises as `transaction.run` does."""
    write(service, lambda: None, caches, timeout_s=timeout_s)


def _perform(
    service: Service, lock: WriterLock, caches: Caches, change: Callable[[], T]
) -> tuple[Committed[T], list[Callback]]:
    """Attempts it on all in-sync files, and again on the others if one of them turns out to be at fault."""
    faults: Faults = {}
    while True:
        attempt = Attempt(service, lock, caches)
        try:
            return attempt.perform(change, faults), attempt.callbacks
        except RunAgain as again:
            # One alias more each time: it ends when nobody is left, at the latest.
            faults[again.alias] = again.fault
