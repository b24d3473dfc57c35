"""What is exported and imported again changes nothing, whatever its texts."""

import csv
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from itertools import chain, count
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework import serializers
from stdnum import ean

from bookstore_project.api import problems
from bookstore_project.replication import reads
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, head
from bookstore_project.replication.transaction import run
from bookstore_project.text.tests.test_canonical import TEXTS
from catalog_app.admin import uploading
from catalog_app.admin.exporting import COLUMNS
from catalog_app.importing.field_rules import FieldRules
from catalog_app.models import Book
from catalog_app.services import add_book, book_create, book_retire
from catalog_app.spreadsheets import guarded
from catalog_app.tests.admin_pages import text_of
from catalog_app.tests.import_helpers import assert_replicas_agree, preview_and_import
from catalog_app.tests.test_export_and_upload import EXPORT, exported, upload

_IDENTITY = ("title", "authors")


def to_isbn13(number: str) -> str:
    digits = f"978{number}"
    return digits + ean.calc_check_digit(digits)


# Cells that a spreadsheet or a CSV reader might take for something else, words that have the same key, and anything.
CELLS = st.one_of(
    TEXTS,
    st.text(st.sampled_from("aA=+-@'\"“”’;,\t|\\&#% ée\u0301"), max_size=8),
    st.sampled_from(["Emma", "EMMA", "“Emma”", "1,5", "NULL", "sep=;", "&amp;", "1e9", "=1+1", "'", '"', "\\"]),
)
BOOK = st.fixed_dictionaries(
    {
        "title": CELLS,
        "authors": CELLS,
        "topic": CELLS,
        "price": st.decimals(Decimal(0), Decimal("99999999.99"), places=2),
        "quantity": st.integers(0, 99),
        "isbn13": st.none() | st.integers(0, 999_999_999).map(lambda number: to_isbn13(f"{number:09}")),
    }
)
TWINS = st.tuples(BOOK, BOOK).map(lambda pair: [pair[0], pair[1] | {name: pair[0][name] for name in _IDENTITY}])
SHELVES = st.lists(TWINS | st.lists(BOOK, max_size=2), min_size=1, max_size=3).map(lambda parts: list(chain(*parts)))


def test_an_export_that_is_imported_again_changes_nothing(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=settings().max_examples * 3 // 10)
    @given(SHELVES, st.sets(st.integers(0, 7), max_size=2), st.sampled_from([1, 2, 3, 400]))
    def check(shelf: list[dict[str, object]], retired: set[int], batch_size: int) -> None:
        monkeypatch.setattr(uploading, "BATCH_SIZE", batch_size)
        for number, fields in enumerate(shelf):
            with suppress(problems.Invalid):  # A blank title, a character that none may have, an ISBN that is there.
                made = book_create(fields=fields, actor="ann").changes[0].after
                assert made is not None
                if number in retired:
                    book_retire(book_id=made["id"], actor="ann")
        for order, wishes in (("", {}), ("", {"update": "on"}), ("?o=-3.1", {"update": "on"})):
            position = head("catalog-1")
            told = text_of(upload(root, exported(root.get(f"{EXPORT}{order}")), **wishes))
            assert "0 imported" in told, told
            assert "repeated within the file" not in told, told
            assert "0 rejected." in told, told
            assert head("catalog-1") == position

    check()
    assert_copies_equal("catalog")


@pytest.mark.parametrize("isbn13", ["9780306406157", "978-0-306-40615-7", "0306406152"])
def test_a_row_without_isbn_does_not_take_the_book_of_its_twin_that_was_rejected(root: Client, isbn13: str) -> None:
    fields = {"title": "Emma", "authors": "Jane Austen", "topic": "novels", "price": "9.00", "quantity": 1}
    book_create(fields={**fields, "isbn13": "9780306406157"}, actor="ann")
    rows = [f"8,Emma,Jane Austen,{isbn13},novels,cheap,1,1,no", "9,Emma,Jane Austen,,novels,5.00,1,1,no"]
    told = text_of(upload(root, "\n".join([",".join(COLUMNS), *rows]), update="on"))
    assert ("1 imported" in told, "1 rejected" in told) == (True, True), told
    with reads.reading("catalog"):
        found = dict(Book.objects.filter(title="Emma").values_list("isbn13", "price"))
    assert found == {"9780306406157": Decimal("9.00"), None: Decimal("5.00")}


# Few of each, so that several are alike in some and differ in others.
LIKE_ANOTHER = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["Emma", "EMMA", "Émma", "Persuasion"]),
        "authors": st.just("Jane Austen"),
        "topic": st.sampled_from(["novels", "old"]),
        "price": st.sampled_from(["5.00", "9.00"]),
        "quantity": st.integers(0, 2),
        "isbn13": st.none() | st.integers(0, 3).map(lambda number: to_isbn13(f"{number:09}")),
    }
)
_WHOLE = ("title", "authors", "isbn13", "topic", "price", "quantity")
_NUMBERS = count()


def as_stored(shelf: Iterable[dict[str, Any]], example: int) -> list[dict[str, Any]]:
    """The books as a store would have them: of authors and with ISBNs that no other example has."""
    books: dict[Any, dict[str, Any]] = {}
    for place, fields in enumerate(shelf):
        number = (
            None if fields["isbn13"] is None else to_isbn13(f"{example:06}{int(fields['isbn13'][3:12]) % 1000:03}")
        )
        with suppress(serializers.ValidationError):
            book = FieldRules().valid({**fields, "authors": f"{example}: {fields['authors']}", "isbn13": number})
            books.setdefault(number or place, book)
    return list(books.values())


def contents(example: int) -> Counter[tuple[Any, ...]]:
    with reads.reading("catalog"):
        return Counter(Book.objects.filter(authors__startswith=f"{example}:").values_list(*_WHOLE))


@pytest.mark.parametrize("shelves", [SHELVES, st.lists(LIKE_ANOTHER, min_size=1, max_size=8)], ids=["any", "alike"])
def test_an_export_adds_to_any_store_the_books_that_it_lacks(
    empty_store: Path, tmp_path: Path, shelves: st.SearchStrategy[list[dict[str, Any]]]
) -> None:
    """To an empty one all of them. Ids there may mean other books; what is there isn't changed."""

    @settings(max_examples=settings().max_examples * 2 // 10)
    @given(st.data(), shelves, st.sampled_from(["1", "2", "3", "400"]), st.sampled_from([[], ["--update"]]))
    def check(data: st.DataObject, shelf: list[dict[str, Any]], batch_size: str, update: list[str]) -> None:
        books = as_stored(shelf, example := next(_NUMBERS))
        if not books:
            return
        there = data.draw(st.permutations(books))[: data.draw(st.integers(0, len(books)))]
        made = run("catalog", lambda: [add_book(fields, "ann") for fields in there]).value
        first = made[0].pk if made else 1
        numbers = data.draw(st.permutations(range(first, first + len(books))))
        path = tmp_path / "export.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            write = csv.writer(file).writerow
            write(COLUMNS)
            for number, book in zip(numbers, books, strict=True):
                held = {**book, "id": number, "version": 1, "retired": "no", "isbn13": book["isbn13"] or ""}
                write([guarded(str(held[name])) for name in COLUMNS])
        options = ["--batch-size", batch_size, *update]
        expected = Counter(tuple(book[name] for name in _WHOLE) for book in books)
        assert preview_and_import(path, *options) == (len(books) - len(there), 0, len(there), 0)
        assert contents(example) == expected
        assert preview_and_import(path, *options) == (0, 0, len(books), 0)
        assert contents(example) == expected

    check()
    assert_replicas_agree()
