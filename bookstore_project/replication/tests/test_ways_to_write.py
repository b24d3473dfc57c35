"""Django's ways to write, on models with every relation and kind of value: both files get the same."""

import datetime
import uuid
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from bookstore_project.replication.tests.shelf.models import (
    Lamp,
    Loan,
    Oddment,
    Reader,
    Rowless,
    Shelf,
    Tag,
    Thing,
)
from bookstore_project.replication.tests.support.engines import but_for_files
from bookstore_project.replication.tests.support.replica_files import (
    assert_copies_equal,
    dump,
    execute,
    head,
    lead,
    rows,
)
from bookstore_project.replication.transaction import run

pytestmark = pytest.mark.every_engine

BOTH = ("shelf-1", "shelf-2")
UTC = datetime.UTC


def shelf(name: str = "one") -> Shelf:
    return Shelf.objects.get(name=name)


def thing(name: str = "cup") -> Thing:
    return Thing.objects.get(name=name)


@pytest.fixture
def furnished(seven_articles: Path) -> Path:
    """Two shelves, of which the first holds things."""

    def furnish() -> None:
        home = Shelf.objects.create(name="home")
        one = Shelf.objects.create(name="one")
        two = Shelf.objects.create(name="two", above=one)
        red, blue = (Tag.objects.create(word=word) for word in ("red", "blue"))
        ada, ben = (Reader.objects.create(name=name) for name in ("ada", "ben"))
        cup = Thing.objects.create(name="cup", shelf=one, former=two, home=one, count=2)
        Thing.objects.create(name="jar", shelf=two, former=one, home=home)
        Lamp.objects.create(name="lamp", shelf=one, home=home, watts=60)
        cup.tags.set([red, blue])
        cup.borrowers.add(ada, through_defaults={"days": 3})
        Loan.objects.create(thing=cup, reader=ben)
        Rowless.objects.create(code="a", note="first")

    run("shelf", furnish)
    return seven_articles


def tag(word: str) -> Tag:
    return Tag.objects.get(word=word)


def clear(model: Thing) -> None:
    model.tags.clear()


def _swap_names() -> None:
    one, two = shelf("one"), shelf("two")
    one.name, two.name = "between", "one"
    one.save()
    two.save()
    Shelf.objects.filter(name="between").update(name="two")


def _savepoints() -> None:
    thing().tags.clear()
    with suppress(LookupError), transaction.atomic(using=lead()):
        Thing.objects.all().delete()
        with transaction.atomic(using=lead()):
            Shelf.objects.create(name="lost")
        raise LookupError
    savepoint = transaction.savepoint(using=lead())
    Shelf.objects.create(name="lost too")
    transaction.savepoint_rollback(savepoint, using=lead())


def _iterate_and_write() -> None:
    for each in Thing.objects.order_by("pk").iterator(chunk_size=1):
        each.count += 1
        each.save(update_fields=["count"])


def _lock_rows() -> None:
    for each in Thing.objects.select_for_update().filter(shelf__name="one"):
        each.delete()


def _change_child_and_parent() -> None:
    lamp = Lamp.objects.get(name="lamp")
    lamp.watts, lamp.name = 25, "small lamp"
    lamp.save()


RELATIONS: dict[str, Callable[[], Any]] = {
    "cascade through things, tags, loans and lamps": lambda: shelf().delete(),
    "cascade of a set": lambda: Shelf.objects.exclude(name="home").delete(),
    "set null": lambda: shelf("two").delete(),
    "many-to-many add": lambda: thing("jar").tags.add(tag("red"), tag("blue")),
    "many-to-many add of what is there": lambda: thing().tags.add(tag("red"), Tag.objects.create(word="green")),
    "many-to-many remove": lambda: thing().tags.remove(tag("red")),
    "many-to-many set": lambda: thing().tags.set([Tag.objects.create(word="green"), tag("red")]),
    "many-to-many clear": lambda: clear(thing()),
    "many-to-many create": lambda: thing().tags.create(word="new"),
    "the other end of many-to-many": lambda: tag("red").thing_set.add(thing("jar")),
    "a through table": lambda: thing("jar").borrowers.add(
        Reader.objects.get(name="ada"), through_defaults={"days": 1}
    ),
    "a through table's set": lambda: thing().borrowers.set([Reader.objects.get(name="ada")]),
    "update of a through table": lambda: Loan.objects.filter(reader__name="ada").update(days=F("days") + 7),
    "reverse foreign key add": lambda: shelf("two").things.add(thing()),
    "a child in two tables": lambda: Lamp.objects.create(name="new", shelf=shelf(), home=shelf(), watts=10),
    "a child and its parent's fields": _change_child_and_parent,
    "a child's parent alone": lambda: Thing.objects.filter(lamp__watts=60).update(count=9),
    "a child's delete": lambda: Lamp.objects.all().delete(),
    "a child's delete that keeps its parent": lambda: Lamp.objects.get().delete(keep_parents=True),
    "update across both tables": lambda: Lamp.objects.update(watts=F("watts") + 1, count=F("count") + 1),
    "self reference": lambda: Shelf.objects.filter(name="one").update(above=F("id")),
    "swapped unique values": _swap_names,
    "generated columns follow": lambda: Thing.objects.update(count=F("count") + 5),
    "savepoints that roll back": _savepoints,
    "writes under an iterator": _iterate_and_write,
    "rows that were selected for update": _lock_rows,
    "bulk_create that ignores conflicts": lambda: Shelf.objects.bulk_create(
        [Shelf(name="one"), Shelf(name="three")], ignore_conflicts=True
    ),
    "bulk_create that updates conflicts": lambda: Shelf.objects.bulk_create(
        [Shelf(name="one", above=shelf("two")), Shelf(name="three")],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["above"],
    ),
    "bulk_create of many": lambda: Reader.objects.bulk_create([Reader(name=str(n)) for n in range(1000)]),
    "bulk_update with expressions": lambda: Thing.objects.bulk_update(
        [Thing(pk=each.pk, name=Concat(F("name"), Value("!"))) for each in Thing.objects.all()], ["name"]
    ),
    "update_or_create": lambda: Shelf.objects.update_or_create(name="one", defaults={"name": "uno"}),
    "get_or_create": lambda: Shelf.objects.get_or_create(name="three"),
    "create with a key of one's own": lambda: Reader.objects.create(pk=10**15, name="far"),
    "save with another key": lambda: Reader(pk=77, name="copy").save(force_insert=True),
    "using() that names the file which is written": lambda: Reader.objects.using(lead()).create(name="cem"),
    "a table without rowid": lambda: Rowless.objects.create(code="b"),
    "a table without rowid, updated": lambda: Rowless.objects.update(note=Concat(F("note"), Value("!"))),
    "a table without rowid, key moved": lambda: Rowless.objects.update(code="z"),
    "keys with odd characters": lambda: Tag.objects.bulk_create(
        [Tag(word=word) for word in ("a'b", 'a"b', "a\\b", "a\x00b", "a\nb\x1f\x7f", "ثقة🐍", " ", "", "%s", "a/b")]
    ),
    "UPSERT": lambda: execute(
        "INSERT INTO shelf_shelf (name) VALUES ('one'), ('four') ON CONFLICT (name) DO UPDATE SET above_id = 1"
    ),
    "INSERT OR IGNORE": lambda: execute("INSERT OR IGNORE INTO shelf_shelf (name) VALUES ('one'), ('four')"),
    "REPLACE by a unique value": lambda: execute("REPLACE INTO shelf_tag (word) VALUES ('red'), ('green')"),
    "UPDATE OR REPLACE": lambda: execute("UPDATE OR REPLACE shelf_rowless SET code = 'c'"),
    "UPDATE FROM": lambda: execute(
        "UPDATE shelf_thing SET name = s.name FROM shelf_shelf s WHERE s.id = shelf_thing.shelf_id"
    ),
    "INSERT SELECT RETURNING": lambda: execute(
        "INSERT INTO shelf_reader (name, card, level) SELECT name, '', 0 FROM shelf_reader RETURNING id"
    ),
    "DELETE without WHERE": lambda: execute("DELETE FROM shelf_loan"),
}


@pytest.mark.parametrize(
    "way",
    but_for_files(
        RELATIONS, "keys with odd characters", "INSERT OR IGNORE", "UPDATE OR REPLACE", "REPLACE by a unique value"
    ),
)
def test_both_files_get_the_same(furnished: Path, way: str) -> None:
    before, position = dump("shelf-1"), head("shelf-1")
    assert run("shelf", RELATIONS[way]).position == position + 1
    assert dump("shelf-1") != before
    assert_copies_equal("shelf")


VALUES: dict[str, dict[str, Any]] = {
    "text with NUL and quotes": {"text": "a\x00b 'c' \"d\" \\ \x7f\x1f\u2028 ثقة 🐍"},
    "text that looks like something else": {"text": "00123"},
    "long text": {"text": "x" * 1_000_000},
    "bytes": {"blob": bytes(range(256))},
    "no bytes": {"blob": b""},
    "a document": {"document": {"a": [1, 2.5, None, True, "x\x00y"], "hex": "00"}},
    "a document that is a text": {"document": "null"},
    "a document that is null": {"document": Value(None, output_field=Oddment._meta.get_field("document"))},
    "a number in a document": {"document": 1e300},
    "a UUID": {"uuid": uuid.UUID(int=2**127)},
    "a moment": {"moment": datetime.datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC)},
    "the first day": {"day": datetime.date.min, "moment": datetime.datetime.min.replace(tzinfo=UTC)},
    "a time": {"time": datetime.time(0, 0, 0, 1)},
    "a long duration": {"duration": datetime.timedelta(days=-999_999, microseconds=1)},
    "the largest number": {"number": 2**63 - 1},
    "the smallest number": {"number": -(2**63)},
    "a decimal of fifteen digits": {"amount": Decimal("99999999999.9999")},
    "a small decimal": {"amount": Decimal("-0.0001")},
    "a whole decimal": {"amount": Decimal("5")},
    "no and nothing": {"flag": False, "number": 0},
    "an address": {"address": "2001:db8::1"},
}


@pytest.mark.parametrize(
    "kind", but_for_files(VALUES, "text with NUL and quotes", "a document", "a number in a document")
)
def test_every_value_arrives_as_it_was_sent(seven_articles: Path, kind: str) -> None:
    values = VALUES[kind]
    run("shelf", lambda: Oddment.objects.create(**values))
    assert_copies_equal("shelf")
    run("shelf", lambda: Oddment.objects.update(text="changed"))
    run("shelf", lambda: Oddment.objects.update(text=values.get("text", "")))
    assert_copies_equal("shelf")
    for alias in BOTH:
        found = Oddment.objects.using(alias).get()
        for name, value in values.items():
            if not isinstance(value, Value):
                assert getattr(found, name) == value


IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "a lone surrogate": {"text": "\ud800"},
    "a number beyond 64 bits": {"number": 2**63},
    "a decimal that is none": {"amount": Decimal("NaN")},
    "an endless decimal": {"amount": Decimal("Infinity")},
    "a document that is not JSON": {"document": float("nan")},
}


REFUSALS = (
    UnicodeEncodeError,
    OverflowError,
    ValidationError,
    IntegrityError,
    InvalidOperation,
    ValueError,
    DataError,
)


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_a_value_that_nobody_can_keep_is_refused_and_harms_nothing(seven_articles: Path, kind: str) -> None:
    before = dump("shelf-1")
    with pytest.raises(REFUSALS):
        run("shelf", lambda: Oddment.objects.create(**IMPOSSIBLE[kind]))
    assert dump("shelf-1") == before
    run("shelf", Oddment.objects.create)
    assert_copies_equal("shelf")


def test_generated_columns_are_computed_in_both_files(furnished: Path) -> None:
    run("shelf", lambda: Thing.objects.filter(name="cup").update(count=7))
    for alias in BOTH:
        assert rows(alias, "SELECT twice, thrice FROM shelf_thing WHERE name = 'cup'") == [(14, 21)]
