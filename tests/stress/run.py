"""One run: a store of one kind, on a bad network, read and written until time is up; then every answer is checked."""

import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from bookstore_project.nodes.ticking import nothing_more
from tests.chaos.audit import (
    check_history,
    ledger_gaps,
    order_gaps,
    return_gaps,
    unequal_files,
    wait_until_swept,
)
from tests.chaos.checker import Violation
from tests.chaos.customers import Actor
from tests.chaos.faults import ALIASES, Scene
from tests.chaos.history import read_history
from tests.chaos.killer import Killer
from tests.chaos.log_recorder import LogRecorder
from tests.chaos.process_faults import KILL_NODE
from tests.chaos.run import Begin, not_telling
from tests.chaos.servers import Servers, servers
from tests.redis import RedisServer
from tests.store import READY_S, Store
from tests.stress.actors import Reader, Writer, fronts_of
from tests.stress.fault_schedule import FaultSchedule, cut_off, draw_faults, unreachable_by
from tests.stress.network import Network, Way
from tests.stress.report import Result, count_overlaps
from tests.stress.topics import check_topics
from tests.stress.wiring import sitecustomize
from tests.waiting import PATIENCE_S, wait_for

FULL, PUSH = "full", "push"
"""Values of BOOKSTORE_COHERENCE: the second one waits for nobody, and is known to show what is stale."""
LRU, REDIS = BACKENDS = ("lru", "redis")
CACHE, CACHE_ADDRESS = "cache", "cache.test:6379"
"""The shared cache, as an actor and as the fronts know it; the way there begins at a wire."""
SAVED_AFTER, RESTORED_AFTER = 0.4, 0.7
"""Shares of the time, after which a snapshot of the shared cache is taken, and put in its place."""
WIRED = {"DJANGO_SETTINGS_MODULE": "tests.stress.wired"}
"""Of a store whose processes are forked: Python has begun before them, and asks nobody on PYTHONPATH any more."""
READERS, WRITERS = 4, 8
LEASE_S = 1.0
"""Short, so that a run holds many of them."""
KILL_EVERY_S = 2.0
LONGER = 200
"""Times as long as planned a run goes on, at most, until it proves something."""
STEP_S = 1.0
LOOKED_AT_S = 0.3
"""How long readers look at what was changed behind the fronts' backs."""


@dataclass(frozen=True)
class Variant:
    """Of a store: how many fronts, which cache, and how it is kept coherent."""

    fronts: int
    backend: str = LRU
    coherence: str = FULL

    def __str__(self) -> str:
        fronts = "1 front" if self.fronts == 1 else f"{self.fronts} fronts"
        return f"{fronts}, {self.backend}, {self.coherence}"


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    variant: Variant
    seconds: float
    seed: str
    folder: Path
    """Empty, or not there yet."""
    say: Callable[[str], None]
    begin: Begin = not_telling
    prepared: Path | None = None
    """A data folder to begin with a copy of."""
    writers: int = WRITERS
    overlaps: float = 0.0
    """Reads that have to overlap a write before the run ends; with none of them it ends when its time is up."""
    is_on_servers: bool = False
    """The rows are on PostgreSQL, on a new primary and its standby."""
    is_forked: bool = False
    """As stores of tests are (`tests/loaded.py`), with quick logins."""


def run(plan: Plan) -> Result:
    """Carries the plan out. Whatever was started has ended when it returns or raises."""
    plan.folder.mkdir(exist_ok=True)
    plan.begin("starting the store", nothing_more)
    with (
        RedisServer() if plan.variant.backend == REDIS else nullcontext() as cache,
        servers() if plan.is_on_servers else nullcontext() as both,
    ):
        return _run(plan, cache, both)


def _run(plan: Plan, cache: RedisServer | None, both: Servers | None) -> Result:
    store = Store(plan.folder / "var", fronts=plan.variant.fronts, prepared=plan.prepared, is_forked=plan.is_forked)
    store.environment |= {
        "BOOKSTORE_COHERENCE": plan.variant.coherence,
        "BOOKSTORE_LEASE_S": str(LEASE_S),
    }
    if both is not None:
        store.environment["BOOKSTORE_DATABASE_URL"] = both.primary.url
    calls, sockets = calls_between(fronts_of(store)), {}
    if cache is not None:
        store.environment["BOOKSTORE_CACHE_URL"] = f"redis://{CACHE_ADDRESS}"
        calls += [(front, CACHE) for front in fronts_of(store)]
        sockets[CACHE] = cache.socket
    with Network(calls, {**store.addresses, CACHE: CACHE_ADDRESS}, plan.seed, sockets) as network:
        store.environment |= WIRED | routes(network) if plan.is_forked else wiring(network)
        with store:
            schedule = FaultSchedule(network, draw_faults(plan.seed, calls, plan.seconds, LEASE_S))
            return _Run(plan, store, network, schedule, cache, both).carry_out()


def calls_between(fronts: Sequence[str]) -> list[Way]:
    """Who of the nodes calls whom."""
    catalogs, orders = ALIASES[:2], ALIASES[2:]
    calls = [(front, replica) for front in fronts for replica in ALIASES]
    calls += [(catalog, front) for front in fronts for catalog in catalogs]
    calls += [(order, catalog) for order in orders for catalog in catalogs]
    return calls


def wiring(network: Network) -> dict[str, str]:
    """What to add to a store's environment, so that its nodes find each other through the network."""
    return {"PYTHONPATH": str(Path(sitecustomize.__file__).parent)} | routes(network)


def routes(network: Network) -> dict[str, str]:
    """The same for a store that has `WIRED`."""
    return {sitecustomize.VARIABLE: json.dumps(network.routes())}


