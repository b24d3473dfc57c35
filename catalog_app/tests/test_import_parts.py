"""The parts of an import that need no store: columns, records, ISBNs, prices, repeats within the file."""

import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from catalog_app.importing import lines, rejects
from catalog_app.importing.columns import choose_columns
from catalog_app.importing.deduplication import Identities
from catalog_app.importing.errors import ImportRefused, Reason, RowRejected, RowRepeated
from catalog_app.importing.isbn import Found, find_isbn13
from catalog_app.importing.preview import Preview, describe
from catalog_app.importing.progress import Progress, Totals
from catalog_app.importing.rows import Row, RowParser, make_defaults
from catalog_app.importing.source import Record, open_source
from catalog_app.importing.synonyms import currency_of, without_remark


@pytest.mark.parametrize(
    ("isbn13", "isbn", "expected"),
    [
        ("9780439023481", "", Found("9780439023481")),
        ("978-0-439-02348-1", "", Found("9780439023481")),
        ("9780439023481.0", "", Found("9780439023481")),
        ("9.78043902348e+12", "439023483", Found("9780439023481", is_rebuilt=True)),
        ("", "0-439-02348-3", Found("9780439023481", is_rebuilt=True)),
        ("", "7442912", Found("9780007442911", is_rebuilt=True)),
        ("", "043965548X", Found("9780439655484", is_rebuilt=True)),
        ("", "43965548x", Found("9780439655484", is_rebuilt=True)),
        ("", "9780439023481", Found("9780439023481")),
        ("9780439023482", "439023483", Found("9780439023481", is_rebuilt=True)),
        ("9780439023481", "812971060", Found("9780439023481")),
        ("", "812971060", Found(None, is_unsound=True)),
        ("9.78043902348e+12", "", Found(None, is_unsound=True)),
        ("", "X439023483", Found(None, is_unsound=True)),
        ("", "0000000000", Found(None, is_unsound=True)),
        ("", "19", Found(None, is_unsound=True)),
        ("1234567890128", "", Found(None, is_unsound=True)),
        ("", "٤٣٩٠٢٣٤٨٣", Found("9780439023481", is_rebuilt=True)),
        (" ", "", Found(None)),
    ],
)
def test_isbn13_is_taken_or_rebuilt_only_where_a_check_digit_vouches_for_it(
    isbn13: str, isbn: str, expected: Found
) -> None:
    assert find_isbn13(isbn13, isbn) == expected


def test_columns_are_guessed_by_their_names_whatever_their_spelling() -> None:
    header = ["ISBN-13", "original_title", "Title", "Author", "ISBN 10", "Genre", "Unit Price", "Stock"]
    assert choose_columns(header, {}) == {
        "isbn13": (0,), "title": (2,), "authors": (3,), "isbn": (4,), "topic": (5,), "price": (6,), "quantity": (7,)
    }  # fmt: skip


@pytest.mark.parametrize("filled", [" ", "-", "_", " (", "( ", "in ", ": ", " €", " EUR"])
def test_the_length_of_a_name_takes_no_time(filled: str) -> None:
    """Whoever looks at each pair of its characters is not done before the tests end."""
    name = f"Price{filled * 100_000}x"
    assert without_remark(name) == " ".join(name.split())
    assert currency_of(name) == ""


def test_wished_columns_replace_guesses_and_an_empty_wish_leaves_a_field_out() -> None:
    header = ["title", "original_title", "price"]
    assert choose_columns(header, {"title": "Original_Title", "price": ""}) == {"title": (1,)}


