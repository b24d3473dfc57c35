"""Files that are previewed, corrected and imported again."""

import csv
import gc
from collections.abc import Sequence
from pathlib import Path

import pytest

from bookstore_project.replication.tests.support.replica_files import head
from catalog_app.importing.known_books import KnownBooks
from catalog_app.importing.matching import KnownBook
from catalog_app.importing.rows import Row
from catalog_app.services import book_retire
from catalog_app.tests.import_helpers import assert_replicas_agree, books, run_import, titles
from catalog_app.tests.workbooks import workbook

BOOK, OTHER = "9780000000002", "9780439023481"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "books.csv"
    path.write_text(text, encoding="utf-8")
    return path


def isbns() -> list[tuple[str, str | None]]:
    return [(row[0], row[2]) for row in books()]


def test_a_corrected_file_gives_its_books_their_isbn(empty_store: Path, tmp_path: Path) -> None:
    run_import(write(tmp_path, "title,author,isbn\nEmma,Austen,97800000\nDune,Herbert,\n"))
    corrected = write(tmp_path, f"title,author,isbn\nEmma,Austen,{BOOK}\nDune,Herbert,{OTHER}\n")
    assert "0 imported, 2 already there" in run_import(corrected)
    assert isbns() == [("Emma", None), ("Dune", None)]
    assert "0 imported, 0 already there, 2 updated" in run_import(corrected, "--update")
    assert isbns() == [("Emma", BOOK), ("Dune", OTHER)]
    assert "0 imported, 2 already there" in run_import(corrected, "--update")
    assert_replicas_agree()


@pytest.mark.parametrize("size", ["1", "200"])
def test_another_edition_is_not_the_book_that_got_its_isbn(empty_store: Path, tmp_path: Path, size: str) -> None:
    run_import(write(tmp_path, "title,author,isbn\nEmma,Austen,\n"))
    corrected = write(tmp_path, f"title,author,isbn\nEmma,Austen,{BOOK}\nEmma,Austen,{OTHER}\n")
    said = run_import(corrected, "--update", "--batch-size", size)
    assert "1 imported, 0 already there, 1 updated" in said
    assert isbns() == [("Emma", BOOK), ("Emma", OTHER)]
    assert "0 imported, 2 already there" in run_import(corrected, "--update", "--batch-size", size)


def test_a_retired_book_gets_no_isbn(empty_store: Path, tmp_path: Path) -> None:
    run_import(write(tmp_path, "title,author,isbn\nEmma,Austen,\n"))
    book_retire(book_id=1, actor="root")
    again = write(tmp_path, f"title,author,isbn\nEmma,Austen,{BOOK}\n")
    assert "0 imported, 1 already there" in run_import(again, "--update")
    assert isbns() == [("Emma", None)]


def test_rows_of_one_file_that_contradict_one_another_are_refused(empty_store: Path, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "title,author,isbn,price\n"
        "Emma,Austen,,9\nEmma,Austen,,9\nEmma,Austen,,\nEmma,Austen,,8\n"
        f"Emma,Austen,{BOOK},9\n",
    )
    said = run_import(path)
    assert "1 imported, 0 already there, 2 repeated within the file, 2 rejected" in said
    assert said.endswith("  line 3: the book of line 2 again\n  line 4: the book of line 2 again\n")
    with path.with_name("books.rejected.csv").open(encoding="utf-8-sig") as file:
        assert [row["reason"] for row in csv.DictReader(file)] == [
            "the book of line 2 again, with price 8.00 instead of 9.00",
            "line 2 has the same title and authors without an ISBN: the same book, or another edition?",
        ]


