"""The judge of answers says no: to an order that is gone or changed, and if a key used again is told otherwise."""

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.answers import Answer
from tests.chaos import audit
from tests.chaos.audit import check_answers, check_history
from tests.chaos.customers import UNCLEAR, UNKNOWN_ORDER
from tests.chaos.history import Asked, Kind, Operation, Outcome
from tests.databases import files
from tests.store import Store

ORDER, CANCELLATION = str(UUID(int=7)), str(UUID(int=8))
LINE = {"book": 1, "quantity": 2, "unit_price": "30.00", "title": "A book", "cancelled": 0}
SOLD = {"id": ORDER, "status": "placed", "lines": [LINE]}
SALE = Operation(
    "customer-1", Asked(Kind.SELL, 1, ORDER, 2, key="key"), 0.0, 1.0, Outcome.OK, None, "order-1", json.dumps(SOLD)
)
NOT_FOUND = Operation(
    "customer-1", Asked(Kind.CANCEL, 1, CANCELLATION, 2, key="other", order=ORDER), 2.0, 3.0, note=UNKNOWN_ORDER
)
REPLAYED = {"idempotent-replayed": "true"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Of which only the order's line is there."""
    store = Store(tmp_path / "var")
    path = files(store, "order")[0]
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE order_app_orderline (sale, order_id, book, quantity, unit_price, title)")
        line = (1, UUID(ORDER).hex, 1, 2, "30.00", "A book")
        connection.execute("INSERT INTO order_app_orderline VALUES (?, ?, ?, ?, ?, ?)", line)
    return store


def answers(monkeypatch: pytest.MonkeyPatch, body: dict[str, Any], headers: dict[str, str] = REPLAYED) -> None:
    """Whoever asks again is told this."""
    answer = Answer("front", "POST", "/api/v1/orders/", 201, headers, json.dumps(body).encode())
    monkeypatch.setattr(audit, "ask", lambda client, asked, pause: (Outcome.OK, answer, ""))


def found(store: Store, *operations: Operation) -> list[str]:
    return [one.what for one in check_answers(store, operations, random.Random(1), lambda line: None)]


def change(store: Store, sql: str) -> None:
    with closing(sqlite3.connect(files(store, "order")[0], isolation_level=None)) as connection:
        connection.execute(sql)


def test_what_was_acknowledged_and_is_told_again_passes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, {**SOLD, "status": "cancelled"})
    assert found(store, SALE) == []


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("DELETE FROM order_app_orderline", "an acknowledged order is missing"),
        ("UPDATE order_app_orderline SET quantity = 3", "an order isn't what was acknowledged"),
        ("UPDATE order_app_orderline SET unit_price = '29.00'", "an order isn't what was acknowledged"),
    ],
)
def test_an_order_that_is_gone_or_another_is_found(
    store: Store, monkeypatch: pytest.MonkeyPatch, sql: str, what: str
) -> None:
    answers(monkeypatch, SOLD)
    change(store, sql)
    assert found(store, SALE) == [what]


def test_another_answer_to_the_same_key_is_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, {**SOLD, "id": CANCELLATION})
    assert found(store, SALE) == ["another answer to the same key"]


def test_a_repeat_that_is_called_the_first_is_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, SOLD, {})
    assert found(store, SALE) == ["a repeat isn't called one"]


def test_an_order_that_nobody_knows_any_more_is_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, SOLD)
    assert found(store, SALE, NOT_FOUND) == ["an acknowledged order wasn't found to be cancelled"]
    assert [one.what for one in check_answers(store, [NOT_FOUND], random.Random(1), print, {ORDER})] == []


def test_an_answer_that_says_nothing_clear_is_found() -> None:
    unclear = Operation("customer-1", Asked(Kind.READ, 1), 0.0, note=f"{UNCLEAR}: 500")
    assert [one.what for one in check_history([unclear], [], 0)] == ["an answer that says nothing clear"]
