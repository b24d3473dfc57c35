"""Several fronts side by side: one shop, whichever of them one asks, and whichever of them dies."""

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests import databases
from tests.answers import Answer
from tests.client import Client, until_answered
from tests.pool import ORDINARY, Pool
from tests.readiness_probe import ReadinessProbe
from tests.redis import RedisServer
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for
from tests.writer_lock import held, holders

FRONTS = ("front", "front-2")
ORDERS = ("order-1", "order-2")
NO_ANSWER = ("unavailable", "outcome_unknown")
LOOK_EVERY_S = 0.05


@pytest.fixture(scope="module", params=["a memory each", "one Redis"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Store]:
    """A store with two fronts; every test leaves both alive."""
    with ExitStack() as stack:
        environment = dict(ORDINARY)
        if request.param == "one Redis":
            environment["BOOKSTORE_CACHE_URL"] = stack.enter_context(RedisServer()).url
        data = tmp_path_factory.mktemp("fronts") / "var"
        yield stack.enter_context(Store(data, fronts=2, environment=environment, prepared=prepared))


@pytest.fixture(scope="module")
def patient(pool: Pool) -> Iterator[Store]:
    """A store with two fronts and a lease longer than a call's usual limit; every test leaves both alive."""
    with pool.store(fronts=2, environment={"BOOKSTORE_LEASE_S": "4"}) as store:
        yield store


def book(store: Store, front: str) -> Any:
    with Client(store, front) as client:
        answer = client.get("/product/1")
        assert answer.status == 200, answer
        return answer.json


def is_hit(client: Client) -> bool:
    return client.get("/product/1").headers["x-cache"] == "hit"


def cache_both(store: Store) -> None:
    """Returns when both fronts answer from their caches."""
    for front in FRONTS:
        with Client(store, front) as client:
            wait_for(partial(is_hit, client), 10, f"a hit of {front}")


def set_price(store: Store, front: str, price: str) -> None:
    with Client(store, front) as client:
        answer = client.call("PATCH", "/api/v1/books/1/", {"price": price}, as_staff=True)
        assert answer.status == 200, answer


def new_price(store: Store) -> str:
    cents = round(float(book(store, "front")["price"]) * 100) + 1
    return f"{cents // 100}.{cents % 100:02}"


def test_the_console_names_every_front(pair: Store) -> None:
    wait_for(lambda: "Ctrl-C" in pair.console())
    assert f"{pair.url('front-2')}/   (front-2: the same shop)" in pair.console()


@pytest.mark.parametrize("buyer", FRONTS)
def test_a_purchase_through_either_is_seen_through_both_at_once(pair: Store, buyer: str) -> None:
    for _ in range(5):
        cache_both(pair)
        before = book(pair, "front")["quantity"]
        with Client(pair, buyer) as client:
            assert client.buy(1).status == 201
        assert [book(pair, front)["quantity"] for front in FRONTS] == [before - 1] * 2


@pytest.mark.parametrize("editor", FRONTS)
def test_an_edit_through_either_is_seen_through_both_at_once(pair: Store, editor: str) -> None:
    for _ in range(5):
        cache_both(pair)
        price = new_price(pair)
        set_price(pair, editor, price)
        assert [book(pair, front)["price"] for front in FRONTS] == [price] * 2


def is_unreachable(store: Store, front: str) -> bool:
    """Whether the writers know that this front is unreachable, and so have waited for it for the last time."""
    return any((store.data / "leases").glob(f"{front}.*.unreachable"))


def lease(store: Store, front: str) -> Any:
    """The one of its processes that ends last."""
    recorded = json.loads((store.data / "leases" / f"{front}.json").read_text())["leases"]
    return max(recorded, key=lambda each: each["expires"])


def test_a_front_that_is_stopped_for_three_leases_shows_nothing_old_when_it_wakes(pair: Store) -> None:
    cache_both(pair)
    stopped = pair.kill("front-2", signal.SIGSTOP)
    try:
        last = lease(pair, "front-2")
        third: float = last["expires"] + 2 * last["lease_s"]

        def write_until_then() -> bool:
            price = new_price(pair)
            set_price(pair, "front", price)
            assert book(pair, "front")["price"] == price
            return time.monotonic() > third

        pair.wait_for(write_until_then, 60, "three leases")
        price = book(pair, "front")["price"]
        # Asked while it can't answer: the question is the first thing that it finds when it wakes.
        with ThreadPoolExecutor(1) as pool, Client(pair, "front-2") as waiting:
            asked = pool.submit(waiting.get, "/product/1")
            pair.wait_for(lambda: waiting.is_connected)
            pair.kill("front-2", signal.SIGCONT)
            assert asked.result(PATIENCE_S).json["price"] == price
    finally:
        pair.kill("front-2", signal.SIGCONT)
    assert pair.pid("front-2") == stopped, "it went on where it was"
    cache_both(pair)
    assert not is_unreachable(pair, "front-2"), "it takes pushes again, and has its lease"


def test_a_front_that_is_killed_costs_the_other_nothing_but_time(pair: Store) -> None:
    cache_both(pair)
    killed = pair.kill("front-2")
    for _ in range(3):
        price = new_price(pair)
        set_price(pair, "front", price)
        assert book(pair, "front")["price"] == price
    pair.wait_restarted("front-2", killed)
    assert book(pair, "front-2")["price"] == price
    cache_both(pair)
    price = new_price(pair)
    set_price(pair, "front-2", price)
    assert [book(pair, front)["price"] for front in FRONTS] == [price] * 2


def lost_purchase(store: Store, service: str) -> tuple[int, str, int] | None:
    """One whose front is killed before it answers: its book, its key, and the front's process.

    None where a slow machine sees so late who waits for the lock that the customer has been told that nobody knows.
    """
    bought, key, lock = new_book(store, service), f"a-key-for-{service}-{uuid4()}", store.data / "locks" / service
    with ThreadPoolExecutor(1) as pool, Client(store, "front-2") as client, held(lock / "mutex"):
        lost = pool.submit(client.buy, bought, 2, key=key)
        store.wait_for(lambda: holders(lock / "turnstile"), what=f"the purchase at the lock of the {service}")
        killed = store.kill("front-2")
        error = lost.exception(PATIENCE_S)
    if error is None:
        assert lost.result().code in NO_ANSWER, lost.result()
        store.wait_restarted("front-2", killed)
        return None
    assert isinstance(error, OSError | HTTPException), "there is no answer"
    return bought, key, killed


@pytest.mark.parametrize("service", ["catalog", "order"])
def test_who_loses_a_front_in_a_purchase_gets_the_one_order_at_the_other(pair: Store, service: str) -> None:
    """Killed before anything is sold, and between the sale and the order: the client repeats with the same key."""
    found = wait_for(partial(lost_purchase, pair, service), what="a purchase that is lost")
    assert found is not None
    bought, key, killed = found
    with Client(pair, "front") as other:
        answer = buy_until_told(other, bought, 2, key)
        assert answer.status == 201, answer
        assert buy_until_told(other, bought, 1, key).code == "idempotency_conflict"
    pair.wait_restarted("front-2", killed)
    with Client(pair, "front-2") as again:
        repeated = buy_until_told(again, bought, 2, key)
        assert (repeated.status, repeated.json, repeated.headers["idempotent-replayed"]) == (201, answer.json, "true")
        assert again.get(f"/product/{bought}").json["quantity"] == 9 - 2
    orders = "SELECT order_id, quantity FROM order_app_orderline WHERE book = ?"
    sales = "SELECT \"order\", quantity FROM catalog_app_ledgerentry WHERE kind = 'sale' AND book_id = ?"
    for of, sql in (("order", orders), ("catalog", sales)):
        for file in databases.files(pair, of):
            assert databases.query(file, sql, [bought]) == [(answer.json["id"].replace("-", ""), 2)]


def buy_until_told(client: Client, book: int, copies: int, key: str) -> Answer:
    """As a client does who hears that nobody can tell just now: the same purchase once more."""
    return until_answered(partial(client.buy, book, copies, key=key))


def new_book(store: Store, topic: str) -> int:
    """A book of the test's own."""
    with Client(store) as client:
        fields = {"title": f"A book of {topic}", "topic": topic, "price": "10.00", "quantity": 9}
        answer = client.post("/api/v1/books/", fields, as_staff=True)
        assert answer.status == 201, answer
        return int(answer.json["id"])


def head(store: Store) -> int:
    """The newest entry that both of the catalog's files have."""
    newest = "SELECT max(position) FROM replication_logentry"
    return min(int(databases.query(file, newest)[0][0]) for file in databases.files(store, "catalog"))


def seen_of_catalog(store: Store) -> tuple[list[str], list[str]]:
    """What `front` says of the catalog replicas: their states, and what happened to them."""
    with Client(store) as client:
        told = client.get("/api/v1/cluster/").json
    return (
        [node["state"] for node in told["nodes"] if node["service"] == "catalog"],
        [f"{event['at']} {event['node']} {event['event']}" for event in told["events"] if "catalog" in event["node"]],
    )


def change_it(store: Store, book: int) -> tuple[Answer, float]:
    """The answer to a change of price and topic, and when it came."""
    with Client(store) as editor:
        fields = {"price": "11.00", "topic": "after"}
        return editor.call("PATCH", f"/api/v1/books/{book}/", fields, as_staff=True), time.monotonic()


def read_until(change: Future[Any], store: Store, path: str, probe: ReadinessProbe) -> Answer:
    """Asks again and again; the first answer to a question that was asked after the change was acknowledged."""
    with Client(store) as client:
        while True:
            is_acknowledged, began = change.done(), time.monotonic()
            answer = client.get(path)
            if is_acknowledged and answer.status == 200:
                return answer
            assert is_served(answer, 200, probe, began)
            wait([change], LOOK_EVERY_S)


def is_served(answer: Answer, status: int, probe: ReadinessProbe, began: float) -> bool:
    """As it has to be, or overtaken by what the whole machine was too slow for."""
    is_late = answer.code in NO_ANSWER and probe.explains(began, time.monotonic())
    return answer.status == status or is_late


def assert_served_while_a_write_waits(store: Store) -> None:
    """front-2 is stopped, and a change waits for its lease: `front` answers all, and nothing old after it."""
    with ReadinessProbe(store, ORDERS) as probe:
        _assert_served(store, probe)


def _assert_served(store: Store, probe: ReadinessProbe) -> None:
    touched, untouched, sold = (new_book(store, topic) for topic in ("before", "elsewhere", "elsewhere"))
    cache_both(store)
    store.wait_for(lambda: not is_unreachable(store, "front-2"))
    store.wait_for(lambda: seen_of_catalog(store)[0] == ["up", "up"])
    well, before = seen_of_catalog(store), head(store)
    paths = [f"/product/{touched}", f"/product/{untouched}", "/search/before", "/search/after", "/api/v1/books/"]
    began = time.monotonic()
    store.kill("front-2", signal.SIGSTOP)
    try:
        last = lease(store, "front-2")
        with ThreadPoolExecutor(2 + len(paths)) as pool, Client(store) as buyer:
            change = pool.submit(change_it, store, touched)
            store.wait_for(lambda: head(store) > before, what="the commits")
            purchase = pool.submit(buyer.buy, sold)
            reads = [pool.submit(read_until, change, store, path, probe) for path in paths]

            def is_over() -> bool:
                assert seen_of_catalog(store) == well or probe.explains(began, time.monotonic())
                return change.done() and purchase.done()

            store.wait_for(is_over, what="the end of the lease")
            changed, moment = change.result()
            assert changed.status == 200, changed
            assert moment >= last["expires"], "the change has waited for it"
            assert is_served(purchase.result(), 201, probe, began)
            book_then, other_book, old_topic, new_topic, _ = (read.result() for read in reads)
    finally:
        store.kill("front-2", signal.SIGCONT)
    assert (book_then.json["price"], book_then.json["topic"]) == ("11.00", "after")
    assert other_book.json["price"] == "10.00"
    assert touched not in [found["id"] for found in old_topic.json["results"]]
    assert touched in [found["id"] for found in new_topic.json["results"]]
    cache_both(store)


def test_while_a_write_waits_for_a_stopped_front_the_other_serves_everything(pair: Store) -> None:
    assert_served_while_a_write_waits(pair)


def test_with_a_long_lease_it_does_so_too(patient: Store) -> None:
    assert_served_while_a_write_waits(patient)