class _Run:
    """The actors of one run, from the first to the last."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        network: Network,
        schedule: FaultSchedule,
        cache: RedisServer | None,
        both: Servers | None,
    ) -> None:
        self._plan, self._store, self._network, self._schedule, self._cache = plan, store, network, schedule, cache
        self._history = plan.folder / "history"
        self._history.mkdir()
        self._scene = Scene(store, random.Random(plan.seed), plan.folder, servers=both)
        # Replicas most of all, and a front now and then if there are others.
        doomed = [*ALIASES, *ALIASES, *fronts_of(store)[1:][-1:]]
        self._killer = Killer(self._scene, None, plan.seed, [KILL_NODE], KILL_EVERY_S, doomed)
        self._recorder = LogRecorder(store, "catalog")
        self._writers = [Writer(store, self._history, number, plan.seed) for number in range(1, plan.writers + 1)]
        self._readers = self._make_readers(1)
        self._witness = Reader(store, self._history, 0, plan.seed)
        self._healed = 0.0
        self._clerk = Writer(store, self._history, 0, plan.seed)

    def _make_readers(self, first: int) -> list[Reader]:
        return [Reader(self._store, self._history, first + n, self._plan.seed) for n in range(READERS)]

    def carry_out(self) -> Result:
        self._recorder.look()
        given = self._recorder.head
        began = time.monotonic()
        self._plan.begin(f"{self._plan.seconds:.0f} s of stress", self._progress)
        for thread in (self._recorder, self._killer, self._schedule, *self._writers, *self._readers):
            thread.start()
        _sleep_until(began + self._plan.seconds * SAVED_AFTER)
        snapshot = self._cache.save() if self._cache else b""
        _sleep_until(began + self._plan.seconds * RESTORED_AFTER)
        if self._cache:
            self._cache.restore(snapshot)
            self._plan.say("the shared cache is what it was a while ago")
        _sleep_until(began + self._plan.seconds)
        while not self._is_enough() and time.monotonic() < began + LONGER * self._plan.seconds:
            _sleep_until(time.monotonic() + STEP_S)
        self._end()
        return self._reckon(time.monotonic() - began, given)

    def _progress(self) -> str:
        writes, reads = (sum(actor.done for actor in actors) for actors in (self._writers, self._readers))
        return f"{writes} writes, {reads} reads, {self._schedule.begun.total()} faults, {self._kills} kills"

    def _is_enough(self) -> bool:
        """Whether the run proves something: on a slow machine, that takes longer."""
        if not self._plan.overlaps:
            return True
        met = count_overlaps(read_history(self._history)[0])
        has_worked = self._kills > 0 and self._network.held.total() > 0 and not self._network.silent()
        return has_worked and met >= self._plan.overlaps

    @property
    def _kills(self) -> int:
        return sum(self._killer.kills.values())

    def _end(self) -> None:
        """The network heals; then come two acts that tell a good store from a bad one on the slowest machine."""
        self._plan.begin("no more faults: all has to recover", self._progress)
        # Whoever has given up silently proves nothing.
        actors = (*self._writers, *self._readers)
        assert all(thread.is_alive() for thread in (self._killer, *actors)), "somebody has given up"
        self._killer.end()
        self._schedule.end()
        self._healed = time.monotonic()
        self._dismiss(actors)  # Nodes start slowly beside them.
        self._store.wait_ready()
        wait_for(self._scene.all_in_sync, READY_S, "both copies of each service in sync")
        self._cut_off_the_fronts()
        self._make_the_fronts_unreachable()
        self._witness.close()
        self._clerk.close()
        self._recorder.end()

    def _dismiss(self, actors: Sequence[Actor]) -> None:
        for actor in actors:
            actor.end()
        for actor in actors:
            actor.join(PATIENCE_S)
            assert not actor.is_alive(), f"{actor.name} still waits for an answer"

    def _cut_off_the_fronts(self) -> None:
        """Books are sold while no front hears of it, nor can ask, and readers go on: leases have to end in time."""
        trouble = cut_off("", calls_between(fronts_of(self._store)))
        readers = self._make_readers(READERS + 1)
        for reader in readers:
            reader.start()
        self._witness.look_everywhere()
        self._network.begin(trouble)
        self._clerk.buy_everything()
        time.sleep(LOOKED_AT_S)
        self._network.take_back([trouble])
        self._dismiss(readers)

    def _make_the_fronts_unreachable(self) -> None:
        """Books change while pushes don't arrive: who trusts pushes alone shows what was before."""
        unreachable = unreachable_by(
            call for call in calls_between(fronts_of(self._store)) if call[0].startswith("catalog")
        )
        self._witness.look_everywhere()
        self._network.begin(unreachable)
        self._clerk.change_everything()
        self._witness.look_everywhere()
        self._network.take_back([unreachable])
        self._witness.look_everywhere()

    def _reckon(self, seconds: float, given: int) -> Result:
        operations, _ = read_history(self._history)
        kills = [f"{one.began:.6f} {one.what}" for one in self._killer.struck]
        (self._plan.folder / "faults").write_text("\n".join(sorted(self._schedule.told + kills)))
        self._plan.begin(f"reckoning up {len(operations)} operations", nothing_more)
        wait_until_swept(self._store)
        entries = self._recorder.entries
        violations = check_history(operations, entries, given) + check_topics(operations, entries)
        for check in (unequal_files, ledger_gaps, order_gaps, return_gaps):
            violations.extend(Violation(what) for what in check(self._store))
        return Result(
            str(self._plan.variant),
            seconds,
            operations,
            self._healed,
            self._schedule.begun,
            self._network.delayed.total(),
            self._network.lost.total(),
            self._network.held.total(),
            self._kills,
            frozenset(self._network.silent()),
            violations,
        )


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