@pytest.mark.parametrize(
    ("header", "wishes", "message"),
    [
        (["title"], {"colour": "title"}, "no field 'colour' to fill; there are title, authors"),
        (["title", "year"], {"topic": "genre"}, "no column 'genre' for topic. The columns are: title, year"),
        (["isbn", "year"], {}, "No column looks like the title.*The columns are: isbn, year"),
        (["title", "x"], {"price": "x", "topic": "#2"}, "Column 'x' can't be both topic and price"),
        (["title", "price", "stock"], {"price": "stock"}, "Column 'stock' can't be both price and quantity"),
        (["title", "Title"], {}, "Several columns might be meant: 'title' .column 1., 'Title' .column 2."),
    ],
)
def test_columns_that_cannot_be_chosen_are_refused_by_name(
    header: list[str], wishes: dict[str, str], message: str
) -> None:
    with pytest.raises(ImportRefused, match=message):
        choose_columns(header, wishes)


def read(path: Path, content: bytes, encoding: str = "") -> tuple[Sequence[str], list[Record]]:
    path.write_bytes(content)
    with open_source(path, encoding) as opened:
        records = list(opened.records)
        assert opened.fraction_read() == 1.0
        return opened.header, records


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_ends_are_found_out(tmp_path: Path, delimiter: str, newline: str) -> None:
    rows = [["title", "price,list"], ["Emma", "9.90"]]
    text = newline.join(delimiter.join(f'"{cell}"' for cell in row) for row in rows) + newline
    header, records = read(tmp_path / "books.csv", text.encode())
    assert header == ["title", "price,list"]
    assert records == [Record(2, ["Emma", "9.90"])]


@pytest.mark.parametrize(
    ("prefix", "encoding", "codec"),
    [("\ufeff", "", "utf-8"), ("\ufeff", "utf8", "utf-8"), ("", "latin-1", "latin-1")],
)
def test_encodings_and_byte_order_marks(tmp_path: Path, prefix: str, encoding: str, codec: str) -> None:
    header, records = read(tmp_path / "books.csv", f"{prefix}title\nÉmile\n".encode(codec), encoding)
    assert header == ["title"]
    assert records == [Record(2, ["Émile"])]


def test_utf16_is_read_when_named(tmp_path: Path) -> None:
    header, records = read(tmp_path / "books.csv", "title;price\nÉmile;1\n".encode("utf-16"), "utf-16")
    assert header == ["title", "price"]
    assert records == [Record(2, ["Émile", "1"])]


def test_cut_off_utf16_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="isn't in the encoding utf-16"):
        read(tmp_path / "books.csv", "title\nÉmile\n".encode("utf-16")[:-1], "utf-16")


def test_line_numbers_are_those_on_which_records_begin(tmp_path: Path) -> None:
    text = '\ntitle,authors\n\n"A\nB",C\n,\nD,E\n'
    header, records = read(tmp_path / "books.csv", text.encode())
    assert header == ["title", "authors"]
    assert records == [Record(4, ["A\nB", "C"]), Record(7, ["D", "E"])]


@pytest.mark.parametrize(
    "broken", ['"open,1', '"x" y,1', '"' + "z" * 200_000 + '",1', "z" * (lines.LINE_LIMIT + 5) + ",1"]
)
def test_a_broken_line_costs_that_line_only(tmp_path: Path, broken: str) -> None:
    text = f'title,authors\nA,1\n{broken}\n"B",2\n"C",3\n'
    _, records = read(tmp_path / "books.csv", text.encode())
    assert [(record.line, record.cells) for record in records if not record.problem] == [
        (2, ["A", "1"]), (4, ["B", "2"]), (5, ["C", "3"])
    ]  # fmt: skip
    (bad,) = (record for record in records if record.problem)
    assert bad.line == 3
    assert len(bad.cells[0]) <= lines.SHOWN_OF_BROKEN


def test_a_quote_left_open_at_the_end_costs_one_line(tmp_path: Path) -> None:
    _, records = read(tmp_path / "books.csv", b'title,authors\n"A,1\nB,2\nC,3\n')
    assert [(record.line, bool(record.problem)) for record in records] == [(2, True), (3, False), (4, False)]