MESSY = (
    "sep=;\n"
    "Titel;Autor;ISBN;Preis;Bestand\n"
    "Émile;Rousseau;;1,234;3\n"
    "Emma;Austen;9780439023481;x;3\n"
    '"open;Who;;1;1\n'
    "=1+1;Who;;1,234;1\n"
    '"=""1984""";Orwell;;free;1\n'
    '"Tom &amp; Jerry";Who;;?;1\n'
    "zu viel;Who;;9;90;3\n"
    "#N/A;Who;;1;1\n"
    "kurz;9\n"
    "ab"
)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_rejected_rows_are_refused_again_until_they_are_corrected(
    empty_store: Path, tmp_path: Path, codec: str
) -> None:
    path = tmp_path / "books.csv"
    path.write_bytes(MESSY.encode(codec))
    with pytest.raises(Exception, match="Every row was rejected"):
        run_import(path)
    rejected = path.with_name("books.rejected.csv")
    first = rejected.read_text(encoding="utf-8-sig")
    with pytest.raises(Exception, match="Every row was rejected"):
        run_import(rejected)
    again = path.with_name("books.rejected.rejected.csv").read_text(encoding="utf-8-sig")
    assert again.count("\n") == first.count("\n") == 11
    assert books() == []


def test_corrected_rows_are_read_as_the_originals_would_have_been(empty_store: Path, tmp_path: Path) -> None:
    path = write(tmp_path, MESSY)
    with pytest.raises(Exception, match="Every row was rejected"):
        run_import(path)
    rejected = path.with_name("books.rejected.csv")
    text = rejected.read_text(encoding="utf-8-sig")
    assert '="' in text, "a number that a spreadsheet would shorten"
    head, *rows = text.splitlines()
    ends = {"1,234;3": "9,90;3", "x;3": "9,90;3", "1,234;1": "9,90;1", "free;1": "9,90;1", "?;1": "9,90;1"}
    for place, row in enumerate(rows):
        for end, right in ends.items():
            if row.endswith(f";{end}"):
                rows[place] = row.removesuffix(end) + right
    text = "\n".join([head, *rows, ""])
    rejected.write_text(text, encoding="utf-8")
    run_import(rejected)
    assert [(row[0], row[2], f"{row[4]}") for row in books()] == [
        ("Émile", None, "9.90"), ("Emma", OTHER, "9.90"), ("=1+1", None, "9.90"),
        ("1984", None, "9.90"), ("Tom & Jerry", None, "9.90"),
    ]  # fmt: skip


def test_rejected_rows_of_a_workbook_are_a_text_to_correct(empty_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "books.xlsx"
    path.write_bytes(workbook({"B": [("Title", "Price"), ("Emma", "1,234"), ("=A2", 9), ("Dune", 9.9)]}))
    assert "1 imported, 0 already there, 2 rejected" in run_import(path)
    rejected = path.with_name("books.rejected.csv")
    with pytest.raises(Exception, match="Every row was rejected"):
        run_import(rejected)
    rejected.write_text(rejected.read_text(encoding="utf-8-sig").replace(',"1,234"', ",9"))
    assert "1 imported" in run_import(rejected)
    assert titles() == ["Dune", "Emma"]


def test_two_currencies_in_a_column_beside_the_price_are_told(empty_store: Path, tmp_path: Path) -> None:
    path = write(tmp_path, "title,price,currency\nEmma,9,EUR\nDune,8,USD\nMomo,7,EUR\n")
    for options in (["--preview"], []):
        said = run_import(path, *options)
        assert "Prices are taken as they stand, in several currencies: 2 in EUR, 1 in USD.\n" in said
        assert "price from 'price', currency from 'currency'" in said


# -------------------------------------------------------------------------------------------------- preview


def test_a_preview_tells_everything_and_writes_nothing(empty_store: Path, tmp_path: Path) -> None:
    run_import(write(tmp_path, f"title,author,isbn,price\nEmma,Austen,{BOOK},9\nDune,Herbert,,9\n"))
    path = write(
        tmp_path,
        f"title,author,isbn,price\nEmma,Austen,{BOOK},8\nDune,Herbert,{OTHER},9\nMomo,Ende,,7\nIt,King,,1.234\n"
        "Momo,Ende,,7\nJaws,Benchley,123,5\n",
    )
    before, position = books(), head("catalog-1")
    for option in ("--preview", "--dry-run"):
        said = run_import(path, option, "--update")
        for told in (
            "6 rows read. Nothing was written.",
            "2 would be added:\n  line 4: Momo / Ende (ISBN -, general, 7.00, stock 20)\n",
            "2 would be changed:\n  line 2: Emma / Austen (price 9.00 → 8.00)\n"
            f"  line 3: Dune / Herbert (isbn13 - → {OTHER})\n",
            "0 would be left alone.",
            '1 would be rejected:\n  line 5: column "price", cell "1.234": may be 1234 or 1.234',
            "1 repeated within the file.\n",
            'line 7: column "isbn", cell "123": no sound ISBN: left out\n',
            "line 6: the book of line 4 again\n",
            "filled in for new books: 2 without quantity, 2 without topic",
        ):
            assert told in said, said
    assert "0 would be changed.\n2 would be left alone:\n  line 2: Emma / Austen\n" in run_import(path, "--preview")
    assert (books(), head("catalog-1")) == (before, position)
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".csv"] == ["books.csv"]
    assert "2 imported, 0 already there, 2 updated, 1 repeated within the file, 1 rejected" in run_import(
        path, "--update"
    )


