"""Whether a witness is an old copy of itself: the logs of its files tell by their epochs."""

from contextlib import suppress

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import source
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS
from bookstore_project.replication.sqlite_pair.membership.witness import UnusableWitness, Witness, read_witness


def unusable(service: Service) -> str | None:
    """Why the witness has to be made anew; None if it needn't. Raises Unavailable if that can't be told."""
    # The logs first: a change of membership is in the witness before it is in a log.
    epochs = {alias: _epoch_of(alias) for alias in service.aliases}
    try:
        witness = read_witness(service.witness_file)
        for alias in witness.in_sync:
            witness.assert_not_older_than(epochs[alias])
    except UnusableWitness as error:
        return error.detail
    return None


def read_current(service: Service) -> Witness:
    """Raises Unavailable if the witness is missing, damaged, or an old copy of itself."""
    problem = unusable(service)
    if problem is not None:
        raise UnusableWitness(problem)
    return read_witness(service.witness_file)


def current_or_why(service: Service) -> tuple[Witness | None, str]:
    """The same where a witness that can't be used is part of the answer: None, and what is wrong with it."""
    try:
        return read_current(service), ""
    except Unavailable as error:
        return None, error.detail


def _epoch_of(alias: str) -> int:
    """Of the newest entry; 0 where it can't be read."""
    with suppress(*REPLICA_ERRORS), source.snapshot_of(replication_settings.files[alias]) as connection:
        return entries.read_epoch(connection)
    return 0
