"""A whole store that moves from two files onto a server, and back by a backup: what was bought stays bought."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import programs
from tests.client import Client
from tests.on_postgresql import BINARIES, PACKAGE, program
from tests.postgres import Server
from tests.store import Store

BOOK = 1


@pytest.fixture
def server() -> Iterator[Server]:
    if program("postgres") is None:
        programs.require(f"{BINARIES}/postgres", PACKAGE)
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        made = Server(Path(folder, "server")).create()
        yield made
        made.stop()


def said(store: Store, *command: str) -> str:
    done = store.manage(*command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_repeated_key_gives_the_same_order_on_the_server_and_back_on_files(
    tmp_path: Path, prepared: Path, server: Server
) -> None:
    keys = [str(uuid.uuid4()) for _ in range(3)]
    orders: list[dict[str, Any]] = []

    def assert_known(client: Client) -> None:
        for key, order in zip(keys, orders, strict=False):
            repeated = client.buy(BOOK, key=key)
            assert (repeated.status, repeated.json, repeated.headers["idempotent-replayed"]) == (201, order, "true")

    with Store(tmp_path / "files", prepared=prepared) as store, Client(store) as client:
        stock = client.get(f"/api/v1/books/{BOOK}/").json["quantity"]
        orders.append(client.buy(BOOK, key=keys[0]).json)
        assert "The store has moved" in said(store, "move_to", server.url)
        assert client.buy(BOOK, key=str(uuid.uuid4())).status == 503, "the files take nothing any more"

    on_server = {"BOOKSTORE_DATABASE_URL": server.url}
    kept = tmp_path / "kept.tar"
    with Store(tmp_path / "files", prepared=prepared, environment=on_server) as store, Client(store) as client:
        assert_known(client)
        orders.append(client.buy(BOOK, key=keys[1]).json)
        said(store, "backup", str(kept))

    back = Store(tmp_path / "back", prepared=prepared)
    said(back, "restore", "--yes", str(kept))
    with back, Client(back) as client:
        assert_known(client)
        orders.append(client.buy(BOOK, key=keys[2]).json)
        assert client.get(f"/api/v1/books/{BOOK}/").json["quantity"] == stock - len(keys)
        said(back, "backup", str(tmp_path / "again.tar"))
        said(back, "audit")

    back.environment |= on_server
    said(back, "restore", "--yes", str(tmp_path / "again.tar"))
    said(back, "audit")
    there = {str(order) for (order,) in server.execute("SELECT id FROM order_app_order", database="order")}
    assert there == {order["id"] for order in orders}
