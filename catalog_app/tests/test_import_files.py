"""Files as people have them: encodings, dialects, headers, and what is no table at all."""

import io
import re
from decimal import Decimal
from typing import Any

import pytest

from catalog_app.importing import delimited, lines
from catalog_app.importing.columns import choose_columns
from catalog_app.importing.errors import ImportRefused, RowRejected
from catalog_app.importing.records import Record, Source
from catalog_app.importing.rows import Row, RowParser, make_defaults
from catalog_app.importing.source import read_source


def read(content: bytes, encoding: str = "") -> tuple[Source, list[Record]]:
    with read_source(io.BytesIO(content), "books", len(content), encoding) as source:
        return source, list(source.records)


def take(text: str | bytes, **wishes: str) -> list[Row | str | None]:
    """The rows of a file; of one that is rejected why."""
    content = text if isinstance(text, bytes) else text.encode()
    taken: list[Row | str | None] = []
    with read_source(io.BytesIO(content), "books", len(content)) as source:
        columns = choose_columns(source.header, wishes)
        parser = RowParser(columns, source.header, make_defaults(None, None, None), strict_isbn=False)
        for record in source.records:
            try:
                taken.append(parser.parse(record))
            except RowRejected as rejection:
                taken.append(str(rejection))
    return taken


def only(text: str | bytes, **wishes: str) -> Row:
    (row,) = take(text, **wishes)
    assert isinstance(row, Row), row
    return row


# ------------------------------------------------------------------------------------------------ encodings

TABLE = "Titel;Autor;Preis\nÉmile;Rousseau;9,90\nЖ 書;Ü;1\n"


