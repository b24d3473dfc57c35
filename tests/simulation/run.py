"""One run: a store is put in place, used, broken and mended, and judged, as a seed decides."""

import hashlib
import json
import random
import shutil
from collections.abc import Sequence, Set
from functools import cached_property, partial
from pathlib import Path

from tests.chaos import audit
from tests.chaos.checker import Violation
from tests.chaos.data_loss import Judged, settle_losses
from tests.chaos.history import Operation, read_history
from tests.chaos.log_recorder import LogRecorder
from tests.databases import SERVICES, dump, files, rows_of_both
from tests.simulation import customers, disk, preparing, primitives
from tests.simulation.customers import SimulatedStore
from tests.simulation.defects import Defects
from tests.simulation.faults import Faults
from tests.simulation.file_faults import FileFaults
from tests.simulation.following import Following
from tests.simulation.invariants import Invariants, Look
from tests.simulation.link import Message
from tests.simulation.outage import Outage
from tests.simulation.plan import Plan, Wish
from tests.simulation.processes import Process
from tests.simulation.recovery import Recovery
from tests.simulation.report import Report, mix_of
from tests.simulation.simulator import MS, S, Simulator, addresses_of
from tests.simulation.watching import Watcher

PAUSES_S = (0.003, 0.01, 0.03, 0.1)
"""Of a customer between two operations, the longest."""
HEALED_WITHIN_NS = 60 * S
MENDED_WITHIN_NS = 600 * S
"""With an operator's help, of both services."""
LOOK_EVERY_NS = 200 * MS
CHECK_EVERY_NS = 60 * MS
"""At most."""


class Wishes(Watcher):
    """Hears what customers ask for."""

    def __init__(self) -> None:
        self.heard: list[Wish] = []

    def wish(self, at_ns: int, customer: str, what: str) -> None:
        if what.startswith("{"):
            self.heard.append(Wish.unpacked(json.loads(what)))


def put_in_place(prepared: Path, data: Path) -> None:
    """A copy of that store, on a machine that has just been started."""
    history = data.with_name("history")
    for folder in (data, history):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(prepared, data)
    history.mkdir()
    primitives.set_wall_clock(0)
    primitives.forget_ends()
    primitives.set_booted(primitives.EPOCH_NS)


