"""What is said to the database `default` while a change runs: most likely `using` was forgotten.

Without `using`, Django's `atomic` and `on_commit` mean the database `default`, which isn't part of the transaction:
docs/adr/0041-a-forgotten-using-joins-or-is-refused.md
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from bookstore_project.replication.errors import WriteRefused

NOT_TAKEN_BACK = (
    f"A transaction of the database {DEFAULT_DB_ALIAS!r} takes nothing back of a replicated one of {{service}}: a "
    "savepoint names the file that the change is on, transaction.atomic(using=row._state.db). What is to be written "
    f"to {DEFAULT_DB_ALIAS!r} belongs into transaction.on_commit."
)


@contextmanager
def joined_by(lead: BaseDatabaseWrapper, service: str) -> Iterator[None]:
    """`on_commit` of `default` waits for the change that runs on `lead`; a transaction of it is refused.

    Where one is open already, by whoever called `run`, what is said to `default` is meant for it.
    """
    default: Any = connections[DEFAULT_DB_ALIAS]
    if default.in_atomic_block:
        yield
        return
    before = {name: default.__dict__[name] for name in ("on_commit", "set_autocommit") if name in default.__dict__}
    default.on_commit = lead.on_commit
    default.set_autocommit = _without_transactions(service, default.set_autocommit)
    try:
        yield
    finally:
        del default.on_commit, default.set_autocommit
        default.__dict__.update(before)


def _without_transactions(service: str, set_autocommit: Callable[..., None]) -> Callable[..., None]:
    def guarded(autocommit: bool, **options: Any) -> None:
        if not autocommit:
            raise WriteRefused(NOT_TAKEN_BACK.format(service=service))
        set_autocommit(autocommit, **options)

    return guarded
