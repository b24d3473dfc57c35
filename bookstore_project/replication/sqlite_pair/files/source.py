"""A copy to read from, for whoever copies, compares, checks or rolls forward: the one way to open it.

On a connection of its own, that can only read, and with one list of checks, made before anything is read and, where
they may have changed meanwhile, after it. Reads for customers have their own way (`gate`), on a connection that they
keep; the checks are the same functions.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bookstore_project import sqlite_files
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Suspected
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.backend.persistent_wal import assert_openable
from bookstore_project.replication.sqlite_pair.files import wal_files
from bookstore_project.replication.sqlite_pair.files.file_identity import Unvouched, check_file_now, write_time
from bookstore_project.replication.sqlite_pair.files.participant import assert_incarnation, read_settled_head
from bookstore_project.replication.sqlite_pair.membership.witness import Witness

BUSY_S = 1.0


@contextmanager
def opened(
    alias: str,
    witness: Witness,
    *,
    of_any_code: bool = False,
    is_held: bool = True,
    is_judged: bool = False,
    timeout_s: float = BUSY_S,
) -> Iterator[sqlite3.Connection]:
    """The copy that the witness knows, in a held read transaction (or, without `is_held`, in none).

    Checked: nobody suspects it, and the file is the one that is known, written by nobody else, with the `-wal` and
    `-shm` that this process uses; its content is this copy's, made for this code (unless `of_any_code`), with no
    change that the log doesn't know; if it is in sync, it has all that is settled; its newest entry follows from the
    one before. With `is_judged` the caller is about to check all of it: it may be suspected, or unvouched.

    Raises one of REPLICA_ERRORS, also when the block has ended: what was read then counts for nothing.
    """
    if alias in witness.suspects and not is_judged:
        raise Suspected(witness.suspects[alias].reason)
    _check_file(alias, witness, may_be_unvouched=is_judged)
    before = write_time(alias)
    with snapshot_of(replication_settings.files[alias], timeout_s=timeout_s) as connection:
        assert_incarnation(connection, alias, witness, of_any_code=of_any_code)
        read_settled_head(connection, alias, witness)
        entries.assert_chained(connection)
        if not is_held:
            connection.execute("ROLLBACK")
        yield connection
    if write_time(alias) != before:
        _check_file(alias, witness, may_be_unvouched=False)


def _check_file(alias: str, witness: Witness, *, may_be_unvouched: bool) -> None:
    try:
        check_file_now(alias, get_service(replication_settings.service_of_alias[alias]).witness_file, witness)
    except Unvouched:
        if not may_be_unvouched:
            raise
    wal_files.assert_unchanged(str(replication_settings.files[alias]), witness.files[alias].identity)


@contextmanager
def snapshot_of(path: Path, *, timeout_s: float = BUSY_S) -> Iterator[sqlite3.Connection]:
    """A held read transaction on what lies at the path, whatever it is: by its own account.

    Raises sqlite3.Error or OSError if that is no database.
    """
    assert_openable(path)  # Says "no such file" where SQLite says "unable to open", or waits at a pipe for ever.
    with sqlite_files.opened(path, timeout_s=timeout_s) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection
