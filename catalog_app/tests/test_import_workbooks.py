"""Excel workbooks: what their cells say, which sheet is meant, and what is too much to be unpacked."""

import datetime
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog_app.importing import workbook as reading
from catalog_app.importing.columns import choose_columns
from catalog_app.importing.errors import ImportRefused, RowRejected
from catalog_app.importing.rows import Row, RowParser, make_defaults
from catalog_app.importing.source import open_source, read_source
from catalog_app.importing.workbook import Limits
from catalog_app.tests.workbooks import part_of, plain_workbook, with_part, workbook

HEADER = ("Title", "Author", "ISBN", "Price", "Stock")
BOOK = ("Momo", "Ende", "9783522202558", "9.90", "3")
SHEET = "xl/worksheets/sheet1.xml"


def read(content: bytes, **options: Any) -> tuple[list[str], list[Any]]:
    with read_source(io.BytesIO(content), "books.xlsx", len(content), **options) as source:
        return list(source.header), [(record.line, list(record.cells)) for record in source.records]


def take(*rows: tuple[Any, ...], change: Callable[[Any], None] | None = None) -> list[Row | str | None]:
    content = workbook({"Books": [HEADER, *rows]}, change=change)
    taken: list[Row | str | None] = []
    with read_source(io.BytesIO(content), "books.xlsx", len(content)) as source:
        parser = RowParser(
            choose_columns(source.header, {}), source.header, make_defaults(None, None, None), strict_isbn=True
        )
        for record in source.records:
            try:
                taken.append(parser.parse(record))
            except RowRejected as rejection:
                taken.append(str(rejection))
    return taken


def test_a_workbook_is_read_like_any_file(tmp_path: Path) -> None:
    path = tmp_path / "books.xlsx"
    path.write_bytes(workbook({"Books": [HEADER, BOOK, (), ("Emma", None, None, 1)]}))
    with open_source(path) as source:
        assert source.header == list(HEADER)
        assert [(record.line, list(record.cells)) for record in source.records] == [
            (2, list(BOOK)), (4, ["Emma", "", "", "1", ""])
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("Momo", "Ende", 9783522202558, 9.9, 3), ("Momo", "9783522202558", "9.90", 3)),
        (("Momo", "Ende", 9783522202558.0, 9.90000000000000036, 3.0), ("Momo", "9783522202558", "9.90", 3)),
        (("Momo", "Ende", 439023483, 0.1 + 0.2, 0), ("Momo", "9780439023481", "0.30", 0)),
        ((1984, "Orwell", None, 10, 5), ("1984", None, "10.00", 5)),
        (("A_x000D_\nB", "x", None, 1234.5, 1200), ("A B", None, "1234.50", 1200)),
        (("A &amp; B", "x", '="9783522202558"', "9,90 EUR", "3,0"), ("A & B", "9783522202558", "9.90", 3)),
    ],
)  # fmt: skip
def test_a_number_is_what_excel_shows(cells: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    (row,) = take(cells, change=as_text)
    assert isinstance(row, Row), row
    assert (row.title, row.isbn13, f"{row.price}", row.quantity) == expected


def as_text(book: Any) -> None:
    """What openpyxl would write as a formula, as the text that somebody typed."""
    for row in book["Books"].iter_rows():
        for cell in row:
            if cell.data_type == "f":
                cell.data_type = "s"


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (
            (datetime.datetime(2024, 5, 1), "x", None, 1, 1),
            'column "Title", cell "#DATE! 2024-05-01 00:00:00": the cell',
        ),
        ((True, "x", None, 1, 1), "#BOOLEAN! TRUE"),
        (("=A1&B1", "x", None, 1, 1), "#FORMULA! =A1&B1"),
        (("A", "x", None, "=D1*2", 1), 'column "Price", cell "#FORMULA! =D1*2"'),
        (("A", "x", None, "#N/A", 1), 'column "Price", cell "#N/A"'),
        (("A", "x", None, 1.2345, 1), 'column "Price", cell "1.2345": a price has at most 2 decimals'),
        (("A", "x", None, 1e-7, 1), 'column "Price", cell "0.0000001": a price has at most 2 decimals'),
        (("A", "x", None, 1, 2.5), 'column "Stock", cell "2.5": copies are whole'),
        (("A", "x", 1e20, 1, 1), 'column "ISBN", cell "100000000000000000000": no sound ISBN'),
    ],
)
def test_a_cell_that_is_no_text_and_no_number_is_refused(cells: tuple[Any, ...], why: str) -> None:
    (taken,) = take(cells)
    assert why in str(taken)


@pytest.mark.parametrize(
    ("area", "column"), [("B2:B3", "Author"), ("D2:D3", "Price"), ("E2:E3", "Stock"), ("D2:E3", "Price")]
)
def test_a_cell_that_another_one_covers_is_asked_about(area: str, column: str) -> None:
    """It may be meant for both rows, or not: a default in its place would be made up."""
    another = ("Jim", "Ende", None, "9.90", "3")
    first, second = take(BOOK, another, change=lambda book: book["Books"].merge_cells(area))
    assert isinstance(first, Row) is (area != "D2:E3")
    assert f'column "{column}", cell "#MERGED!": merged with another cell' in str(second)


def test_merged_cells_outside_of_the_table_are_none_of_its_rows() -> None:
    def merge(book: Any) -> None:
        for area in ("A4:E6", "G2:H3"):
            book["Books"].merge_cells(area)

    taken = take(BOOK, ("Jim", "Ende", None, "9.90", "3"), change=merge)
    assert [isinstance(row, Row) for row in taken] == [True, True]


def test_formats_count_where_they_say_something_else() -> None:
    def change(book: Any) -> None:
        book["Books"]["A2"].number_format = "000"
        book["Books"]["D3"].number_format = "0%"

    good, bad = take((7, "x", None, 1, 1), ("A", "x", None, 0.1, 1), change=change)
    assert isinstance(good, Row)
    assert good.title == "007"
    assert bad == 'column "Price", cell "10%": not a price'


def test_what_a_formula_was_computed_to_is_its_value() -> None:
    def compute(xml: bytes) -> bytes:
        assert b"<f>1+2</f><v />" in xml or b"<f>1+2</f><v></v>" in xml or b"<f>1+2</f><v/>" in xml
        for blank in (b"<v />", b"<v></v>", b"<v/>"):
            xml = xml.replace(b"<f>1+2</f>" + blank, b"<f>1+2</f><v>3</v>")
        return xml

    content = workbook({"Books": [HEADER, ("Momo", "Ende", None, "=1+2", None)]})
    assert read(with_part(content, SHEET, compute))[1] == [(2, ["Momo", "Ende", "", "3", ""])]
    assert read(content)[1] == [(2, ["Momo", "Ende", "", "#FORMULA! =1+2", ""])]


@pytest.mark.parametrize(
    ("sheets", "hidden", "wish", "title"),
    [
        ({"Notes": [("Hello",)], "Books": [HEADER, BOOK]}, (), "", "Momo"),
        ({"Old": [HEADER, ("Old",)], "New": [HEADER, BOOK]}, ("Old",), "", "Momo"),
        ({"Old": [HEADER, ("Old",)], "New": [HEADER, BOOK]}, (), "new", "Momo"),
        ({"Old": [HEADER, ("Old",)], "New": [HEADER, BOOK]}, ("Old",), "Old", "Old"),
        ({"Books": [("Price list",), (), HEADER, BOOK]}, (), "", "Momo"),
        ({"Empty": [], "Books": [(), (), HEADER, BOOK]}, (), "", "Momo"),
        ({"Books": [("name of it", "x"), ("Momo", 1)]}, (), "", "Momo"),
    ],
)
def test_the_sheet_is_the_visible_one_with_a_header_or_as_named(
    sheets: dict[str, list[Any]], hidden: tuple[str, ...], wish: str, title: str
) -> None:
    _, records = read(workbook(sheets, hidden=hidden), sheet=wish)
    assert records[0][1][0] == title


@pytest.mark.parametrize(
    ("sheets", "hidden", "wish", "message"),
    [
        ({"A": [HEADER, BOOK], "B": [HEADER, BOOK]}, (), "", "Several sheets might be meant: 'A', 'B'."),
        ({"A": [HEADER]}, (), "B", "There is no sheet 'B'. The sheets are: A."),
        ({"A": []}, (), "", "is empty: there is no sheet with a header to go by."),
        ({"A": [], "B": [HEADER]}, ("B",), "", "is empty: there is no sheet with a header to go by but hidden ones."),
    ],
)
def test_a_sheet_that_cannot_be_chosen_is_asked_about(
    sheets: dict[str, list[Any]], hidden: tuple[str, ...], wish: str, message: str
) -> None:
    with pytest.raises(ImportRefused) as refusal:
        read(workbook(sheets, hidden=hidden), sheet=wish)
    assert message in str(refusal.value)


def styled_down(rows: int, cells: bytes = b"") -> Callable[[bytes], bytes]:
    """As many rows more, without content."""

    def change(xml: bytes) -> bytes:
        more = b"".join(b'<row r="%d">%s</row>' % (number, cells) for number in range(3, 3 + rows))
        return xml.replace(b"</sheetData>", more + b"</sheetData>")

    return change


def test_many_blank_rows_are_refused_and_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLANK_ROWS", 100)
    content = with_part(workbook({"Books": [HEADER, BOOK]}), SHEET, styled_down(5000))
    with (
        read_source(io.BytesIO(content), "b.xlsx", 1) as source,
        pytest.raises(ImportRefused, match="more than 100 blank"),
    ):
        list(source.records)
    few = with_part(workbook({"Books": [HEADER, BOOK]}), SHEET, styled_down(90))
    assert len(read(few)[1]) == 1


