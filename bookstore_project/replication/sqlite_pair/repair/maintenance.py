"""What runs beside every replica: finds files at fault before a write does, repairs, compacts and scrubs them.

Of the processes of a service one does it, as long as it lives: it holds a lock, which the next one takes over.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from bookstore_project.clock import Clock
from bookstore_project.nodes import background
from bookstore_project.replication import maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault, is_busy
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import MAINTENANCE, Caches
from bookstore_project.replication.pacing import Gently, Pace, full_speed
from bookstore_project.replication.progress import Noted, Progress, logged, silent
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.commit.opening import (
    FaultReport,
    by_reports,
    take_out,
    times_found_sound,
)
from bookstore_project.replication.sqlite_pair.files import derived, scrub, source
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS
from bookstore_project.replication.sqlite_pair.files.traces import Traces, traces_of
from bookstore_project.replication.sqlite_pair.locks.mutex import Role
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.sqlite_pair.reading import gate
from bookstore_project.replication.sqlite_pair.repair import compaction, rejoin, witness_rebuild
from bookstore_project.replication.sqlite_pair.repair.review import Review

EVERY_S = 0.5
AT_REST_EVERY_S, OTHERS_EVERY_S = 1.0, 2.0
"""While nothing is left to do: of who has the role, and of the others."""
OPEN_EVERY_S = 30.0
"""Between two rounds that open the files, if nothing tells that one has changed: each takes milliseconds."""
COMPACT_EVERY_S = 5.0
"""Between two looks whether the log can be shortened: it grows slowly, and each opens both files three times."""
COMPACTION_S = 2.0
"""How long a round compacts, at most: files at fault have to be looked for."""


def register(caches: Caches) -> None:
    for name in replication_settings.services:
        maintenance = Maintenance(get_service(name), caches)
        background.register(name, background.Task(f"{name} maintenance", maintenance.step, EVERY_S))


@dataclass
class Maintenance:
    """Takes care of one service's files."""

    service: Service
    caches: Caches
    clock: Clock = time.monotonic
    _scrubbed: float | None = None
    _compacted: float | None = None
    _compacted_of: Traces | None = None
    """Of the files when nothing of their logs had to go."""
    _seen: Traces | None = None
    """Of what was opened last, and found well."""
    _opened: float = 0.0
    _found_sound: int = 0
    """How often a write had opened the files, and found them well, by the last round."""
    _is_mine: bool = False
    _is_done: bool = False
    """Whether the last round has left nothing to do."""

    def __post_init__(self) -> None:
        self._progress = Noted(self.service.name, logged())
        self._role = Role(self.service.lock_dir / MAINTENANCE)
        self._review = Review(self.service, self._progress)

    def step(self) -> float:
        """One round; seconds until the next one. Raises Unavailable if a file can't be brought back now.

        While nothing has happened to the files, and nothing is left to do, it only sees that: this is most of what a
        store does while nobody asks it anything.
        """
        traces = traces_of(self.service)
        is_due = self._is_due(traces)
        if self._is_done and not is_due and self._is_still_whole(traces) and not self._is_scrub_due():
            return self._every_s()
        self._is_done = False
        if is_due:
            self._open(traces)  # In each process: some faults show in the connections of one alone.
        self._is_mine = self._role.is_mine()
        if self._is_mine:
            try:
                self._work()
            finally:
                self._progress.clear()
        self._is_done = self._is_whole() and (not self._is_mine or self._compacted_of == traces)
        return self._every_s()

    def _is_due(self, traces: Traces | None) -> bool:
        """Whether the files have to be opened now. A write of this process, since the last round, has done it."""
        before, self._found_sound = self._found_sound, times_found_sound(self.service)
        if traces is None or self.clock() - self._opened >= OPEN_EVERY_S:
            return True
        return traces != self._seen and self._found_sound == before

    def _every_s(self) -> float:
        if not self._is_done:
            return EVERY_S
        return AT_REST_EVERY_S if self._is_mine else OTHERS_EVERY_S

    def _open(self, traces: Traces | None) -> None:
        """Opens witness and files, to see whether they are what they must be."""
        self._seen = None
        witness_rebuild.rebuild_witness(self.service)
        self.evict_faulty()
        self._seen, self._opened = traces, self.clock()

    def _work(self) -> None:
        self._review.step()
        rejoin.repair(self.service, self._progress)
        self._compact()
        compaction.truncate_wals(self.service)
        if self._scrubbed is None:
            self._scrubbed = self.clock()  # A start is no time to read whole files.
        elif self._is_scrub_wanted():
            self.scrub()

    def _is_still_whole(self, traces: Traces | None) -> bool:
        """A write of this process finds sound what is in sync, and says nothing of what a write has taken out."""
        return traces == self._seen or self._is_whole()

    def _is_scrub_due(self) -> bool:
        return self._is_mine and self._is_scrub_wanted()

    def _is_scrub_wanted(self) -> bool:
        """By its time, for who has the role, or by somebody's request."""
        every_s = replication_settings.scrub_every_s
        is_time = self._scrubbed is not None and 0 < every_s <= self.clock() - self._scrubbed
        return is_time or maintenance_log.is_scrub_requested(self.service.name)

    def _is_whole(self) -> bool:
        """Whether no file is out of sync, or suspected."""
        return len(read_witness(self.service.witness_file).trusted) == len(self.service.aliases)

    def _compact(self) -> None:
        """Less often than the rest, unless there is more to do, and not again for the same log."""
        if self._compacted is not None and self.clock() - self._compacted < COMPACT_EVERY_S:
            return
        traces = traces_of(self.service)
        if traces is not None and traces == self._compacted_of:
            return
        was_compacted = compaction.compact(self.service, self._progress, budget_s=COMPACTION_S)
        was_vacuumed = compaction.vacuum(self.service, self._progress)
        is_done = not was_compacted and not was_vacuumed
        self._compacted, self._compacted_of = (self.clock(), traces) if is_done else (None, None)

    def evict_faulty(self) -> None:
        """Evicts an in-sync file that can't be opened as what it must be."""
        if not faults_of(read_witness(self.service.witness_file)):
            return
        take_out(self.service, faults_of, of_any_code=True)

    def scrub(self) -> dict[str, list[str]]:
        """Reads both files whole; evicts one that is damaged. What was found, by alias.

        Raises Unavailable if one can't be read now: a scrub that was wanted still is.
        """
        self._scrubbed = self.clock()
        requested_ns = maintenance_log.scrub_requested_ns(self.service.name)
        scrubbed = _scrub_all(self.service, self.caches, self._progress, Gently())
        suspected = self._review.step(is_thorough=True)
        damaged, lagging = _reports(scrubbed)
        reached("scrubbed")
        try:
            if damaged:
                take_out(self.service, by_reports(damaged), of_any_code=True)
            elif lagging:
                self._take_out_lagging(lagging[0])
        finally:
            maintenance_log.clear_scrub_request(self.service.name, requested_ns)
        return {alias: file.found for alias, file in scrubbed.items()} | suspected

    def _take_out_lagging(self, report: FaultReport) -> None:
        """Takes out a file whose rows are right and whose text index isn't: it is mended outside of the lock.

        If the other can't serve meanwhile, this one goes on: what it says is true, though it finds too little.
        """

        def find(witness: Witness) -> Mapping[str, BaseException]:
            is_spared = len(witness.trusted) > 1 and not faults_of(witness)
            return by_reports([report])(witness) if is_spared else {}

        # All of them were read whole a moment ago.
        take_out(self.service, find, checked=self.service.aliases, of_any_code=True)
        if report.alias not in read_witness(self.service.witness_file).in_sync:
            maintenance_log.request_scrub(self.service.name)  # The other one's may be out of step as well.


