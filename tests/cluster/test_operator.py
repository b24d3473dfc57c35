"""An operator's day: a backup while people buy, a new disk, a copy that is lost for good."""

import json
import threading
import uuid
from pathlib import Path

from tests.answers import Answer
from tests.client import Shop
from tests.databases import dump_both, files, is_whole, query
from tests.store import QUICK_LOGINS, Store
from tests.waiting import PATIENCE_S, wait_for

BUYERS = 3
PAUSE_S = 0.05


class Buyers:
    """Buy until they are told to stop, and leave others time to work; what was answered, in order of the answers."""

    def __init__(self, store: Store) -> None:
        self.bought: list[Answer] = []
        self._done = threading.Event()
        self._shop = Shop(store)
        self._threads = [threading.Thread(target=self._buy, args=(book,)) for book in range(1, BUYERS + 1)]

    def __enter__(self) -> "Buyers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _buy(self, book: int) -> None:
        client = self._shop.client(keep_alive=True)
        while not self._done.wait(PAUSE_S):
            answer = client.buy(book, key=f"buyer-{book}-{uuid.uuid4()}")
            if answer.status == 201:
                self.bought.append(answer)
        client.close()


def test_a_backup_taken_while_people_buy_comes_back_into_an_empty_folder(store: Store, tmp_path: Path) -> None:
    backup = tmp_path / "backup.tar"
    shop = Shop(store)
    for book in range(1, BUYERS + 1):
        assert shop.front.post(f"/api/v1/books/{book}/restock/", {"quantity": 5000}, as_staff=True).status == 200
    with Buyers(store) as buyers:
        wait_for(lambda: len(buyers.bought) >= 20, 30, "some purchases")
        before = list(buyers.bought)
        made = store.manage("backup", str(backup))
        assert made.returncode == 0, made.stderr
        assert "ledger and orders agree" in made.stdout
        wait_for(lambda: len(buyers.bought) > len(before) + 20, 30, "purchases after the backup")
    refused = store.manage("restore", str(backup), "--yes")
    assert refused.returncode == 1
    assert f"supervisor: process {store.supervisor.pid}" in refused.stderr
    key = (store.data / "secret-key").read_bytes()

    with_backup = Store(tmp_path / "new" / "var", environment=QUICK_LOGINS, is_forked=True)
    (tmp_path / "new").mkdir()
    restored = with_backup.manage("restore", str(backup), "--yes")
    assert restored.returncode == 0, restored.stderr
    assert "The present store would lose nothing" in restored.stdout
    with with_backup as store:
        client = Shop(store).client()
        for answer in before:
            assert client.get(f"/api/v1/orders/{answer.json['id']}/").json == answer.json
        assert (store.data / "secret-key").read_bytes() == key
        assert client.buy(1).status == 201
        audited = store.manage("audit")
        assert audited.returncode == 0, audited.stdout
        assert len(dump_both(store, "order")["order_app_order"]) > len(before)
        _assert_stock_adds_up(store)
        assert store.manage("replication", "status").returncode == 0
        assert client.get("/api/v1/orders/", as_staff=True).status == 200, "staff have their password"


def _assert_stock_adds_up(store: Store) -> None:
    sums = (
        "SELECT b.id FROM catalog_app_book b JOIN catalog_app_ledgerentry l ON l.book_id = b.id "
        "GROUP BY b.id HAVING b.quantity != sum(l.change)"
    )
    dump_both(store, "catalog")
    for path in files(store, "catalog"):
        assert query(path, sums) == []


def test_a_copy_is_discarded_beside_the_running_store_and_no_reader_sees_an_old_price(store: Store) -> None:
    client = Shop(store).client()
    client.get_hit("/product/2")
    before = json.loads(store.manage("replication", "status", "--json").stdout)
    done = store.manage("replication", "discard", "catalog-1", "--yes")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: is_whole(store), what="both copies in sync")
    after = json.loads(store.manage("replication", "status", "--json").stdout)
    assert after[0]["timeline"] != before[0]["timeline"]
    assert after[0]["last_repair"]["alias"] == "catalog-1"
    store.wait_ready()
    changed = client.call("PATCH", "/api/v1/books/2/", {"price": "9.90"}, as_staff=True)
    assert changed.status == 200, changed
    assert {client.get("/product/2").json["price"] for _ in range(5)} == {"9.90"}
    dump_both(store, "catalog")
