"""BOOKSTORE_COHERENCE in a whole store: what an edit looks like to the next reader, in each mode."""

from pathlib import Path

from tests.client import Client
from tests.store import Store
from tests.waiting import wait_for


def edit_and_look(store: Store, price: str) -> tuple[str, str]:
    """Price and X-Cache of the read after an edit of a cached book."""
    with Client(store) as client:
        wait_for(lambda: client.get("/product/1").headers["x-cache"] == "hit", 10, "a cached book")
        assert client.call("PATCH", "/api/v1/books/1/", {"price": price}, as_staff=True).status == 200
        answer = client.get("/product/1")
        return answer.json["price"], answer.headers["x-cache"]


def test_an_experiment_says_so_and_does_what_it_says(tmp_path: Path, prepared: Path) -> None:
    """With push; what none does is what the demo fails with."""
    environment = {"BOOKSTORE_COHERENCE": "push"}
    with Store(tmp_path / "var", environment=environment, prepared=prepared) as store, Client(store) as client:
        assert "BOOKSTORE_COHERENCE=push is an experiment" in store.console()
        assert client.get("/api/v1/cluster/").json["cache"]["coherence"] == "push"
        edit_and_look(store, "99.90")
        wait_for(lambda: client.get("/product/1").json["price"] == "99.90", what="the push")


def test_a_store_left_to_itself_is_coherent(store: Store) -> None:
    with Client(store) as client:
        assert "experiment" not in store.console()
        assert client.get("/api/v1/cluster/").json["cache"]["coherence"] == "full"
        for price in ("99.90", "98.90"):
            assert edit_and_look(store, price)[0] == price