@dataclass(frozen=True)
class _Scrubbed:
    """What was found in the copy of that nonce."""

    nonce: str
    found: list[str]


def _reports(scrubbed: Mapping[str, _Scrubbed]) -> tuple[list[FaultReport], list[FaultReport]]:
    """Of damaged files, and of those in which only what is derived is out of step."""
    reports: tuple[list[FaultReport], list[FaultReport]] = ([], [])
    for alias, file in scrubbed.items():
        if file.found:
            is_sound = all(finding.startswith(derived.FINDINGS) for finding in file.found)
            report = FaultReport(alias, file.nonce, ReplicaFault(f"scrub: {'; '.join(file.found)}"))
            reports[is_sound].append(report)
    return reports


def scrub_all(service: Service, caches: Caches, progress: Progress = silent) -> dict[str, list[str]]:
    """What a scrub finds in each file that serves; empty lists where nothing is wrong."""
    return {alias: file.found for alias, file in _scrub_all(service, caches, progress, full_speed).items()}


def _scrub_all(service: Service, caches: Caches, progress: Progress, pace: Pace) -> dict[str, _Scrubbed]:
    scrubbed = {}
    for alias in read_witness(service.witness_file).trusted:
        wrapper(alias).forget_pages()
        with gate.read(service, alias, (), caches) as snapshot:
            connection = wrapper(alias).connect_now()
            found = scrub.findings(connection, service, partial(progress, f"scrubbing {alias}"), pace)
            found += derived.findings(connection, service)
        scrubbed[alias] = _Scrubbed(snapshot.nonce, found)
        maintenance_log.note_check(service.name, alias, snapshot.nonce, is_sound=not found)
    found_by_alias = {alias: file.found for alias, file in scrubbed.items()}
    maintenance_log.note_scrub(service.name, {"at": maintenance_log.now(), "found": found_by_alias})
    return scrubbed


def faults_of(witness: Witness) -> dict[str, BaseException]:
    """The in-sync files that can't serve, and why, but for those that are suspected already."""
    return {alias: error for alias in witness.trusted if (error := fault_of(alias, witness)) is not None}


def fault_of(alias: str, witness: Witness) -> BaseException | None:
    """Why this file can't serve, as far as opening it tells; None if it can. A lock held by another is no fault."""
    try:
        with source.opened(alias, witness, of_any_code=True, timeout_s=0.2):
            return None
    except REPLICA_ERRORS as error:
        return None if is_busy(error) else error
