"""Objects of rows and of row images are those that a query gives."""

import datetime
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import models

from bookstore_project.replication import reads
from bookstore_project.replication.postgresql import engine
from bookstore_project.replication.tests.shelf.models import Article, Oddment
from bookstore_project.replication.transaction import get_verified, run

VALUES: dict[str, Any] = {
    "text": "a\x7f 'c' \"d\" \\ ثقة 🐍",
    "blob": bytes(range(256)),
    "document": {"a": [1, 2.5, None, True], "hex": "00"},
    "uuid": uuid.UUID(int=2**127),
    "moment": datetime.datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=datetime.UTC),
    "day": datetime.date(2026, 2, 28),
    "time": datetime.time(0, 0, 0, 1),
    "duration": datetime.timedelta(days=3, microseconds=1),
    "number": -(2**63),
    "amount": Decimal("99999999999.9900"),
    "flag": True,
    "address": "2001:db8::1",
}


def fields(row: models.Model) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.parametrize("values", [VALUES, {}], ids=["values", "nothing"])
def test_every_kind_of_value_is_as_in_a_query(seven_articles: Path, values: dict[str, Any]) -> None:
    committed = run("shelf", lambda: Oddment.objects.create(**values).pk)
    ((change,),) = [committed.changes]
    assert change.after is not None
    with reads.reading("shelf"):
        queried = Oddment.objects.get(pk=committed.value)
        verified = reads.get_verified(Oddment, committed.value)
    assert verified is not None
    assert fields(verified) == fields(queried)
    assert fields(engine.from_image(Oddment, change.after, "shelf-1")) == fields(queried)
    assert queried._state.db == verified._state.db


def test_a_decision_rests_on_the_row_as_the_change_has_left_it(seven_articles: Path) -> None:
    def change() -> tuple[object, object]:
        Article.objects.filter(pk=1).update(quantity=3, version=2)
        changed = get_verified(Article, 1)
        assert changed is not None
        return changed.quantity, get_verified(Article, 99)

    assert run("shelf", change).value == (3, None)


def test_a_row_that_brings_its_own_number_takes_those_below_it(seven_articles: Path) -> None:
    """As in SQLite: else the next row would get a number that is taken."""
    run("shelf", lambda: Oddment.objects.create(pk=1000))
    run("shelf", lambda: Oddment.objects.create(pk=10))
    assert run("shelf", lambda: Oddment.objects.create().pk).value == 1001
