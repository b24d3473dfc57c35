"""A whole service is gone: what is known is still told, the rest is refused at once, and all comes back by itself."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.answers import Answer
from tests.client import Shop
from tests.store import Store
from tests.waiting import wait_for

CATALOGS, ORDERS = ("catalog-1", "catalog-2"), ("order-1", "order-2")


@pytest.fixture
def own_shop(store: Store) -> Iterator[Shop]:
    shop = Shop(store)
    yield shop
    shop.assert_contract_kept()


def states(shop: Shop) -> dict[str, str]:
    return {node["name"]: node["state"] for node in shop.front.get("/api/v1/cluster/").json["nodes"]}


def calls_for(shop: Shop, answer: Answer) -> list[str]:
    """The replicas that the front called for it."""
    requests = shop.front.get("/api/v1/cluster/", as_staff=True).json["requests"]
    (found,) = [each for each in requests if each["request_id"] == answer.headers["x-request-id"]]
    return [step["node"] for step in found["trace"]]


def assert_refused(answer: Answer) -> None:
    assert (answer.status, answer.code) == (503, "unavailable"), answer
    assert int(answer.headers["retry-after"]) >= 1


def test_with_both_catalog_replicas_stopped_nobody_waits_and_all_comes_back(own_shop: Shop) -> None:
    store, book = own_shop.store, own_shop.new_book(quantity=9)
    assert own_shop.front.buy(book).status == 201
    pids = [store.kill(node, signal.SIGSTOP) for node in CATALOGS]
    try:
        wait_for(lambda: {states(own_shop)[node] for node in CATALOGS} == {"out"}, 20, "both out at the front")
        # The order replicas find out by themselves, too.
        wait_for(lambda: own_shop.front.buy(book).code == "unavailable", 20, "both out at the order replicas")
        for path in ("/api/v1/books/?topic=any", f"/product/{book}"):
            refused = own_shop.front.get(path)
            assert_refused(refused)
            assert calls_for(own_shop, refused) == []
        assert_refused(own_shop.front.post(f"/purchase/{book}"))
        # They were slow to answer, as long as they waited for the catalog.
        wait_for(lambda: {states(own_shop)[node] for node in ORDERS} == {"up"}, what="the others up")
        assert own_shop.front.get("/api/v1/orders/", as_staff=True).status == 200
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: own_shop.front.buy(book).status == 201, 20, "a purchase")
    wait_for(lambda: {states(own_shop)[node] for node in CATALOGS} == {"up"}, 20, "both back")


def test_with_both_catalog_replicas_killed_the_rest_is_refused_until_they_are_back(own_shop: Shop) -> None:
    store, book = own_shop.store, own_shop.new_book(quantity=9)
    old = {node: store.kill(node) for node in CATALOGS}
    refused = own_shop.front.get("/api/v1/books/?topic=any")
    assert refused.status == 200 or refused.headers["retry-after"]
    for node, pid in old.items():
        store.wait_restarted(node, pid)
    wait_for(lambda: own_shop.front.buy(book).status == 201, 20, "a purchase")
    wait_for(lambda: set(states(own_shop).values()) == {"up"}, 20, "all back")
