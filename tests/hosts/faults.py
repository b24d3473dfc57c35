"""What can happen to a host, and how it is undone. `USUAL` is for each run; the others are asked for by name."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

from deploy.hosts import cluster as ports
from tests.hosts.hosts import Hosts
from tests.hosts.machine import FAKETIME, Machine

POSTMASTER = "/postgres -D"
PATRONI = "-m patroni"
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


def set_clock(by: str) -> Act:
    def act(hosts: Hosts, machine: Machine) -> None:
        assert FAKETIME.exists(), "a wrong clock needs libfaketime: apt-get install libfaketime"
        machine.power_off()
        machine.clock = by
        machine.power_on()

    return act


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
    Fault(*("clock-fast", "primary's clock an hour fast", "primary"), harm=set_clock("+1h"), heal=set_clock("")),
    Fault(*("clock-slow", "primary's clock an hour slow", "primary"), harm=set_clock("-1h"), heal=set_clock("")),
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
