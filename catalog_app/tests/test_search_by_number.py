"""Staff looks for books by numbers: those of their own, and those that their ISBNs begin with."""

from pathlib import Path

import pytest

from bookstore_project.api.number_lists import Numbers
from bookstore_project.replication.transaction import run
from catalog_app.models import Book, has_words_or_numbers

pytestmark = pytest.mark.every_engine
ISBNS = {1: "9780306406157", 2: "9780131103627"}


def found(search: str) -> list[int]:
    """Ids of books."""
    return run(
        "catalog", lambda: sorted(Book.objects.filter(has_words_or_numbers(search)).values_list("pk", flat=True))
    ).value


@pytest.mark.parametrize(
    ("search", "ids"),
    [
        ("9780", [1, 2]),
        ("978013", [2]),
        ("0306", [1]),
        ("3", [3, 5]),
        ("9790", []),
        ("97803064", [1]),
        ("978 0 3 0 6", [1]),
        ("77777", []),
        ("978" * 2000, []),
    ],
)
def test_a_number_finds_the_book_of_that_id_titles_that_have_it_and_isbns_that_begin_so(
    seven_books: Path, search: str, ids: list[int]
) -> None:
    def label() -> None:
        for book_id, isbn13 in ISBNS.items():
            book = Book.objects.get(pk=book_id)
            book.isbn13 = isbn13
            book.save()

    run("catalog", label)
    assert found(search) == ids


@pytest.mark.parametrize("numbers", [[], [2], [7, 1, 1, 99]])
def test_numbers_are_a_condition_of_one_parameter(seven_books: Path, numbers: list[int]) -> None:
    def ask() -> list[int]:
        books = Book.objects.filter(pk__in=Numbers(numbers)).order_by("pk")
        assert len(books.query.sql_with_params()[1]) == 1
        return list(books.values_list("pk", flat=True))

    assert run("catalog", ask).value == sorted({1, 2, 3, 4, 5, 6, 7} & set(numbers))
