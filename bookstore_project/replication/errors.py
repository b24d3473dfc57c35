"""What replication raises: for callers, and (ReplicaFault) for itself."""

import errno
import sqlite3

from bookstore_project.api.problems import OutcomeUnknown, StoreError, Unavailable

__all__ = [
    "OutcomeUnknown",
    "ReplicaFault",
    "Unavailable",
    "WriteRefused",
    "is_passing",
    "is_refusal",
    "is_replica_fault",
]


ADVICE = "`manage.py replication status` and docs/runbook.md say what an operator can do."
"""With what two copies can't mend by themselves."""

HOW_TO_WRITE = (
    'Writes go through a replicated transaction: transaction.run("{service}", change) of '
    "bookstore_project.replication, where `change` is a function without arguments."
)


class WriteRefused(StoreError):
    """A change that replication can't carry: outside a replicated transaction, or against a rule.

    Raised at the line that tried, with what to do instead. A defect of the calling code, not of a replica.
    """

    code = "internal_error"


class ReplicaFault(Exception):
    """A file is not what it must be (gone, replaced, shrunk, foreign, damaged): the replica's fault."""


class Suspected(ReplicaFault):
    """Something was found in it before, and nothing has cleared it since."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"it is suspected: {reason}")


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
        sqlite3.SQLITE_NOTADB,
    )
)
_PASSING_CODES = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL))
_PRIMARY_CODE = 0xFF
"""The low byte of an extended result code is the primary one."""


def is_replica_fault(error: BaseException) -> bool:
    """Whether the error belongs to the replica; otherwise it belongs to the caller (a constraint, bad SQL)."""
    return isinstance(error, ReplicaFault | OSError) or _code(error) in _FAULT_CODES


def is_passing(error: BaseException) -> bool:
    """Whether it will pass: another program's lock, a full disk. No reason to give a file up."""
    return _code(error) in _PASSING_CODES or (isinstance(error, OSError) and error.errno == errno.ENOSPC)


def is_busy(error: BaseException) -> bool:
    """Whether another connection has the lock."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_refusal(error: BaseException) -> bool:
    """Whether a connection's authorizer refused the statement: see `backend.authorizer`."""
    return _code(error) == sqlite3.SQLITE_AUTH


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the content of the file is damaged."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: BaseException) -> int | None:
    cause = error if isinstance(error, sqlite3.Error) else error.__cause__
    code: int | None = getattr(cause, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE
