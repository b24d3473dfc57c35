"""A book that has changed is offered to the fronts, as a reader would get it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from bookstore_project.api.request_id import accept_request_id
from bookstore_project.replication.invalidation import polls, set_pushes
from bookstore_project.replication.tests.support.fake_fronts import POLL, listening
from bookstore_project.replication.transaction import run
from catalog_app.models import Book
from catalog_app.serializers import book_bytes
from tests.waiting import wait_for

pytestmark = pytest.mark.every_engine


def raise_price() -> int:
    """Of book 1, by one; returns the position."""
    change = {"price": F("price") + 1, "version": F("version") + 1}
    return run("catalog", lambda: Book.objects.filter(pk=1).update(**change)).position


def test_a_front_is_offered_the_bytes_that_a_reader_would_get(seven_books: Path) -> None:
    with listening() as front:
        polls.answer("catalog", "catalog-1", replace(POLL, address=front.lease.address, lease_s=30))
        position = raise_price()

        def offered() -> list[list[Any]]:
            # Others may come, of the books that the fixture put there.
            return [item for message in front.messages for item in message["set"] if item[0] == position]

        (offer,) = wait_for(offered)
        assert [[position, ["book:1"]]] in [message["invalidate"] for message in front.messages]
    body = run("catalog", lambda: book_bytes(Book.objects.get(pk=1))).value.decode()
    assert offer == [position, "book:1", body]
    assert json.loads(body)["price"] == "31.00"


def test_a_new_entry_is_offered_under_the_id_of_the_write(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: dict[str, set_pushes.SetPush] = {}
    monkeypatch.setattr(set_pushes, "enqueue", offered.__setitem__)
    accept_request_id("the-customer-2")
    raise_price()
    assert offered["book:1"].request_id == "the-customer-2"
