"""The store goes on selling while its processes are killed."""

import queue
import random
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests import databases
from tests.answers import Answer
from tests.chaos.audit import return_gaps
from tests.client import Client, Shop
from tests.readiness_probe import ReadinessProbe
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for
from tests.writer_lock import held, holders

CLIENTS = 8
REPLICAS = ("catalog-1", "order-1", "catalog-2", "order-2")
PER_KILL = 125
PURCHASE_EVERY = 5

pytestmark = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="/proc/locks tells who waits for a lock")


@dataclass(frozen=True)
class Heard:
    """An answer, and from when to when it was waited for."""

    answer: Answer
    began: float
    ended: float

    @property
    def has_failed(self) -> bool:
        return self.answer.status not in (200, 201)


class Crowd:
    """Clients that do one job after another and never retry; what they heard is in `heard` and `broken`."""

    def __init__(self, shop: Shop, books: list[int]) -> None:
        self.heard: list[Heard] = []
        self.broken: list[str] = []
        self.jobs: queue.Queue[int | None] = queue.Queue()
        self._shop = shop
        self._books = books
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self.jobs.put(None)
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def give(self, count: int) -> None:
        """More to do: every fifth job is a purchase."""
        for number in range(count):
            self.jobs.put(number)

    def wait_idle(self) -> None:
        wait_for(lambda: self.jobs.unfinished_tasks == 0, 60, "every request answered")

    def _work(self, number: int) -> None:
        chance = random.Random(number)
        client = self._shop.client(keep_alive=number % 2 == 0)
        while (job := self.jobs.get()) is not None:
            began = time.monotonic()
            try:
                answer = self._one(client, job, chance)
                self.heard.append(Heard(answer, began, time.monotonic()))
            except Exception as error:
                self.broken.append(repr(error))
            finally:
                self.jobs.task_done()
        client.close()
        self.jobs.task_done()

    def _one(self, client: Client, job: int, chance: random.Random) -> Answer:
        book = chance.choice(self._books)
        if job % PURCHASE_EVERY == 0:
            return client.buy(book) if chance.random() < 0.5 else client.post(f"/purchase/{book}")
        paths = (
            f"/product/{book}",
            f"/info/{book}",
            f"/api/v1/books/{book}/",
            "/search/kills",
            "/api/v1/books/?topic=kills",
        )
        return client.get(chance.choice(paths))


def has_moved_on(lock: Path, first: set[int]) -> bool:
    return holders(lock) != first


def is_told(store: Store, victim: str) -> bool:
    return f"pid {store.pid(victim)}" in store.console()


def has_a_line(file: Path, book: int) -> bool:
    return databases.query(file, "SELECT count(*) FROM order_app_orderline WHERE book = ?", [book]) == [(1,)]


def has_sold(store: Store, book: int) -> bool:
    sales = "SELECT count(*) FROM catalog_app_ledgerentry WHERE kind = 'sale' AND book_id = ?"
    return all(databases.query(file, sales, [book]) == [(1,)] for file in databases.files(store, "catalog"))


def has_decided(store: Store, order: str) -> bool:
    """Whether a cancellation of some of its copies is on both files of the orders."""
    changes = "SELECT count(*) FROM order_app_orderchange WHERE kind = 'cancelled' AND order_id = ?"
    return all(
        databases.query(file, changes, [uuid.UUID(order).hex]) == [(1,)] for file in databases.files(store, "order")
    )


def kill_while_it_writes(store: Store, crowd: Crowd, victim: str, probe: ReadinessProbe) -> None:
    """Kills the replica when a purchase has got as far as its wait for the writer lock, and not further.

    For an order replica that is between the sale and the order. Others wait as well: too long, on a slow machine.
    """
    locks = store.data / "locks" / victim.partition("-")[0]
    pid = store.pid(victim)
    for _attempt in range(200):
        began = time.monotonic()
        with held(locks / "mutex"):
            crowd.jobs.put(0)
            first = wait_for(lambda: holders(locks / "turnstile"), what=f"a purchase at {locks}")
            if pid in first:
                store.kill(victim)
                wait_for(lambda: pid not in holders(locks / "turnstile"), what=f"the end of {victim}")
        probe.hold_up(began)
        if pid in first:
            return
        # Holding the lock again at once would leave the same one waiting for ever.
        wait_for(partial(has_moved_on, locks / "turnstile", first), 10, "the next in line")
    raise AssertionError(f"no purchase came to {victim}")