@pytest.mark.parametrize(
    ("limits", "part", "change"),
    [
        (Limits(rows=50), SHEET, styled_down(60)),
        (Limits(cells=50), SHEET, styled_down(10, b'<c r="A1" s="0"/>' * 10)),
        (Limits(texts=50), "xl/sharedStrings.xml", lambda xml: b"<sst>" + b"<si/>" * 60 + b"</sst>"),
        (Limits(texts=50), "xl/other.bin", lambda xml: b"<x:sst>" + b"<x:si>" * 60),
        (Limits(size_bytes=50_000), "xl/media/image1.png", lambda xml: b"\0" * 60_000),
        (Limits(size_bytes=50_000), "xl/media/image1.png", lambda xml: bytes(range(256)) * 300),
        (Limits(small_part_bytes=20_000), "xl/styles.xml", lambda xml: xml + b" " * 30_000),
        (Limits(parts=20), "xl/x", lambda xml: xml),
    ],
)
def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_parsed(
    limits: Limits, part: str, change: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = with_part(workbook({"Books": [HEADER, BOOK]}), part, change)
    for number in range(20 if limits.parts == 20 else 0):
        content = with_part(content, f"xl/x{number}", lambda _: b"")

    def never(*args: Any, **options: Any) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr("openpyxl.load_workbook", never)
    with pytest.raises(ImportRefused, match="unpacks to more than can be read"):
        read(content, limits=limits)


def test_tags_are_counted_across_the_pieces_in_which_a_part_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_CHUNK_BYTES", 7)
    content = with_part(workbook({"Books": [HEADER, BOOK]}), SHEET, styled_down(48))
    assert read(content, limits=Limits(rows=50))
    with pytest.raises(ImportRefused):
        read(content, limits=Limits(rows=49))


def test_entities_are_not_expanded() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'

    def change(xml: bytes) -> bytes:
        return bomb + xml.replace(b"Momo", b"&b;")

    content = plain_workbook([HEADER, BOOK])
    assert read(content)[1] == [(2, list(BOOK))]
    for part in (SHEET, "xl/sharedStrings.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        with pytest.raises(ImportRefused, match="is damaged"):
            read(with_part(content, part, change))


def test_what_a_sheet_says_of_its_own_size_is_not_believed() -> None:
    def change(xml: bytes) -> bytes:
        assert b'<dimension ref="A1:E2"' in xml
        return xml.replace(b'<dimension ref="A1:E2"', b'<dimension ref="A1:XFD1048576"')

    assert read(with_part(workbook({"Books": [HEADER, BOOK]}), SHEET, change))[1] == [(2, list(BOOK))]


def test_a_cell_far_to_the_right_costs_its_row() -> None:
    def change(book: Any) -> None:
        book["Books"]["XFD2"] = "far"

    first, second = take(BOOK, BOOK, change=change)
    assert first == "more than 1000 columns"
    assert isinstance(second, Row)


def test_a_name_far_to_the_right_is_refused() -> None:
    def change(book: Any) -> None:
        book["Books"]["XFD1"] = "far"

    with pytest.raises(ImportRefused, match="has 16,384 columns"):
        take(BOOK, change=change)


@pytest.mark.parametrize("cut", [100, 1500, -200, -10])
def test_a_damaged_workbook_is_refused(cut: int) -> None:
    content = workbook({"Books": [HEADER, BOOK]})
    with pytest.raises(ImportRefused, match="damaged"):
        read(content[:cut])


def test_a_workbook_damaged_inside_is_refused_wherever_that_is_found() -> None:
    content = plain_workbook([HEADER, BOOK])
    for part in ("[Content_Types].xml", "xl/workbook.xml", "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels"):
        for change in (lambda xml: xml[: len(xml) // 2], lambda _: b"", lambda xml: xml.replace(b"<x:t>", b"<x:t")):
            if change(whole := part_of(content, part)) != whole:
                with pytest.raises(ImportRefused, match=r"damaged|empty"):
                    read(with_part(content, part, change))
    content = workbook({"Books": [HEADER, *[BOOK] * 2000]})
    with pytest.raises(ImportRefused, match="is damaged: it can't be read to its end"):
        read(with_part(content, SHEET, lambda xml: xml[: len(xml) * 3 // 4]))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": ""},
            "an OpenDocument file (.ods)",
        ),
        ({"xl/workbook.bin": ""}, "of the binary kind (.xlsb)"),
        ({"word/document.xml": ""}, "a Word document"),
        ({"Index/Document.iwa": ""}, "a Numbers spreadsheet"),
        ({"books.csv": "title\nx\n"}, "a ZIP archive without a workbook in it. Unpack it first."),
    ],
)
def test_other_packages_are_refused_by_what_they_are(parts: dict[str, str], message: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, text in parts.items():
            package.writestr(name, text)
    with pytest.raises(ImportRefused) as refusal:
        read(buffer.getvalue())
    assert message in str(refusal.value)
