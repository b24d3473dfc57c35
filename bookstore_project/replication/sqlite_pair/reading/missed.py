"""What a front has missed, by the log of one copy: it is asked when its lease is on record."""

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Missed
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.files import wal_files
from bookstore_project.replication.sqlite_pair.files.file_identity import check_file_now
from bookstore_project.replication.sqlite_pair.files.participant import (
    REPLICA_ERRORS,
    assert_incarnation,
    connect,
    read_settled_head,
)
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.sqlite_pair.reading.gate import assert_in_sync


def missed(service: Service, alias: str, since: int | None) -> Missed:
    """What happened after `since`; None for a front that begins.

    Doesn't wait for writes in doubt, as other reads do: their writers may be waiting for just this front. Raises
    Unavailable if the copy is out of sync or can't be read.
    """
    witness = read_witness(service.witness_file)
    assert_in_sync(alias, witness)
    try:
        found = _missed(alias, since, witness)
        check_file_now(alias, service.witness_file, witness)
        wal_files.assert_own(wrapper(alias))
    except REPLICA_ERRORS as error:
        wrapper(alias).close()
        raise Unavailable(f"{alias} can't be read: {error}") from error
    return found


def _missed(alias: str, since: int | None, witness: Witness) -> Missed:
    """The front has to begin at the floor if it begins, and if the log doesn't reach back to where it stands."""
    connection = connect(alias, witness)
    connection.execute("BEGIN")
    try:
        assert_incarnation(connection, alias, witness)
        read_settled_head(connection, alias, witness)
        is_base = since is None or since < entries.read_base(connection)
        start = witness.floor if since is None or is_base else min(since, witness.floor)
        found = list(entries.entries_after(connection, start))
        return Missed(witness.timeline, witness.floor, found, is_base)
    finally:
        connection.execute("ROLLBACK")
