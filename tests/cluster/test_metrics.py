"""/metrics of every node: understood by the ecosystem's parsers, named by its conventions, and true."""

import re
from collections.abc import Iterable
from functools import partial

import pytest
from prometheus_client import Metric

from tests.client import Shop
from tests.metrics import families, openmetrics_families, value
from tests.store import Store
from tests.waiting import wait_for

CATALOGS, ORDERS = ("catalog-1", "catalog-2"), ("order-1", "order-2")
REQUESTS = "bookstore_http_request_duration_seconds"
CALLS = "bookstore_upstream_request_duration_seconds"
NAME = re.compile(r"[a-z][a-z0-9_]*")
OF_LIBRARIES = ("python_", "process_")
WRONG_UNITS = re.compile(r"(^|_)(ms|milliseconds|microseconds|minutes|hours|kb|megabytes|percent)(_|$)")
STRANGER = "stranger-31415"


def complaints(family: Metric) -> Iterable[str]:
    """What is wrong with a metric by https://prometheus.io/docs/practices/naming/ and promtool's rules."""
    name = family.name
    if not NAME.fullmatch(name):
        yield "not in snake case, or with colons, which are for recording rules"
    if not name.startswith(("bookstore_", *OF_LIBRARIES)):
        yield "without the prefix of the application"
    if not family.documentation.strip():
        yield "without a help text"
    if family.type == "unknown":
        yield "without a type"
    if WRONG_UNITS.search(name):
        yield "not in a base unit"
    if re.search(r"(^|_)(counter|gauge|histogram|metric)(_|$)", name):
        yield "with its type in its name"
    if family.type == "counter" and any(not sample.name.endswith("_total") for sample in family.samples):
        yield "a counter that doesn't end in _total"
    if family.type != "counter" and name.endswith(("_total", "_count", "_sum", "_bucket")):
        yield "no counter, but named like one"
    if family.type == "histogram" and not name.endswith(("_seconds", "_changes", "_requests")):
        yield "a histogram without its unit"
    for sample in family.samples:
        if any(not NAME.fullmatch(label) or label.startswith("__") for label in sample.labels):
            yield f"with a label that isn't in snake case: {sorted(sample.labels)}"


@pytest.fixture
def used(shop: Shop) -> Store:
    """A store in which everything has happened that can be counted: also what strangers make up."""
    for path in ("/product/1", "/product/1", f"/{STRANGER}", f"/product/{STRANGER}", f"/search/{STRANGER}", "/"):
        shop.front.get(path)
    shop.front.call(STRANGER.upper(), "/product/1")
    shop.front.buy(1)
    return shop.store


def test_both_formats_of_every_node_are_well_formed_and_conventional(used: Store) -> None:
    for node in used.nodes:
        plain, strict = families(used, node), openmetrics_families(used, node)
        assert plain.keys() == strict.keys(), node
        wrong = [
            f"{node}: {family.name} is {complaint}"
            for family in (*plain.values(), *strict.values())
            for complaint in complaints(family)
        ]
        assert not wrong
        assert "process_resident_memory_bytes" in plain


def test_every_kind_of_node_tells_what_it_does(used: Store) -> None:
    everywhere = {REQUESTS, CALLS}
    cache = {f"bookstore_cache_{name}" for name in ("hits", "misses", "bypasses", "evictions", "invalidations")}
    copies = {f"bookstore_replication_{name}" for name in ("position", "floor", "in_sync", "lag_entries", "epoch")}
    counted = {f"bookstore_replication_{name}" for name in ("commits", "evictions", "repairs", "lock_wait_seconds")}
    assert everywhere | cache | {"bookstore_replica_in_rotation"} <= families(used, "front").keys()
    for node in CATALOGS:
        sold = {"bookstore_sales", "bookstore_copies_sold", "bookstore_sales_refused"}
        assert everywhere | copies | counted | sold <= families(used, node).keys()
    for node in ORDERS:
        assert everywhere | copies | counted | {"bookstore_orders"} <= families(used, node).keys()
    assert not {"bookstore_orders", "bookstore_sales"} & families(used, "front").keys(), "zeros of others"
    assert "bookstore_orders" not in families(used, "catalog-1")


def test_labels_take_none_of_their_values_from_strangers(used: Store) -> None:
    for node in used.nodes:
        for family in families(used, node).values():
            for sample in family.samples:
                assert STRANGER not in str(sample.labels).lower(), sample
    methods = {sample.labels["method"] for sample in families(used, "front")[REQUESTS].samples}
    assert "other" in methods


