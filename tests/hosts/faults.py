"""What can happen to a host, and how it is undone. `USUAL` is for each run; the others are asked for by name."""

import signal
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from bookstore_project.api import headers
from deploy.hosts import cluster as ports
from tests.hosts.hosts import Hosts
from tests.hosts.machine import Machine
from tests.hosts.upgrades import upgrade_all
from tests.waiting import wait_for

POSTMASTER = "/postgres -D"
PATRONI = "-m patroni"
SLOW_S, LOSS = 0.02, 0.01
UNTIL_LOCK_ENDS_S = 30.0
"""Of a host that answers the lock lasts for 20 s. Then comes what always comes."""
Act = Callable[[Hosts, Machine], object]


def nothing(hosts: Hosts, machine: Machine) -> None:
    """What was killed comes back by itself."""


@dataclass(frozen=True)
class Fault:
    """Of one host: the primary's, the standby's, or the one without rows."""

    name: str
    what: str
    of: str
    harm: Act
    heal: Act = nothing
    moves_primary: bool = False
    """Another host has to have it before this one is healed."""
    is_masked: bool = True
    """Rows are written, and books bought, while it lasts."""
    back_s: float = 25.0
    """So long may nobody write or read rows, buy, or look at a book, if it is masked."""
    is_unnoticed: bool = False
    """No request of a customer fails."""
    fills_disk: bool = False
    """The machines need disks of their own."""
    sets_clock: bool = False
    """The machines need clocks of their own."""
    rows: int = 100
    """So many are written at least while it lasts, if it is masked."""


def silence(*what: str) -> Act:
    return lambda hosts, machine: hosts.network.silence(machine.host.number, *what)


def let_speak(hosts: Hosts, machine: Machine) -> None:
    for number in hosts.machines:
        hosts.network.let_speak(number)


def deafen(hosts: Hosts, machine: Machine) -> None:
    """Nothing that another host says reaches it."""
    for number in hosts.machines:
        if number != machine.host.number:
            hosts.network.silence(number, "to", machine.host.address)


def part_from_etcd(hosts: Hosts, machine: Machine) -> None:
    """It can neither ask the others' etcd, nor answer as their member; clients and PostgreSQL go on."""
    for port in (ports.ETCD, ports.ETCD_PEERS):
        silence("ipproto", "tcp", "dport", str(port))(hosts, machine)
        silence("ipproto", "tcp", "sport", str(port))(hosts, machine)


def part_from_postgresql(hosts: Hosts, machine: Machine) -> None:
    for which in ("dport", "sport"):
        silence("ipproto", "tcp", which, str(ports.POSTGRESQL))(hosts, machine)


def kill(part: str, program: str = "") -> Act:
    def act(hosts: Hosts, machine: Machine) -> None:
        assert machine.signal(signal.SIGKILL, part, program), f"no {program or part} runs"

    return act


def lose_quorum(hosts: Hosts, machine: Machine) -> None:
    """Two of three members of etcd stop, that of the host without rows and the standby's."""
    for of in ("vote", "standby"):
        assert hosts.victim(of).signal(signal.SIGSTOP, "etcd")


def regain_quorum(hosts: Hosts, machine: Machine) -> None:
    for each in hosts.machines.values():
        each.signal(signal.SIGCONT, "etcd")


def kill_redis_and_sentinel(hosts: Hosts, machine: Machine) -> None:
    kill("redis")(hosts, machine)
    kill("sentinel")(hosts, machine)


def slow_down(hosts: Hosts, machine: Machine) -> None:
    hosts.network.slow_down(machine.host.number, SLOW_S, LOSS)


def fill_disk(hosts: Hosts, machine: Machine) -> None:
    """PostgreSQL needs a new file of its log at once, and has noticed."""
    primary = hosts.primary()
    assert primary is not None
    machine.fill_disk()
    primary.query("SELECT pg_switch_wal()")
    wait_for(lambda: "No space left on device" in machine.log("patroni"), what="the full disk is noticed")


def set_clock(by_s: int) -> Act:
    """Its nodes have noticed."""

    def act(hosts: Hosts, machine: Machine) -> None:
        machine.set_clock(by_s)
        with hosts.network.switch.entered():
            wait_for(lambda: abs(clock_off_s(hosts, machine) - by_s) < 60, what="a clock that is set")

    return act