@pytest.mark.parametrize(
    ("codec", "mark"),
    [
        ("utf-8", ""),
        ("utf-8", "\ufeff"),
        ("utf-16-le", "\ufeff"),
        ("utf-16-be", "\ufeff"),
        ("utf-16-le", ""),
        ("utf-16-be", ""),
        ("utf-32-le", "\ufeff"),
        ("utf-32-be", "\ufeff"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_encoding_is_found_out(codec: str, mark: str, newline: str) -> None:
    source, records = read((mark + TABLE.replace("\n", newline)).encode(codec))
    assert source.header == ["Titel", "Autor", "Preis"]
    assert [record.cells for record in records] == [["Émile", "Rousseau", "9,90"], ["Ж 書", "Ü", "1"]]


ANY = ["cp1252", "iso-8859-15", "cp1251", "cp850", "mac_roman", "gb18030", "shift_jis", "utf-16", "utf-8"]


@pytest.mark.parametrize("wish", ANY)
@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_mark_is_believed_whatever_was_wished_for(wish: str, codec: str) -> None:
    source, records = read(TABLE.encode(codec), wish)
    assert source.header == ["Titel", "Autor", "Preis"]
    assert records[0].cells == ["Émile", "Rousseau", "9,90"]
    assert ("(not " in source.description) is (not codec.startswith(wish))


@pytest.mark.parametrize("wish", ["cp1252", "iso-8859-15", "cp1250", "cp1251", "cp850", "mac_roman", "utf-8"])
def test_what_is_utf8_through_and_through_is_read_so(wish: str) -> None:
    """As a spreadsheet leaves the rejected rows of a file in the encoding that is still chosen."""
    source, records = read(TABLE.encode(), wish)
    assert [record.cells[0] for record in records] == ["Émile", "Ж 書"]
    assert ("(not" in source.description) is (wish != "utf-8")


def test_what_is_not_utf8_is_read_as_wished() -> None:
    for text, codec in (("Émile", "cp1252"), ("Émile Ã©", "cp1252"), ("Жизнь", "cp1251"), ("书", "gb18030")):
        source, (record,) = read(f"title\n{text}\n".encode(codec), codec)
        assert (record.cells, source.unheeded) == ([text], "")
    assert read(b"title\nx\n", "cp1252")[0].encoding == "cp1252"


def test_an_encoding_that_there_is_not_is_refused_of_a_marked_file_too() -> None:
    with pytest.raises(ImportRefused, match="There is no encoding 'klingon'"):
        read(b"\xef\xbb\xbftitle\nx\n", "klingon")


def test_a_row_in_another_encoding_is_refused_with_what_it_may_be() -> None:
    good, bad = take("title,authors\nEmma,Austen\nÉmile,Rousseau\n".encode("cp1252"))
    assert isinstance(good, Row)
    assert bad == (
        'column "title", cell "\\xc9mile": bytes that aren\'t of the file\'s encoding: \\xc9; '
        "it would be Émile in Windows-1252, …mile in Mac Roman"
    )


@pytest.mark.parametrize(
    ("codec", "title", "told"),
    [
        ("mac_roman", "Émile", "; it would be ƒmile in Windows-1252, Émile in Mac Roman"),
        ("cp932", "こころ", "; it would be ‚±‚±‚ë in Windows-1252, Ç±Ç±ÇÎ in Mac Roman, こころ in Shift-JIS"),
        ("cp932", "吾輩は", ", 吾輩は in Shift-JIS"),
        ("cp437", "\u00fc\u00e9", ": \\x81\\x82; it would be ÅÇ in Mac Roman"),
    ],
)
def test_of_an_unknown_encoding_is_told_what_each_would_make_of_it(codec: str, title: str, told: str) -> None:
    (bad,) = take(b"title,authors\n" + title.encode(codec) + b",x\n")
    assert str(bad).endswith(told)


def test_a_character_that_was_lost_before_is_refused() -> None:
    assert "a character was lost before" in str(take("title\nCaf\ufffd\n")[0])


# ------------------------------------------------------------------------------------------------- dialects


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;", "sep=;;;"])
def test_a_first_line_that_names_the_delimiter_is_no_header(first: str) -> None:
    source, records = read(f"{first}\ntitle;price\nEmma, or so;9,90\n".encode())
    assert (source.header, source.header_line) == (["title", "price"], 2)
    assert records == [Record(3, ["Emma, or so", "9,90"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~"])
def test_the_delimiter_is_the_one_with_which_the_header_has_most_fields(delimiter: str) -> None:
    header = delimiter.join(["Title", "Subtitle: a; or, b | c" if delimiter == "\t" else "Subtitle", "Price"])
    source, records = read(f"{header}\nEmma{delimiter}x{delimiter}9\n".encode())
    assert source.delimiter == delimiter
    assert records[0].cells == ["Emma", "x", "9"]


@pytest.mark.parametrize(
    "text",
    [
        '"title,authors,price"\n"Emma,""Austen, Jane"",9.90"\n"""Momo, or so"",Ende,9"',
        '"title;authors;price"\r\n"Emma;Austen, Jane;9,90"\r\n"Momo, or so;Ende;9"\r\n',
        '"title,authors,price";;\n"Emma,""Austen, Jane"",9.90";;\n"""Momo, or so"",Ende,9";;\n',
        'Price list\n\n"title,authors,price"\n"Emma,""Austen, Jane"",9.90"\n"Momo, or so",Ende,9\n',
        "'title','authors','price'\n'Emma','Austen, Jane','9.90'\n'Momo, or so','Ende',9\n",
        "'title';'authors';'price'\n'Emma';'Austen, Jane';'9.90'\n'Momo, or so';'Ende';''\n",
    ],
)
def test_lines_in_one_cell_and_single_quotes_are_read_if_the_header_has_them(text: str) -> None:
    emma, momo = take(text)
    assert isinstance(emma, Row), emma
    assert isinstance(momo, Row), momo
    assert (emma.title, emma.authors, f"{emma.price}") == ("Emma", "Austen, Jane", "9.90")
    assert (momo.title, momo.authors) == ("Momo, or so", "Ende")


def test_columns_wished_for_are_found_in_such_headers_too() -> None:
    for text in ('"what,who"\n"Emma,Austen"\n', "'what','who'\n'Emma','Austen'\n"):
        with read_source(io.BytesIO(text.encode()), "books", 0, wished=["what", "who"]) as source:
            assert [record.cells for record in source.records] == [["Emma", "Austen"]]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ('"Emma,""open,9"', "a quote"),
        ('"Emma,Austen,9\nMomo,Ende,9"', "several rows in one cell"),
        ('"Emma,Austen,9,90"', "4 cells, the header has 3"),
        ('"Emma,Austen"', "2 cells, the header has 3, and the file is cut off here"),
    ],
)
def test_a_line_in_one_cell_that_is_no_row_is_refused(row: str, why: str) -> None:
    bad = take(f'"title,authors,price"\n"Dune,Herbert,1"\n{row}')[-1]
    assert why in str(bad)


def test_a_header_without_end_is_refused_and_a_name_without_end_is_cut() -> None:
    with pytest.raises(ImportRefused, match="has 1,001 columns, and at most 1,000 are read"):
        read(b"title" + b",x" * 1000 + b"\nDune\n")
    source, _ = read(b"title," + b"x" * 1000 + b"\nDune,1\n")
    assert source.header == ["title", "x" * 200]


def test_columns_without_a_name_at_the_end_of_a_header_do_not_count() -> None:
    blank = "," * 1200
    (row,) = take(f"title,price{blank}\nDune,5{blank}\n")
    assert isinstance(row, Row)
    assert row.title == "Dune"


def test_apostrophes_within_single_quotes_are_doubled_or_escaped() -> None:
    text = "'title','authors'\n'Don''t','A'\n'Don\\'t','B'\n'Don't','C'\n'Emma','D'\n"
    rows = take(text)
    assert [row.title if isinstance(row, Row) else "refused" for row in rows] == ["Don't", "Don't", "refused", "Emma"]


def test_single_quotes_are_letters_where_the_header_has_none() -> None:
    assert only("'Book Id',title,authors\n1,'Emma','Austen'\n").title == "'Emma'"


def test_quotes_escaped_by_a_backslash_are_quotes() -> None:
    text = (
        "title,authors,price\n"
        '"He said \\"no\\"",Who,1\n'
        '"No\\", he said, \\"yes",Who,2\n'
        '"A \\\\ backslash, and \\"quotes\\"",Who,3\n'
        '"Two\nlines, \\"quoted\\"",Who,4\n'
        '"C:\\",Who,5\n'
        '"Ends in \\"",Who,6\n'
    )
    rows = take(text)
    assert [row.title if isinstance(row, Row) else row for row in rows] == [
        'He said "no"',
        'No", he said, "yes',
        'A \\ backslash, and "quotes"',
        'Two lines, "quoted"',
        "C:\\",
        'Ends in "',
    ]


def test_other_escapes_may_be_two_things_and_cost_their_row_only() -> None:
    bad, good = take('title,authors,price\n"A\\nB \\"c\\"",Who,1\nEmma,Austen,2\n')
    assert "quotes are escaped by a backslash here, and \\n may be two things" in str(bad)
    assert isinstance(good, Row)


def test_blank_cells_may_be_missing_at_the_end_or_be_one_more() -> None:
    short, long, longer = take("title,authors,price,stock\nEmma,Austen\nDune,Herbert,9,3,\nIt,King,1,2,,\n")
    assert isinstance(short, Row)
    assert (short.authors, set(short.said)) == ("Austen", {"title", "authors"})
    assert isinstance(long, Row)
    assert isinstance(longer, Row)
    assert (long.quantity, longer.quantity) == (3, 2)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("Emma,Austen,9,90,3\n", "5 cells, the header has 4: is one that should be in quotes"),
        ("Emma,9.90,3\n", 'column "authors", cell "9.90": 3 cells, the header has 4: which is missing?'),
        ("Em", "1 cells, the header has 4, and the file is cut off here"),
        ("Total,,1234.50,87\n", 'column "title", cell "Total": this looks like a line of totals'),
        ("Gesamt:,,99,\n", "this looks like a line of totals"),
        ("Total: 87 books,,,\n", "this looks like a line of totals"),
        ("title,authors,price,stock\n", "the header once more"),
        ("Grand totals: 1'234.50,,,\n", "this looks like a line of totals"),
        ("Übertrag,,99,3\n", "this looks like a line of totals"),
        ("合計,,99,3\n", "this looks like a line of totals"),
        ("Page 1 of 1,,,\n", 'column "title", cell "Page 1 of 1": this looks like a line of the list itself'),
        ("- Seite 2/3 -,,,\n", "a line of the list itself"),
        ("Page 2,,9.90,\n", "a line of the list itself"),
        ("Página 1 de 2,,,\n", "a line of the list itself"),
        ("1/3,,,\n", "a line of the list itself"),
        ("第1页 共2页,,,\n", "a line of the list itself"),
        ("*** End of report ***,,,\n", "a line of the list itself"),
        ("Ende der Liste,,,\n", "a line of the list itself"),
        ("Fin de la liste,,,\n", "a line of the list itself"),
        ("Printed on 2024-05-01 12:30,,,\n", "a line of the list itself"),
        ("Stand: 1. Mai 2024,,,\n", "a line of the list itself"),
        ("87 books,,,\n", "a line of the list itself"),
        ("Anzahl Titel: 87,,,\n", "a line of the list itself"),
        ("(continued),,,\n", "a line of the list itself"),
        ("-----,-----,---,---\n", "a line that is drawn"),
        ("=====,,,\n", "a line that is drawn"),
        (
            "Children's books,,,\n",
            "nothing but a title: a book, or a line of the list itself? "
            "If it is a book, say its authors, price or stock",
        ),
        ("TITLE,Authors,Price,Stock\n", "the header once more"),
        ("#N/A,Austen,1,1\n", 'column "title", cell "#N/A": the cell has no value'),
        ("#NAME?,Austen,1,1\n", "the cell has no value"),
        ("Emma,Austen,#WERT!,1\n", "the cell has no value"),
        ("Emma,Austen,########,1\n", "the cell has no value"),
        ("Em\x1bma,Austen,1,1\n", r'cell "Em\x1bma": U+001B ESCAPE'),
        ("Emma,Aus\u202eten,1,1\n", r'cell "Aus\u202eten": U+202E'),
        ("Tom &amp;amp; Jerry,,1,1\n", "encoded twice: may be Tom &amp; Jerry or Tom & Jerry"),
    ],
)
def test_a_row_that_is_no_book_or_two_is_refused_by_name(row: str, why: str) -> None:
    taken = take(f"title,authors,price,stock\nDune,Herbert,1,1\n{row}")
    assert why in str(taken[-1])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "title,authors,price,stock,\nMomo,Ende,9,90,5\n",
            "5 cells, the header has 4: is one that should be in quotes",
        ),
        ("title,authors,stock,price,,\nMomo,Ende,5,9,90,\n", "6 cells, the header has 4: is one that should be in"),
        (
            "title,authors,price,stock\nMomo;Ende;9,90;1\n",
            "2 cells, the header has 4: as many as there are between ';'",
        ),
        (
            "title;authors;price;stock\nMomo\tEnde\t9,90\t1\n",
            "1 cells, the header has 4: as many as there are between",
        ),
    ],
)
def test_a_row_whose_cells_are_cut_elsewhere_is_refused(text: str, why: str) -> None:
    (row,) = take(text)
    assert why in str(row)


