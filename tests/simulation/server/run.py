"""One run of a store on simulated servers: used, broken and judged as one on two files, as a seed decides."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.chaos import audit
from tests.chaos.log_recorder import LogRecorder
from tests.databases import SERVICES, Place, files, query
from tests.simulation import disk, recovery
from tests.simulation.customers import SimulatedStore
from tests.simulation.defects import Defects
from tests.simulation.faults import Faults
from tests.simulation.network import AILMENTS
from tests.simulation.plan import Plan
from tests.simulation.report import Report
from tests.simulation.run import Run, Wishes, put_in_place
from tests.simulation.server.hosts import STRIKES, Hosts, name_of
from tests.simulation.server.preparing import SERVERS
from tests.simulation.simulator import MS, Simulator, addresses_of
from tests.simulation.watching import Watcher

ENDED_NS = 100 * MS
"""When the servers hear that a client's process is gone, at most."""
UNAVAILABLE = "bookstore_project.api.problems.Unavailable: "
NEWEST = "SELECT max(position) FROM replication_logentry"


class ServedSimulator(Simulator):
    """Servers hear of it when a node's process is gone: its kernel closes the connections."""

    hosts: Hosts

    def kill(self, name: str) -> None:
        was_alive = self.processes[name].is_alive
        super().kill(name)
        if was_alive and name not in map(name_of, SERVERS):
            self.hosts.hears_of_end(self.processes[name], int(self.chance.random() * ENDED_NS))


class ServedFaults(Faults):
    """Those of nodes and networks, and of the servers."""

    def __init__(self, simulator: ServedSimulator, nodes: Sequence[str], plan: Plan) -> None:
        super().__init__(simulator, nodes, plan)
        self._hosts = simulator.hosts

    def carry_out(self, kind: str) -> None:
        if kind in STRIKES:
            self._tell(STRIKES[kind](self._hosts, self._chance))
        elif kind == "sessions":
            self._tell(self._hosts.end_sessions(self._chance, self._nodes))
        else:
            super().carry_out(kind)

    def weaken(self, name: str) -> None:
        what, passes = AILMENTS[name](self._simulator.network, self._chance, [*self._nodes, *map(name_of, SERVERS)])
        self._tell(what)
        self._passes(passes)


class ServedDefects(Defects):
    """What can't be done for want of a server may be logged with all that led to it."""

    def log(self, at_ns: int, node: str, line: str) -> None:
        if not line.rstrip().rpartition("\n")[2].startswith(UNAVAILABLE):
            super().log(at_ns, node, line)


class ServedRecorder(LogRecorder):
    """What is on both servers is settled: whichever is lost."""

    def __init__(self, store: Any, service: str, hosts: Hosts) -> None:
        super().__init__(store, service)
        self._hosts = hosts

    def _settled(self) -> Iterator[tuple[Place, float]]:
        if self._hosts.is_whole:
            yield files(self._store, self.service)[self._hosts.standby - 1], float("inf")

    def take(self, cuts: int) -> None:
        self.look()


class Recovery(recovery.Recovery):
    """Whether both servers live, and say the same."""

    hosts: Hosts

    def is_healed(self) -> bool:
        if not self._is_due:
            return False
        self._looks_at = self._simulator.turns + recovery.LOOK_EVERY_TURNS
        if not (self.hosts.is_whole and all(self._is_up(name) for name in self._nodes)):
            return False
        given_up = self._given_up()
        gaps = [*audit.order_gaps(self._store, given_up), *audit.return_gaps(self._store, given_up)]
        return not gaps and all(
            len({query(path, NEWEST)[0] for path in files(self._store, service)}) == 1 for service in SERVICES
        )

    is_at_rest = is_healed


class ServedRun(Run):
    """A store, its servers and customers, and what happens to it."""

    def __init__(self, plan: Plan, prepared: Path, data: Path, watchers: Sequence[Watcher] = ()) -> None:
        from bookstore_project.settings import topology

        self._plan, self._folder = plan, data.with_name("history")
        put_in_place(prepared, data)
        disk.watch(is_wished=False)
        self._store = SimulatedStore.of(data)
        self._wishes, self._defects = Wishes(), ServedDefects()
        self._following: Any = SimpleNamespace(found=[])
        self._simulator = simulator = ServedSimulator(plan.seed, (self._wishes, self._defects, *watchers))
        simulator.forks = list(plan.forks)
        simulator.addresses = addresses_of(topology.NODES)
        self._nodes = list(topology.NODES)
        self._hosts = simulator.hosts = Hosts(simulator, data)
        self._faults = ServedFaults(simulator, self._nodes, plan)
        store = self._store.as_store()
        recorders = {name: ServedRecorder(store, name, self._hosts) for name in SERVICES}
        self._recorders, self._looks = recorders, recorders  # type: ignore[assignment]
        self._recovery = Recovery(simulator, self._nodes, store, recorders, self._given_up)
        self._recovery.hosts = self._hosts
        self._files: Any = SimpleNamespace(
            done={}, held=(), doubts=(), decisions=(), damaged=frozenset(), is_at_rest=True, stuck=()
        )
        self._outage: Any = SimpleNamespace(cuts=0, failed=())
        self._invariants: Any = SimpleNamespace(first_broken=lambda spared, cuts: None)
        self._found, self._is_over, self._is_judged, self._waiting = [], False, False, None

    def carry_out(self) -> Report:
        self._hosts.start()
        self._simulator.run_until(lambda: self._hosts.is_whole)
        return super().carry_out()
