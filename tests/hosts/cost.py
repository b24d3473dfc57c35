"""What requests cost on three hosts: with nothing between them, and with the standby's host 1 ms away, by turns.

Asked at the shop's address of the host with the primary, by `wrk` at the switch.
"""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import Load, Target, drive, require_wrk
from benchmarks.processor_time import Meter
from deploy.hosts import cluster as ports
from tests.hosts.harms import FAR_S
from tests.hosts.hosts import Hosts, three_hosts
from tests.hosts.processes import command_of
from tests.hosts.run import Begin
from tests.waiting import wait_for

CLIENTS = (1, 16)
QUESTIONS = ("hit", "miss", "purchase")
ROUNDS, SECONDS, REST_S = 3, 2, 5
BOOKS = 7
STOCK = 1_000_000
SETTINGS = f"BOOKSTORE_CACHE_SIZE=1\nBOOKSTORE_RESTOCK_LEVEL={STOCK}\n"
"""One entry: each read of another book is a miss, and each read of the same one a hit. And nothing is sold out."""
SERVERS, OTHERS = "PostgreSQL", "others"


@dataclass(frozen=True)
class Cost:
    """Of one kind of request, in one place: what half of the rounds had at least, or at most."""

    rate: float
    median_ms: float
    processor_ms: float
    """Of all three hosts, an answer, beyond what they take at rest."""
    servers_ms: float
    """Of that, PostgreSQL's on both hosts."""

    def __str__(self) -> str:
        return (
            f"{self.rate:.0f}/s, {self.median_ms:.1f} ms each, "
            f"{self.processor_ms:.1f} ms of a processor ({self.servers_ms:.1f} of them PostgreSQL's)"
        )


def measure(folder: Path, begin: Begin) -> list[str]:
    """A line for each kind of request. Exits with the package's name if wrk is missing."""
    require_wrk()
    with three_hosts(folder) as hosts:
        begin("bringing up three hosts", lambda: hosts.waited_for)
        for machine in hosts.machines.values():
            if machine.host.has_rows:
                with (machine.parts["store"].folder / "environment.local").open("a") as local:
                    local.write(SETTINGS)
        hosts.power_on()
        hosts.wait_until_whole()
        address = hosts.victim("primary").host.address
        wait_for(lambda: _is_filled(hosts, address), what="shelves that are full")
        begin("at rest")
        meter = Meter(lambda: _processes(hosts))
        time.sleep(REST_S)  # That is what is measured.
        rest = {name: spent / REST_S for name, spent in meter.take().items()}
        return [
            line
            for what in QUESTIONS
            for clients in CLIENTS
            for line in _compared(hosts, target(what, address, clients), rest, begin)
        ]


def target(what: str, address: str, clients: int) -> Target:
    name, shop = f"{what}, {clients} at once", f"http://{address}:{ports.SHOP}"
    if what == "hit":
        return Target(name, f"{shop}/product/2", clients)
    if what == "miss":
        return Target(name, shop, clients, "books.lua", ("/api/v1/books/", str(BOOKS)))
    return Target(name, shop, clients, "purchases.lua")


def cost(loads: Sequence[Load], spent: Sequence[Mapping[str, float]], rest: Mapping[str, float]) -> Cost:
    """`spent`: processor seconds by program in each of the loads; `rest`: those of a second in which nobody asks."""
    each = [
        {name: 1000 * (taken[name] - rest.get(name, 0.0) * load.seconds) / load.answered for name in taken}
        for load, taken in zip(loads, spent, strict=True)
    ]
    return Cost(
        statistics.median(load.rate for load in loads),
        statistics.median(load.median_ms for load in loads),
        statistics.median(sum(taken.values()) for taken in each),
        statistics.median(taken.get(SERVERS, 0.0) for taken in each),
    )


def _compared(hosts: Hosts, asked: Target, rest: Mapping[str, float], begin: Begin) -> Iterator[str]:
    begin(asked.name)
    loads: dict[bool, list[Load]] = {False: [], True: []}
    spent: dict[bool, list[Mapping[str, float]]] = {False: [], True: []}
    for is_far in (False, True) * ROUNDS:
        with _standby_away(hosts, is_far=is_far), hosts.network.switch.entered():
            drive(asked, 1, may_fail=True)  # Connections and caches are as they will be.
            meter = Meter(lambda: _processes(hosts))
            loads[is_far].append(drive(asked, SECONDS, may_fail=True))
            spent[is_far].append(meter.take())
    for is_far, where in ((False, "nothing between"), (True, f"{1000 * FAR_S:.0f} ms between")):
        failed = sum(load.failed for load in loads[is_far])
        yield f"{asked.name}, {where}: {cost(loads[is_far], spent[is_far], rest)}; {failed} failed"


@contextmanager
def _standby_away(hosts: Hosts, *, is_far: bool) -> Iterator[None]:
    if not is_far:
        yield
        return
    standby = hosts.victim("standby").host.number
    hosts.network.slow_down(standby, FAR_S, 0.0)
    try:
        yield
    finally:
        hosts.network.speed_up(standby)


def _is_filled(hosts: Hosts, address: str) -> bool:
    with suppress(RuntimeError), hosts.network.switch.entered():
        return drive(target("purchase", address, 1), 1).answered > 0
    return False


def _processes(hosts: Hosts) -> Mapping[int, str]:
    """All of the three machines: each has a namespace of processes of its own (man 7 pid_namespaces)."""
    spaces = {machine.processes_apart for machine in hosts.machines.values()}
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "ns/pid").readlink() in spaces:
                is_server = "postgres" in command_of(int(process.name)).partition(" ")[0]
                found[int(process.name)] = SERVERS if is_server else OTHERS
    return found
