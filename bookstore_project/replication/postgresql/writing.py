"""A replicated transaction, from the lock to the commit that the standby confirms."""

import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from bookstore_project.nodes import deadlines
from bookstore_project.replication import metrics
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.interface import Caches, Callback, Committed
from bookstore_project.replication.postgresql.attempt import Attempt, Begun, begun
from bookstore_project.replication.service import Service
from bookstore_project.replication.writing import group
from bookstore_project.replication.writing.member import Member

T = TypeVar("T")


def write(
    service: Service, change: Callable[[], T], caches: Caches, *, timeout_s: float, in_group: bool = False
) -> tuple[Committed[T], list[Callback]]:
    """What `change` left for `on_commit` is the caller's to call. Raises as `transaction.run` does."""
    if in_group:
        (member,) = write_all(service, [change], caches, timeout_s=timeout_s)
    else:
        member = Member(change)
        with begun(service, caches, min(timeout_s, deadlines.left_s())) as transaction:
            metrics.lock_wait.labels(service.name).observe(time.monotonic() - member.began)
            perform(service, caches, transaction, [member])
    return member.outcome(), member.callbacks


def write_all(
    service: Service, changes: Sequence[Callable[[], T]], caches: Caches, *, timeout_s: float
) -> list[Member[T]]:
    """The same for changes that come together: each in a group, and with an outcome of its own."""
    members = [Member(change, copy_context()) for change in changes]
    locked, perform_here = partial(begun, service, caches), partial(perform, service, caches)
    group.write(service, members, locked, perform_here, min(timeout_s, deadlines.left_s()))
    return members


def settle(service: Service, caches: Caches, *, timeout_s: float) -> None:
    """Has a new timeline begun, if the primary is another one. Raises as `transaction.run` does."""
    write(service, lambda: None, caches, timeout_s=timeout_s)


def perform(service: Service, caches: Caches, transaction: Begun, members: Sequence[Member[Any]]) -> None:
    """Afterwards each member knows its outcome."""
    try:
        Attempt(service, caches, transaction).perform(members)
    except OutcomeUnknown as error:
        # Who changed nothing may have seen what the others did.
        seen = Unavailable("What it rests on isn't confirmed; nothing was changed.")
        for member in members:
            member.has_failed_with_others(error if member.entry is not None else seen)
    except Unavailable as error:
        for member in members:
            member.has_failed_with_others(error)
