"""The steps that break something, with customers in the shop meanwhile."""

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from types import TracebackType
from typing import Self

from demo.shop import Connection, Shop
from demo.steps import BOOK_COLUMNS, BOOK_ROW, BOOKS, ORDER_COLUMNS, ORDER_ROWS
from demo.telling import Teller
from tests.readiness_probe import ReadinessProbe
from tests.store import Store
from tests.waiting import wait_for

PAUSE_S = 0.03
"""Between two requests of a customer."""
AT_LEAST = 10
"""Requests of each customer before and after something breaks."""
STOCK = 5000
BOUGHT = 5
"""The book that customers buy all the time."""


@dataclass(frozen=True)
class Failure:
    """A request that wasn't answered as it should: from when to when it took, and what came."""

    began: float
    ended: float
    told: str


class Customer(threading.Thread):
    """Reads one book after the other, or buys, until it is told to stop."""

    def __init__(self, store: Store, stop: threading.Event, *, buys: bool) -> None:
        super().__init__(daemon=True)
        self._store, self._stop_event, self._buys = store, stop, buys
        self.answered = self.bought = 0
        self.failures: list[Failure] = []
        self.longest_ms = 0.0

    def run(self) -> None:
        connection = Connection(self._store)
        for book in cycle(BOOKS):
            began = time.monotonic()
            try:
                answer = connection.buy(BOUGHT) if self._buys else connection.get(f"/product/{book}")
            except OSError as error:
                self._note(began, repr(error))
                connection.close()
            else:
                self.answered += 1
                self.longest_ms = max(self.longest_ms, answer.took_ms)
                self.bought += answer.status == 201
                if answer.status not in (200, 201):
                    self._note(began, f"{answer.status} {answer.body.decode()}")
            if self._stop_event.wait(PAUSE_S):
                break
        connection.close()

    def _note(self, began: float, told: str) -> None:
        self.failures.append(Failure(began, time.monotonic(), told))


class Customers:
    """Two who read and two who buy. In the shop inside the block."""

    def __init__(self, store: Store) -> None:
        self._stop = threading.Event()
        self.readers = [Customer(store, self._stop, buys=False) for _ in range(2)]
        self.buyers = [Customer(store, self._stop, buys=True) for _ in range(2)]

    def __enter__(self) -> Self:
        for customer in self.all:
            customer.start()
        self.wait_for_more()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for customer in self.all:
            customer.join()

    @property
    def all(self) -> list[Customer]:
        return [*self.readers, *self.buyers]

    def wait_for_more(self) -> None:
        """Until each of them has been answered a few times more."""
        before = [customer.answered for customer in self.all]

        def have_gone_on() -> bool:
            return all(
                customer.answered >= count + AT_LEAST for customer, count in zip(self.all, before, strict=True)
            )

        wait_for(have_gone_on, 30, "customers are answered")

    @property
    def failures(self) -> list[Failure]:
        return [failure for customer in self.all for failure in customer.failures]

    @property
    def purchases(self) -> int:
        return sum(customer.bought for customer in self.buyers)

    def account(self) -> str:
        reads = sum(customer.answered for customer in self.readers)
        longest = max(customer.longest_ms for customer in self.all)
        return f"{reads} reads and {self.purchases} purchases; the slowest took {longest:.0f} ms"


def kill(shop: Shop, teller: Teller) -> None:
    """A replica of each service is killed."""
    teller.heading("Replicas are killed while 4 customers read and buy: nobody notices")
    stocked = shop.front.call("POST", f"/api/v1/books/{BOUGHT}/restock/", {"quantity": STOCK}, as_staff=True)
    teller.expect(stocked.status == 200, f"{STOCK} more copies of book {BOUGHT}, for the customers")
    with _shopping(shop, teller):
        for node in ("catalog-1", "order-2"):
            old = shop.store.kill(node)
            teller.say(f"kill -9 {old}: that was {node}")
            new = shop.store.wait_restarted(node, old)
            teller.say(f"{node} is back as process {new}")
            wait_for(partial(shop.is_up, node), 20, f"{node} in rotation")
    _compare(shop, teller)


