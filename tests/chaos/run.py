"""One run: a store, its customers, the direct processes, the killer and the injector; then the reckoning."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.audit import CACHE_TIMEOUT_S, check_answers, check_files, check_history, is_judged
from tests.chaos.checker import Violation
from tests.chaos.chronicle import Chronicle
from tests.chaos.customers import Customer
from tests.chaos.demand import VICTIM
from tests.chaos.disks import command_bound_by_modes, small_disks
from tests.chaos.faults import Fault, Scene
from tests.chaos.file_faults import FILE_FAULTS, LONG_FAULTS, MARKER
from tests.chaos.guard_faults import GUARD_FAULTS
from tests.chaos.history import read_history
from tests.chaos.injector import Injector
from tests.chaos.killer import Direct, Killer
from tests.chaos.process_faults import KILL_AT_POINT, KILL_DIRECT, KILL_NODE, PROCESS_FAULTS
from tests.chaos.report import Report
from tests.chaos.scrubber import Scrubber
from tests.client import Client
from tests.store import CLUSTER, READY_S, Store, wait_for

CUSTOMERS = 3
LONG_S = 300.0
"""From here on a run has room for faults that last a minute."""
KILL_EVERY_S = 1.2
KILLS = tuple(Fault(name, "kill", lambda scene, target: None) for name in (KILL_NODE, KILL_DIRECT, KILL_AT_POINT))
ALL = (*KILLS, *PROCESS_FAULTS, *FILE_FAULTS, *GUARD_FAULTS, *LONG_FAULTS)


@dataclass
class Plan:
    """What is asked for."""

    seconds: float
    seed: str
    faults: Sequence[Fault]
    folder: Path
    say: Callable[[str], None]


class Run:
    """The parties of one run, from the first to the last."""

    def __init__(self, plan: Plan, store: Store, disks: frozenset[str]) -> None:
        self._plan, self._store = plan, store
        names = {fault.name for fault in plan.faults}
        self._history = plan.folder / "history"
        self._history.mkdir()
        old = plan.folder / "old"
        old.mkdir()
        rng = random.Random(f"{plan.seed}/injector")
        self._scene = Scene(store, rng, old, disks, command_bound_by_modes() is not None)
        injected = [fault for fault in plan.faults if fault not in KILLS]
        if plan.seconds < LONG_S:
            injected = [fault for fault in injected if fault not in LONG_FAULTS]
        self._scrubber = Scrubber(store, plan.folder / "scrubber.log")
        self._injector = Injector(self._scene, injected, rng, plan.say, self._scrubber.scrub)
        self._direct = Direct(store, self._history, plan.seed, is_doomed=KILL_AT_POINT in names)
        self._killer = Killer(
            self._scene, self._direct, plan.seed, sorted(names & {KILL_NODE, KILL_DIRECT}), KILL_EVERY_S
        )
        self._chronicle = Chronicle(store, "catalog")
        self._customers = [
            Customer(store, self._history, number, plan.seed, reads=0.4) for number in range(1, CUSTOMERS + 1)
        ]
        self._given = 0
        self._injector.progress = self._progress

    def carry_out(self) -> Report:
        self._begin()
        began = time.monotonic()
        try:
            self._injector.run(began + self._plan.seconds)
        finally:
            self._end()
        took = time.monotonic() - began
        violations = [Violation("the store doesn't recover", (status,)) for status in self._injector.stuck]
        return self._reckon(took, violations)

    def _progress(self) -> str:
        kills, faults = sum(self._killer.kills.values()), self._injector.done.total()
        return f"{self._chronicle.head - self._given} changes of books, {kills} kills, {faults} faults"

    def _begin(self) -> None:
        answer = Client(self._store).call(
            "PATCH", f"/api/v1/books/{VICTIM}/", {"authors": f"{MARKER.decode()} {'x' * 40}"}, as_staff=True
        )
        assert answer.status == 200, answer
        self._chronicle.look()
        self._given = self._chronicle.head
        for thread in (self._chronicle, self._killer, *self._customers):
            thread.start()
        wait_for(lambda: any(self._history.glob("direct-*")), READY_S, "the direct processes to begin")

    def _end(self) -> None:
        """No more faults; then, when all is in sync, no more customers."""
        self._plan.say("no more faults")
        # Whoever has given up silently proves nothing.
        assert self._direct.is_running, f"the direct processes have ended: see {self._history}/direct.log"
        assert all(thread.is_alive() for thread in (self._killer, *self._customers)), "somebody has given up"
        self._killer.end()
        self._scene.take_back()
        self._injector.recover()
        self._plan.say("all is in sync: no more customers")
        for customer in self._customers:
            customer.end()
        for customer in self._customers:
            customer.join(60)
        self._direct.end()
        self._scrubber.end()
        self._plan.say("all have gone")
        self._store.wait_ready()
        self._injector.recover()
        self._chronicle.end()

    def _reckon(self, seconds: float, violations: list[Violation]) -> Report:
        operations, points = read_history(self._history)
        (self._plan.folder / "faults").write_text("\n".join(self._injector.told))
        judged = [one for one in operations if is_judged(one, self._injector.doubts)]
        self._plan.say(f"checking {len(operations)} operations")
        if not violations:
            violations += check_files(self._store, self._chronicle)
            violations += check_history(judged, self._chronicle.entries, self._given)
            violations += check_answers(self._store, operations, random.Random(self._plan.seed), self._plan.say)
        return Report(
            self._plan.seed,
            seconds,
            operations,
            self._killer.kills | {"kill-supervisor": self._injector.done["kill-supervisor"]},
            points,
            self._injector.done,
            sum(self._injector.done[fault.name] for fault in (*FILE_FAULTS, *LONG_FAULTS)),
            self._injector.skipped,
            self._injector.refused,
            len(operations) - len(judged),
            violations,
        )


def run(plan: Plan) -> Report:
    """Carries the plan out in its folder, which must be empty."""
    data = plan.folder / "var"
    environment = {
        "BOOKSTORE_SCRUB_EVERY_S": "5",
        # Few enough to be dropped all the time, enough for the chronicle to keep up.
        "BOOKSTORE_LOG_KEEP": "500",
        "BOOKSTORE_CACHE_TIMEOUT_S": str(CACHE_TIMEOUT_S),
    }
    with (
        small_disks(data) as disks,
        Store(data, environment=environment, command=command_bound_by_modes() or CLUSTER) as store,
    ):
        return Run(plan, store, disks).carry_out()
