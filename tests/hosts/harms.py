"""What is done to hosts, and how it is undone."""

import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bookstore_project.api import headers
from deploy.hosts import cluster as ports
from tests.hosts.hosts import Hosts
from tests.hosts.machine import Machine
from tests.waiting import wait_for

SLOW_S, LOSS = 0.02, 0.01
FAR_S = 0.001
LEFT_OUT = "leaves the shared cache out"
"""As a front says it."""
Act = Callable[[Hosts, Machine], object]


def nothing(hosts: Hosts, machine: Machine) -> None:
    """What was killed comes back by itself."""


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


@contextmanager
def noticed_by_fronts(hosts: Hosts) -> Iterator[Machine]:
    """The machine whose Redis is written to. Ends once a front has left the shared cache out: it did matter."""
    elected = wait_for(hosts.elected_redis, what="a Redis that is elected")
    assert elected is not None
    before = _times_left_out(hosts)
    yield elected
    wait_for(lambda: _times_left_out(hosts) > before, what="a front leaves the shared cache out")


def _times_left_out(hosts: Hosts) -> int:
    return sum(each.log("store").count(LEFT_OUT) for each in hosts.machines.values() if each.host.has_rows)


def kill_redis_and_sentinel(hosts: Hosts, machine: Machine) -> None:
    """Of the host whose Redis is written to, whichever that is: the other one's failing changes nothing."""
    with noticed_by_fronts(hosts) as elected:
        kill("redis")(hosts, elected)
        kill("sentinel")(hosts, elected)


def stop_elected_redis(hosts: Hosts, machine: Machine) -> None:
    """It takes connections and says nothing, until Sentinels have elected the other one."""
    with noticed_by_fronts(hosts) as elected:
        assert elected.signal(signal.SIGSTOP, "redis"), "no Redis runs there"
        wait_for(lambda: hosts.elected_redis() not in (None, elected), what="another Redis is elected")


def let_redis_go_on(hosts: Hosts, machine: Machine) -> None:
    for each in hosts.machines.values():
        if each.host.has_rows:
            each.signal(signal.SIGCONT, "redis")


def kill_without_quorum(hosts: Hosts, machine: Machine) -> None:
    """While the lock of that host would be taken back, a second member of etcd stops."""
    standby = hosts.victim("standby")
    machine.power_off()
    assert standby.signal(signal.SIGSTOP, "etcd")


def regain_quorum_then_host(hosts: Hosts, machine: Machine) -> None:
    """The lock is taken back with the majority; then the host returns."""
    regain_quorum(hosts, machine)
    wait_for(lambda: hosts.primary() not in (None, machine), what="another host has the primary")
    machine.power_on()


def slow_down(by_s: float, loss: float) -> Act:
    return lambda hosts, machine: hosts.network.slow_down(machine.host.number, by_s, loss)


def fill_disk(hosts: Hosts, machine: Machine) -> None:
    """PostgreSQL needs a new file of its log at once, and has noticed."""
    primary = wait_for(hosts.primary, what="a primary")
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