@pytest.mark.parametrize(
    "text",
    [
        ",title,authors,price,stock\n0,Momo,Ende,9.90,5\n",
        "title,authors,price,stock,\nMomo,Ende,9.90,5,\n",
        "title,authors,price,stock\nMomo; oder: die grauen Herren,Ende,9.90,5\n",
        "title,authors,price,stock\nMomo,Ende,9.90\n",
    ],
)
def test_columns_without_a_name_and_other_marks_harm_nobody(text: str) -> None:
    (row,) = take(text)
    assert isinstance(row, Row)


def test_books_that_only_look_like_totals_are_taken() -> None:
    rows = take("title,authors,price\nTotal,Emmett Grogan,9\nSumme,,9\nTotal Recall,,9\n")
    assert [isinstance(row, Row) for row in rows] == [True, False, True]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("title,authors,price", "Page 1 of 1,Anne Author,"),
        ("title,topic,price,stock", "Page One,novels,,"),
        ("title,isbn,price", "87 Books,9780000000002,"),
        ("title,authors", "Children's books,"),
        ("title", "Emma"),
        ("title", "1984"),
        ("title,price", "1984,"),
        ("title,authors", "---,x"),
    ],
)
def test_books_that_only_look_like_lines_of_a_list_are_taken(header: str, row: str) -> None:
    only(f"{header}\n{row}\n")