def in_rotation(shop: Shop, node: str) -> bool:
    nodes = Client(shop.store).get("/api/v1/cluster/").json["nodes"]
    return any(each["name"] == node and each["state"] == "up" and each["in_sync"] for each in nodes)


def assert_books_balance(store: Store) -> dict[str, int]:
    """Both files of each service are equal, and the services agree. Returns each order with its copies.

    What a test before has sold, the sweeper may have to finish first.
    """
    databases.wait_until_recorded(store)
    catalog, order = databases.dump_both(store, "catalog"), databases.dump_both(store, "order")
    assert catalog["replication_pendingchange"] == order["replication_pendingchange"] == []
    (file, _), (order_file, _) = databases.files(store, "catalog"), databases.files(store, "order")
    unexplained = databases.query(
        file,
        "SELECT id FROM catalog_app_book AS book WHERE quantity < 0 OR quantity != "
        "(SELECT sum(change) FROM catalog_app_ledgerentry WHERE book_id = book.id)",
    )
    assert unexplained == []
    sales = databases.query(
        file, "SELECT \"order\", id, book_id, quantity, unit_price FROM catalog_app_ledgerentry WHERE kind = 'sale'"
    )
    orders = databases.query(order_file, "SELECT order_id, sale, book, quantity, unit_price FROM order_app_orderline")
    assert sorted(sales) == sorted(orders)
    return {str(uuid.UUID(order)): quantity for order, _, _, quantity, _ in orders}


@pytest.fixture
def own_shop(store: Store) -> Iterator[Shop]:
    shop = Shop(store)
    yield shop
    shop.assert_contract_kept()


def test_no_request_fails_while_each_replica_is_killed_at_a_purchase(own_shop: Shop) -> None:
    store = own_shop.store
    books = [own_shop.new_book(quantity=1000, topic="kills") for _ in range(4)]
    before = assert_books_balance(store)
    with Crowd(own_shop, books) as crowd, ReadinessProbe(store, ()) as probe:
        for victim in REPLICAS:
            probe.nodes, old = others_than(victim), store.pid(victim)
            crowd.give(PER_KILL)
            kill_while_it_writes(store, crowd, victim, probe)
            store.wait_restarted(victim, old)
            wait_for(partial(in_rotation, own_shop, victim), 20, f"{victim} in rotation")
            crowd.wait_idle()
    assert crowd.broken == []
    failed = [heard for heard in crowd.heard if heard.has_failed]
    assert [str(heard.answer) for heard in failed if not probe.explains(heard.began, heard.ended)] == []
    assert {heard.answer.code for heard in failed} <= {"unavailable", "outcome_unknown"}
    assert len(crowd.heard) >= 500
    assert sum(heard.answer.method == "POST" for heard in crowd.heard) >= 100
    for victim in REPLICAS:
        assert f"{victim} died (its worker was killed by SIGKILL)" in store.console()
        store.wait_for(partial(is_told, store, victim))
    bought = {heard.answer.json["id"]: 1 for heard in crowd.heard if heard.answer.status == 201}
    # Nobody knows whether these were made.
    unknown = {heard.answer.json["order"] for heard in failed if heard.answer.code == "outcome_unknown"}
    after = assert_books_balance(store)
    assert {order: copies for order, copies in after.items() if order not in unknown} == before | bought


def others_than(victim: str) -> list[str]:
    """The replicas of the other service."""
    return [node for node in REPLICAS if node.partition("-")[0] != victim.partition("-")[0]]


