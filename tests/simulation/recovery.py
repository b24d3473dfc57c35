"""Whether a store is whole again, once nothing strikes it any more."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress

from tests.chaos import audit
from tests.chaos.log_recorder import LogRecorder
from tests.databases import SERVICES, is_whole, places, query
from tests.simulation.simulator import Simulator
from tests.store import Store
from tests.writer_lock import held

NEWEST = "SELECT max(position) FROM replication_logentry"
LOOK_EVERY_TURNS = 200


class Recovery:
    """Of one run's store."""

    def __init__(
        self,
        simulator: Simulator,
        nodes: Sequence[str],
        store: Store,
        recorders: Mapping[str, LogRecorder],
        given_up: Callable[[], Set[str]],
    ) -> None:
        """`recorders`: of each service's settled log. `given_up`: the orders that an operator has."""
        self._simulator, self._nodes, self._store = simulator, nodes, store
        self._recorders, self._given_up = recorders, given_up
        self._looks_at = 0

    def is_healed(self) -> bool:
        """Looked at now and then."""
        if not self._is_due:
            return False
        self._looks_at = self._simulator.turns + LOOK_EVERY_TURNS
        given_up = self._given_up()
        if not all(self._is_up(name) for name in self._nodes):
            return False
        with suppress(sqlite3.Error):
            gaps = [*audit.order_gaps(self._store, given_up), *audit.return_gaps(self._store, given_up)]
            return is_whole(self._store) and not gaps and self._is_nothing_in_doubt()
        return False

    def is_at_rest(self) -> bool:
        """Healed, and nobody writes."""
        if not self._is_due:
            return False
        with suppress(BlockingIOError):
            for name in SERVICES:
                with held(self._store.data / "locks" / name / "mutex"):
                    pass
            return self.is_healed()
        return False

    @property
    def _is_due(self) -> bool:
        return self._simulator.turns >= self._looks_at

    def _is_nothing_in_doubt(self) -> bool:
        """Whether each log is settled to its end: if nobody writes or reads, the fronts' polls see to that."""
        for name, recorder in self._recorders.items():
            recorder.look()
            ((newest,),) = query(places(self._store, name)[0], NEWEST)
            if recorder.head != newest:
                return False
        return True

    def _is_up(self, name: str) -> bool:
        process = self._simulator.processes[name]
        return process.is_alive and process.is_serving
