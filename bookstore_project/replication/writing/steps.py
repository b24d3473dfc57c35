"""What every engine does with a caller's change, whatever it keeps the rows in."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from bookstore_project.replication import pinning
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.interface import ActiveAttempt, Callback
from bookstore_project.replication.log.entries import RowChange
from bookstore_project.replication.service import Service
from bookstore_project.replication.writing.default_database import joined_by

T = TypeVar("T")

_active: ContextVar[ActiveAttempt | None] = ContextVar("replicated_transaction", default=None)


def active_attempt() -> ActiveAttempt | None:
    """The replicated transaction that this code runs in."""
    return _active.get()


@contextmanager
def running(attempt: ActiveAttempt, lead: BaseDatabaseWrapper, *, has_savepoint: bool = True) -> Iterator[None]:
    """Somebody else's code runs inside, as a part of the attempt: the ORM is pinned to its database.

    Without a savepoint the caller takes back what fails: after an error, or if `lead.needs_rollback` says so.
    """
    token = _active.set(attempt)
    service = attempt.service.name
    pin = pinning.pin(service, lead.alias, for_writing=True)
    try:
        with _atomic(lead.alias, has_savepoint), joined_by(lead, service):
            yield
    finally:
        pinning.unpin(pin)
        _active.reset(token)


@cache  # It keeps nothing of a transaction: that is the connection's.
def _atomic(alias: str, has_savepoint: bool) -> transaction.Atomic:
    return transaction.Atomic(alias, has_savepoint, False)


def call(change: Callable[[], T]) -> T:
    value = change()
    if inspect.iscoroutine(value):
        value.close()
        raise WriteRefused("`change` is a coroutine function; wrap it: async_to_sync(change).")
    return value


def take_callbacks(lead: BaseDatabaseWrapper) -> list[Callback]:
    """`on_commit` of one database is too early: they run when the write is visible everywhere."""
    callbacks: list[Callback] = [registered[1] for registered in lead.run_on_commit]
    lead.run_on_commit = []
    return callbacks


def cache_keys(service: Service, changes: Sequence[RowChange]) -> list[str]:
    """The cache keys that the changed rows touch, by what fronts show of them."""
    keys: set[str] = set()
    for change in changes:
        for resource in service.tables[change.table].shown_by:
            keys |= resource.keys_of_change(change.before, change.after)
    return sorted(keys)