def test_blank_lines_and_rows_without_any_of_the_columns_are_no_rows() -> None:
    text = 'title,authors,image\n\n,,\n  , ,\n"","",""\n,,http://x\nEmma,Austen,\n'
    taken = take(text)
    assert [row.title if isinstance(row, Row) else row for row in taken] == [None, "Emma"]


def test_a_hundred_thousand_blank_lines_are_no_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor are they taken apart: what is asked of each is whether it is blank."""
    records = lines.next_record
    asked: list[int] = []

    def counted(taken: lines.Lines, *rest: Any) -> Record | None:
        asked.append(taken.number)
        return records(taken, *rest)

    monkeypatch.setattr(delimited, "next_record", counted)
    for line in (b"\n", b",,\r\n", b'"","",""\n', b" , ,\n"):
        asked.clear()
        _, found = read(b"title,authors,price\n" + line * 100_000 + b"Emma,Austen,1\n")
        assert [record.line for record in found] == [100_002]
        assert len(asked) <= len(delimited._DELIMITERS) * delimited.HEADER_WITHIN + 1


def test_mixed_line_ends_nulls_and_line_breaks_in_cells_cost_nobody_else() -> None:
    rows = take('title,authors\r\nA,1\n"B\r\nC",2\rD\0,3\nE,4\r\n')
    assert [row.title if isinstance(row, Row) else row.partition(": ")[2][:13] if row else row for row in rows] == [
        "A", "B C", "U+0000 NULL (", "E"
    ]  # fmt: skip


# -------------------------------------------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (header, "Momo;Ende;9783522202558;Kinder;9,90;3")
        for header in (
            "Titel;Autor;ISBN;Kategorie;Preis (EUR);Bestand",
            "Buchtitel;Autor/in;EAN;Warengruppe;Ladenpreis in €;Lagerbestand",
            "Artikelbezeichnung;Verfasser;ISBN-13;Thema;Verkaufspreis;Menge",
            "Titre;Auteur;ISBN;Catégorie;Prix TTC;Quantité",
            "Titre du livre;Auteur(s);Code EAN;Thème;Prix de vente;Exemplaires",
            "Título;Autor;ISBN;Género;Precio (€);Existencias",
            "TÍTULO;AUTORES;CÓDIGO EAN;CATEGORÍA;P.V.P.;CANTIDAD",
            "Titolo;Autore;ISBN;Genere;Prezzo;Quantità",
            "Titel;Auteur;ISBN;Onderwerp;Prijs;Voorraad",
            "Titel;Författare;ISBN;Kategori;Pris;Antal",
            "Tytuł;Autorzy;ISBN;Kategoria;Cena;Ilość",
            "Title*;Author(s);ISBN / EAN;Genre;Price [EUR];Stock (pcs)",
            "Titre de l'ouvrage;Auteur de l'ouvrage;N° d'ISBN;Rayon;Prix public TTC;Quantité en stock",
            "Titre de l’œuvre;Écrivain;Code barres;Catégorie du livre;Prix unitaire (€);Nb d'exemplaires",
            "Titel des Werkes;Buchautor;Strichcode;Fachgebiet;Einzelpreis;Aktueller Bestand",
            "Título de la obra;Autor del libro;Código de barras;Materia;Precio con IVA;Cantidad disponible",
            "Titolo dell'opera;Autore del libro;Codice a barre;Argomento;Prezzo (IVA inclusa);Quantità disponibile",
            "Titel van het boek;Auteursnaam;ISBN-nummer;Rubriek;Prijs (incl. btw);Aantal op voorraad",
            "Título do livro;Autor do livro;ISBN;Assunto;Preço de venda;Quantidade em estoque",
            "书名;作者;ISBN号;分类;价格（元）;库存",
            "书名;作者;书号;类别;售价;库存数量",
            "書名;著者;ISBNコード;ジャンル;価格（税込）;在庫",
            "タイトル;著者名;ＩＳＢＮ;カテゴリー;定価;在庫数",
            "Book;Writer;ISBN;Genre;Price;Copies",
        )
    ]
    + [
        (
            'ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,In stock?,Stock,Sale price,Regular price,Categories,Author',
            "1,simple,W-1,9783522202558,Momo,1,3,8.90,9.90,Kinder,Ende",
        ),
        (
            "SKU,Name,In stock?,Stock,Low stock amount,Regular price,Categories,Author",
            "9783522202558,Momo,1,3,1,9.90,Kinder,Ende",
        ),
        (
            'ID,Typ,"GTIN, UPC, EAN oder ISBN",Name,Bestand,Angebotspreis,Regulärer Preis,Kategorien,Autor',
            '1,simple,9783522202558,Momo,3,"8,90","9,90",Kinder,Ende',
        ),
        (
            "Handle,Title,Body (HTML),Vendor,Product Category,Variant SKU,Variant Inventory Qty,"
            "Variant Inventory Policy,Variant Price,Variant Compare At Price,Variant Barcode,Author",
            "momo,Momo,<p>x</p>,Thienemann,Kinder,M1,3,deny,9.90,12.00,'9783522202558,Ende",
        ),
        (
            "Title,URL handle,Vendor,Product category,SKU,Barcode,Price,Compare-at price,Inventory quantity,Author",
            "Momo,momo,Thienemann,Kinder,M1,9783522202558,9.90,12.00,3,Ende",
        ),
    ],
)
def test_headers_of_several_languages_and_programs_are_understood(header: str, row: str) -> None:
    found = only(f"{header}\n{row}\n")
    assert (found.title, found.authors, found.isbn13) == ("Momo", "Ende", "9783522202558")
    assert (found.topic, f"{found.price}", found.quantity) == ("Kinder", "9.90", 3)


def test_a_goodreads_export_is_understood() -> None:
    row = only(
        "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Bookshelves,Owned Copies\n"
        '1,Good Omens,Terry Pratchett,"Pratchett, Terry",Neil Gaiman,"=""0439023483""","=""9780439023481""",5,x,2\n'
    )
    assert (row.title, row.authors, row.isbn13) == ("Good Omens", "Terry Pratchett, Neil Gaiman", "9780439023481")
    assert (row.topic, row.quantity) == ("general", 2)