@pytest.mark.parametrize("update", [[], ["--update"]])
@pytest.mark.parametrize("size", ["1", "3", "200"])
def test_a_preview_counts_what_the_import_does(
    empty_store: Path, tmp_path: Path, update: list[str], size: str
) -> None:
    run_import(write(tmp_path, f"title,author,isbn\nA,x,\nA,x,{BOOK}\nB,x,\nC,x,{OTHER}\n"))
    path = write(
        tmp_path,
        f"title,author,isbn,price\nA,x,{BOOK},1\nNew C,x,{OTHER},1\nC,x,,1\nB,x,9783522202558,1\n"
        "B,x,9780007442911,1\nA,x,,1\nD,x,9783522202558,1\nD,x,,1\n",
    )
    said = run_import(path, "--preview", "--batch-size", size, *update)
    told = [int(line.split()[0]) for line in said.splitlines() if " would be " in line]
    done = run_import(path, "--batch-size", size, *update)
    counts = dict.fromkeys(("imported", "updated", "already there", "rejected"), 0)
    for part in done.split(": ", 1)[1].replace(".", ",").split(", "):
        for name in counts:
            if part.strip()[:1].isdigit() and name in part:
                counts[name] = int(part.split()[0])
    assert told == [counts[name] for name in ("imported", "updated", "already there", "rejected")]


@pytest.mark.parametrize("command", [["--preview", "--update"], ["--update"]])
def test_rows_that_were_dealt_with_are_not_kept_in_memory(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """So a file of a million rows takes what one of a thousand does: in batches of 5, 60 rows about 40 books."""
    old = "".join(f"Title {number},x,\n" for number in range(20))
    run_import(write(tmp_path, f"title,author,price\n{old}"))
    kept: list[int] = []
    begin = KnownBooks.load

    def counted(known_books: KnownBooks, rows: Sequence[Row]) -> None:
        gc.collect()
        kept.append(sum(type(each) in (Row, KnownBook) for each in gc.get_objects()))
        begin(known_books, rows)

    monkeypatch.setattr(KnownBooks, "load", counted)
    new = "".join(f"Title {number},x,5\n" for number in [*range(40), *range(20)])
    gc.freeze()  # What is there already is none of the import's, and takes long to look through.
    try:
        said = run_import(write(tmp_path, f"title,author,price\n{new}"), "--batch-size", "5", *command)
    finally:
        gc.unfreeze()
    assert "20 repeated within the file" in said
    assert len(kept) == len(range(0, 40, 5))
    assert max(kept) <= kept[0] + 1