def clock_off_s(hosts: Hosts, machine: Machine) -> float:
    """By what its catalog says to other nodes."""
    url = f"https://{machine.host.address}:{ports.CATALOG}/healthz"
    token = {headers.SERVICE_TOKEN: hosts.bundle.texts["service-token"].strip()}
    asked = urllib.request.Request(url, headers=token)
    with urllib.request.urlopen(asked, timeout=5, context=hosts.asker.context) as answer:
        return float(answer.headers[headers.CLOCK]) - time.time()


ALL = (
    Fault(
        *("killed", "primary's host killed", "primary"),
        harm=lambda _, it: it.power_off(),
        heal=lambda _, it: it.power_on(),
        moves_primary=True,
    ),
    Fault(
        *("cut-off", "primary's host cut off", "primary"),
        harm=lambda hosts, it: hosts.network.cut(it.host.number),
        heal=lambda hosts, it: hosts.network.join(it.host.number),
        moves_primary=True,
    ),
    Fault(
        *("rebuilt", "standby's host rebuilt", "standby"),
        harm=lambda _, it: it.lose_disk(),
        heal=lambda _, it: it.rebuild(),
    ),
    Fault(
        *("vote-killed", "third host killed", "vote"),
        harm=lambda _, it: it.power_off(),
        heal=lambda _, it: it.power_on(),
    ),
    Fault(
        *("mute", "primary's host can say nothing", "primary"),
        harm=silence("to", "10.78.0.0/24"),
        heal=let_speak,
        moves_primary=True,
    ),
    Fault(*("deaf", "primary's host hears nothing", "primary"), harm=deafen, heal=let_speak, moves_primary=True),
    Fault(
        *("no-etcd", "primary's host cut off from etcd alone", "primary"),
        harm=part_from_etcd,
        heal=let_speak,
        moves_primary=True,
        back_s=UNTIL_LOCK_ENDS_S,
    ),
    Fault(
        *("no-postgresql", "standby's host cut off from PostgreSQL alone", "standby"),
        harm=part_from_postgresql,
        heal=let_speak,
    ),
    Fault(*("patroni", "Patroni killed, its PostgreSQL runs", "primary"), harm=kill("patroni", PATRONI)),
    Fault(*("postmaster", "postmaster killed", "primary"), harm=kill("patroni", POSTMASTER)),
    Fault(
        *("stopped", "all of the primary's host stopped", "primary"),
        harm=lambda _, it: it.signal(signal.SIGSTOP),
        heal=lambda _, it: it.signal(signal.SIGCONT),
        moves_primary=True,
    ),
    Fault(
        *("standby-gone", "standby's host gone", "standby"),
        harm=lambda _, it: it.power_off(),
        heal=lambda _, it: it.power_on(),
    ),
    Fault(*("quorum", "etcd without quorum", "primary"), harm=lose_quorum, heal=regain_quorum, is_masked=False),
    *(
        Fault(
            *(f"clock-{word}", f"primary's clock an hour {word}", "primary"),
            harm=set_clock(by_s),
            heal=set_clock(0),
            sets_clock=True,
            rows=500,
        )
        for word, by_s in (("fast", 3600), ("slow", -3600))
    ),
    Fault(
        *("slow-link", f"primary's host {SLOW_S * 1000:.0f} ms away, {LOSS:.0%} of frames lost", "primary"),
        harm=slow_down,
        heal=lambda hosts, it: hosts.network.speed_up(it.host.number),
        rows=500,
    ),
    Fault(
        *("full-primary", "disk of the primary's host full", "primary"),
        harm=fill_disk,
        heal=lambda _, it: it.free_disk(),
        moves_primary=True,
        fills_disk=True,
    ),
    Fault(
        *("full-standby", "disk of the standby's host full", "standby"),
        harm=fill_disk,
        heal=lambda _, it: it.free_disk(),
        fills_disk=True,
    ),
    Fault(
        *("upgraded", "store's code exchanged on both hosts", "primary"),
        harm=upgrade_all,
        is_unnoticed=True,
    ),
    Fault(*("redis", "Redis and Sentinel killed", "primary"), harm=kill_redis_and_sentinel),
)
USUAL = ALL[:4]


def chosen(names: str) -> tuple[Fault, ...]:
    """By their names, separated by commas; `all`. Raises ValueError for a name that nothing has."""
    known = {fault.name: fault for fault in ALL}
    if names == "all":
        return ALL
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        raise ValueError(f"no fault is called {', '.join(unknown)}: {', '.join(known)}, all")
    return tuple(known[name] for name in names.split(","))
