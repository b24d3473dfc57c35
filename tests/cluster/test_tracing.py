"""One id through a whole store: from the customer's request to every line, document and page that it causes."""

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from functools import partial

import pytest

from tests.answers import Answer
from tests.client import Shop
from tests.pool import Pool
from tests.store import Store
from tests.waiting import wait_for

MOST_PURCHASES = 30
PLAIN = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (.*)  \[(.*)\]")


@pytest.fixture(scope="module", params=["text", "json"])
def store(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Store]:
    with pool.store(
        environment={} if request.param == "text" else {"BOOKSTORE_LOG_FORMAT": request.param}
    ) as running:
        restocked = Shop(running).front.post(
            "/api/v1/books/2/restock/", {"quantity": 2 * MOST_PURCHASES}, as_staff=True
        )
        assert restocked.status == 200
        yield running


def said(store: Store, request_id: str) -> dict[str, list[str]]:
    """What each node's log says under this id."""
    found: dict[str, list[str]] = {}
    for node in store.nodes:
        whole, _, _ = store.log(node).rpartition("\n")  # What comes after it is being written.
        for line in whole.splitlines():
            if line.startswith("{"):
                record = json.loads(line)
                assert record["node"] == node
                text, own = record["message"], record["request_id"]
            else:
                match = PLAIN.fullmatch(line)
                text, own = match.groups() if match else (line, "")
            if own == request_id:
                found.setdefault(node, []).append(text)
    return found


def said_by(store: Store, request_id: str, nodes: int, text: str = "") -> dict[str, list[str]]:
    """The same, as soon as so many nodes have said something, and one of them this; logs are written at leisure."""
    lines = said(store, request_id)
    is_all = any(line.startswith("POST /api/v1/orders/") for line in lines.get("front", []))
    return lines if is_all and len(lines) >= nodes and text in str(lines) else {}


def said_and_traced(
    store: Store, request_id: str
) -> tuple[dict[str, list[str]], subprocess.CompletedProcess[str]] | None:
    """What the logs say under this id, and what the command prints, if nothing has been added meanwhile."""
    lines, traced = said(store, request_id), store.manage("trace", request_id)
    return (lines, traced) if said(store, request_id) == lines else None


def buy(shop: Shop, request_id: str, **asked: int) -> Answer:
    return shop.front.post("/api/v1/orders/", {"book": 2, "quantity": 1} | asked, {"X-Request-Id": request_id})


def pushed(store: Store, shop: Shop, bought: list[Answer]) -> Answer | None:
    """A purchase of which the front was told twice, and in which one replica of each service was asked.

    Another one is made otherwise. A push that comes late is given up: the front hears of the sale by its poll, or its
    lease runs out. And where a replica is late, another one is asked.
    """
    for answer in bought:
        lines = said_by(store, answer.headers["x-request-id"], 3, "sets book:2")
        if "(drops book:2 up to " in str(lines) and len(lines) == 3:
            return answer
    if len(bought) < MOST_PURCHASES:
        wait_for(lambda: shop.front.get("/product/2").headers["x-cache"] == "hit", what="a front with a lease")
        request_id = f"purchase-{uuid.uuid4()}"
        bought.append(answer := buy(shop, request_id))
        assert answer.status == 201
        assert answer.headers["x-request-id"] == request_id
        wait_for(partial(said_by, store, request_id, 3), what="lines in three logs")
    return None