def test_killed_front_restarts_and_loses_nothing(own_shop: Shop) -> None:
    store, key = own_shop.store, str(uuid.uuid4())
    before = assert_books_balance(store)
    sold = own_shop.front.buy(1, 2, key=key)
    shown = own_shop.front.get("/product/1")
    store.wait_restarted("front", store.kill("front"))
    again = own_shop.front.get("/product/1")
    assert (again.body, again.headers["etag"]) == (shown.body, shown.headers["etag"])
    assert own_shop.front.get(f"/api/v1/orders/{sold.json['id']}/").json == sold.json
    repeated = own_shop.front.buy(1, 2, key=key)
    assert (repeated.status, repeated.body) == (201, sold.body)
    assert repeated.headers["idempotent-replayed"] == "true"
    store.wait_for(lambda: own_shop.front.get("/product/1").headers["x-cache"] == "hit", 10, "a warm cache")
    assert assert_books_balance(store) == before | {sold.json["id"]: 2}


def test_sale_whose_order_replicas_both_die_is_finished_without_the_client(own_shop: Shop) -> None:
    """Nobody asks again: the sweeper writes the order from the ledger."""
    store = own_shop.store
    book = own_shop.new_book(quantity=5)
    before = assert_books_balance(store)
    mutex = store.data / "locks" / "order" / "mutex"
    key = str(uuid.uuid4())
    answers: list[Answer] = []
    client = threading.Thread(target=lambda: answers.append(own_shop.client().buy(book, key=key)))
    with held(mutex):
        client.start()
        # Who waits at the lock may be the sweeper.
        wait_for(
            lambda: has_sold(store, book) and holders(mutex.with_name("turnstile")), what="a sale without an order"
        )
        old = {node: store.kill(node) for node in ("order-1", "order-2")}
    client.join(PATIENCE_S)
    (answer,) = answers
    assert answer.status == 201 or answer.code == "outcome_unknown", answer
    for node, pid in old.items():
        store.wait_restarted(node, pid)
    wait_for(lambda: own_shop.front.get("/api/v1/books/").status == 200, 10)
    for file in databases.files(store, "order"):
        wait_for(partial(has_a_line, file, book), 20, "the order")
    (order,) = assert_books_balance(store).items() - before.items()
    assert order[1] == 1
    assert own_shop.front.get(f"/product/{book}").json["quantity"] == 4
    repeated = own_shop.front.buy(book, key=key)
    assert repeated.status == 201, repeated
    if answer.code == "outcome_unknown":
        assert repeated.json["id"] == answer.json["order"]


def test_cancellation_whose_order_replicas_both_die_is_finished_without_the_client(own_shop: Shop) -> None:
    """Decided, and the copies not yet back: nobody asks again, and the sweeper sees to it."""
    store = own_shop.store
    book = own_shop.new_book(quantity=5)
    order = own_shop.front.buy(book, 3).json["id"]
    mutex = store.data / "locks" / "catalog" / "mutex"
    key = str(uuid.uuid4())
    answers: list[Answer] = []
    client = threading.Thread(target=lambda: answers.append(own_shop.client().cancel(order, [(book, 2)], key=key)))
    with held(mutex):
        client.start()
        wait_for(
            lambda: has_decided(store, order) and holders(mutex.with_name("turnstile")), what="a decided cancellation"
        )
        old = {node: store.kill(node) for node in REPLICAS}
    client.join(PATIENCE_S)
    (answer,) = answers
    assert answer.status == 200 or answer.code in ("outcome_unknown", "unavailable"), answer
    for node, pid in old.items():
        store.wait_restarted(node, pid)
    wait_for(lambda: not list(return_gaps(store)), 40, "the copies on the shelf")
    assert own_shop.front.get(f"/product/{book}").json["quantity"] == 4
    repeated = own_shop.front.cancel(order, [(book, 2)], key=key)
    assert (repeated.status, repeated.headers["idempotent-replayed"]) == (200, "true")
    assert own_shop.front.get(f"/product/{book}").json["quantity"] == 4
    assert_books_balance(store)