def delete_a_file(shop: Shop, teller: Teller) -> None:
    """A database file is removed: the store goes on with the other, and makes a new one from it."""
    if shop.servers:
        teller.heading("Here no file of the store's can be deleted: the rows are on a server")
        teller.say("what becomes of them when it is lost is shown by `make hosts-test`")
        return
    teller.heading("A database file is deleted in the middle of business: it is rebuilt from the other one")
    file = shop.file("catalog-2")
    # Open, for as long as it is compared with: the number of a file that is gone may be given to its successor.
    with _shopping(shop, teller), file.open("rb") as old:
        inode = os.fstat(old.fileno()).st_ino
        file.unlink()
        teller.say(f"rm {file.parent.name}/{file.name}")
        wait_for(lambda: file.exists() and file.stat().st_ino != inode, 30, "a new file")
        wait_for(lambda: _rebuilt(shop.store, "catalog-2"), 30, "catalog-2 in sync again")
        teller.say(_rebuilt(shop.store, "catalog-2"))
    teller.side_by_side("afterwards", BOOK_COLUMNS, shop.both("catalog", BOOK_ROW, BOUGHT))
    teller.side_by_side("and the last two orders", ORDER_COLUMNS, shop.both("order", ORDER_ROWS))
    _compare(shop, teller)


def add_up(shop: Shop, teller: Teller) -> None:
    """After all that: every copy of every book is explained, every sale has one order."""
    teller.heading("In the end everything adds up")
    explained = shop.both(
        "catalog",
        "SELECT b.id, b.quantity, CAST(sum(l.change) AS bigint), "
        "CAST(sum(CASE l.kind WHEN 'sale' THEN -l.change ELSE 0 END) AS bigint) FROM catalog_app_book b "
        "JOIN catalog_app_ledgerentry l ON l.book_id = b.id GROUP BY b.id ORDER BY b.id",
    )
    teller.side_by_side("stock, and what the ledger says", ("id", "stock", "ledger", "sold"), explained)
    teller.expect(
        all(stock == ledger for rows in explained.values() for _, stock, ledger, _ in rows),
        "each book's stock is what came minus what was sold, in both databases",
    )
    sold = sum(row[3] for row in next(iter(explained.values())))
    (ordered,) = {rows[0][0] for rows in shop.both("order", "SELECT sum(quantity) FROM order_app_orderline").values()}
    teller.expect(sold == ordered, f"{sold} copies were sold, and {ordered} were ordered")
    _compare(shop, teller)


@contextmanager
def _shopping(shop: Shop, teller: Teller) -> Iterator[Customers]:
    """Customers are in the shop during the block and a while longer; then it is told how they fared."""
    before = _orders(shop)
    # The front isn't broken: where it is slow to say that it is ready, no deadline can be kept.
    with ReadinessProbe(shop.store, ("front",)) as probe, Customers(shop.store) as customers:
        teller.say("the customers are in the shop")
        yield customers
        customers.wait_for_more()
    late = [failure for failure in customers.failures if probe.explains(failure.began, failure.ended)]
    failed = [failure for failure in customers.failures if failure not in late]
    teller.expect(not failed, _verdict(customers, failed))
    if late:
        teller.say(
            f"{len(late)} requests were turned away, as this machine is too slow: the first with {late[0].told}"
        )
    written = _orders(shop) - before
    teller.expect(
        customers.purchases <= written <= customers.purchases + len(late),
        f"{customers.purchases} purchases were answered, {written} orders written",
    )


def _verdict(customers: Customers, failed: list[Failure]) -> str:
    if failed:
        return f"{len(failed)} requests failed, the first with {failed[0].told}"
    return f"no request failed of {customers.account()}"


def _orders(shop: Shop) -> int:
    (count,) = {rows[0][0] for rows in shop.both("order", "SELECT count(*) FROM order_app_order").values()}
    return int(count)


def _rebuilt(store: Store, alias: str) -> str:
    """What the log says about the file's last copy; empty if it says nothing."""
    logs = "\n".join(store.log(node) for node in store.nodes)
    found = re.findall(rf"{alias} rejoined by copy.*?ms", logs)
    return str(found[-1]) if found else ""


def _compare(shop: Shop, teller: Teller) -> None:
    differing = shop.differing_tables()
    teller.expect(not differing, f"both copies hold the same rows{_where(differing)}")


def _where(differing: list[str]) -> str:
    return f", but not of {', '.join(differing)}" if differing else ", in every table"
