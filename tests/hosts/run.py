"""A run: three machines are brought up, lose a host, and another one its network, while rows are written and read."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg

from deploy.hosts import cluster as ports
from deploy.hosts import secret_bundle, status
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host
from deploy.hosts.parts import OPERATOR, Places, Setting, nearest_first
from tests.hosts.history import History
from tests.hosts.machine import Machine
from tests.hosts.network import Network
from tests.hosts.shop import Shop
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
MACHINES = 3
WRITERS = 2
"""On each host with rows."""
MEMORY_MB = 512
ROWS_BETWEEN = 100
"""Written before a fault, and after it: then all is as it was."""
ROWS_BACK_S, SHOP_BACK_S = 25.0, 30.0
"""So long may nobody write or read rows, or buy, once a host is lost. The shop waits for a lease besides."""
SLOW_MACHINE_S = 0.5
"""If a thread that does nothing was later than this, no time is judged."""


class Begin(Protocol):
    """Is told which part comes, and who knows how far it is."""

    def __call__(self, what: str, progress: Callable[[], str] = ...) -> object: ...


@dataclass
class Loss:
    """What losing something cost: seconds without an answer of each kind."""

    what: str
    writes_s: float
    reads_s: float
    purchases_s: float
    looks_s: float
    again_whole_s: float = 0.0

    @property
    def is_too_long(self) -> bool:
        return max(self.writes_s, self.reads_s) > ROWS_BACK_S or max(self.purchases_s, self.looks_s) > SHOP_BACK_S

    def __str__(self) -> str:
        gone = (
            f"no row written for {self.writes_s:.1f} s, read for {self.reads_s:.1f} s, "
            f"no purchase for {self.purchases_s:.1f} s, no look at a book for {self.looks_s:.1f} s"
        )
        return f"{self.what}: {gone}, whole {self.again_whole_s:.1f} s after its return"


@dataclass
class Report:
    up_s: float = 0.0
    losses: list[Loss] = field(default_factory=list)
    acknowledged: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    """By host."""
    reads: int = 0
    orders: int = 0
    orders_missing: int = 0
    looks: int = 0
    audit: str = ""
    """What it says if something is wrong."""
    stale: list[str] = field(default_factory=list)
    rewound: int = 0
    late_s: float = 0.0

    def violations(self) -> list[str]:
        found = [f"{count} acknowledged rows are lost on {name}" for name, count in self.lost.items() if count]
        found += [f"stale read: {each}" for each in self.stale]
        found += [f"{self.orders_missing} acknowledged orders are lost"] if self.orders_missing else []
        return found + ([f"audit: {self.audit}"] if self.audit else [])

    def too_long(self) -> list[str]:
        """Losses that took longer than they may, on a machine that isn't to blame for it."""
        if self.late_s >= SLOW_MACHINE_S:
            return []
        return [str(loss) for loss in self.losses if loss.is_too_long]

    def figures(self) -> str:
        lost, losses = sum(self.lost.values()), "; ".join(map(str, self.losses))
        return (
            f"up in {self.up_s:.1f} s; {losses}; {self.rewound} rewound; "
            f"{self.acknowledged} rows and {self.orders} orders acknowledged, {lost + self.orders_missing} lost; "
            f"{self.reads} reads and {self.looks} looks, {len(self.stale)} stale; "
            f"an idle thread {self.late_s:.1f} s late"
        )


class Hosts:
    """Three machines on one network, with a bundle of secrets of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.waited_for = ""
        """What wasn't well at the last look."""
        self.network = Network(MACHINES)
        addresses = [self.network.address(number) for number in range(1, MACHINES + 1)]
        self.cluster = Cluster(tuple(Host(number, each) for number, each in enumerate(addresses, start=1)))
        self.bundle = secret_bundle.make(self.cluster)
        self.machines = {host.number: self._machine(host) for host in self.cluster.hosts}
        for machine in self.machines.values():
            machine.install()
        self.asker = Asker(self.machines[MACHINES].places.configuration / OPERATOR)

    def _machine(self, host: Host) -> Machine:
        own = self._folder / host.name
        places = Places(ROOT, Path(sys.executable), own / "etc", own / "data")
        setting = Setting(host, self.cluster, self.bundle, places, MEMORY_MB)
        return Machine(setting, self.network.cards[host.number], own / "log")

    def close(self) -> None:
        for machine in self.machines.values():
            machine.power_off()
        self.network.close()

    def power_on(self) -> None:
        """All of them at once."""
        with ThreadPoolExecutor(MACHINES) as pool:
            list(pool.map(Machine.power_on, self.machines.values()))

    def not_well(self) -> list[str]:
        """What `make host-status` says isn't well; the disk is this machine's, and its own matter."""
        with self.network.switch.entered():
            lines = status.in_words(status.look(self.cluster, self.asker, self._folder), datetime.now(UTC))
        texts = [line.text for line in lines if not line.is_well and not line.text.startswith("disk")]
        self.waited_for = "; ".join(texts)
        return texts

    def wait_until_whole(self) -> float:
        """The seconds until all is well."""
        began = time.monotonic()
        wait_for(lambda: not self.not_well(), what="all is well on the three hosts")
        return time.monotonic() - began

    def primary(self) -> Machine | None:
        """By what Patroni has written down in etcd."""
        with self.network.switch.entered():
            try:
                copies = self.asker.copies(self.cluster)
            except Unanswered:
                return None
        names = {copy["name"] for copy in copies if copy["role"] == "leader"}
        return next((machine for machine in self.machines.values() if machine.host.name in names), None)

    def connection(self, host: Host) -> dict[str, Any]:
        """How a store on that host reaches the primary (https://www.postgresql.org/docs/15/libpq-connect.html)."""
        return {
            "host": ",".join(each.address for each in nearest_first(host, self.cluster)),
            "port": ports.POSTGRESQL,
            "user": "bookstore",
            "password": self.bundle.password("bookstore"),
            "sslmode": "verify-full",
            "sslrootcert": str(self.asker.folder / "ca.crt"),
            "target_session_attrs": "primary",
            "connect_timeout": 2,
            "tcp_user_timeout": 3000,
            "keepalives_idle": 2,
            "keepalives_interval": 1,
            "keepalives_count": 2,
        }

    def rewound(self) -> int:
        logs = self._folder.glob("*/log/patroni.log")
        return sum(log.read_text(errors="replace").count("pg_rewind exit code=0") for log in logs)


