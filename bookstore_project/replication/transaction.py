"""The one way to write: a replicated transaction.

Commit on both files, invalidate the caches, then make it visible. The steps are numbered as in DESIGN.md: the engine
takes 1 to 8 (`sqlite_pair/commit`: `writing` 1, `opening` 2, `recovery` 3, `attempt` the rest).
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import models, transaction

from bookstore_project.replication import metrics
from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.events import published
from bookstore_project.replication.interface import Callback, Committed, Made
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.pinning import current_pin
from bookstore_project.replication.service import get_service

__all__ = ["Committed", "active_attempt", "get_verified", "run", "run_all", "settle", "verify"]

T = TypeVar("T")
M = TypeVar("M", bound=models.Model)
logger = logging.getLogger("bookstore.replication")

active_attempt = engine.active_attempt


def run(
    service_name: str, change: Callable[[], T], *, timeout_s: float = engine.LOCK_TIMEOUT_S, in_group: bool = False
) -> Committed[T]:
    """Calls `change` with the ORM pinned to a replica of the service, and replicates what it did.

    Everything or nothing: an exception that `change` raises takes all back and comes out here. `change` may be
    called again, so it has no effects but those in the database; what must happen once belongs into
    `django.db.transaction.on_commit`, which runs after the write is visible everywhere. A savepoint (`atomic`) needs
    `using`, the alias that the change is on (`instance._state.db`): without it Django means the database `default`,
    and it is refused. Inside of another replicated transaction of the same service it joins that one.

    `in_group`: the change may be made together with others that wait for the lock, by the thread of one of them
    (group commit), in its own context. It rests on nothing that belongs to this thread, such as an open transaction
    of another database. What it raises takes back what it did itself, not what the others did.

    Raises Unavailable (nothing was changed: the lock wasn't had within `timeout_s` seconds, or by the deadline of the
    request at hand, or one file is at fault and the other can't do without it), OutcomeUnknown (a commit failed
    half-way), WriteRefused (inside of a read), TypeError (`change` isn't callable).
    """
    if not callable(change):
        raise TypeError(
            f"run() calls its `change`, and {change!r} can't be called: say `lambda: …`, or name a function."
        )
    pin = current_pin(service_name)
    if pin is not None and pin.for_writing:
        with transaction.atomic(using=pin.alias):
            return Committed(change(), 0, "")
    if pin is not None:
        raise WriteRefused(f"A replicated transaction of {service_name} can't begin inside of a read of it.")
    committed, callbacks = engine.write(
        get_service(service_name), change, pushes, timeout_s=timeout_s, in_group=in_group
    )
    _publish(service_name, committed, callbacks)
    return committed


def run_all(
    service_name: str, changes: Sequence[Callable[[], T]], *, timeout_s: float = engine.LOCK_TIMEOUT_S
) -> Sequence[Made[T]]:
    """As `run(..., in_group=True)` of each of them, at once, and together: one commit, where one will do.

    What a change raises, or what `run` would, is its outcome, and takes back nothing of the others. Outside of other
    transactions and reads of the service: raises WriteRefused inside.
    """
    if current_pin(service_name) is not None:
        raise WriteRefused(f"Replicated transactions of {service_name} can't begin inside of another one, or a read.")
    made = engine.write_all(get_service(service_name), changes, pushes, timeout_s=timeout_s)
    for each in made:
        if each.error is None:
            _publish(service_name, each.outcome(), each.callbacks)
    return made


def _publish(service_name: str, committed: Committed[Any], callbacks: Sequence[Callback]) -> None:
    """Step 9: after the lock is let go, before the acknowledgement; nobody is waited for."""
    if committed.changes:
        metrics.of(metrics.commits, service_name).inc()
        published.send_robust(
            sender=service_name,
            changes=committed.changes,
            position=committed.position,
            timeline=committed.timeline,
        )
    for callback in callbacks:
        try:
            callback()
        except Exception:  # The write stands, and has to be acknowledged as what it is.
            logger.exception("A side effect of an acknowledged write failed")


def settle(service_name: str, *, timeout_s: float = engine.LOCK_TIMEOUT_S) -> int:
    """Finishes what a dead writer left above the floor; the floor then. Raises as `run` does."""
    return run(service_name, lambda: None, timeout_s=timeout_s).position


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
