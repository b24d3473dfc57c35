"""A drained replica of a real store: it gets nothing new, and replicates."""

from tests.client import Shop
from tests.databases import dump_both
from tests.store import Store
from tests.waiting import wait_for

COUNT = 8


def readers(shop: Shop) -> set[str]:
    """Who answers reads that are never cached."""
    return {shop.front.get("/api/v1/books/?topic=any").headers["x-replica"] for _ in range(COUNT)}


def test_drained_replicas_stay_so_through_restarts_and_replicate_until_they_are_let_in(store: Store) -> None:
    shop = Shop(store)
    book = shop.new_book(quantity=20)
    drained = shop.front.post("/api/v1/cluster/nodes/catalog-1/drain/", {}, as_staff=True)
    assert (drained.status, drained.json["state"]) == (200, "drained"), drained
    assert readers(shop) == {"catalog-2"}
    store.wait_restarted("front", store.kill("front"))
    assert readers(shop) == {"catalog-2"}
    assert shop.front.buy(book).status == 201
    assert dump_both(store, "catalog"), "both files hold the same rows"

    refused = store.manage("drain", "catalog-2")
    assert refused.returncode != 0
    assert "catalog-2 is the last" in refused.stderr
    old = store.kill("catalog-2")
    answered_by = shop.front.get("/api/v1/books/?topic=any").headers["x-replica"]
    assert answered_by == "catalog-1" or store.pid("catalog-2") != old, "the drained one, unless the other is back"
    assert shop.front.buy(book).status == 201
    store.wait_restarted("catalog-2", old)
    wait_for(lambda: readers(shop) == {"catalog-2"}, 20, "catalog-2 alone")

    assert "takes its turns again" in store.manage("undrain", "catalog-1").stdout
    wait_for(lambda: readers(shop) == {"catalog-1", "catalog-2"}, 20, "both")
    assert "is drained" in store.manage("drain", "order-2").stdout
    wait_for(
        lambda: {shop.front.buy(book).headers["x-replica"] for _ in range(2)} == {"order-1"}, 20, "order-1 alone"
    )
    assert store.manage("undrain", "order-2").returncode == 0
    shop.assert_contract_kept()
