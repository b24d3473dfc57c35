"""`manage.py import_books`, from a file to both replicas."""

import csv
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from bookstore_project.api.sales import Line
from bookstore_project.replication import reads
from bookstore_project.settings import topology
from catalog_app.models import Book
from catalog_app.sales import order_sell
from catalog_app.services import book_retire, book_update
from catalog_app.tests.import_helpers import assert_replicas_agree, books, run_import, titles

GOODBOOKS = Path(topology.ROOT).parent / "shared" / "data" / "goodbooks-10k.csv"

DIRTY = (
    b"\xef\xbb\xbfbook_id,isbn,isbn13,authors,original_title,title,genre,price,stock\r\n"
    b'1,439023483,9.78043902348e+12,Suzanne Collins,The Hunger Games,"The Hunger Games (The Hunger Games, #1)",,,\r\n'
    b'2,043965548X,,"J.K. Rowling, Mary GrandPr\xc3\xa9",,"Harry  Potter\r\nand so on ",Fantasy,"9,90",7\r\n'
    b"3,812971060,9.78081297106e+12,Azar Nafisi,,Reading Lolita in Tehran,Memoir,$12.50,3\r\n"
    b"4,,,Nobody,,,Fantasy,1.00,1\r\n"
    b"5,,,Nobody,,Too cheap,Fantasy,-1,many\r\n"
    b"6,,,Nobody,,Too short\r\n"
    b"7,,,Nobody,,Too long,Fantasy,1.00,1,1\r\n"
    b"\r\n"
    b"8,,,Andr\xe9,,Another encoding,Fantasy,1.00,1\r\n"
    b"9,,,Nobody,,With a \x00,Fantasy,1.00,1\r\n"
    b'10,,,Nobody,,"An open quote,Fantasy,1.00,1\r\n'
    b'11,,,Homer,,"The ""Odyssey""",Classics,1,0\r\n'
    b"12,439023483,,Suzanne Collins,,A stranger with the same number,,,\r\n"
    b"13,,,Homer,,  An Odyssey,Classics,2,2\r\n"
    b"14,,,HOMER,,The \xe2\x80\x9cODYSSEY\xe2\x80\x9d,Classics,2,2\r\n"
)


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    path = tmp_path / "dirty.csv"
    path.write_bytes(DIRTY)
    return path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Ten clean rows."""
    path = tmp_path / "many.csv"
    path.write_text("title,price\n" + "".join(f"Volume {number},{number}.50\n" for number in range(10)))
    return path


def test_a_dirty_file_gives_its_good_rows_and_a_file_of_the_others(empty_store: Path, dirty: Path) -> None:
    said = run_import(dirty)
    hunger, potter = "The Hunger Games (The Hunger Games, #1)", "Harry Potter and so on"
    assert books() == [
        (hunger, "Suzanne Collins", "9780439023481", "general", Decimal("10.00"), 20, 1),
        (potter, "J.K. Rowling, Mary GrandPré", "9780439655484", "Fantasy", Decimal("9.90"), 7, 1),
        ("Reading Lolita in Tehran", "Azar Nafisi", None, "Memoir", Decimal("12.50"), 3, 1),
        ("Too short", "Nobody", None, "general", Decimal("10.00"), 20, 1),
        ('The "Odyssey"', "Homer", None, "Classics", Decimal("1.00"), 0, 1),
        ("A stranger with the same number", "Suzanne Collins", None, "general", Decimal("10.00"), 20, 1),
        ("An Odyssey", "Homer", None, "Classics", Decimal("2.00"), 2, 1),
    ]
    assert_replicas_agree()
    with dirty.with_name("dirty.rejected.csv").open(
        newline="", encoding="utf-8-sig", errors="surrogateescape"
    ) as file:
        header, *rejected = csv.reader(file)
    assert header[:5] == ["line", "reason", "row as it came", "book_id", "isbn"]
    assert [(row[0], (row[3] if not row[2] else row[2]).partition(",")[0]) for row in rejected] == [
        ("6", "4"), ("7", "5"), ("9", "7"), ("11", "8"), ("12", "9"), ("13", "10"), ("17", "14")
    ]  # fmt: skip
    reasons = [row[1] for row in rejected]
    assert reasons[0] == "title: This field may not be blank"
    assert reasons[1].startswith('column "stock", cell "many": not a number of copies; column "price", cell "-1": ')
    assert reasons[2].startswith("10 cells, the header has 9")
    assert r"\xe9; it would be André in Windows-1252" in reasons[3]
    assert rejected[3][6] == "Andr\udce9"
    assert "NULL" in reasons[4]
    assert "quote" in reasons[5]
    assert reasons[6] == "the book of line 14 again, with price 2.00 instead of 1.00, quantity 2 instead of 0"
    assert "7 imported, 0 already there, 7 rejected" in said
    assert "2 rebuilt from an ISBN-10, 1 unsound and left out, 1 left out because another book" in said
    assert "filled in for new books: 3 without price, 3 without quantity, 3 without topic" in said


def test_a_repeated_import_adds_nothing(empty_store: Path, dirty: Path) -> None:
    run_import(dirty)
    before = books()
    said = run_import(dirty)
    assert "0 imported, 7 already there" in said
    assert "filled in" not in said
    assert books() == before
    assert_replicas_agree()


def test_corrected_rejects_are_imported_by_themselves(empty_store: Path, dirty: Path) -> None:
    run_import(dirty)
    rejected = dirty.with_name("dirty.rejected.csv")
    lines = rejected.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    rejected.write_text("\n".join([lines[0], lines[2].replace("'-1,many", "1.00,1")]))
    assert "1 imported" in run_import(rejected)
    assert titles()[-1] == "Too cheap"


WESTERN = "title,authors,price\nÉmile,Rousseau,9.90\nLes Misérables,Hugo,dear\n".encode("cp1252")


@pytest.mark.parametrize("option", ["", "--encoding=cp1252", "--encoding=cp850", "--encoding=utf-8"])
@pytest.mark.parametrize("saved_as", ["utf-8-sig", "utf-8"])
def test_corrected_rejects_are_read_right_whatever_encoding_is_chosen(
    empty_store: Path, tmp_path: Path, option: str, saved_as: str
) -> None:
    """Some spreadsheets save them without the mark that they came with."""
    path = tmp_path / "books.csv"
    path.write_bytes(WESTERN)
    run_import(path, "--encoding=cp1252")
    rejected = tmp_path / "books.rejected.csv"
    text = rejected.read_text(encoding="utf-8-sig").replace("dear", "12.50")
    rejected.write_text(text, encoding=saved_as)
    run_import(rejected, *filter(None, [option]))
    assert titles() == ["Émile", "Les Misérables"]


def test_rejects_of_a_file_in_another_encoding_are_taken_in_that_encoding(empty_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    path.write_bytes(WESTERN.replace(b"dear", b"12.50") + b"Emma,Austen,9.90\n")
    assert "1 imported" in run_import(path)
    assert "Found the encoding UTF-8 (not CP1252)." in run_import(
        tmp_path / "books.rejected.csv", "--encoding=cp1252"
    )
    assert titles() == ["Emma", "Émile", "Les Misérables"]


def test_options_map_columns_and_fill_gaps(empty_store: Path, dirty: Path, tmp_path: Path) -> None:
    rejected = tmp_path / "bad.csv"
    run_import(
        dirty, "--map", "title=original_title", "--topic-column", "authors", "--map", "price=",
        "--price", "3.50", "--stock", "4", "--rejects", str(rejected),
    )  # fmt: skip
    assert books() == [
        ("The Hunger Games", "Suzanne Collins", "9780439023481", "Suzanne Collins", Decimal("3.50"), 4, 1)
    ]
    assert rejected.exists()
    assert not dirty.with_name("dirty.rejected.csv").exists()


def test_clean_files_leave_no_file_of_rejects(empty_store: Path, many: Path) -> None:
    said = run_import(many, "--topic", "encyclopedias")
    assert "Importing title from 'title', price from 'price', topic encyclopedias, quantity 20." in said
    assert "10 rows in" in said
    assert [path.name for path in many.parent.iterdir()] == ["many.csv"]


def test_update_sets_what_the_file_says_and_never_the_stock(empty_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    path.write_text("title,isbn,price,stock\nThe hunger,439023483,5.00,9\nEmma,,6.00,9\n")
    run_import(path, "--topic", "novels")
    path.write_text("title,isbn,price,stock\nThe Hunger Games,439023483,,50\nEmma,,6.00,50\n")
    assert "0 imported, 2 already there" in run_import(path)
    assert titles() == ["The hunger", "Emma"]
    assert "0 imported, 1 already there, 1 updated" in run_import(path, "--update")
    assert books() == [
        ("The Hunger Games", "", "9780439023481", "novels", Decimal("5.00"), 9, 2),
        ("Emma", "", None, "novels", Decimal("6.00"), 9, 1),
    ]
    assert "2 updated" in run_import(path, "--update", "--topic", "classics", "--price", "7")
    assert [(row[3], row[4]) for row in books()] == [("classics", Decimal("7.00")), ("classics", Decimal("6.00"))]
    assert_replicas_agree()


def test_edited_and_retired_books_are_not_imported_again(empty_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    path.write_text("title,isbn\nThe hunger,439023483\nEmma,\n")
    run_import(path)
    book_update(book_id=1, fields={"title": "The Hunger Games"}, actor="staff")
    book_retire(book_id=2, actor="staff")
    assert "0 imported, 2 already there" in run_import(path)
    assert "0 imported, 1 already there, 1 updated" in run_import(path, "--update", "--topic", "novels")
    with reads.reading(topology.CATALOG):
        found = list(Book.objects.values_list("title", "topic", "retired"))
    assert found == [("The hunger", "novels", False), ("Emma", "general", True)]


def test_a_file_of_bad_rows_only_fails(empty_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    path.write_text("title,price\nA,x\n")
    with pytest.raises(CommandError, match=r"Every row was rejected; .*books.rejected.csv says why"):
        run_import(path)
    assert books() == []


def test_a_header_alone_is_no_failure(empty_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    path.write_text("title,price\n")
    assert "0 rows" in run_import(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--map", "colour=title"], "no field 'colour'"),
        (["--map", "title=nothing"], "no column 'nothing'"),
        (["--map", "title"], "expected FIELD=COLUMN"),
        (["--map", "price=price", "--topic-column", "#2"], "Column 'price' can't be both topic and price. Say"),
        (["--topic-column", "shelf"], "no column 'shelf' for topic"),
        (["--price", "NaN"], "The default for price"),
        (["--stock", "-1"], "The default for quantity"),
        (["--batch-size", "0"], "--batch-size"),
        (["--encoding", "klingon"], "no encoding 'klingon'"),
        (["--rejects", "{}"], "is the file to import"),
    ],
)
def test_senseless_options_are_refused_before_anything_is_done(
    empty_store: Path, many: Path, options: list[str], message: str
) -> None:
    before = many.read_bytes()
    with pytest.raises(CommandError, match=message):
        run_import(many, *(option.format(many) for option in options))
    assert books() == []
    assert many.read_bytes() == before


def test_without_a_store_the_way_to_make_one_is_named(empty_store: Path, many: Path) -> None:
    topology.witness_file(topology.CATALOG).unlink()
    with pytest.raises(CommandError, match=r"manage\.py migrate"):
        run_import(many)


@pytest.mark.large
@pytest.mark.skipif(not GOODBOOKS.exists(), reason="the goodbooks-10k data set isn't beside this folder")
def test_goodbooks_is_imported_whole_and_sold_from(
    seven_books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run_import(GOODBOOKS)
    assert "10,000 imported, 0 already there, 0 rejected" in said
    with reads.reading(topology.CATALOG):
        assert Book.objects.count() == 10_007
        assert Book.objects.filter(isbn13=None).count() == 7 + 10_000 - 9_277
        hunger = Book.objects.get(isbn13="9780439023481")
        assert hunger.title == "The Hunger Games (The Hunger Games, #1)"
    sale = order_sell(order=uuid.uuid4(), lines=[Line(hunger.pk, 2)], deadline=None, is_first_attempt=True)
    assert sale.value.lines[0].unit_price == Decimal("10.00")
    assert "0 imported, 10,000 already there, 0 rejected" in run_import(GOODBOOKS)
    with reads.reading(topology.CATALOG):
        assert Book.objects.count() == 10_007
        assert Book.objects.get(pk=hunger.pk).quantity == 18
    assert list(tmp_path.iterdir()) == []
    assert_replicas_agree()
