"""What a file derives from its rows, and keeps for itself: text indexes and counts.

Neither is logged or compared, and neither makes a file less true when it is out of step.
"""

import sqlite3

from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import row_counts, text_index

PREFIXES = (text_index.PREFIX, row_counts.PREFIX)
"""What the names of its tables and triggers begin with."""
FINDINGS = (text_index.FINDING, row_counts.FINDING)
"""What findings begin with that speak against nothing else in the file."""


def install(connection: sqlite3.Connection, service: Service) -> None:
    """Makes all of it anew, of what the rows are now."""
    text_index.install(connection, service)
    row_counts.install(connection, service)


def drop(connection: sqlite3.Connection) -> None:
    """Removes all of it, with its triggers."""
    text_index.drop(connection)
    row_counts.drop(connection)


def installed(connection: sqlite3.Connection, service: Service) -> bool:
    """Whether there is what this code would make."""
    return text_index.installed(connection, service) and row_counts.installed(connection, service)


def mend(connection: sqlite3.Connection) -> list[str]:
    """Makes anew what isn't in step with the rows, in a file that nobody else uses; what that was."""
    return text_index.mend(connection) + row_counts.mend(connection)


def findings(connection: sqlite3.Connection, service: Service) -> list[str]:
    """What isn't in step with the rows, in words. Reads only, in the caller's snapshot."""
    return text_index.findings(connection, service) + row_counts.findings(connection, service)
