"""BOOKSTORE_COHERENCE in a whole store: what an edit looks like to the next reader, in each mode."""

from pathlib import Path

import pytest

from tests.client import Client
from tests.store import Store, wait_for


def edit_and_look(store: Store, price: str) -> tuple[str, str]:
    """Price and X-Cache of the read after an edit of a cached book."""
    with Client(store) as client:
        wait_for(lambda: client.get("/product/1").headers["x-cache"] == "hit", 10, "a cached book")
        assert client.call("PATCH", "/api/v1/books/1/", {"price": price}, as_staff=True).status == 200
        answer = client.get("/product/1")
        return answer.json["price"], answer.headers["x-cache"]


@pytest.mark.parametrize("mode", ["none", "push"])
def test_an_experiment_says_so_and_does_what_it_says(tmp_path: Path, prepared: Path, mode: str) -> None:
    environment = {"BOOKSTORE_COHERENCE": mode}
    with Store(tmp_path / "var", environment=environment, prepared=prepared) as store, Client(store) as client:
        assert f"BOOKSTORE_COHERENCE={mode} is an experiment" in store.console()
        assert client.get("/api/v1/cluster/").json["cache"]["coherence"] == mode
        price, cache = edit_and_look(store, "99.90")
        if mode == "none":
            assert price != "99.90"
            assert cache == "hit", "nobody told the cache"
        else:
            wait_for(lambda: client.get("/product/1").json["price"] == "99.90", 10, "the push")


def test_a_store_left_to_itself_is_coherent(store: Store) -> None:
    with Client(store) as client:
        assert "experiment" not in store.console()
        assert client.get("/api/v1/cluster/").json["cache"]["coherence"] == "full"
        for price in ("99.90", "98.90"):
            assert edit_and_look(store, price)[0] == price