def test_an_overlong_line_of_many_short_fields_is_rejected(tmp_path: Path) -> None:
    _, records = read(tmp_path / "books.csv", b"title,x\n" + b"a," * lines.LINE_LIMIT + b"\nB,2\n")
    assert [(record.line, bool(record.problem)) for record in records] == [(2, True), (3, False)]


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"", "", "is empty"),
        (b"\n\n", "", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "", "is a picture"),
        (b"\x01\x02title\n", "", "no table"),
        (b"x" * 2_000_000, "", "no table"),
        (b"title\n", "klingon", "no encoding 'klingon'"),
        (b"title\n", "base64", "no encoding 'base64'"),
        (b"title\n", "idna", "no encoding 'idna'"),
        (b"title\n", "punycode", "no encoding 'punycode'"),
    ],
)
def test_what_is_no_csv_is_refused(tmp_path: Path, content: bytes, encoding: str, message: str) -> None:
    with pytest.raises(ImportRefused, match=message):
        read(tmp_path / "books.csv", content, encoding)


def test_missing_files_and_directories_are_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.csv", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ImportRefused, match=reason), open_source(path):
            pass


HEADER = ("Title", "Author", "ISBN", "Price", "Stock", "Genre")


def parse(*cells: str, strict_isbn: bool = False, topic: str | None = None, line: int = 2) -> Row:
    columns = choose_columns(HEADER, {})
    row = RowParser(columns, HEADER, make_defaults(topic, None, None), strict_isbn=strict_isbn).parse(
        Record(line, cells)
    )
    assert row is not None
    return row


def test_a_row_is_cleaned() -> None:
    row = parse("  Angels &\n Demons  (#1)", "Grandpre\u0301", "439023483", "$9,9", "5.0", "Thriller")
    assert (row.title, row.authors, row.isbn13) == ("Angels & Demons (#1)", "Grandpré", "9780439023481")
    assert (row.price, row.quantity, row.topic) == (Decimal("9.90"), 5, "Thriller")


def test_blank_cells_get_defaults_which_the_row_did_not_say() -> None:
    row = parse("Emma", "Austen", "", "", "", "", topic="classics")
    assert (row.isbn13, row.price, row.quantity) == (None, Decimal("10.00"), 20)
    assert row.topic == "classics"
    assert row.said == {"title", "authors", "topic"}


@pytest.mark.parametrize(
    ("cells", "reasons"),
    [
        (("", "Anon", "", "", "", ""), ["title: This field may not be blank"]),
        (("x" * 501, "Anon", "", "", "", ""), ["Title: Ensure this field has no more than 500"]),
        (("A", "y" * 1001, "", "", "", "z" * 201), ["Author: Ensure", "Genre: Ensure"]),
        (("A", "", "", "-1", "-2", ""), ["Price: A price can't be below", "Stock: There can't be fewer"]),
        (("A", "", "", "NaN", "inf", ""), ["Price: not a price", "Stock: not a number of copies"]),
        (("A", "", "", "1,234", "2.5", ""), ["Price: may be 1234 or 1.234", "Stock: copies are whole"]),
        (("A", "", "", "1e9", "1٣", ""), ["Price: not a price", "Stock: digits of two scripts"]),
        (("A", "", "", "9.9901", "99999999999", ""), ["Price: a price has at most 2", "Stock: There can't be more"]),
        (("A\0", "", "", "free", "", ""), ["Title: U+0000 NULL", "Price: not a price"]),
        (
            ("Caf\udce9", "", "", "free", "", ""),
            [r"Title: bytes that aren't of the file's encoding: \xe9", "Price: "],
        ),
        (("A",) * 7, ["7 cells, the header has 6"]),
    ],
)
def test_a_row_is_rejected_with_every_reason(cells: tuple[str, ...], reasons: list[str]) -> None:
    with pytest.raises(RowRejected) as rejection:
        parse(*cells)
    found = [f"{reason.column}: {reason.why}" if reason.column else reason.why for reason in rejection.value.reasons]
    assert len(found) == len(reasons)
    assert all(text.startswith(start) for text, start in zip(found, reasons, strict=True)), found


