"""One service whose files are struck: what its customers see all the while, and what comes of it in the end."""

from contextlib import suppress
from functools import partial

from bookstore_project.replication import reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.operator import execution, planning
from bookstore_project.replication.sqlite_pair.operator.planning import Decision, Plan, Refused
from bookstore_project.replication.sqlite_pair.operator.status import status
from bookstore_project.replication.sqlite_pair.repair import bootstrap
from bookstore_project.replication.tests.support import file_faults
from bookstore_project.replication.tests.support.file_faults import FAULTS, Heal, Stranger
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal
from bookstore_project.replication.tests.support.workloads import GOODS, Goods

GOES_ON, HEALS, PROMOTE, RESTORE = "gh!x"
"""It goes on; it refuses, and comes right by itself, at the latest with the next start; it refuses until an operator
has promoted a copy; or has put back a backup."""
MAINTENANCE = {name: Maintenance(get_service(name)) for name in GOODS}
"""The only one of each service in this process: as long as it lives, nobody else has its role."""


class Case:
    """One service, what is done to its files, and what its customers see all the while."""

    def __init__(self, goods: Goods, stranger: Stranger, count: int) -> None:
        self.goods, self.service = goods, get_service(goods.service)
        self._stranger = stranger
        self.acknowledged, self.unknown = count, 0
        self.heals: list[Heal] = []
        self.refusals: list[str] = []
        self.maintenance = MAINTENANCE[self.service.name]

    def strike(self, alias: str, name: str) -> None:
        self.heals.append(FAULTS[name].strike(self._stranger, replication_settings.files[alias], self.goods))

    def look(self) -> None:
        """Each replica refuses, or shows all that was acknowledged and nothing else."""
        for alias in self.service.aliases:
            try:
                with reads.reading(self.service.name, alias=alias):
                    seen = self.goods.count()
            except Unavailable as error:
                self.refusals.append(f"{alias}: {error.detail}")
                continue
            assert self.acknowledged <= seen <= self.acknowledged + self.unknown, (alias, seen, self.acknowledged)

    def write(self) -> bool:
        try:
            self.goods.write()
        except Unavailable as error:
            self.refusals.append(error.detail)
            return False
        except OutcomeUnknown:
            self.unknown += 1
            return False
        self.acknowledged += 1
        return True

    def take_care(self) -> None:
        try:
            self.maintenance.step()
        except Unavailable as error:
            self.refusals.append(error.detail)

    def notice(self) -> None:
        """The store finds what was done to the first file, and takes it out; it isn't repaired yet."""
        first, second = self.service.aliases
        self.write()
        if first in read_witness(self.service.witness_file).in_sync:
            self.maintenance.scrub()
        assert read_witness(self.service.witness_file).in_sync == (second,)

    def heal(self) -> None:
        for heal in self.heals:
            heal()
        self.heals.clear()

    def restart(self) -> None:
        """All processes end; a start prepares the store."""
        file_faults.forget_everything()
        with suppress(Unavailable), writer_lock(self.service.lock_dir, timeout_s=float("inf")) as lock:
            bootstrap.adopt_moved_files(self.service, lock)

    @property
    def is_whole(self) -> bool:
        return len(read_witness(self.service.witness_file).in_sync) == len(self.service.aliases)

    # ------------------------------------------------------------------------------------- what comes of it

    def outcome(self) -> str:
        """One of GOES_ON, HEALS, PROMOTE and RESTORE."""
        self.look()
        goes_on = self.write()
        for round_ in range(4):
            self.take_care()
            self.look()
            if round_ == 0:
                self.heal()
            elif self.is_whole and self.write():
                self.take_care()
                self.look()
                assert_copies_equal(self.service.name)
                return GOES_ON if goes_on else HEALS
            if round_ == 1:
                self.restart()
            if round_ == 2:
                with suppress(Unavailable):
                    self.maintenance.scrub()
        assert not goes_on, "it went on, and then it refused"
        assert not status(self.service).is_whole
        return PROMOTE if self._promote() else RESTORE

    def _promote(self) -> bool:
        """Takes the copy that loses least, by the account of the command; whether there is one."""
        plans = [partial(planning.promote, alias=alias) for alias in self.service.aliases]
        possible = [(decision, plan) for plan in plans if (decision := self._planned(plan)) is not None]
        if not possible:
            return False
        decision, plan = min(possible, key=lambda each: each[0].data_loss.entries or 0)
        floor = read_witness(self.service.witness_file).floor
        execution.carry_out(decision, plan)
        assert decision.data_loss.entries == floor - decision.head, "it loses what it said"
        (kept,) = decision.keeps
        with reads.reading(self.service.name, alias=kept):
            seen = self.goods.count()
        assert self.acknowledged - seen <= decision.data_loss.entries
        self.acknowledged, self.unknown = seen, 0
        self.take_care()
        assert self.is_whole
        assert self.write()
        self.look()
        assert_copies_equal(self.service.name)
        return True

    def _planned(self, plan: Plan) -> Decision | None:
        try:
            return plan(planning.inspect(self.service))
        except Refused as error:
            if "restore a backup" not in str(error):
                raise
            return None
