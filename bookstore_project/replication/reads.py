"""The one way to read with a promise: no older than any acknowledged write, and damaged rows are never shown.

A read sees one snapshot of one replica, by the engine's gate (`sqlite_pair/reading/gate.py`), or gets no answer.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, TypeVar

from django.db import models

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.interface import Beside, Snapshot
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.pinning import current_pin
from bookstore_project.replication.router import local_alias
from bookstore_project.replication.service import get_service, service_of_app

NOTHING = ("",)
"""The keys of a read that shows nothing: whether a replica can be read, no write in doubt has a say in."""

M = TypeVar("M", bound=models.Model)


def reading(
    service_name: str, *, alias: str | None = None, keys: Sequence[str] = ()
) -> AbstractContextManager[Snapshot]:
    """Runs the block's queries of this service in one snapshot that keeps the store's promise.

    Reads this node's own replica, or (in a command) the first one in sync, or `alias`. A read that names its cache
    keys doesn't wait for writes in doubt that touch none of them. Inside of a replicated transaction or of another
    read it joins that one. Raises Unavailable if the replica can't promise; the caller may ask the other one.
    """
    pin = current_pin(service_name)
    if pin is not None:
        return nullcontext(Snapshot(pin.alias, 0, ""))
    service = get_service(service_name)
    return engine.read(service, alias or local_alias(service), keys, pushes)


def reading_beside(service_name: str, alias: str) -> AbstractContextManager[Beside]:
    """Inside of a read of one copy: runs the block's queries in a snapshot of another, for people to compare.

    Raises Unavailable, soon, if that copy can't promise a read.
    """
    pin = current_pin(service_name)
    if pin is None or pin.for_writing or pin.alias == alias:
        raise WriteRefused("reads.reading_beside() needs a read of another copy around it.")
    return engine.read_beside(get_service(service_name), alias, pin.alias)


def rows(snapshot: Snapshot) -> Callable[[str], Iterable[tuple[Any, ...]]]:
    """Inside of a read: what answers queries in SQL that every engine knows, in that snapshot.

    UUIDs come as 32 digits, moments as text in UTC, as they are in a file.
    """
    return partial(engine.rows, snapshot.alias)


def get_verified(model: type[M], key: object) -> M | None:
    """Inside of a read: the row of that primary key, None if there is none; either way the log says the same.

    Raises ReplicaFault if the row was changed behind the log's back: the read around it has the file evicted, or, if
    nobody can do without it, suspected.
    """
    name = service_of_app(model._meta.app_label)
    pin = current_pin(name) if name else None
    if name is None or pin is None:
        raise WriteRefused("reads.get_verified() needs a gated read around it.")
    return engine.get_verified(model, key, pin.alias)


def assert_readable(service_name: str) -> None:
    """Raises Unavailable, with the reason, if this node's replica can't promise a read now.

    Doesn't wait for writes in doubt: one that waits for a front's lease would make every replica look hung.
    """
    with reading(service_name, alias=replication_settings.node or None, keys=NOTHING):
        pass
