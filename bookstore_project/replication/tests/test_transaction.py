"""A replicated transaction: both files or neither, whichever way Django writes."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from bookstore_project.replication import reads
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.shelf.models import Article, Note
from bookstore_project.replication.tests.shelf.services import take
from bookstore_project.replication.tests.support.articles import reprice
from bookstore_project.replication.tests.support.engines import but_for_files
from bookstore_project.replication.tests.support.replica_files import (
    assert_copies_equal,
    dump,
    execute,
    head,
    lead,
    rows,
)
from bookstore_project.replication.transaction import get_verified, run

pytestmark = pytest.mark.every_engine

BOTH = ("shelf-1", "shelf-2")
KEY = uuid.UUID(int=7)


def keyed(number: int, text: str = "") -> Note:
    return Note(key=uuid.UUID(int=number), text=text)


def test_a_change_of_two_rows_stands_in_both_files(seven_articles: Path) -> None:
    take(1, 3, uuid.uuid4())
    for alias in BOTH:
        assert rows(alias, "SELECT quantity, version FROM shelf_article WHERE id = 1") == [(47, 2)]
        assert rows(alias, "SELECT change FROM shelf_movement ORDER BY id DESC LIMIT 1") == [(-3,)]
    assert_copies_equal("shelf")


def test_an_exception_takes_everything_back(seven_articles: Path) -> None:
    before = dump("shelf-1")

    def change() -> None:
        Article.objects.get(pk=1).save()
        keyed(1).save()
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        run("shelf", change)
    assert dump("shelf-1") == before
    assert_copies_equal("shelf")


def test_a_constraint_error_belongs_to_the_caller(seven_articles: Path) -> None:
    before = dump("shelf-1")
    with pytest.raises(IntegrityError):
        run("shelf", lambda: Article.objects.filter(pk=1).update(price=-1, version=F("version") + 1))
    assert dump("shelf-1") == before
    run("shelf", lambda: Article.objects.get(pk=1).save())  # The replicas are as usable as before.
    assert_copies_equal("shelf")


def _swap_codes() -> None:
    first, second = Article.objects.get(pk=1), Article.objects.get(pk=2)
    first.code, second.code, theirs = None, first.code, second.code
    first.save()
    second.save()
    # The row has its next version already: this is the same change.
    Article.objects.filter(pk=1).update(code=theirs)


def _bulk_update() -> None:
    articles = list(Article.objects.all())
    for article in articles:
        article.kind = f"kind {article.pk}"
        article.version += 1
    Article.objects.bulk_update(articles, ["kind", "version"])


def _savepoint_rolled_back() -> None:
    Article.objects.filter(pk=1).update(kind="kept", version=F("version") + 1)
    with suppress(LookupError), transaction.atomic(using=lead()):
        Article.objects.filter(pk=2).update(kind="lost", version=F("version") + 1)
        raise LookupError


def _nested() -> None:
    Article.objects.get(pk=1).save()
    run("shelf", lambda: Article.objects.get(pk=2).save())


WAYS: dict[str, Callable[[], Any]] = {
    "save": lambda: Article.objects.get(pk=1).save(),
    "save of some fields": lambda: Article.objects.get(pk=1).save(update_fields=["price"]),
    "create": lambda: keyed(1).save(),
    "delete": lambda: Note.objects.get(pk=KEY).delete(),
    "delete of a set": lambda: Note.objects.all().delete(),
    "update with expressions": lambda: Article.objects.update(price=F("price") * 2, version=F("version") + 1),
    "bulk_create": lambda: Note.objects.bulk_create([keyed(1), keyed(2)]),
    "bulk_create that updates": lambda: Note.objects.bulk_create(
        [keyed(7, "new"), keyed(8)], update_conflicts=True, unique_fields=["key"], update_fields=["text"]
    ),
    "bulk_update": _bulk_update,
    "get_or_create": lambda: Note.objects.get_or_create(pk=uuid.UUID(int=9)),
    "update_or_create of an old row": lambda: Note.objects.update_or_create(pk=KEY, defaults={"text": "new"}),
    "update_or_create of a new row": lambda: Note.objects.update_or_create(pk=uuid.UUID(int=9)),
    "raw SQL": lambda: execute("UPDATE shelf_article SET price = 7, version = version + 1 WHERE id < 4"),
    "REPLACE": lambda: execute("REPLACE INTO shelf_note (key, text) VALUES (%s, 'r')", (KEY.hex,)),
    "a moved primary key": lambda: execute("UPDATE shelf_note SET key = %s", (uuid.UUID(int=8).hex,)),
    "swapped unique values": _swap_codes,
    "a savepoint that rolls back": _savepoint_rolled_back,
    "a transaction in a transaction": _nested,
    "text with NUL, quotes and other scripts": lambda: Note.objects.update_or_create(
        pk=uuid.UUID(int=9), defaults={"text": "a\x00b 'c' \"d\" \\ ثقة 🐍"}
    ),
    "a price that no double shows exactly": lambda: Article.objects.filter(pk=1).update(
        price=Decimal("99999999.99"), version=F("version") + 1
    ),
}


@pytest.mark.parametrize("way", but_for_files(WAYS, "REPLACE", "text with NUL, quotes and other scripts"))
def test_every_way_to_write_reaches_both_files(seven_articles: Path, way: str) -> None:
    def prepare() -> None:
        keyed(7, "old").save()
        for article_id, code in ((1, "9780306406157"), (2, "9780131103627")):
            Article.objects.filter(pk=article_id).update(code=code, version=F("version") + 1)

    run("shelf", prepare)
    before, position = dump("shelf-1"), head("shelf-1")
    assert run("shelf", WAYS[way]).position == position + 1
    assert dump("shelf-1") != before
    assert_copies_equal("shelf")


def test_what_a_savepoint_takes_back_is_not_in_the_log(seven_articles: Path) -> None:
    run("shelf", _savepoint_rolled_back)
    for alias in BOTH:
        ((payload,),) = rows(alias, "SELECT payload FROM replication_logentry ORDER BY position DESC LIMIT 1")
        assert "kept" in str(payload)
        assert "lost" not in str(payload)
        assert rows(alias, "SELECT count(*) FROM shelf_article WHERE kind = 'lost'") == [(0,)]


@pytest.mark.parametrize("in_group", [False, True])
def test_a_block_without_a_savepoint_takes_all_back_though_nobody_minds(seven_articles: Path, in_group: bool) -> None:
    before = dump("shelf-1")

    def change() -> str:
        with suppress(LookupError), transaction.atomic(using=lead(), savepoint=False):
            Article.objects.get(pk=1).save()
            raise LookupError
        return "done"

    committed = run("shelf", change, in_group=in_group)
    assert (committed.value, list(committed.changes)) == ("done", [])
    assert dump("shelf-1") == before
    reprice(1)
    assert_copies_equal("shelf")


@pytest.mark.two_files
@pytest.mark.parametrize("error", [TimeoutError("his own"), FileNotFoundError("his own")])
def test_an_os_error_belongs_to_the_caller_and_runs_nothing_again(seven_articles: Path, error: OSError) -> None:
    ran = []

    def change() -> None:
        ran.append(1)
        reprice()
        if len(ran) == 1:
            raise error

    before = dump("shelf-1")
    with pytest.raises(type(error), match="his own"):
        run("shelf", change)
    assert dump("shelf-1") == before
    assert read_witness(get_service("shelf").witness_file).in_sync == ("shelf-1", "shelf-2")


def test_swapped_unique_values_arrive_swapped(seven_articles: Path) -> None:
    codes = ("9780306406157", "9780131103627")

    def label() -> None:
        for article_id, code in enumerate(codes, start=1):
            Article.objects.filter(pk=article_id).update(code=code, version=2)

    run("shelf", label)
    run("shelf", _swap_codes)
    for alias in BOTH:
        found = rows(alias, "SELECT code FROM shelf_article WHERE id < 3 ORDER BY id")
        assert found == [(codes[1],), (codes[0],)]


def test_a_transaction_that_changes_nothing_leaves_no_entry(seven_articles: Path) -> None:
    position = head("shelf-1")
    committed = run("shelf", lambda: Article.objects.filter(pk=1).update(price=F("price")))
    assert (committed.position, committed.changes) == (position, ())
    assert head("shelf-1") == position
    assert_copies_equal("shelf")


def test_an_entry_names_what_it_touches_and_no_more(seven_articles: Path) -> None:
    def keys_after(**changes: object) -> object:
        run("shelf", lambda: Article.objects.filter(pk=1).update(version=F("version") + 1, **changes))
        return rows("shelf-2", "SELECT keys FROM replication_logentry ORDER BY position DESC LIMIT 1")[0][0]

    assert keys_after(price=1) == '["article:1"]'
    assert keys_after(title="New") == '["article:1","kind:tools"]'
    run("shelf", lambda: keyed(1).save())
    assert rows("shelf-1", "SELECT keys FROM replication_logentry ORDER BY position DESC LIMIT 1") == [("[]",)]


def test_an_entry_names_the_old_and_the_new_kind(seven_articles: Path) -> None:
    run("shelf", lambda: Article.objects.filter(pk=1).update(kind="new", version=F("version") + 1))
    ((keys,),) = rows("shelf-2", "SELECT keys FROM replication_logentry ORDER BY position DESC LIMIT 1")
    assert keys == '["article:1","kind:new","kind:tools"]'


def test_a_nested_transaction_is_taken_back_with_the_outer_one(seven_articles: Path) -> None:
    before = dump("shelf-1")

    def change() -> None:
        _nested()
        raise LookupError

    with pytest.raises(LookupError):
        run("shelf", change)
    assert dump("shelf-1") == before == dump("shelf-2")


@pytest.mark.parametrize("does_change", [True, False])
def test_a_side_effect_runs_once_when_the_write_is_visible(seven_articles: Path, does_change: bool) -> None:
    seen: list[int] = []

    def look() -> None:
        with reads.reading("shelf", alias="shelf-2") as snapshot:
            seen.append(snapshot.position)

    def change() -> None:
        if does_change:
            Article.objects.get(pk=1).save()
        transaction.on_commit(look, using=lead())

    committed = run("shelf", change)
    assert seen == [committed.position]


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_a_side_effect_of_a_write_taken_back_never_runs(seven_articles: Path, error: type[BaseException]) -> None:
    seen: list[str] = []

    def change() -> None:
        transaction.on_commit(lambda: seen.append("ran"), using=lead())
        raise error

    with pytest.raises(error):
        run("shelf", change)
    run("shelf", lambda: Article.objects.get(pk=1).save())
    assert seen == []


def test_a_side_effect_that_fails_does_not_undo_the_acknowledgement(seven_articles: Path) -> None:
    def change() -> None:
        Article.objects.get(pk=1).save()
        transaction.on_commit(lambda: 1 / 0, using=lead())

    assert run("shelf", change).position == head("shelf-2")


def test_the_two_services_have_logs_of_their_own(seven_articles: Path) -> None:
    before = head("desk-1")
    run("shelf", lambda: Article.objects.get(pk=1).save())
    assert head("desk-1") == before
    assert_copies_equal("desk")


def test_a_row_that_this_transaction_changed_is_still_vouched_for(seven_articles: Path) -> None:
    run("shelf", lambda: keyed(1).save(force_insert=True))

    def change() -> tuple[str, Note | None]:
        Note.objects.update(text="new")
        changed = get_verified(Note, uuid.UUID(int=1))
        assert changed is not None
        keyed(2).save(force_insert=True)
        assert get_verified(Note, uuid.UUID(int=2)) is not None
        changed.delete()
        return changed.text, get_verified(Note, uuid.UUID(int=1))

    assert run("shelf", change).value == ("new", None)
    assert_copies_equal("shelf")
