"""The state of a service's replication, for people, commands and pages."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from bookstore_project.replication import maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.maintenance_log import Repair, Scrub, Work
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import comparison, schema_version, staleness
from bookstore_project.replication.sqlite_pair.files.comparison import Comparison, FileSummary
from bookstore_project.replication.sqlite_pair.membership.witness import Witness
from bookstore_project.replication.sqlite_pair.operator.quarantine import Quarantined, quarantined
from bookstore_project.replication.sqlite_pair.repair.maintenance import fault_of


@dataclass(frozen=True)
class FileStatus:
    """One copy. `in_sync`: it has all that is settled, and serves, as far as opening it tells.

    `lag` counts the settled entries that it lacks; None where its log can't be read.
    """

    alias: str
    in_sync: bool
    head: int | None
    lag: int | None
    fault: str
    """Why it can't serve now, as far as opening it tells; empty if nothing is wrong."""
    out_because: str
    """Why it was taken out, or (`is_suspected`) why it is neither read nor written; empty if it is in use."""
    out_since: str
    is_suspected: bool
    file: str


@dataclass(frozen=True)
class ServiceStatus:
    """One service: what is agreed on, and its copies. Without a usable witness nothing is, and `problem` says why."""

    service: str
    problem: str
    timeline: str
    epoch: int | None
    floor: int | None
    files: tuple[FileStatus, ...]
    last_repair: Repair | None
    last_scrub: Scrub | None
    work: Work | None = None
    """What is done with a file now, if it takes long."""
    quarantined: tuple[Quarantined, ...] = ()
    """Files that were put aside."""

    @property
    def is_whole(self) -> bool:
        """Every copy is in sync, and can serve as far as opening it tells."""
        return not self.problem and all(file.in_sync and not file.fault for file in self.files)

    def as_dict(self) -> dict[str, Any]:
        aside = [{"file": file.name, "size_bytes": file.size_bytes} for file in self.quarantined]
        return asdict(replace(self, quarantined=())) | {"quarantined": aside}


def status(service: Service) -> ServiceStatus:
    """Raises nothing: what can't be read is part of the answer."""
    witness, problem = staleness.current_or_why(service)
    found = comparison.compare(service, scrubbed=())
    return ServiceStatus(
        service=service.name,
        problem=problem or (_why_nobody(witness) if witness else ""),
        timeline=witness.timeline if witness else "",
        epoch=witness.epoch if witness else None,
        floor=witness.floor if witness else None,
        files=tuple(_file_status(alias, witness, found) for alias in service.aliases),
        last_repair=maintenance_log.last_repair(service.name),
        last_scrub=maintenance_log.last_scrub(service.name),
        work=maintenance_log.current_work(service.name),
        quarantined=tuple(file for alias in service.aliases for file in quarantined(alias)),
    )


def _why_nobody(witness: Witness) -> str:
    if not witness.in_sync:
        return "No copy is in sync."
    return "" if witness.trusted else "The copies that should be in sync are suspected: an operator has to decide."


def _file_status(alias: str, witness: Witness | None, found: Comparison) -> FileStatus:
    summary: FileSummary = found.files[alias]
    found_fault: BaseException | str | None = fault_of(alias, witness) if witness else summary.complaint
    fault = str(found_fault or summary.complaint)
    known = (witness.suspects.get(alias) or witness.out.get(alias)) if witness else None
    head = summary.head.position if summary.head is not None else None
    return FileStatus(
        alias=alias,
        in_sync=witness is not None and alias in witness.trusted and not fault,
        head=head,
        lag=max(0, witness.floor - head) if witness is not None and head is not None else None,
        fault=fault or _of_other_code(summary),
        out_because=known.reason if known else "",
        out_since=known.since if known else "",
        is_suspected=witness is not None and alias in witness.suspects,
        file=str(replication_settings.files[alias]),
    )


def _of_other_code(summary: FileSummary) -> str:
    if not summary.is_readable:
        return ""
    try:
        schema_version.assert_of_this_code(summary.alias, summary.schema_version)
    except schema_version.OtherCode as error:
        return error.detail
    return ""