def test_a_librarything_export_is_understood() -> None:
    text = (
        "'Book Id'\tTitle\tPrimary Author\tPrimary Author Role\tSecondary Author\tBarcode\tISBN\tISBNs\tCopies\n"
        "1\tGood Omens\tPratchett, Terry\t\tGaiman, Neil|Fry, Stephen\t77\t[0439023483]\t"
        "0439023483, 9780439023481\t1\n"
    )
    row = only(text.encode("utf-16"))
    assert (row.authors, row.isbn13) == ("Pratchett, Terry; Gaiman, Neil; Fry, Stephen", "9780439023481")


@pytest.mark.parametrize(
    ("header", "row", "authors"),
    [
        ("title,author 1,author 2,author 3", "x,A B,,C D", "A B, C D"),
        ("title,first name,last name", "x,Jane,Austen", "Jane Austen"),
        ("Titel,Vorname,Nachname,Weitere Autoren", "x,Jane,Austen,A B", "Jane Austen, A B"),
        ("title,author,co-author,author last name", "x,Jane Austen,A B,Austen", "Jane Austen, A B"),
        ("title,author,additional authors", 'x,"Austen, Jane","Brontë, Anne"', "Austen, Jane; Brontë, Anne"),
        ("title,publisher", "x,y", ""),
    ],
)
def test_authors_may_stand_in_several_columns(header: str, row: str, authors: str) -> None:
    assert only(f"{header}\n{row}\n").authors == authors


