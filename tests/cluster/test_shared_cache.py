"""Whole stores whose front keeps its cache in a Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Shop
from tests.redis import RedisServer
from tests.store import Store
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """Every test leaves it running."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def store(redis: RedisServer, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """With two fronts, which share that Redis."""
    data, environment = tmp_path_factory.mktemp("shared") / "var", {"BOOKSTORE_CACHE_URL": redis.url}
    with Store(data, environment=environment, fronts=2, prepared=prepared) as running:
        yield running


def test_a_store_sells_with_a_redis_and_without(store: Store, redis: RedisServer) -> None:
    shop = Shop(store)
    book = shop.new_book(quantity=10)
    shop.front.get_hit(f"/product/{book}")
    assert redis.ask("EXISTS", f"bookstore:1:book:{book}") == 1

    front = store.kill("front")
    store.wait_restarted("front", front)
    shop.front.get_hit(f"/product/{book}")

    redis.pause()
    assert quantities(shop, book) == [9, 8]
    redis.kill()
    assert quantities(shop, book) == [7, 6]
    wait_for(lambda: is_left_out(shop, book), what="a front that has met what is gone")

    redis.start()
    shop.front.get_hit(f"/product/{book}")
    assert quantities(shop, book) == [5, 4]
    shop.assert_contract_kept()


def test_a_store_starts_without_its_redis(tmp_path: Path, prepared: Path) -> None:
    environment = {"BOOKSTORE_CACHE_URL": f"unix://{tmp_path}/nobody.sock"}
    with Store(tmp_path / "var", environment=environment, prepared=prepared) as store:
        shop = Shop(store)
        assert quantities(shop, shop.new_book(quantity=10)) == [9, 8]
        wait_for(lambda: "leaves the shared cache out" in store.log("front"))


def test_two_fronts_share_one_redis_and_an_old_snapshot_of_it(store: Store, redis: RedisServer) -> None:
    shop = Shop(store)
    fronts = [shop.front, shop.client("front-2")]
    book = shop.new_book(quantity=10)
    shop.front.get_hit(f"/product/{book}")
    snapshot = redis.save()
    for quantity, buyer in ((9, fronts[0]), (8, fronts[1])):
        assert buyer.post(f"/purchase/{book}").status == 201
        assert [front.get(f"/product/{book}").json["quantity"] for front in fronts] == [quantity] * 2
    redis.restore(snapshot)
    assert [front.get(f"/product/{book}").json["quantity"] for front in fronts] == [8, 8]
    shop.front.get_hit(f"/product/{book}")
    assert [front.get(f"/product/{book}").json["quantity"] for front in fronts] == [8, 8]
    front = store.kill("front")
    store.wait_restarted("front", front)
    assert [front.get(f"/product/{book}").json["quantity"] for front in fronts] == [8, 8]


def is_left_out(shop: Shop, book: int) -> bool:
    """Whether the front, which reads now, does so without the Redis."""
    shop.front.get(f"/product/{book}")
    return bool(shop.front.get("/api/v1/cluster/").json["cache"]["shared"]["state"] != "closed")


def quantities(shop: Shop, book: int) -> list[int]:
    """The stock that customers see after each of two purchases."""
    seen = []
    for _ in range(2):
        assert shop.front.post(f"/purchase/{book}").status == 201
        seen.append(shop.front.get(f"/product/{book}").json["quantity"])
    return seen
