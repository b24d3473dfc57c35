"""The one place that chooses the engine: where services' rows live, and how a change becomes visible everywhere."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.interface import Arrival, Copies, Engine


def chosen(name: str) -> tuple[Engine, Copies]:
    """By the name of its room; what the others need isn't loaded. Raises ImproperlyConfigured for another name."""
    if name == "sqlite_pair":
        from bookstore_project.replication.sqlite_pair import copies as copies_of_files
        from bookstore_project.replication.sqlite_pair import engine as sqlite_pair

        return sqlite_pair, copies_of_files
    if name == "postgresql":
        from bookstore_project.replication.postgresql import copies as no_copies
        from bookstore_project.replication.postgresql import engine as postgresql

        return postgresql, no_copies
    raise ImproperlyConfigured(f"REPLICATION['ENGINE'] is {name!r}: there are 'sqlite_pair' and 'postgresql'.")


engine, copies = chosen(replication_settings.engine)


def copies_in_files() -> Copies:
    """What knows files with a service's rows, whichever engine is chosen: backups are such files."""
    return chosen("sqlite_pair")[1]


def arrival(server: Mapping[str, Any], name: str) -> Arrival:
    """A database into which the store moves, of the server to which psycopg connects by that."""
    from bookstore_project.replication.postgresql import arrival as found

    return found.Arrival(server, name)
