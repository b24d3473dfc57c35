"""A run: three machines are brought up, lose a host, and another one its network, while rows are written and read."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg

from tests.hosts import faults
from tests.hosts.doors import wrong_doors
from tests.hosts.faults import Fault
from tests.hosts.floating import lost_on_the_way
from tests.hosts.history import History
from tests.hosts.hosts import Hosts, three_hosts
from tests.hosts.losses import Loss, Taken
from tests.hosts.shop import Shop
from tests.waiting import wait_for

WRITERS = 2
"""On each host with rows."""
ROWS_BETWEEN = 100
"""Written before a fault, and after it: then all is as it was."""
DISK_MB = 700
"""Of a machine whose disk gets full: what PostgreSQL and etcd make at first takes half of it."""
SILENT_S = 5.0
"""So long must nothing have been written where a fault can't be masked."""


class Begin(Protocol):
    """Is told which part comes, and who knows how far it is."""

    def __call__(self, what: str, progress: Callable[[], str] = ...) -> object: ...


def taken(shop: Shop, since: float, until: float) -> Taken:
    purchase, look, hit = (each.median_s(since, until) for each in (shop.purchases, shop.looks, shop.hits))
    return Taken(purchase, look, hit, hits=shop.hits.count_since(since) - shop.hits.count_since(until))


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
    doors: list[str] = field(default_factory=list)
    """What stands open, or shut, and shouldn't."""
    rewound: int = 0
    late_s: float = 0.0

    def violations(self) -> list[str]:
        found = [f"{count} acknowledged rows are lost on {name}" for name, count in self.lost.items() if count]
        found += [f"stale read: {each}" for each in self.stale] + self.doors
        found += [f"{loss.what}: {each}" for loss in self.losses for each in loss.failed]
        found += [f"{self.orders_missing} acknowledged orders are lost"] if self.orders_missing else []
        return found + ([f"audit: {self.audit}"] if self.audit else [])

    def too_long(self) -> list[str]:
        """What losses took beyond what they may."""
        return [each for loss in self.losses for each in loss.excess()]

    def figures(self) -> str:
        lost, losses = sum(self.lost.values()), "; ".join(map(str, self.losses))
        return (
            f"up in {self.up_s:.1f} s; {losses}; {self.rewound} rewound; "
            f"{self.acknowledged} rows and {self.orders} orders acknowledged, {lost + self.orders_missing} lost; "
            f"{self.reads} reads and {self.looks} looks, {len(self.stale)} stale; "
            f"an idle thread {self.late_s:.2f} s late"
        )


def run(folder: Path, begin: Begin, chosen: Sequence[Fault] = faults.USUAL, *, shares_cache: bool = False) -> Report:
    """All of it, in `folder`; `begin` is told which part comes."""
    report = Report()
    with ExitStack() as stack:
        began = time.monotonic()
        disk_mb = DISK_MB if any(fault.fills_disk for fault in chosen) else 0
        has_clocks = any(fault.sets_clock for fault in chosen)
        shares_cache = shares_cache or any(fault.shares_cache for fault in chosen)
        hosts = stack.enter_context(three_hosts(folder, disk_mb, has_clocks=has_clocks, shares_cache=shares_cache))
        begin("bringing up three hosts", lambda: hosts.waited_for)
        hosts.power_on()
        hosts.wait_until_whole()
        report.up_s = time.monotonic() - began
        sites = [(hosts.network.cards[host.number], hosts.connection(host)) for host in hosts.cluster.with_rows]
        history = stack.enter_context(History(sites, WRITERS))
        shop = stack.enter_context(Shop(hosts.network.switch, hosts.cluster))
        for fault in chosen:
            report.losses.append(lose(hosts, history, shop, begin, fault))
        history.end()
        shop.end()
        begin("reckoning")
        reckon_shop(hosts, shop, report)
        report.doors = [*wrong_doors(hosts), *lost_on_the_way(hosts)]
        report.acknowledged, report.reads, report.late_s = history.total(), len(history.reads.at), history.late_s()
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


def lose(hosts: Hosts, history: History, shop: Shop, begin: Begin, fault: Fault) -> Loss:
    """A host, while rows are written; healed once another one has taken over, if it had the primary."""
    quiet = time.monotonic()
    wait_for_answers(history, shop, quiet)
    machine = hosts.victim(fault.of)
    begin(f"{fault.what}: {machine.host.name}")
    began = time.monotonic()
    fault.harm(hosts, machine)
    if fault.moves_primary:
        wait_for(lambda: hosts.primary() not in (None, machine), what="another host has the primary")
    if fault.is_masked:
        wait_for_answers(history, shop, time.monotonic(), fault.rows)
        wait_for(lambda: shop.hits.count_since(began) >= fault.hits, what="fronts answer by themselves")
    else:
        wait_for(lambda: history.writes.seconds_without() > SILENT_S, what="no row is written")
    until = time.monotonic()
    seen = (history.writes, history.reads, shop.purchases, shop.looks)
    writes, reads, purchases, looks = (each.longest_gap_s(began, until) for each in seen)
    before, meanwhile = taken(shop, quiet, began), taken(shop, began, until)
    repeats = shop.most_repeats(shop.purchases.longest_gap(began, until)[1])
    late_s = history.late_s(began, until)
    loss = Loss(fault.what, writes, reads, purchases, looks, fault.back_s, late_s, repeats, before, meanwhile)
    begin(f"{fault.what}: {machine.host.name} comes back after {until - began:.0f} s", lambda: hosts.waited_for)
    fault.heal(hosts, machine)
    loss.again_whole_s = hosts.wait_until_whole()
    if fault.is_unnoticed:
        loss.failed = [each.what for each in shop.failures if each.at > began]
    return loss


def wait_for_answers(history: History, shop: Shop, since: float, rows: int = ROWS_BETWEEN) -> None:
    """So many rows are written, and a tenth of everything else is done."""
    wait_for(lambda: history.writes.count_since(since) >= rows, what="rows are written")
    wait_for(lambda: history.reads.count_since(since) >= rows // 10, what="rows are read")
    wait_for(lambda: shop.purchases.count_since(since) >= rows // 10, what="books are bought")
    wait_for(lambda: shop.looks.count_since(since) >= rows // 10, what="books are looked at")