def test_a_purchase_is_followed_through_front_order_catalog_and_pushes(store: Store) -> None:
    shop = Shop(store)
    answer = wait_for(partial(pushed, store, shop, []), what="a purchase with both pushes")
    assert answer is not None
    request_id, order = answer.headers["x-request-id"], answer.json["id"]
    quiet = wait_for(partial(said_and_traced, store, request_id), what="logs in which nobody writes")
    assert quiet is not None
    lines, traced = quiet
    (order_node,) = [node for node in lines if node.startswith("order")]
    (catalog_node,) = [node for node in lines if node.startswith("catalog")]
    assert order_node == answer.headers["x-replica"]
    (written,), (sale,) = lines[order_node], lines[catalog_node]
    assert re.fullmatch(rf"POST /api/v1/orders/ 201 {order_node} [\d.]+ ms \(order {order}\)", written)
    sold = rf"POST /internal/sales/ 201 {catalog_node} [\d.]+ ms \(1 × book 2 for order {order}\)"
    assert re.fullmatch(sold, sale)
    pushes = [line for line in lines["front"] if line.startswith("POST /internal/push/ 200 front")]
    assert any("(drops book:2 up to " in line for line in pushes)
    assert any("(sets book:2 as of " in line for line in pushes)
    (asked,) = [line for line in lines["front"] if line not in pushes]
    assert re.fullmatch(rf"POST /api/v1/orders/ 201 {order_node} [\d.]+ ms", asked)
    recent = shop.front.get("/api/v1/cluster/", as_staff=True).json["requests"]
    (shown,) = [entry for entry in recent if entry["request_id"] == request_id]
    assert [step["node"] for step in shown["trace"]] == [order_node]

    assert traced.returncode == 0, traced.stderr
    printed = traced.stdout.splitlines()
    assert sorted(line.split()[2] for line in printed) == sorted(node for node in lines for _ in lines[node])
    assert [line[:23] for line in printed] == sorted(line[:23] for line in printed)
    assert all(line.endswith(f"[{request_id}]") for line in printed)
    assert store.manage("trace", order).stdout == traced.stdout


def test_a_refusal_names_its_request_in_the_document_and_in_every_log(store: Store) -> None:
    request_id = f"refusal-{uuid.uuid4()}"
    answer = buy(Shop(store), request_id, quantity=1000)
    assert answer.status == 409
    assert answer.json["request_id"] == answer.headers["x-request-id"] == request_id
    lines = wait_for(partial(said_by, store, request_id, 3), 20, "lines in three logs")
    # A busy machine may have answered 503 before: then another replica was asked.
    said_no = {node.partition("-")[0] for node in lines if any(" 409 " in line for line in lines[node])}
    assert said_no == {"front", "order", "catalog"}


def test_the_front_makes_an_id_for_who_sends_none_or_a_wild_one(store: Store) -> None:
    shop = Shop(store)
    made = set()
    for sent in ({}, {"X-Request-Id": "two words"}, {"X-Request-Id": "x" * 129}):
        answer = shop.front.post("/api/v1/orders/", {"book": 3, "quantity": 1}, sent)
        assert answer.status == 201
        made.add(answer.headers["x-request-id"])
    assert len(made) == 3
    for request_id in made:
        assert re.fullmatch("[0-9a-f]{32}", request_id)
        wait_for(partial(said_by, store, request_id, 3), 20, "lines in three logs")


def test_what_the_sweeper_finishes_is_traced_back_to_the_sale(store: Store) -> None:
    request_id, order = f"cut-short-{uuid.uuid4()}", str(uuid.uuid4())
    headers = {"X-Request-Id": request_id, "X-Service-Token": (store.data / "service-token").read_text().strip()}
    asked = {"order": order, "lines": [{"book": 4, "quantity": 1}], "first_attempt": False}
    assert Shop(store).client("catalog-1").post("/internal/sales/", asked, headers).status == 201

    def finished() -> str:
        return next(
            (line for line in store.manage("trace", request_id).stdout.splitlines() if "finished" in line), ""
        )

    line = wait_for(finished, 60, "the sweeper's line")
    assert f"warning: finished order {order} from the ledger: 1 × “Cooking for the Impatient Undergrad”" in line
    sweep = re.search(r"\[(sweeper-[0-9a-f]{12})\]", line)
    assert sweep, "its round has an id of its own"


def test_an_id_that_nobody_had_is_an_error(store: Store) -> None:
    answer = store.manage("trace", f"nobody-{uuid.uuid4()}")
    assert answer.returncode == 1
    assert "has a line of" in answer.stderr


def test_the_console_is_spared_what_machines_tell_one_another(store: Store) -> None:
    shop, request_id = Shop(store), f"console-{uuid.uuid4()}"
    wait_for(partial(pushed, store, shop, []), what="pushes in the front's log")
    buy(shop, request_id)
    wait_for(lambda: request_id in store.console(), 20, "the front's line on the console")
    assert "/internal/push/" in store.log("front")
    assert "/internal/" not in store.console()
