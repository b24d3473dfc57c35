"""What is exported and imported again changes nothing, whatever its texts."""

from contextlib import suppress
from decimal import Decimal
from itertools import chain

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import ean

from bookstore_project.api import problems
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, head
from bookstore_project.text.tests.test_canonical import TEXTS
from catalog_app.admin import uploading
from catalog_app.services import book_create, book_retire
from catalog_app.tests.admin_pages import text_of
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
