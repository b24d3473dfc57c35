"""The customers: a process of their own, which asks through the simulated network, and writes down what it hears."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.answers import Answer
from tests.chaos import audit
from tests.chaos.customers import Customer
from tests.chaos.history import read_history
from tests.client import Client, Request
from tests.simulation import wire
from tests.simulation.actors import World
from tests.store import Store

TIMEOUT_S = 20.0
READS = 0.5
"""The part of what customers do that is reading, some of it several times."""


@dataclass
class SimulatedStore:
    """What customers and the judge know of a store."""

    data: Path
    addresses: Mapping[str, str]
    staff: tuple[str, str]
    environment: dict[str, str] = field(default_factory=dict)

    def as_store(self) -> Store:
        return cast("Store", self)


class SimulatedClient(Client):
    """Speaks to a front by the simulated network."""

    def send(self, request: Request) -> Answer:
        body = request.body or b""
        address = self.store.addresses[self.node]
        sent = [("host", address), *((name.lower(), value) for name, value in request.headers)]
        if request.body is not None:
            sent.append(("content-length", str(len(body))))
        said = wire.call(address, request.method, request.path, sent, body, TIMEOUT_S)
        if said is None:
            raise TimeoutError("timed out")
        if said[0] == wire.REFUSED:
            raise ConnectionRefusedError
        if said[0] == wire.BROKEN:
            raise ConnectionResetError
        _, status, headers, answered = said
        return Answer(self.node, request.method, request.path, status, dict(headers), answered)


class SimulatedCustomer(Customer):
    """One of them; it ends after so many operations."""

    def __init__(
        self, store: SimulatedStore, folder: Path, number: int, seed: str, operations: int, pause_s: float
    ) -> None:
        super().__init__(store.as_store(), folder, number, seed, reads=READS)
        self.longest_pause_s = pause_s
        fronts = [name for name in store.addresses if name.startswith("front")]
        self._clients = [SimulatedClient(store.as_store(), name) for name in fronts]
        self._wanted = operations

    def turn(self) -> None:
        if self.done < self._wanted:
            super().turn()
        else:
            self.end()


def shop(
    world: World, store: SimulatedStore, folder: Path, seed: str, customers: int, operations: int, pause_s: float
) -> None:
    """Has so many customers ask for so many operations; then, when the store is whole again, asks once more."""
    each = -(-operations // customers)
    threads = [SimulatedCustomer(store, folder, number, seed, each, pause_s) for number in range(1, customers + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.call("phase", "over")
    setattr(audit, "Client", SimulatedClient)  # noqa: B010  (a name that it imports)
    operations_done, _ = read_history(folder)
    rng = random.Random(f"{seed}/again")
    found = audit.check_answers(store.as_store(), operations_done, rng, lambda line: None)
    world.call("judged", [(one.what, list(one.evidence)) for one in found])