@contextmanager
def three_hosts(folder: Path) -> Iterator[Hosts]:
    """Installed, and off. Raises AssertionError where there can be no namespaces."""
    hosts = Hosts(folder)
    try:
        yield hosts
    finally:
        hosts.close()


def run(folder: Path, begin: Begin) -> Report:
    """All of it, in `folder`; `begin` is told which part comes."""
    report = Report()
    with ExitStack() as stack:
        began = time.monotonic()
        hosts = stack.enter_context(three_hosts(folder))
        begin("bringing up three hosts", lambda: hosts.waited_for)
        hosts.power_on()
        hosts.wait_until_whole()
        report.up_s = time.monotonic() - began
        sites = [(hosts.network.cards[host.number], hosts.connection(host)) for host in hosts.cluster.with_rows]
        history = stack.enter_context(History(sites, WRITERS))
        shop = stack.enter_context(Shop(hosts.network.switch, hosts.cluster))
        for fault in FAULTS:
            report.losses.append(lose(hosts, history, shop, begin, fault))
        history.end()
        shop.end()
        begin("reckoning")
        reckon_shop(hosts, shop, report)
        report.acknowledged, report.reads, report.late_s = history.total(), len(history.reads.at), history.late_s
        report.stale, report.rewound = [*history.stale, *shop.stale], hosts.rewound()
        report.lost = {host.name: history.lost(host.address) for host in hosts.cluster.with_rows}
    return report


def reckon_shop(hosts: Hosts, shop: Shop, report: Report) -> None:
    report.orders, report.looks = len(shop.orders), len(shop.looks.at)
    host = hosts.cluster.hosts[0]
    with (
        hosts.network.cards[host.number].entered(),
        psycopg.connect(**hosts.connection(host), dbname="order") as there,
    ):
        known = {str(order) for (order,) in there.execute("SELECT id FROM order_app_order")}
    report.orders_missing = sum(order not in known for order in shop.orders)
    audit = hosts.machines[1].manage("audit")
    report.audit = "" if audit.returncode == 0 else (audit.stdout + audit.stderr).strip()


@dataclass(frozen=True)
class Fault:
    """Of one host: the primary's, or the one without rows (`number`), or the standby's."""

    what: str
    of: str
    harm: Callable[[Hosts, Machine], object]
    heal: Callable[[Hosts, Machine], object]


FAULTS = (
    Fault("primary's host killed", "primary", lambda _, it: it.power_off(), lambda _, it: it.power_on()),
    Fault(
        "primary's host cut off",
        "primary",
        lambda hosts, it: hosts.network.cut(it.host.number),
        lambda hosts, it: hosts.network.join(it.host.number),
    ),
    Fault("standby's host rebuilt", "standby", lambda _, it: it.lose_disk(), lambda _, it: it.rebuild()),
    Fault("third host killed", "vote", lambda _, it: it.power_off(), lambda _, it: it.power_on()),
)


def victim(hosts: Hosts, of: str) -> Machine:
    primary = hosts.primary()
    assert primary is not None
    if of == "primary":
        return primary
    is_standby = of == "standby"
    return next(it for it in hosts.machines.values() if it is not primary and it.host.has_rows == is_standby)


def lose(hosts: Hosts, history: History, shop: Shop, begin: Begin, fault: Fault) -> Loss:
    """A host, while rows are written; healed once another one has taken over, if it had the primary."""
    wait_for_answers(history, shop, time.monotonic())
    machine = victim(hosts, fault.of)
    begin(f"{fault.what}: {machine.host.name}")
    began = time.monotonic()
    fault.harm(hosts, machine)
    if fault.of == "primary":
        wait_for(lambda: hosts.primary() not in (None, machine), what="another host has the primary")
    wait_for_answers(history, shop, time.monotonic())
    until = time.monotonic()
    seen = (history.writes, history.reads, shop.purchases, shop.looks)
    loss = Loss(fault.what, *(each.longest_gap_s(began, until) for each in seen))
    begin(f"{fault.what}: {machine.host.name} comes back after {until - began:.0f} s", lambda: hosts.waited_for)
    fault.heal(hosts, machine)
    loss.again_whole_s = hosts.wait_until_whole()
    return loss


def wait_for_answers(history: History, shop: Shop, since: float) -> None:
    wait_for(lambda: history.writes.count_since(since) >= ROWS_BETWEEN, what="rows are written")
    wait_for(lambda: history.reads.count_since(since) >= ROWS_BETWEEN // 10, what="rows are read")
    wait_for(lambda: shop.purchases.count_since(since) >= ROWS_BETWEEN // 10, what="books are bought")
    wait_for(lambda: shop.looks.count_since(since) >= ROWS_BETWEEN // 10, what="books are looked at")
