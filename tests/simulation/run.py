"""One run: a store is put in place, used, broken and mended, and judged, as a seed decides."""

import hashlib
import json
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.backend.base import identity_of
from bookstore_project.replication.sqlite_pair.membership.witness import create_witness, read_witness
from tests.chaos import audit
from tests.chaos.checker import Violation
from tests.chaos.history import Operation, read_history
from tests.chaos.log_recorder import LogRecorder
from tests.databases import SERVICES, dump, files, is_whole
from tests.simulation import customers, node, primitives
from tests.simulation.customers import SimulatedStore
from tests.simulation.faults import Faults
from tests.simulation.link import Message
from tests.simulation.plan import Plan, Wish
from tests.simulation.processes import Process
from tests.simulation.simulator import MS, S, Simulator, addresses_of
from tests.simulation.watching import Watcher

CUSTOMERS = 6
PAUSES_S = (0.01, 0.03, 0.1, 0.3)
"""Of a customer between two operations, the longest."""
HEALED_WITHIN_NS = 60 * S
TOLD = 5
"""Of a run's violations: the first ones. What follows is mostly the same again."""
LOOK_EVERY_NS = 200 * MS
LOOK_EVERY_TURNS = 200


@dataclass
class Report:
    """What came of a run."""

    plan: Plan
    """Spelled out."""
    digest: str = ""
    turns: int = 0
    operations: Sequence[Operation] = ()
    struck: Counter[str] = field(default_factory=Counter)
    """Faults by kind."""
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Of faults that met: the kind of the one that lasted, and of the one that struck."""
    violations: list[Violation] = field(default_factory=list)
    simulated_s: float = 0.0


def prepare(data: Path) -> None:
    """Makes a store that is ready to sell from, always the same one."""
    simulator = Simulator("prepare")
    process = simulator.start("prepare", node.prepare)
    over: list[Message] = []
    simulator.on_item["prepared"] = lambda process, item: over.append(item)
    try:
        simulator.run_until(lambda: bool(over))
    finally:
        process.kill()


def acquaint() -> None:
    """Has the witnesses know the files in the data folder, which are copies of those that they knew."""
    for name in SERVICES:
        service = get_service(name)
        node.forget_witnesses()
        known = read_witness(service.witness_file)
        records = {
            alias: replace(
                record, identity=identity_of(str(replication_settings.files[alias])), written_ns=None, wal=""
            )
            for alias, record in known.files.items()
        }
        create_witness(service.witness_file, replace(known, files=records))
    node.forget_witnesses()


class Wishes(Watcher):
    """Hears what customers ask for."""

    def __init__(self) -> None:
        self.heard: list[Wish] = []

    def wish(self, at_ns: int, customer: str, what: str) -> None:
        if what.startswith("{"):
            self.heard.append(Wish.unpacked(json.loads(what)))


class Run:
    """A store, its customers, and what happens to it."""

    def __init__(self, plan: Plan, prepared: Path, data: Path, watchers: Sequence[Watcher] = ()) -> None:
        from bookstore_project.settings import topology

        self._plan = plan
        for folder in (data, data.with_name("history")):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prepared, data)
        acquaint()
        self._folder = data.with_name("history")
        self._folder.mkdir()
        password = (data / "staff-password").read_text().strip()
        addresses = {name: one.address for name, one in topology.NODES.items()}
        self._store = SimulatedStore(data, addresses, ("staff", password))
        self._wishes = Wishes()
        self._simulator = Simulator(plan.seed, (self._wishes, *watchers))
        self._simulator.forks = list(plan.forks)
        self._simulator.addresses = addresses_of(topology.NODES)
        self._nodes = list(topology.NODES)
        self._faults = Faults(self._simulator, self._nodes, plan)
        self._recorders = {name: LogRecorder(self._store.as_store(), name) for name in SERVICES}
        self._found: list[Violation] = []
        self._is_over = self._is_judged = False
        self._looks_at = 0
        self._waiting: tuple[Process, Message] | None = None

    def carry_out(self) -> Report:
        """Raises Stuck."""
        simulator = self._simulator
        simulator.on_item["phase"] = self._phase
        simulator.on_item["judged"] = self._judged
        try:
            for name in self._nodes:
                simulator.start(name, node.serve, name)
            simulator.run_until(lambda: all(simulator.processes[name].is_serving for name in self._nodes))
            self._look()
            given = self._recorders["catalog"].head
            arguments = (self._store, self._folder, self._plan.seed, self._wanted())
            simulator.start("customers", customers.shop, *arguments)
            self._faults.begin()
            simulator.run_until(lambda: self._is_over)
            self._faults.heal()
            if not simulator.run_until(self._is_healed, HEALED_WITHIN_NS):
                self._found.append(Violation("the store isn't whole again within its time"))
            if self._waiting is not None:
                process, item = self._waiting
                process.bring(("reply", item[1], (), item[2]), item[2])
            simulator.run_until(lambda: self._is_judged)
            return self._report(given)
        finally:
            simulator.end()

    def _wanted(self) -> customers.Wanted:
        if self._plan.wishes is not None:
            return partial(customers.wishing, self._plan.wishes)
        pause_s = random.Random(f"{self._plan.seed}/pause").choice(PAUSES_S)
        return partial(customers.drawing, CUSTOMERS, self._plan.operations, pause_s)

    def _phase(self, process: Process, item: Message) -> None:
        self._is_over, self._waiting = True, (process, item)

    def _judged(self, process: Process, item: Message) -> None:
        self._is_judged = True
        self._found += [Violation(what, tuple(evidence)) for what, evidence in item[3]]

    def _look(self) -> None:
        for recorder in self._recorders.values():
            recorder.look()
        self._simulator.after(LOOK_EVERY_NS, self._look)

    def _is_healed(self) -> bool:
        """Looked at now and then."""
        if self._simulator.turns < self._looks_at:
            return False
        self._looks_at = self._simulator.turns + LOOK_EVERY_TURNS
        store = self._store.as_store()
        return is_whole(store) and not [*audit.order_gaps(store), *audit.return_gaps(store)]

    def _report(self, given: int) -> Report:
        operations, _ = read_history(self._folder)
        store = self._store.as_store()
        catalog = self._recorders["catalog"]
        for recorder in self._recorders.values():
            recorder.look()
        found = [*self._found, *audit.check_history(operations, catalog.entries, given)]
        for check in (audit.unequal_files, audit.ledger_gaps, audit.order_gaps, audit.return_gaps):
            found += [Violation(what) for what in check(store)]
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


def describe(report: Report) -> list[str]:
    """The report, as lines."""
    kinds: dict[str, int] = {}
    for operation in report.operations:
        name = f"{operation.asked.kind} {operation.outcome}"
        kinds[name] = kinds.get(name, 0) + 1
    lines = [
        f"seed {report.plan.seed}: {len(report.operations)} operations in {report.simulated_s:.1f} simulated seconds,"
        f" {report.turns} turns",
        f"  {', '.join(f'{count} {name}' for name, count in sorted(kinds.items()))}",
        f"  faults: {', '.join(f'{count} {name}' for name, count in sorted(report.struck.items())) or 'none'}",
    ]
    lines += [f"  VIOLATION: {found}" for found in report.violations[:TOLD]]
    if (more := len(report.violations) - TOLD) > 0:
        lines.append(f"  and {more} more")
    return [*lines, f"  digest {report.digest}"]
