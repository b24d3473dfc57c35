"""Books of one title and the same authors, with an ISBN and without: out of the store, and in again."""

from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from bookstore_project.replication.tests.support.replica_files import head
from catalog_app.services import book_create, book_update
from catalog_app.tests.import_helpers import assert_replicas_agree, books, preview_and_import, run_import

FIRST, SECOND = "9780306406157", "9780439023481"
SHELVES = {
    "pair": (None, FIRST),
    "both-without": (None, None),
    "three": (None, FIRST, SECOND),
}
ORDERS = [
    pytest.param(order, id=f"{name}-{number}")
    for name, shelf in SHELVES.items()
    for number, order in enumerate(sorted(set(permutations(shelf)), key=str))
]
SIZES = ["1", "2"]
UPDATES: list[Any] = [[], ["--update"]]


def export_of(tmp_path: Path, isbns: tuple[str | None, ...], prices: tuple[str, ...] = ()) -> Path:
    """As the store exports books, in this order."""
    path = tmp_path / "export.csv"
    lines = ["id,title,authors,isbn13,topic,price,quantity,version,retired"]
    for number, isbn13 in enumerate(isbns, start=1):
        price = prices[number - 1] if prices else f"{number}.00"
        lines.append(f"{number},Emma,Jane Austen,{isbn13 or ''},novels,{price},{number},0,no")
    path.write_text("\n".join([*lines, ""]))
    return path


def on_the_shelf() -> set[tuple[str | None, Decimal, int]]:
    """ISBN, price and copies."""
    return {(row[2], row[4], row[5]) for row in books()}


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("isbns", ORDERS)
def test_an_export_into_an_empty_store_gives_the_same_books(
    empty_store: Path, tmp_path: Path, isbns: tuple[str | None, ...], size: str, update: list[str]
) -> None:
    path, count = export_of(tmp_path, isbns), len(isbns)
    options = ["--batch-size", size, *update]
    assert preview_and_import(path, *options) == (count, 0, 0, 0)
    expected = {(isbn13, Decimal(number), number) for number, isbn13 in enumerate(isbns, start=1)}
    assert on_the_shelf() == expected
    position = head("catalog-1")
    assert preview_and_import(path, *options) == (0, 0, count, 0)
    assert (on_the_shelf(), head("catalog-1")) == (expected, position)
    assert_replicas_agree()


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("isbns", ORDERS)
def test_an_import_of_an_export_that_stopped_half_way_goes_on(
    empty_store: Path, tmp_path: Path, isbns: tuple[str | None, ...], size: str, update: list[str]
) -> None:
    run_import(export_of(tmp_path, isbns[:1]))
    assert preview_and_import(export_of(tmp_path, isbns), "--batch-size", size, *update) == (len(isbns) - 1, 0, 1, 0)
    assert len(on_the_shelf()) == len(isbns)


@pytest.mark.parametrize("size", SIZES)
def test_an_export_whose_rows_got_their_isbn_gives_it_to_the_books(
    empty_store: Path, tmp_path: Path, size: str
) -> None:
    run_import(export_of(tmp_path, (None, None)))
    corrected = export_of(tmp_path, (FIRST, SECOND))
    assert preview_and_import(corrected, "--update", "--batch-size", size) == (0, 2, 0, 0)
    assert {row[0] for row in on_the_shelf()} == {FIRST, SECOND}


@pytest.mark.parametrize("size", SIZES)
def test_a_row_of_an_export_that_comes_twice_is_one_book(empty_store: Path, tmp_path: Path, size: str) -> None:
    path = export_of(tmp_path, (None, FIRST))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, *lines[1:], ""]))
    said = run_import(path, "--batch-size", size)
    assert "2 imported, 0 already there, 2 repeated within the file, 0 rejected" in said
    assert len(books()) == 2


def make(isbn13: str | None, price: str, quantity: int) -> int:
    """Puts an Emma on the shelf, and gives its id."""
    fields = {"title": "Emma", "authors": "Jane Austen", "isbn13": isbn13, "topic": "novels"}
    book = book_create(fields={**fields, "price": price, "quantity": quantity}, actor="ann").changes[0].after
    assert book is not None
    return int(book["id"])


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("isbns", "there"),
    [
        pytest.param((None, FIRST), [1], id="the-one-with-an-isbn"),
        pytest.param((FIRST, None), [1], id="the-one-without"),
        pytest.param((None, FIRST, SECOND), [2, 1], id="two-with-isbns"),
        pytest.param((None, None), [1], id="the-second-of-two"),
        pytest.param((None, None, None), [2, 0], id="two-of-three-in-another-order"),
    ],
)
def test_an_export_into_a_store_with_some_of_its_books_adds_the_others(
    empty_store: Path, tmp_path: Path, isbns: tuple[str | None, ...], there: list[int], size: str, update: list[str]
) -> None:
    """Their ids are others than in the export."""
    for place in there:
        make(isbns[place], f"{place + 1}.00", place + 1)
    path = export_of(tmp_path, isbns)
    told = preview_and_import(path, "--batch-size", size, *update)
    assert told == (len(isbns) - len(there), 0, len(there), 0)
    assert on_the_shelf() == {(isbn13, Decimal(number), number) for number, isbn13 in enumerate(isbns, start=1)}
    assert_replicas_agree()


@pytest.mark.parametrize("size", SIZES)
def test_a_row_goes_by_its_id_if_nothing_else_says_which_book_it_is(
    empty_store: Path, tmp_path: Path, size: str
) -> None:
    """The second has another price since, and the third has got its ISBN."""
    for quantity in (1, 2, 3):
        make(None, "9.00", quantity)
    for book, changes in ((2, {"price": "5.00"}), (3, {"isbn13": FIRST})):
        book_update(book_id=book, fields=changes, actor="ann")
    path = export_of(tmp_path, (None, None, None), prices=("9.00", "7.00", "8.00"))
    assert preview_and_import(path, "--update", "--batch-size", size) == (0, 2, 1, 0)
    assert on_the_shelf() == {(None, Decimal(9), 1), (None, Decimal(7), 2), (FIRST, Decimal(8), 3)}


@pytest.mark.parametrize("number", ["1", ""])
def test_a_row_of_an_export_that_contradicts_another_is_refused(
    empty_store: Path, tmp_path: Path, number: str
) -> None:
    """The same book with another price; and a row that was added by hand, without an id."""
    path = export_of(tmp_path, (None,))
    with path.open("a") as file:
        file.write(f"{number},Emma,Jane Austen,,novels,7.00,1,0,no\n")
    assert preview_and_import(path) == (1, 0, 0, 1)
    assert "line 2 again, with price 7.00 instead of 1.00" in path.with_name("export.rejected.csv").read_text()


@pytest.mark.parametrize("size", SIZES)
def test_a_book_that_two_rows_change_is_previewed_as_it_will_be(empty_store: Path, tmp_path: Path, size: str) -> None:
    """The first finds it by its title, the second by its ISBN."""
    make(FIRST, "2.00", 1)
    path = tmp_path / "books.csv"
    path.write_text(f"title,authors,isbn,price\nEmma,Jane Austen,,1.00\nEmma again,Jane Austen,{FIRST},3.00\n")
    options = ["--update", "--batch-size", size]
    assert "price 2.00 → 1.00" in (said := run_import(path, "--preview", *options))
    assert "price 1.00 → 3.00" in said
    assert preview_and_import(path, *options) == (0, 2, 0, 0)
    assert on_the_shelf() == {(FIRST, Decimal(3), 1)}
