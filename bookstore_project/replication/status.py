"""The state of a service's replication, for people, commands and pages."""

import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from bookstore_project.replication import fingerprint, log
from bookstore_project.replication.caretaker import fault_of
from bookstore_project.replication.participant import REPLICA_ERRORS
from bookstore_project.replication.service import Service
from bookstore_project.replication.witness import Witness, read_witness
from bookstore_project.settings import topology


@dataclass(frozen=True)
class FileStatus:
    """One copy. `lag` counts the settled entries that it lacks; None where its log can't be read."""

    alias: str
    in_sync: bool
    head: int | None
    lag: int | None
    fault: str
    """Why it can't serve now, as far as opening it tells; empty if nothing is wrong."""
    out_because: str
    out_since: str
    file: str


@dataclass(frozen=True)
class ServiceStatus:
    """One service: what is agreed on, and its copies."""

    service: str
    timeline: str
    epoch: int
    floor: int
    files: tuple[FileStatus, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def status(service: Service) -> ServiceStatus:
    """Raises Unavailable if the witness can't be read."""
    witness = read_witness(service.witness_file)
    files = tuple(_file_status(alias, witness) for alias in service.aliases)
    return ServiceStatus(service.name, witness.timeline, witness.epoch, witness.floor, files)


def _file_status(alias: str, witness: Witness) -> FileStatus:
    path = topology.database_file(alias)
    exclusion = witness.out.get(alias)
    head: int | None = None
    fault = fault_of(alias, witness)
    if fault is None:
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=1)) as connection:
                head = log.read_head(connection).position
                fingerprint.assert_of_this_code(alias, fingerprint.of_file(connection))
        except (*REPLICA_ERRORS, fingerprint.OtherCode) as error:
            fault = error
    return FileStatus(
        alias=alias,
        in_sync=alias in witness.in_sync,
        head=head,
        lag=None if head is None else max(0, witness.floor - head),
        fault=str(fault or ""),
        out_because=exclusion.reason if exclusion else "",
        out_since=exclusion.since if exclusion else "",
        file=str(path),
    )