class Run:
    """A store, its customers, and what happens to it."""

    def __init__(self, plan: Plan, prepared: Path, data: Path, watchers: Sequence[Watcher] = ()) -> None:
        from bookstore_project.settings import topology

        self._plan, self._folder = plan, data.with_name("history")
        put_in_place(prepared, data)
        disk.watch(is_wished=False)
        preparing.acquaint()
        self._store = SimulatedStore.of(data)
        self._invariants = Invariants(self._store.as_store())
        self._wishes = Wishes()
        self._following, self._defects = Following(), Defects()
        self._simulator = Simulator(plan.seed, (self._wishes, self._following, self._defects, *watchers))
        self._simulator.forks = list(plan.forks)
        self._simulator.addresses = addresses_of(topology.NODES)
        self._nodes = list(topology.NODES)
        self._faults = Faults(self._simulator, self._nodes, plan)
        self._recorders = {name: LogRecorder(self._store.as_store(), name) for name in SERVICES}
        self._looks = {name: Look(self._store.as_store(), one) for name, one in self._recorders.items()}
        self._recovery = Recovery(
            self._simulator, self._nodes, self._store.as_store(), self._recorders, self._given_up
        )
        self._files = FileFaults(self._simulator, self._store, self._faults.calm, self._recorders)
        self._faults.files = self._files
        self._outage = self._faults.outage = Outage(self._simulator, self._nodes, data)
        disk.watch(is_wished=self._faults.may_strike_disks)
        self._found: list[Violation] = []
        self._is_over = self._is_judged = False
        self._waiting: tuple[Process, Message] | None = None

    def carry_out(self) -> Report:
        """Raises Stuck."""
        simulator = self._simulator
        simulator.on_item["phase"] = self._phase
        simulator.on_item["judged"] = self._judged
        try:
            for name in self._nodes:
                simulator.start_node(name)
            simulator.run_until(lambda: all(simulator.processes[name].is_serving for name in self._nodes))
            if self._faults.may_strike_files:
                self._mark()
            self._look()
            self._check()
            given = self._recorders["catalog"].head
            arguments = (self._store, self._folder, self._plan.seed, self._wanted())
            simulator.start("customers", customers.shop, *arguments)
            self._faults.begin()
            simulator.run_until(lambda: self._is_over)
            self._faults.heal()
            self._see_through_files()
            if not simulator.run_until(self._recovery.is_healed, HEALED_WITHIN_NS):
                self._found.append(Violation("the store isn't whole again within its time"))
            if self._waiting is not None:
                process, item = self._waiting
                process.bring(("reply", item[1], tuple(sorted(self._given_up())), item[2]), item[2])
            simulator.run_until(lambda: self._is_judged)
            # Who asked once more may have found what a fault has left; or the sweeper is in the middle of a write.
            if not simulator.run_until(self._recovery.is_at_rest, HEALED_WITHIN_NS):
                self._found.append(Violation("the store doesn't come to rest within its time"))
            return self._report(given)
        finally:
            simulator.end()

    def _wanted(self) -> customers.Wanted:
        if self._plan.wishes is not None:
            return partial(customers.wishing, self._plan.wishes)
        pause_s = random.Random(f"{self._plan.seed}/pause").choice(PAUSES_S)
        return partial(customers.drawing, self._plan.operations, pause_s, mix_of(self._plan))

    def _mark(self) -> None:
        """Has the book that is damaged now and then say so: it is found by that in the file."""
        over: list[Message] = []
        self._simulator.on_item["marked"] = lambda process, item: over.append(item)
        process = self._simulator.start("staff", customers.mark, self._store)
        self._simulator.run_until(lambda: bool(over))
        process.kill()

    def _see_through_files(self) -> None:
        for service in SERVICES if self._files.done else ():
            self._files.see_through(service)
        if not self._simulator.run_until(lambda: self._files.is_at_rest, MENDED_WITHIN_NS):
            self._found.append(Violation("the operator doesn't get it mended"))
        self._faults.heal()
        self._found += [Violation("the store doesn't recover", (status,)) for status in self._files.stuck]
        self._found += [Violation("the store doesn't start again", (why,)) for why in self._outage.failed]

    @cached_property
    def _operations(self) -> list[Operation]:
        """All of them: asked for once the customers have ended."""
        return read_history(self._folder)[0]

    def _settled(self) -> Judged:
        """What is to be judged by the history that counts."""
        judged = [one for one in self._operations if audit.is_judged(one, self._files.doubts)]
        catalog = self._recorders["catalog"]
        catalog.look()
        return settle_losses(judged, self._files.decisions, catalog.entries, catalog.given_up)

    def _given_up(self) -> Set[str]:
        """Orders that an operator has given up."""
        return self._settled().orders_given_up

    def _phase(self, process: Process, item: Message) -> None:
        self._is_over, self._waiting = True, (process, item)

    def _judged(self, process: Process, item: Message) -> None:
        self._is_judged = True
        self._found += [Violation(what, tuple(evidence)) for what, evidence in item[3]]

    def _look(self) -> None:
        for name, look in self._looks.items():
            if name not in self._files.held:
                look.take(self._outage.cuts)
        self._simulator.after(LOOK_EVERY_NS, self._look)

    def _check(self) -> None:
        """What has to be true at every moment: told once, since it mostly stays so."""
        wrong = self._invariants.first_broken(self._files.damaged, self._outage.cuts)
        if wrong is not None:
            self._found.append(wrong)
        else:
            self._simulator.after(int(random.Random(self._simulator.turns).random() * CHECK_EVERY_NS), self._check)

    def _report(self, given: int) -> Report:
        operations = self._operations
        store, settled = self._store.as_store(), self._settled()
        catalog, given_up = self._recorders["catalog"], settled.orders_given_up
        # The model knows neither other files than those that were written, nor commits that the power takes back.
        is_beyond = self._faults.may_strike_files or self._faults.may_strike_disks
        followed = [] if is_beyond else self._following.found
        found = [
            *self._found,
            *followed,
            *self._defects.found,
            *settled.violations,
            *audit.check_history(settled.operations, catalog.entries, given),
        ]
        gaps = [*audit.order_gaps(store, given_up), *audit.return_gaps(store, given_up)]
        unequal = audit.unequal_files(store, rows_of_both)  # Nobody's turn it is: there is no lock to wait for.
        found += [Violation(what) for what in (*unequal, *audit.ledger_gaps(store), *gaps)]
        found += audit.log_gaps(store, catalog)
        return Report(
            self._plan.spelled_out(self._wishes.heard, self._faults.made),
            self._digest(operations),
            self._simulator.turns,
            operations,
            self._faults.struck,
            self._faults.pairs,
            found,
            (self._simulator.now_ns - primitives.EPOCH_NS) / S,
        )

    def _digest(self, operations: Sequence[Operation]) -> str:
        """Of all turns, answers, positions, and what the files hold."""
        digest = hashlib.blake2b(self._simulator.digest.encode(), digest_size=16)
        for operation in operations:
            digest.update(repr(operation).encode())
        for service in SERVICES:
            for path in files(self._store.as_store(), service):
                digest.update(repr(sorted(dump(path).items())).encode())
        return digest.hexdigest()