def test_an_unsound_isbn_rejects_only_if_asked_to() -> None:
    assert parse("A", "", "812971060", "", "", "").isbn13 is None
    with pytest.raises(RowRejected, match='column "ISBN", cell "812971060": no sound ISBN'):
        parse("A", "", "812971060", "", "", "", strict_isbn=True)


@pytest.mark.parametrize(
    ("topic", "price", "stock", "message"),
    [("", None, None, "topic"), (None, "cheap", None, "price"), (None, None, "-1", "quantity")],
)
def test_defaults_are_validated_too(topic: str | None, price: str | None, stock: str | None, message: str) -> None:
    with pytest.raises(ImportRefused, match=f"The default for {message}: "):
        make_defaults(topic, price, stock)


def test_repeats_within_a_file_are_found_and_no_other_book_is_lost() -> None:
    identities = Identities()

    def place(title: str, isbn: str = "") -> str | None:
        try:
            row = identities.place(parse(title, "Someone", isbn, "", "", ""))
        except RowRepeated:
            return None
        return f"{row.title} {row.isbn13}"

    assert place("A", "439023483") == "A 9780439023481"
    assert place("A", "439023483") is None
    assert place("B", "439023483") == "B None", "another book under the same number keeps its place"
    assert place("B", "439023483") is None
    assert place("A", "043965548X") == "A 9780439655484", "another edition"
    assert place("A") is None
    assert place("C") == "C None"
    assert place("C") is None


def test_the_counts_of_a_preview_add_up_to_the_rows_that_were_read() -> None:
    totals = Totals(rows=28, imported=1, updated=2, present=4, rejected=3, repeated=8, blank=10)
    lines = describe(Preview(totals=totals, repeats=[(7, Reason("the book of line 3 again"))]))
    counts = [int(line.split()[0]) for line in lines if line[0].isdigit()]
    assert sum(counts) == totals.rows
    assert lines[-4:] == [
        "8 repeated within the file.",
        "10 blank in all columns that count.",
        "  line 7: the book of line 3 again",
        "  and 7 more",
    ]
    assert len(describe(Preview())) == 4


def test_rejects_go_beside_the_file_and_never_onto_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    books, elsewhere = tmp_path / "books.csv", tmp_path / "elsewhere"
    books.touch()
    elsewhere.mkdir()
    assert rejects.choose_path(books, None) == tmp_path / "books.rejected.csv"
    (tmp_path / "link.csv").symlink_to(books)
    with pytest.raises(ImportRefused, match="is the file to import"):
        rejects.choose_path(books, tmp_path / "link.csv")
    for hopeless in (elsewhere, tmp_path / "no" / "such.csv"):
        with pytest.raises(ImportRefused, match="name another file with --rejects"):
            rejects.choose_path(books, hopeless)
    (tmp_path / "books.rejected.csv").mkdir()
    monkeypatch.chdir(elsewhere)
    assert rejects.choose_path(books, None) == elsewhere / "books.rejected.csv"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("out", "lines"), [(Terminal(), 4), (io.StringIO(), 1)])
def test_progress_is_renewed_in_place_on_a_terminal_and_now_and_then_elsewhere(out: io.StringIO, lines: int) -> None:
    now = 100.0
    progress = Progress(out, is_quiet=False, clock=lambda: now)
    for _ in range(4):
        now += 0.6
        progress.show(Totals(rows=1200, imported=1000, rejected=3), 0.25)
        progress.show(Totals(), 0.3)
    progress.say("Done.")
    shown = out.getvalue()
    assert shown.count("1,200 rows") == lines
    assert shown.count("\n") == (1 if out.isatty() else 2)
    assert "25%" in shown
    assert shown.endswith("\r\x1b[KDone.\n" if out.isatty() else "rejected\nDone.\n")
