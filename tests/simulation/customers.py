"""The customers: a process of their own, which asks through the simulated network, and writes down what it hears."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Self, cast

from tests.answers import Answer
from tests.chaos import audit
from tests.chaos.checker import Violation
from tests.chaos.customers import BURST, Actor, ask, secret_of
from tests.chaos.demand import VICTIM, Demand
from tests.chaos.file_faults import MARKER
from tests.chaos.history import Kind, Operation, Outcome, read_history
from tests.client import Client, Request
from tests.simulation import wire
from tests.simulation.actors import World
from tests.simulation.plan import Wish
from tests.store import Store

CUSTOMERS = 6
TIMEOUT_S = 20.0
READY_WITHIN_S = 60.0
ASKED_AGAIN = 20
"""Purchases of unknown outcome, at most."""
_READS = (1, BURST)
_READS_AT_ONCE = sum(_READS) / len(_READS)
MIXES = {"browsing": 0.95, "shopping": 0.8, "ordering": 0.5}
"""The part of operations that are reads, as in the three mixes of TPC-W."""


@dataclass
class SimulatedStore:
    """What customers and the judge know of a store."""

    data: Path
    addresses: Mapping[str, str]
    staff: tuple[str, str]
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Path) -> Self:
        """The one whose data are in that folder."""
        from bookstore_project.settings import topology

        password = (data / "staff-password").read_text().strip()
        return cls(data, {name: one.address for name, one in topology.NODES.items()}, ("staff", password))

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


class SimulatedCustomer(Actor):
    """One of them; ends after the last of its wishes, which the simulator is told."""

    def __init__(self, world: World, store: SimulatedStore, folder: Path, number: int, seed: str) -> None:
        fronts = [name for name in store.addresses if name.startswith("front")]
        clients = [SimulatedClient(store.as_store(), name) for name in fronts]
        super().__init__(f"customer-{number}", clients, folder, random.Random(f"{seed}/{number}"))
        self.wishes: Iterable[Wish] = ()
        self._world, self._number = world, number
        self._demand = Demand(self._rng, number, secret_of(store.as_store()))

    def draw(self, operations: int, pause_s: float, mix: str) -> Iterator[Wish]:
        """So many, or a few more; the pause is the longest between two."""
        reads = MIXES[mix] / _READS_AT_ONCE
        reads /= reads + 1 - MIXES[mix]
        while self.done < operations:
            asked = self._demand.read() if self._rng.random() < reads else self._demand.write()
            times = self._rng.choice(_READS) if asked.kind is Kind.READ else 1
            for left in reversed(range(times)):
                front = self._rng.randrange(len(self._clients))
                yield Wish(self._number, asked, front, 0.0 if left else self._rng.uniform(0, pause_s))

    def run(self) -> None:
        for wish in self.wishes:
            self._world.out.append(("wish", self.name, wish.packed()))
            outcome = self.carry_out(wish.asked, self._clients[wish.front])
            self._world.out.append(("wish", self.name, str(outcome)))
            self._demand.hear(wish.asked, outcome)
            if wish.pause_s:
                self._ended.wait(wish.pause_s)
        self.close()

    def turn(self) -> None:
        raise NotImplementedError  # It has its wishes instead.


def shop(world: World, store: SimulatedStore, folder: Path, seed: str, wanted: "Wanted") -> None:
    """Has the customers ask for what they want; then, when the store is whole again, asks once more."""
    world.has_points = False  # When they write down what they hear changes nothing.
    threads = list(wanted(world, store, folder, seed))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given_up = set(world.call("phase", "over") or ())
    if late := [name for name in store.addresses if not becomes_ready(SimulatedClient(store.as_store(), name))]:
        world.call("judged", [(f"not ready again within {READY_WITHIN_S} s: {', '.join(late)}", [])])
        return
    setattr(audit, "Client", SimulatedClient)  # noqa: B010  (a name that it imports)
    operations_done, _ = read_history(folder)
    rng = random.Random(f"{seed}/again")
    found = audit.check_answers(store.as_store(), operations_done, rng, lambda line: None, given_up)
    found += unresolved(SimulatedClient(store.as_store()), operations_done, rng, given_up)
    world.call("judged", [(one.what, list(one.evidence)) for one in found])


def unresolved(
    client: Client, operations: Sequence[Operation], rng: random.Random, given_up: Set[str]
) -> list[Violation]:
    """Purchases of which nobody knew what became: whoever asks again, with the faults over, is told."""
    unclear = (one for one in operations if one.outcome is Outcome.OPEN and one.asked.kind is Kind.SELL)
    asked = list({one.asked.tag: one for one in unclear if one.asked.tag not in given_up}.values())
    found = []
    for one in rng.sample(asked, min(ASKED_AGAIN, len(asked))):
        outcome, _, note = ask(client, one.asked, time.sleep)
        if outcome is Outcome.OPEN:
            found.append(Violation("an unknown outcome stays unknown", (str(one), note)))
    return found


def becomes_ready(node: SimulatedClient) -> bool:
    """Waits as chaos does: a front that was stopped has yet to hear who is there again."""
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        with suppress(OSError):
            if node.get("/readyz").status == HTTPStatus.OK:
                return True
        time.sleep(0.1)
    return False


Wanted = Callable[[World, SimulatedStore, Path, str], Iterator[SimulatedCustomer]]


def drawing(
    operations: int, pause_s: float, mix: str, world: World, store: SimulatedStore, folder: Path, seed: str
) -> Iterator[SimulatedCustomer]:
    """Customers of so many operations together, as the seed says."""
    for number in range(1, CUSTOMERS + 1):
        one = SimulatedCustomer(world, store, folder, number, seed)
        one.wishes = one.draw(-(-operations // CUSTOMERS), pause_s, mix)
        yield one


def wishing(
    wishes: Sequence[Wish], world: World, store: SimulatedStore, folder: Path, seed: str
) -> Iterator[SimulatedCustomer]:
    """Those who have these wishes."""
    for number in sorted({wish.customer for wish in wishes}):
        one = SimulatedCustomer(world, store, folder, number, seed)
        one.wishes = [wish for wish in wishes if wish.customer == number]
        yield one


def mark(world: World, store: SimulatedStore) -> None:
    """Has staff give the victim its mark."""
    edit = {"authors": f"{MARKER.decode()} {'x' * 40}"}
    answer = SimulatedClient(store.as_store()).call("PATCH", f"/api/v1/books/{VICTIM}/", edit, as_staff=True)
    assert answer.status == 200, answer
    world.call("marked")
