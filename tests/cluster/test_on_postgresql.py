"""A whole store on a PostgreSQL primary with a synchronous standby: it sells while any of it is killed.

Nothing is sold twice or beyond the stock, nothing acknowledged is lost, and no read is stale.
"""

import json
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import pytest

from bookstore_project.sqlite_files import opened
from tests import programs
from tests.client import Client, Shop
from tests.cluster.test_drains import readers
from tests.on_postgresql import BINARIES, PACKAGE, program
from tests.pool import ORDINARY
from tests.postgres import Server, primary_and_standby
from tests.readiness_probe import ReadinessProbe
from tests.store import QUICK_LOGINS, Store
from tests.waiting import PATIENCE_S, wait_for

BUYERS, READERS = 3, 2
PAUSE_S = 0.1
"""Between two requests of one of them: what else a test waits for shall get its share of the processors."""
REPLICAS = ("catalog-1", "catalog-2", "order-1", "order-2")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """The primary and its standby."""
    if program("postgres") is None:
        programs.require(f"{BINARIES}/postgres", PACKAGE)
    with (
        tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder,
        primary_and_standby(Path(folder, "servers")) as both,
    ):
        yield both


@pytest.fixture(scope="module")
def sold_on_servers(servers: tuple[Server, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    environment = QUICK_LOGINS | ORDINARY | {"BOOKSTORE_DATABASE_URL": servers[0].url}
    with Store(tmp_path_factory.mktemp("servers") / "var", environment=environment, is_forked=True) as store:
        yield store


@pytest.fixture
def shop(sold_on_servers: Store) -> Iterator[Shop]:
    talk = Shop(sold_on_servers)
    yield talk
    talk.assert_contract_kept()


@dataclass
class Market:
    """People who buy copies of a book, one by one, asking again if need be, and others who look what is left."""

    store: Store
    book: int
    stock: int
    begun: int = 0
    """Purchases that may have been made."""
    acknowledged: set[str] = field(default_factory=set)
    """Orders."""
    looked: int = 0
    refused: list[tuple[float, float, str]] = field(default_factory=list)
    """Reads that were: from when to when, and how."""
    wrong: list[str] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Market":
        work = [self._buy] * BUYERS + [self._look] * READERS
        self._threads = [threading.Thread(target=self._safely, args=(each,), daemon=True) for each in work]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def wait_for_sales(self, count: int) -> None:
        """So many more than now."""
        wanted = len(self.acknowledged) + count
        wait_for(lambda: self.wrong or len(self.acknowledged) >= wanted, what=f"{count} more sales")

    def _safely(self, work: Callable[[Client], None]) -> None:
        with Client(self.store, keep_alive=True) as client:
            try:
                while not self._ended.wait(PAUSE_S):
                    work(client)
            except Exception as error:
                self.wrong.append(repr(error))

    def _buy(self, client: Client) -> None:
        key = str(uuid.uuid4())
        with self._guard:
            self.begun += 1
        while True:
            try:
                answer = client.buy(self.book, key=key)
            except (OSError, HTTPException):
                continue
            if answer.status == 201:
                with self._guard:
                    self.acknowledged.add(answer.json["id"])
                return
            if answer.code == "out_of_stock":
                with self._guard:
                    self.begun -= 1
                self._ended.wait(0.05)
                return
            assert answer.status == 503, answer
            self._ended.wait(0.05)

    def _look(self, client: Client) -> None:
        with self._guard:
            least = len(self.acknowledged)
        began = time.monotonic()
        try:
            answer = client.get(f"/api/v1/books/{self.book}/")
        except (OSError, HTTPException) as error:
            self.refused.append((began, time.monotonic(), repr(error)))
            return
        with self._guard:
            most = self.begun
        if answer.status != 200:
            self.refused.append((began, time.monotonic(), str(answer)))
            return
        self.looked += 1
        sold = self.stock - answer.json["quantity"]
        # Who was refused may have been counted as begun a moment ago.
        if not least <= sold <= min(self.stock, most + BUYERS):
            self.wrong.append(f"{least} were acknowledged and {most} begun, and {sold} sold by {answer}")


def assert_all_is_right(market: Market) -> None:
    """Once nobody buys any more."""
    assert market.wrong == []
    assert market.looked > 0
    store = market.store
    left = Client(store).get(f"/api/v1/books/{market.book}/").json["quantity"]
    assert left == market.stock - len(market.acknowledged)
    wait_for(lambda: store.manage("audit").returncode == 0, what="ledger and orders agree")


@pytest.fixture
def market(shop: Shop) -> Market:
    return Market(shop.store, shop.new_book(quantity=5000), 5000)


def test_what_is_bought_is_invalidated_and_known_by_its_key(shop: Shop) -> None:
    book, key = shop.new_book(quantity=5), str(uuid.uuid4())
    path = f"/api/v1/books/{book}/"
    shop.front.get_hit(path)
    bought = shop.front.buy(book, 2, key=key)
    assert bought.status == 201
    assert shop.front.get(path).json["quantity"] == 3
    assert shop.front.get_hit(path).json["quantity"] == 3
    repeated = shop.front.buy(book, 2, key=key)
    assert repeated.json == bought.json
    assert repeated.headers["idempotent-replayed"] == "true"
    assert shop.front.buy(book, 4).code == "out_of_stock"


def test_operators_see_servers_and_are_sent_to_their_tools(shop: Shop) -> None:
    store = shop.store
    told = store.manage("replication", "status", "--json")
    assert told.returncode == 0, told.stderr
    assert [each["standbys"][0]["sync"] for each in json.loads(told.stdout)] == ["sync", "sync"]
    assert store.manage("audit").returncode == 0
    for command, tool in {
        ("replication", "repair"): "pg_rewind",
        ("replication", "promote", "catalog-2"): "patronictl failover",
        ("move_to", "postgresql://bookstore@127.0.0.1/"): "backup",
        ("restore", str(store.data / "copy")): "The store is running",
    }.items():
        refused = store.manage(*command)
        assert refused.returncode == 1
        assert tool in refused.stderr


def test_it_is_backed_up_while_it_sells(market: Market) -> None:
    store = market.store
    with market:
        market.wait_for_sales(5)
        before = set(market.acknowledged)
        told = store.manage("backup", str(store.data / "backup"))
        assert told.returncode == 0, told.stderr
    with opened(store.data / "backup" / "order.sqlite3") as copy:
        kept = {str(uuid.UUID(key)) for (key,) in copy.execute("SELECT id FROM order_app_order")}
    assert before <= kept
    assert_all_is_right(market)


def told_of_replicas(shop: Shop) -> dict[str, tuple[str, bool | None]]:
    """The state of each and whether it is in sync, by what the front has heard; a test before may have killed it."""
    nodes = shop.front.get("/api/v1/cluster/").json["nodes"]
    return {node["name"]: (node["state"], node["in_sync"]) for node in nodes if node["service"] != "front"}


def test_the_cluster_page_tells_of_replicas_and_damages_no_files(shop: Shop) -> None:
    wait_for(lambda: told_of_replicas(shop) == dict.fromkeys(REPLICAS, ("up", True)), what="all of them well")
    assert shop.front.post("/api/v1/cluster/files/catalog-1/delete/", as_staff=True).status == 404


def test_the_cluster_page_names_the_primary_and_its_standby(shop: Shop) -> None:
    def told() -> list[str]:
        """Once a standby is: a test before may have stopped it, and started it a moment ago."""
        servers: list[str] = shop.front.get("/api/v1/cluster/", as_staff=True).json["servers"]
        return servers if servers and servers[-1].startswith("Standby ") else []

    primary, log, standby = wait_for(told, what="a primary and its standby are told of")
    assert "is the primary; commits wait for walreceiver: " in primary
    assert "under the server's 00000001, up to position " in log
    assert standby.startswith("Standby walreceiver at its own host: streaming, sync, ")
    assert shop.front.get("/api/v1/cluster/").json["servers"] == []


def test_a_drained_replica_gets_no_requests(shop: Shop) -> None:
    wait_for(lambda: told_of_replicas(shop)["catalog-2"] == ("up", True), what="one that takes over")
    drained = shop.front.post("/api/v1/cluster/nodes/catalog-1/drain/", {}, as_staff=True)
    assert (drained.status, drained.json["state"]) == (200, "drained"), drained
    assert readers(shop) == {"catalog-2"}
    assert "takes its turns again" in shop.store.manage("undrain", "catalog-1").stdout
    wait_for(lambda: readers(shop) == {"catalog-1", "catalog-2"}, what="both")


@pytest.mark.parametrize("victim", REPLICAS)
def test_no_read_is_refused_while_a_replica_is_killed(market: Market, victim: str) -> None:
    store = market.store
    others = [node for node in REPLICAS if node.partition("-")[0] != victim.partition("-")[0]]
    with market, ReadinessProbe(store, others) as probe:
        market.wait_for_sales(20)
        store.wait_restarted(victim, store.kill(victim))
        market.wait_for_sales(20)
        unexplained = [told for began, ended, told in market.refused if not probe.explains(began, ended)]
    assert unexplained == []
    assert_all_is_right(market)


def test_a_killed_primary_comes_back_with_all_that_was_acknowledged(
    market: Market, servers: tuple[Server, Server]
) -> None:
    primary, _ = servers
    with market:
        market.wait_for_sales(20)
        primary.stop(signal.SIGKILL)
        primary.start()
        market.wait_for_sales(20)
    assert_all_is_right(market)


def is_without_a_standby(store: Store) -> bool:
    status = store.manage("replication", "status")
    return status.returncode == 1 and "No standby confirms commits" in status.stdout


def test_without_its_standby_it_refuses_and_goes_on_with_it(market: Market, servers: tuple[Server, Server]) -> None:
    _, standby = servers
    with market:
        market.wait_for_sales(20)
        standby.stop()
        # The primary hears of it by itself, if not at once.
        wait_for(lambda: is_without_a_standby(market.store), what="the status says so")
        wait_for(lambda: market.refused, what="a refused read")
        standby.start()
        market.wait_for_sales(20)
    assert_all_is_right(market)


def test_no_more_is_sold_than_there_is_while_all_of_it_is_killed(shop: Shop, servers: tuple[Server, Server]) -> None:
    primary, _ = servers
    market = Market(shop.store, shop.new_book(quantity=60), 60)
    with market:
        market.wait_for_sales(10)
        for victim in REPLICAS:
            market.store.kill(victim)
        market.wait_for_sales(10)
        primary.stop(signal.SIGKILL)
        primary.start()
        market.store.wait_ready()
        wait_for(lambda: market.wrong or len(market.acknowledged) == 60, what="the last copy is sold")
    assert_all_is_right(market)
