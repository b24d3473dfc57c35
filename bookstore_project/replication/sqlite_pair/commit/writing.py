"""A replicated transaction, from the lock to the floor: an attempt, and another without a file that is at fault."""

import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any, TypeVar

from django.db import IntegrityError

from bookstore_project.nodes import deadlines
from bookstore_project.replication import metrics
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.interface import Caches, Callback, Committed
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.commit.attempt import Attempt, RunAgain
from bookstore_project.replication.sqlite_pair.commit.opening import Faults
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock, writer_lock
from bookstore_project.replication.writing import group
from bookstore_project.replication.writing.member import Member

T = TypeVar("T")
Members = Sequence[Member[Any]]


def write(
    service: Service,
    change: Callable[[], T],
    caches: Caches,
    *,
    timeout_s: float,
    in_group: bool = False,
) -> tuple[Committed[T], list[Callback]]:
    """Steps 1 to 8; what `change` left for `on_commit` is the caller's to call. Raises as `transaction.run` does."""
    if in_group:
        (member,) = write_all(service, [change], caches, timeout_s=timeout_s)
    else:
        member = Member(change)
        with writer_lock(service.lock_dir, timeout_s=min(timeout_s, deadlines.left_s())) as lock:
            metrics.lock_wait.labels(service.name).observe(time.monotonic() - member.began)
            perform(service, lock, caches, [member], {})
    return member.outcome(), member.callbacks


def write_all(
    service: Service, changes: Sequence[Callable[[], T]], caches: Caches, *, timeout_s: float
) -> list[Member[T]]:
    """The same for changes that come together: each in a group, and with an outcome of its own."""
    members = [Member(change, copy_context()) for change in changes]
    group.write(
        service,
        members,
        lambda left_s: writer_lock(service.lock_dir, timeout_s=left_s),
        lambda lock, taken: perform(service, lock, caches, taken, {}),
        min(timeout_s, deadlines.left_s()),
    )
    return members


def settle(service: Service, caches: Caches, *, timeout_s: float) -> None:
    """Finishes what a dead writer left above the floor. Raises as `transaction.run` does."""
    write(service, lambda: None, caches, timeout_s=timeout_s)


def perform(service: Service, lock: WriterLock, caches: Caches, members: Members, faults: Faults) -> None:
    """Has the members' changes made and settled, together; afterwards each of them knows its outcome.

    On all in-sync files, and again on the others if one of them turns out to be at fault: one alias more each time,
    so that it ends when nobody is left, at the latest.
    """
    try:
        Attempt(service, lock, caches).perform(members, faults)
    except RunAgain as again:
        _again(service, lock, caches, members, {**faults, again.alias: again.fault})
    except IntegrityError as error:
        # Found by the commit, which doesn't say whose row it was.
        if len(members) == 1:
            members[0].has_failed(error)
        for member in members if len(members) > 1 else ():
            _again(service, lock, caches, [member], faults)
    except OutcomeUnknown as error:
        unchanged = [member for member in members if member.entry is None]
        for member in members:
            if member.entry is not None:
                member.has_failed_with_others(error)
        # What they saw may have been what the others did: it is looked at anew.
        if unchanged:
            _again(service, lock, caches, unchanged, {})
    except Unavailable as error:
        for member in members:
            member.has_failed_with_others(error)


def _again(service: Service, lock: WriterLock, caches: Caches, members: Members, faults: Faults) -> None:
    for member in members:
        member.reset()
    perform(service, lock, caches, members, faults)