def test_hits_and_misses_stand_under_one_route(shop: Shop) -> None:
    book = shop.new_book(quantity=1)
    route = {"route": "/product/<int:book_id>", "method": "GET", "status": "2xx"}
    before = value(shop.store, f"{REQUESTS}_count", "front", **route)
    kinds: list[str] = []

    def has_hit_by_either() -> bool:
        two = [shop.front.get(path).headers["x-cache"] for path in (f"/product/{book}", f"/product/{book}/")]
        kinds.extend(two)
        return two == ["hit", "hit"]

    wait_for(has_hit_by_either, what="hits by both paths")
    after = value(shop.store, f"{REQUESTS}_count", "front", **route)
    assert after - before == len(kinds)
    unchanged = value(shop.store, f"{REQUESTS}_count", "front", **route | {"status": "3xx"})
    tag = shop.front.get(f"/product/{book}").headers["etag"]
    assert shop.front.get(f"/product/{book}", {"If-None-Match": tag}).status == 304
    assert value(shop.store, f"{REQUESTS}_count", "front", **route | {"status": "3xx"}) == unchanged + 1


def test_a_purchase_counts_once_on_each_tier(shop: Shop) -> None:
    book = shop.new_book(quantity=3)
    counters = [
        ("bookstore_sales_total", CATALOGS, {}, 1),
        ("bookstore_copies_sold_total", CATALOGS, {}, 2),
        ("bookstore_orders_total", ORDERS, {}, 1),
        ("bookstore_sales_refused_total", CATALOGS, {"reason": "out_of_stock"}, 1),
        (f"{REQUESTS}_count", ("front",), {"route": "/api/v1/orders", "method": "POST", "status": "2xx"}, 2),
        (f"{CALLS}_count", ("front",), {"resource": "orders", "outcome": "2xx"}, 2),
        (f"{CALLS}_count", ORDERS, {"method": "POST", "resource": "sales", "outcome": "2xx"}, 1),
    ]
    commits = partial(value, shop.store, "bookstore_replication_commits_total", *ORDERS, service="order")
    before, committed = [value(shop.store, name, *nodes, **labels) for name, nodes, labels, _ in counters], commits()
    key = f"metrics-{book}-purchase"
    assert shop.front.buy(book, 2, key=key).status == 201
    assert shop.front.buy(book, 2, key=key).headers["idempotent-replayed"] == "true"
    assert shop.front.buy(book, 2, key=f"{key}-2").status == 409
    assert shop.front.buy(book, 2, key=f"{key}-2").status == 409
    for was, (name, nodes, labels, more) in zip(before, counters, strict=True):
        assert value(shop.store, name, *nodes, **labels) == was + more, (name, labels)
    # The sweeper has a commit of its own, now and then, when it notes how far it has come.
    assert committed + 1 <= commits() <= committed + 2


def test_pushes_are_counted(shop: Shop) -> None:
    """A front that is too slow to take one is waited for in another way; then another purchase brings one."""
    book = shop.new_book(quantity=1000)
    pushes = partial(value, shop.store, f"{CALLS}_count", *CATALOGS, resource="push", outcome="2xx", node="front")
    before = pushes()

    def is_pushed() -> bool:
        shop.front.get_hit(f"/product/{book}")
        assert shop.front.buy(book).status == 201
        return pushes() > before

    wait_for(is_pushed, what="a push")


def test_copies_and_what_befalls_them_can_be_watched(store: Store) -> None:
    shop = Shop(store)
    assert shop.front.buy(1).status == 201
    in_sync = "bookstore_replication_in_sync"
    for node in CATALOGS:
        assert value(store, in_sync, node) == 2
        position = int(shop.client(node).get("/api/v1/books/1").headers["x-log-position"])
        assert value(store, "bookstore_replication_floor", node) == position
        assert value(store, "bookstore_replication_position", node, alias="catalog-2") == position
        assert value(store, "bookstore_replication_lag_entries", node) == 0
    epoch = value(store, "bookstore_replication_epoch", "catalog-1")
    repaired = partial(
        value, store, "bookstore_replication_repairs_total", *CATALOGS, alias="catalog-2", means="copy"
    )
    evicted = partial(value, store, "bookstore_replication_evictions_total", *CATALOGS, alias="catalog-2")
    repairs, evictions = repaired(), evicted()
    (store.data / "catalog-2" / "catalog.sqlite3").unlink()
    wait_for(lambda: repaired() == repairs + 1, what="a repair")
    assert evicted() == evictions + 1
    assert value(store, "bookstore_replication_epoch", "catalog-1") > epoch
    assert value(store, in_sync, "catalog-1") == 2
