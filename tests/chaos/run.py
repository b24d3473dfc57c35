"""One run: a store, its customers, the direct processes, the killer and the injector; then the reckoning."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bookstore_project.nodes.ticking import nothing_more
from tests.chaos.audit import CACHE_TIMEOUT_S, check_answers, check_files, check_history, check_scrub, is_judged
from tests.chaos.checker import Violation
from tests.chaos.coordination_faults import COORDINATION_FAULTS
from tests.chaos.customers import LONGEST_PAUSE_S, Customer
from tests.chaos.data_loss import settle_losses
from tests.chaos.demand import VICTIM
from tests.chaos.faults import Fault, Scene, Struck
from tests.chaos.file_faults import FILE_FAULTS, LONG_FAULTS, MARKER
from tests.chaos.history import Operation, read_history
from tests.chaos.injector import Injector
from tests.chaos.killer import Direct, Killer
from tests.chaos.log_recorder import LogRecorder
from tests.chaos.operator import Operator
from tests.chaos.pairs import Pairs, for_pairs
from tests.chaos.process_faults import KILL_AT_POINT, KILL_DIRECT, KILL_NODE, PROCESS_FAULTS, STOP_LOCK_HOLDER
from tests.chaos.report import Report
from tests.chaos.scrubber import Scrubber
from tests.chaos.server_faults import SERVER_FAULTS
from tests.chaos.servers import Servers
from tests.chaos.small_disks import command_bound_by_modes, small_disks
from tests.client import Client
from tests.store import CLUSTER, QUICK_LOGINS, READY_S, Store
from tests.waiting import PATIENCE_S, wait_for

CUSTOMERS = 3
LONG_S = 300.0
"""From here on a run has room for faults that last a minute."""
KILL_EVERY_S = 1.2
LONGER = 200
STEP_S = 1.0
PAIRS = 0.15
KILLS = tuple(Fault(name, "kill", lambda scene, target: None) for name in (KILL_NODE, KILL_DIRECT, KILL_AT_POINT))
ALL = (*KILLS, *PROCESS_FAULTS, *FILE_FAULTS, *COORDINATION_FAULTS, *LONG_FAULTS)
ON_SERVERS = (*KILLS, *(fault for fault in PROCESS_FAULTS if fault.name != STOP_LOCK_HOLDER), *SERVER_FAULTS)
"""What can befall a store on PostgreSQL, in place of all the others."""


Begin = Callable[[str, Callable[[], str]], None]


def not_telling(what: str, progress: Callable[[], str]) -> None:
    """Nobody is waiting."""


@dataclass
class Plan:
    """What is asked for."""

    seconds: float
    seed: str
    faults: Sequence[Fault]
    folder: Path
    say: Callable[[str], None]
    customers: int = CUSTOMERS
    """At the front, at once."""
    pairs: float = PAIRS
    """So many of the faults come in pairs, of two files, or twice of one."""
    begin: Begin = not_telling
    """Told which part comes now, and who knows how far it is."""
    prepared: Path | None = None
    """A data folder to begin with a copy of."""
    longest_pause_s: float = LONGEST_PAUSE_S
    """Between two things that an actor asks for."""
    servers: Servers | None = None
    """Which have the rows, in place of files."""
    is_forked: bool = False
    """Their store is as stores of tests are (`tests/loaded.py`), with quick logins."""
    is_enough: Callable[[Report], bool] = lambda report: True
    """Whether the run proves something; until then it goes on, up to LONGER times as long."""


class Run:
    """The actors of one run, from the first to the last."""

    def __init__(self, plan: Plan, store: Store, disks: frozenset[str]) -> None:
        self._plan, self._store = plan, store
        names = {fault.name for fault in plan.faults}
        self._history = plan.folder / "history"
        self._history.mkdir()
        old = plan.folder / "old"
        old.mkdir()
        rng = random.Random(f"{plan.seed}/injector")
        self._scene = Scene(store, rng, old, disks, command_bound_by_modes() is not None, plan.servers)
        injected = [fault for fault in plan.faults if fault not in KILLS]
        if plan.seconds < LONG_S:
            injected = [fault for fault in injected if fault not in LONG_FAULTS]
        self._scrubber = Scrubber(store, plan.folder / "scrubber.log")
        self._recorder = LogRecorder(store, "catalog")
        self._operator = Operator(self._scene, plan.say, self._scrubber.manage, self._held)
        pairs = Pairs(
            self._scene,
            for_pairs(injected),
            random.Random(f"{plan.seed}/pairs"),
            plan.say,
            self._scrubber.scrub,
            self._operator,
            plan.pairs,
        )
        self._injector = Injector(self._scene, injected, rng, plan.say, self._scrubber.scrub, pairs)
        is_doomed = KILL_AT_POINT in names
        self._direct = Direct(store, self._history, plan.seed, plan.longest_pause_s, is_doomed=is_doomed)
        self._killer = Killer(
            self._scene, self._direct, plan.seed, sorted(names & {KILL_NODE, KILL_DIRECT}), KILL_EVERY_S
        )
        self._customers = [
            Customer(store, self._history, number, plan.seed, reads=0.4) for number in range(1, plan.customers + 1)
        ]
        for customer in self._customers:
            customer.longest_pause_s = plan.longest_pause_s
        self._given = 0
        self._until = float("inf")

    def carry_out(self) -> Report:
        self._begin()
        began = time.monotonic()
        self._until = began + self._plan.seconds
        self._plan.begin(f"{self._plan.seconds:g} s of chaos", self._progress)
        try:
            self._injector.run(self._until)
            while not self._injector.stuck and not self._is_enough(began + LONGER * self._plan.seconds):
                self._injector.run(time.monotonic() + STEP_S)
            self._end()
        except BaseException:
            self._abandon()
            raise
        took = time.monotonic() - began
        violations = [Violation("the store doesn't recover", (status,)) for status in self._injector.stuck]
        return self._reckon(took, violations)

    def _is_enough(self, at_last: float) -> bool:
        return time.monotonic() > at_last or self._plan.is_enough(self._report(0, *read_history(self._history)))

    def _held(self, service: str) -> AbstractContextManager[Callable[[int], None]]:
        """The catalog's log is written down; the order service's isn't."""
        return self._recorder.held() if service == self._recorder.service else nullcontext(lambda position: None)

    def _progress(self) -> str:
        kills = sum(self._killer.kills.values())
        faults = self._injector.done.total() + 2 * len(self._injector.pairs.drawn)
        told = f"{self._recorder.head - self._given} changes of books, {kills} kills, {faults} faults"
        return f"{told}; time is up, the last fault is seen through" if time.monotonic() > self._until else told

    def _begin(self) -> None:
        answer = Client(self._store).call(
            "PATCH", f"/api/v1/books/{VICTIM}/", {"authors": f"{MARKER.decode()} {'x' * 40}"}, as_staff=True
        )
        assert answer.status == 200, answer
        self._recorder.look()
        self._given = self._recorder.head
        for thread in (self._recorder, self._killer, *self._customers):
            thread.start()
        wait_for(lambda: any(self._history.glob("direct-*")), READY_S, "the direct processes to begin")

    def _end(self) -> None:
        """No more faults; then, when all is in sync, no more customers."""
        self._until = float("inf")
        self._plan.begin("no more faults: all has to recover", self._progress)
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
            customer.join(PATIENCE_S)
        self._direct.end()
        self._scrubber.end()
        self._plan.say("all have gone")
        self._store.wait_ready()
        self._injector.recover()
        self._recorder.end()

    def _abandon(self) -> None:
        """Whoever works on the store leaves it at once, so that it can be stopped."""
        self._scene.take_back()
        for worker in (self._direct, self._scrubber):
            worker.kill()

    def _reckon(self, seconds: float, violations: list[Violation]) -> Report:
        operations, points = read_history(self._history)
        (self._plan.folder / "faults").write_text("\n".join(map(str, self._struck())))
        judged = [one for one in operations if is_judged(one, self._injector.doubts)]
        self._plan.begin(f"reckoning up {len(operations)} operations", nothing_more)
        recorder = self._recorder
        settled = settle_losses(judged, self._operator.decisions, recorder.entries, recorder.given_up)
        violations += settled.violations
        if not violations:
            gone = settled.orders_given_up
            violations += check_files(self._store, recorder, gone)
            if self._plan.servers:
                violations += [Violation("a server finds damage", (told,)) for told in self._plan.servers.damage()]
            else:
                violations += check_scrub(self._store)
            violations += check_history(settled.operations, recorder.entries, self._given)
            violations += check_answers(self._store, operations, random.Random(self._plan.seed), self._plan.say, gone)
        return self._report(seconds, operations, points, len(operations) - len(judged), violations, settled.unjudged)

    def _report(
        self,
        seconds: float,
        operations: Sequence[Operation],
        points: Sequence[str],
        unjudged: int = 0,
        violations: Sequence[Violation] = (),
        given_up: int = 0,
    ) -> Report:
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
            unjudged,
            violations,
            self._injector.pairs.drawn,
            [*map(str, self._operator.decisions)],
            given_up,
            self._struck(),
        )

    def _struck(self) -> list[Struck]:
        return sorted([*self._injector.struck, *self._killer.struck], key=lambda one: one.began)


def run(plan: Plan) -> Report:
    """Carries the plan out in its folder, which must be empty."""
    data = plan.folder / "var"
    environment = {
        "BOOKSTORE_SCRUB_EVERY_S": "5",
        # Few enough to be dropped all the time, enough for the recorder to keep up.
        "BOOKSTORE_LOG_KEEP": "500",
        "BOOKSTORE_CACHE_TIMEOUT_S": str(CACHE_TIMEOUT_S),
    }
    plan.begin("starting the store", nothing_more)
    if plan.servers:
        environment["BOOKSTORE_DATABASE_URL"] = plan.servers.primary.url
        environment |= QUICK_LOGINS if plan.is_forked else {}
        with Store(data, environment=environment, is_forked=plan.is_forked) as store:
            return Run(plan, store, frozenset()).carry_out()
    with (
        small_disks(data) as disks,
        Store(
            data, environment=environment, command=command_bound_by_modes() or CLUSTER, prepared=plan.prepared
        ) as store,
    ):
        return Run(plan, store, disks).carry_out()
