"""What replication raises: for callers, and (ReplicaFault) for itself."""

import sqlite3

from bookstore_project.wire.problems import OutcomeUnknown, StoreError, Unavailable

__all__ = ["OutcomeUnknown", "ReplicaFault", "Unavailable", "WriteRefused", "is_replica_fault"]


class WriteRefused(StoreError):
    """A change that replication can't carry: outside a replicated transaction, or against a rule.

    Raised at the line that tried, with what to do instead. A defect of the calling code, not of a replica.
    """

    code = "internal_error"


class ReplicaFault(Exception):
    """A file is not what it must be (gone, replaced, shrunk, foreign, damaged): the replica's fault."""


# https://sqlite.org/rescode.html: what says that a file, a disk or a lock is at fault, not the statement.
_FAULT_CODES = frozenset(
    (
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOTADB,
    )
)
_PRIMARY_CODE = 0xFF
"""The low byte of an extended result code is the primary one."""


def is_replica_fault(error: BaseException) -> bool:
    """Whether the error belongs to the replica; otherwise it belongs to the caller (a constraint, bad SQL)."""
    if isinstance(error, ReplicaFault | OSError):
        return True
    cause = error if isinstance(error, sqlite3.Error) else error.__cause__
    if not isinstance(cause, sqlite3.Error):
        return False
    code: int | None = getattr(cause, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY_CODE in _FAULT_CODES