@pytest.mark.parametrize(
    "above",
    ["Price list 2024\n", "Preisliste;;\n;;\n", "\n\n\n", "Shop Ltd., Main Street, Town\nAll prices in EUR\n"],
)
def test_the_header_may_stand_below_a_title(above: str) -> None:
    with read_source(io.BytesIO(f"{above}Titel;Preis\nMomo;9,90\n".encode()), "books", 0) as source:
        assert source.header == ["Titel", "Preis"]
        assert source.header_line == above.count("\n") + 1
        assert [record.cells for record in source.records] == [["Momo", "9,90"]]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Title/Author,Price", "No column looks like the title"),
        ("title,net price,gross price", "Is one of these columns the price: 'net price', 'gross price'?"),
        ("title,Preis netto", "Is one of these columns the price: 'Preis netto'?"),
        (
            "title,Bestand Berlin,Bestand Wien",
            "Is one of these columns the quantity: 'Bestand Berlin', 'Bestand Wien'?",
        ),
        ("title,Lagerbestand Berlin", "Is one of these columns the quantity: 'Lagerbestand Berlin'?"),
        ("title,Verfügbar", "Is one of these columns the quantity"),
        ("title,Available", "Is one of these columns the quantity"),
        ("title,Disponible", "Is one of these columns the quantity"),
        ("title,Stk.", "Is one of these columns the quantity"),
        ("title,Einkaufspreis", "Is one of these columns the price"),
        ("书名,进价", "Is one of these columns the price: '进价'"),
        ("書名,本体価格", "Is one of these columns the price: '本体価格'"),
        ("書名,店頭在庫", "Is one of these columns the quantity: '店頭在庫'"),
        ("title,Print ISBN,E-book ISBN", "Is one of these columns the isbn: 'Print ISBN', 'E-book ISBN'?"),
        ("title,Retail", "Is one of these columns the price"),
        ("title,Amount", "Is one of these columns the price"),
        ("title,Betrag", "Is one of these columns the price"),
        ("title,price (EUR),price (USD)", "Several columns might be meant: 'price .EUR.' .column 2., 'price .USD.'"),
        ("title,price,price", "Several columns might be meant"),
    ],
)
def test_a_column_that_may_be_meant_or_not_is_asked_about(header: str, message: str) -> None:
    with pytest.raises(ImportRefused, match=message):
        take(f"{header}\nx,1,2\n")


