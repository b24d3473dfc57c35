"""The server that is the primary: by which alias it is asked, and what it means if it doesn't answer."""

from collections.abc import Callable
from typing import TypeVar

import psycopg
from django.db import DatabaseError

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper
from bookstore_project.replication.service import Service

T = TypeVar("T")


def own_alias(service: Service) -> str:
    """All aliases of a service lead to the primary: this node's, if it is one of them."""
    return replication_settings.node if replication_settings.node in service.aliases else service.aliases[0]


def unavailable(error: BaseException) -> Unavailable:
    """What it means for a caller that the server refused, or is gone."""
    cause = error.__cause__ or error
    if isinstance(cause, psycopg.errors.LockNotAvailable):
        return Unavailable("Another writer holds the lock for too long; nothing was changed.")
    said = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    return Unavailable(f"PostgreSQL: {said}")


def first_answer(database: DatabaseWrapper, ask: Callable[[], T]) -> T:
    """What `ask` gives, with which something begins; once more if the connection that was there turns out to be lost.

    The server was restarted, or another one was promoted: nobody is refused for that. Raises Unavailable.
    """
    was_open = database.connection is not None
    try:
        return ask()
    except (DatabaseError, psycopg.Error) as error:
        if not (was_open and database.is_lost()):
            raise unavailable(error) from error
        database.end()
    try:
        return ask()
    except (DatabaseError, psycopg.Error) as error:
        raise unavailable(error) from error
