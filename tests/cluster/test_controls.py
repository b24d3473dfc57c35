"""Controls against a real store: what they damage is repaired, and the last good copy is left alone."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from frontend_app.dashboard.load_burst import SOLD, UNKNOWN
from tests.client import Client
from tests.databases import is_whole
from tests.store import Store
from tests.waiting import wait_for


def do(store: Store, path: str, body: Any = None) -> Any:
    return Client(store).post(f"/api/v1/cluster/{path}", body, as_staff=True)


def told(store: Store) -> Any:
    return Client(store).get("/api/v1/cluster/").json


def node(store: Store, name: str) -> dict[str, Any]:
    return next(dict(each) for each in told(store)["nodes"] if each["name"] == name)


def file_of(store: Store, alias: str) -> Path:
    (path,) = (store.data / alias).glob("*.sqlite3")
    return path


@pytest.mark.parametrize("kind", ["delete", "truncate", "flip"])
@pytest.mark.parametrize("alias", ["catalog-1", "order-2"])
def test_a_damaged_file_is_replaced_and_the_timeline_says_so(store: Store, alias: str, kind: str) -> None:
    wait_for(lambda: is_whole(store), 60, "both copies in sync")
    wait_for(lambda: do_when_spare(store, alias, kind), 60, "the other copy is well")
    wait_for(lambda: any(rejoined(event, alias) for event in told(store)["events"]), 60, "the copy rejoins")
    wait_for(lambda: is_whole(store), 60, "both copies in sync")
    assert Client(store).get("/product/1").status == 200


def do_when_spare(store: Store, alias: str, kind: str) -> bool:
    """Whether it was done; refused as long as the copy that another test damaged isn't back."""
    # Open, for as long as it is compared with: the number of a file that is gone may be given to its successor.
    with file_of(store, alias).open("rb") as old:
        answer = do(store, f"files/{alias}/{kind}/")
        assert answer.status in (200, 409), answer
        if answer.status == 200:
            before = os.fstat(old.fileno()).st_ino
            wait_for(lambda: inode_or_none(store, alias) not in (before, None), 60, f"{alias} gets another file")
    return bool(answer.status == 200)


def inode_or_none(store: Store, alias: str) -> int | None:
    try:
        return file_of(store, alias).stat().st_ino
    except (ValueError, OSError):
        return None


def rejoined(event: dict[str, Any], alias: str) -> bool:
    return bool(event["node"] == alias and event["event"].startswith("rejoined by copy"))


def test_a_locked_file_holds_nobody_up_for_long(store: Store) -> None:
    wait_for(lambda: is_whole(store), 60)
    wait_for(lambda: do(store, "files/catalog-2/lock/").status == 200, 60)
    shop = Client(store)
    assert shop.buy(1).status == 201
    assert shop.get("/product/1").status == 200
    wait_for(lambda: is_whole(store), 60, "both copies in sync")


def test_the_last_good_copy_is_left_alone(store: Store) -> None:
    wait_for(lambda: is_whole(store), 60)
    wait_for(lambda: do(store, "files/order-1/flip/").status == 200, 60)
    refused = do(store, "files/order-2/delete/")
    assert refused.status == 409, refused
    assert refused.json["code"] == "conflict"
    wait_for(lambda: is_whole(store), 60)


def test_a_node_that_is_stopped_stays_away_until_it_is_started(store: Store) -> None:
    old = store.pid("order-1")
    assert do(store, "nodes/order-1/stop/").status == 200
    wait_for(lambda: node(store, "order-1")["state"] == "out")
    assert Client(store).buy(1).status == 201
    assert do(store, "nodes/order-1/start/").status == 200
    store.wait_restarted("order-1", old)
    wait_for(lambda: node(store, "order-1")["state"] == "up")


def test_a_front_answers_before_it_kills_itself(store: Store) -> None:
    old = store.pid("front")
    assert do(store, "nodes/front/kill/").status == 200
    store.wait_restarted("front", old)


def test_a_rush_sells_no_more_than_there_is(store: Store) -> None:
    new = {"title": "A rare book", "topic": "tests", "price": "1.00", "quantity": 30}
    book = Client(store).post("/api/v1/books/", new, as_staff=True).json["id"]
    assert do(store, "rush/", {"book": book}).status == 200
    text = wait_for(lambda: next((e["event"] for e in told(store)["events"] if f"book {book} at" in e["event"]), ""))
    assert text.startswith(f"100 purchases of book {book} at once: "), text
    sold, unknown = (count_of(text, outcome) for outcome in (SOLD, UNKNOWN))
    left = Client(store).get(f"/product/{book}").json["quantity"]
    assert max(0, 30 - sold - unknown) <= left <= 30 - sold, text


def count_of(text: str, outcome: str) -> int:
    """Of the customers of a rush, by what is told of it."""
    found = re.search(rf"(\d+) {outcome}[,:]", text)
    return int(found[1]) if found else 0


def test_the_cache_is_emptied(store: Store, tmp_path: Path) -> None:
    shop = Client(store)

    def is_missed() -> bool:
        """Whether it was looked for: a front whose lease runs out meanwhile looks for nothing."""
        shop.get_hit("/product/2")
        assert do(store, "cache/clear/").status == 200
        outcome = shop.get("/product/2").headers["x-cache"]
        assert outcome != "hit"
        return outcome == "miss"

    wait_for(is_missed, what="a front with a lease")