@pytest.mark.parametrize(
    "header",
    [
        "Lagerbestand (Stk.)",
        "Lagerbestand aktuell",
        "Nº de ejemplares",
        "N° exemplaires",
        "Anzahl Exemplare",
        "Op voorraad",
        "Copies available",
    ],
)
def test_stock_is_found_under_what_shops_call_it(header: str) -> None:
    assert only(f"title;{header}\nx;3\n").quantity == 3


@pytest.mark.parametrize(
    "header", ["Verkaufspreis (brutto)", "Preis (inkl. MwSt.)", "Bruttopreis", "Cover price", "Prezzo di copertina"]
)
def test_prices_with_tax_are_prices(header: str) -> None:
    assert only(f"title;{header}\nx;3,50\n").price == Decimal("3.50")


@pytest.mark.parametrize("header", ["Anzahl Seiten", "Seitenanzahl", "Aantal pagina's", "Stock status", "In Stock?"])
def test_what_is_no_stock_is_not_asked_about(header: str) -> None:
    assert only(f"title;{header}\nx;3\n").quantity == 20


def test_one_of_two_columns_of_one_name_can_be_chosen_by_its_number() -> None:
    assert only("title,price,price\nx,1,2\n", price="#3").price == 2
    assert only("title,net price\nx,1\n", price="").price == 10
    with pytest.raises(ImportRefused, match="There is no column '#4' for price"):
        take("title,price,price\nx,1,2\n", price="#4")


def test_a_currency_in_the_header_is_that_of_the_prices() -> None:
    plain, same, other = take("title;Preis (EUR)\na;9,90\nb;9,90 €\nc;CHF 9.90\n")
    assert isinstance(plain, Row)
    assert isinstance(same, Row)
    assert plain.currency == same.currency == "EUR"
    assert other == 'column "Preis (EUR)", cell "CHF 9.90": the column\'s name says EUR, and the cell CHF'


