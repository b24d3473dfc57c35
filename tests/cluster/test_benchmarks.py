"""What benchmarks measure is made with a store's own settings, not with those of the tests."""

from functools import partial
from pathlib import Path

import pytest

from benchmarks import children, many_books
from benchmarks.load import Target, rate
from benchmarks.servers import restock
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import derived, scrub
from bookstore_project.sqlite_files import opened
from tests import programs
from tests.pool import Pool
from tests.waiting import wait_for

pytestmark = pytest.mark.processes
CATALOG = get_service("catalog")


def test_a_full_shelf_is_what_transactions_would_have_left(tmp_path: Path) -> None:
    children.build(tmp_path / "store", "30", module="benchmarks.full_shelf")
    with children.party(tmp_path / "store") as party:
        assert len(party("sell", 2)) == 2
    for alias in ("catalog-1", "catalog-2"):
        with opened(tmp_path / "store" / alias / "catalog.sqlite3") as connection:
            assert derived.findings(connection, CATALOG) == scrub.findings(connection, CATALOG) == []
            assert connection.execute("SELECT count(*) FROM catalog_app_book").fetchone() == (37,)


def test_searches_are_drawn_the_same_each_time() -> None:
    first, again = (list(many_books.kinds(500)) for _ in range(2))
    assert first == again
    assert {len(paths) for _, paths in first} == {many_books.REQUESTS}


def test_a_store_to_be_measured_is_built_and_sold_from(tmp_path: Path) -> None:
    children.build(tmp_path / "store", "--edits", "3", "--sales", "2")
    with children.party(tmp_path / "store") as party:
        assert len(party("sell", 2)) == 2
        assert len(party("sell at once", 2)) == 6
        for command in ("sell plainly", "read", "query", "read plainly"):
            assert len(party(command, 1)) == 1, command
        assert [len(party("import books", count)) for count in (2, 3)] == [2, 2]
    with opened(tmp_path / "store" / "catalog-2" / "catalog.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM catalog_app_book").fetchone() == (12,)


def test_each_load_asks_for_what_is_answered(pool: Pool) -> None:
    programs.require("wrk", "wrk")
    with pool.store() as store:
        books = ("/product/", "7")
        token = (store.data / "service-token").read_text().strip()
        for book in range(1, 8):
            restock(store, book, quantity=1_000_000)  # A quick machine sells the 50 there are within a second.
        for target in (
            Target("sales", store.url("catalog-1"), 1, "sales.lua", (token,)),
            Target("purchases", store.front, 1, "purchases.lua"),
            Target("books in turn", store.front, 1, "books.lua", books),
            Target("books at random", store.front, 1, "random.lua", books),
        ):
            wait_for(partial(rate, target, 1), what=target.name)