def test_a_currency_in_a_column_of_its_own_is_that_of_the_price_beside_it() -> None:
    rows = take(
        "Titel;Preis;Währung\na;9,90;EUR\nb;9.90;usd\nc;9,90 €;Euro\nd;9,90 €;GBP\ne;;CHF\nf;9,90;per piece\n;;EUR\n"
        "g;$9.90;USD\n"
    )
    assert [row.currency if isinstance(row, Row) else row for row in rows] == [
        *("EUR", "USD", "EUR"),
        'column "Preis", cell "9,90 €": column "Währung" says GBP, and the cell EUR',
        *("", "", None, "USD"),
    ]
    assert take("Title,Price (EUR),Currency,Currency\na,9.90,USD,EUR\n") == [
        'column "Price (EUR)", cell "9.90": column "Currency" says USD, and the cell EUR'
    ]
    assert only("Title,Currency\na,USD\n").currency == ""


def test_a_sign_of_several_currencies_agrees_with_each_of_them() -> None:
    rows = take("title;Price (USD)\na;$9.90\nb;US $9.90\nc;9.90\nd;C$9.90\n")
    assert [row.currency if isinstance(row, Row) else "refused" for row in rows] == ["USD", "USD", "USD", "refused"]
    assert only("title;Pris (kr)\na;99 SEK\n").currency == "SEK"


# ---------------------------------------------------------------------------------------------------- cells


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("L&#39;&Eacute;tranger", "L'Étranger"),
        ("Don&#8217;t &#x2014; stop", "Don’t — stop"),
        ("A&nbsp;B", "A B"),
        ("&lt;b&gt;", "<b>"),
        ("Don&#146;t", "Don’t"),
        ("&#1114112;", "&#1114112;"),
        ("&#xFFFD;", "\ufffd"),
        ("AT&T; R&D, &copy &notit;", "AT&T; R&D, &copy &notit;"),
        ("'Salem's Lot", "'Salem's Lot"),
        ('="1984"', "1984"),
        ('="say ""no"""', 'say "no"'),
        ("'=1+1", "=1+1"),
    ],
)
def test_a_cell_is_what_its_writer_meant(cell: str, title: str) -> None:
    quoted = cell.replace('"', '""')
    assert only(f'title,authors\n"{quoted}",x\n').title == title


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        *(
            ("&#0;", "U+0000 NULL"),
            ("&#1;", "U+0001 START OF HEADING"),
            ("&#x1f;", "U+001F INFORMATION SEPARATOR ONE"),
        ),
        *(("&#x81;", "U+0081 HIGH OCTET PRESET"), ("&#xD800;", "U+D800"), ("&#xFFFE;", "U+FFFE")),
    ],
)
def test_a_reference_to_what_no_text_has_is_refused_by_name(reference: str, name: str) -> None:
    """And not dropped, as browsers do."""
    (why,) = take(f"title,authors\na{reference}b,x\n")
    assert isinstance(why, str)
    assert f'column "title", cell "a{reference}b": {name}' in why


@pytest.mark.parametrize(("price", "stock"), [("'9.90", "'3"), ('"=""9.90"""', '"=""3"""'), ("9&#46;90", "3")])
def test_numbers_marked_as_text_are_numbers(price: str, stock: str) -> None:
    row = only(f"title,price,stock\nx,{price},{stock}\n")
    assert (f"{row.price}", row.quantity) == ("9.90", 3)


def test_the_cell_is_told_in_one_bounded_line() -> None:
    cell = "a b\n" * 1000
    (why,) = take(f'title,price\nx,"{cell}"\n')
    assert str(why).startswith('column "price", cell "a b a b')
    assert len(str(why)) < 150


# ------------------------------------------------------------------------------------------- what is no table


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600,
            "of the old kind (.xls), or one with a password. Open it in",
        ),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x1f\x8b\x08", "compressed (gzip). Unpack it first"),
        (b"<html><table>", "a web page"),
        (b"\n<?xml version='1.0'?><Workbook>", "a web page or another XML document"),
        (b'[{"title": "x"}]', "is JSON"),
        (b"{\\rtf1", "a text document"),
        (b"PK\x03\x04\x14\x00\x06", "looks like an Excel workbook, but is damaged or cut off"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\x89PNG\r\n", "a picture"),
        (b"", "is empty"),
        (b"sep=;\n", "is empty"),
    ],
)
def test_what_is_no_table_is_refused_by_what_it_is(content: bytes, message: str) -> None:
    with pytest.raises(ImportRefused, match=re.escape(message)):
        read(content)
