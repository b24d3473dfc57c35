"""Prices, numbers of copies and ISBNs, as they stand in people's files."""

import pytest

from bookstore_project.api.fields import Isbn13Field
from catalog_app.importing.amounts import Price, read_count, read_price
from catalog_app.importing.errors import Unreadable
from catalog_app.importing.isbn import Found, find_isbn13

BOOK, OTHER = "9780000000002", "9780439023481"


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("9.90", "9.90", ""),
        ("12,5", "12.5", ""),
        ("9", "9", ""),
        ("9,90 EUR", "9.90", "EUR"),
        ("EUR 9,90", "9.90", "EUR"),
        ("eur9.90", "9.90", "EUR"),
        ("9,90\u00a0€", "9.90", "EUR"),
        ("€9.90", "9.90", "EUR"),
        ("$9.90", "9.90", "$"),
        ("US$ 9.90", "9.90", "USD"),
        ("9.90 USD", "9.90", "USD"),
        ("£9.99", "9.99", "GBP"),
        ("CHF 12.50", "12.50", "CHF"),
        ("Fr. 12.50", "12.50", "CHF"),
        ("12.– CHF", "12", "CHF"),
        ("99,00 kr", "99.00", "kr"),
        ("99 kr.", "99", "kr"),
        ("R$ 9,90", "9.90", "BRL"),
        ("39,90 zł", "39.90", "PLN"),
        ("9€90", "9.90", "EUR"),
        ("99,-", "99", ""),
        ("1 234,50", "1234.50", ""),
        ("1\u00a0234,50", "1234.50", ""),
        ("1\u202f234,50 €", "1234.50", "EUR"),
        ("1'234.50", "1234.50", ""),
        ("1’234.50", "1234.50", ""),
        ("1,234.50", "1234.50", ""),
        ("1.234,50", "1234.50", ""),
        ("1,234,567", "1234567", ""),
        ("1.234.567", "1234567", ""),
        ("1,23,456.50", "123456.50", ""),
        ("1 234", "1234", ""),
        (".99", "0.99", ""),
        (",99", "0.99", ""),
        ("9.", "9", ""),
        ("9.9000", "9.90", ""),
        ("0.900", "0.90", ""),
        ("-5", "-5", ""),
        ("-$5.00", "-5.00", "$"),
        ("5,00-", "-5.00", ""),
        ("−5", "-5", ""),
        ("(5.00)", "-5.00", ""),
        ("US $12.50", "12.50", "USD"),
        ("US-$ 12,50", "12.50", "USD"),
        ("U.S. $12.50", "12.50", "USD"),
        ("USD $12.50", "12.50", "USD"),
        ("$12.50 USD", "12.50", "USD"),
        ("CA $12.50", "12.50", "CAD"),
        ("12,50 $ CA", "12.50", "CAD"),
        ("$12.50 CAD", "12.50", "CAD"),
        ("€9.90 EUR", "9.90", "EUR"),
        ("EUR 9.90 EUR", "9.90", "EUR"),
        ("9,90 € EUR", "9.90", "EUR"),
        ("Euro 9,90", "9.90", "EUR"),
        ("£9.99 GBP", "9.99", "GBP"),
        ("kr 99,00 SEK", "99.00", "SEK"),
        ("¥990 JPY", "990", "JPY"),
        ("€ 9,90 [D]", "9.90", "EUR"),
        ("9,90 € inkl. MwSt.", "9.90", "EUR"),
        ("£9.99 (incl. VAT)", "9.99", "GBP"),
        ("9,90 € TTC", "9.90", "EUR"),
        ("9.90 each", "9.90", ""),
        ("9,90 €/Stk.", "9.90", "EUR"),
        ("99:-", "99", ""),
        ("99:- kr", "99", "kr"),
        ("99:50 kr", "99.50", "kr"),
        ("SEK 99:50", "99.50", "SEK"),
        ("99.--", "99", ""),
        ("Rs. 250/-", "250", "Rs"),
        ("+9.90", "9.90", ""),
        ("+$9.90", "9.90", "$"),
        ("€+9.90", "9.90", "EUR"),
        ("９．９０", "9.90", ""),
        ("￥９９０", "990", "¥"),
        ("٩٫٩٠", "9.90", ""),
        ("٩٫٩٠٠", "9.90", ""),
        ("١٬٢٣٤", "1234", ""),
        ("١٬٢٣٤٫٥٠", "1234.50", ""),
        ("۹٫۹۰", "9.90", ""),
        ("₹९९", "99", "INR"),
        ("٣", "3", ""),
        ("1´234.50", "1234.50", ""),
        ("1‘234.50", "1234.50", ""),
        ("1ʼ234,50", "1234.50", ""),
        ("1`234", "1234", ""),
        ("1,980円", "1980", "JPY"),
        ("₩12,000", "12000", "KRW"),
    ],
)
def test_a_price_that_can_be_read_in_one_way_is_read(text: str, amount: str, currency: str) -> None:
    assert read_price(text) == Price(amount, currency)


@pytest.mark.parametrize("dash", "-‐‑‒–—―−⁃﹘﹣－")
def test_dashes_hyphens_and_minus_signs_are_one(dash: str) -> None:
    assert read_price(f"{dash}5") == read_price(f"5{dash}") == Price("-5")
    assert read_price(f"99,{dash} €") == Price("99", "EUR")
    assert read_count(f"{dash}2") == "-2"
    assert find_isbn13(OTHER.replace("0439", f"{dash}0{dash}439{dash}"), "").isbn13 == OTHER
    assert find_isbn13("", f"0{dash}439{dash}02348{dash}3").isbn13 == OTHER
    assert Isbn13Field().run_validation(f"978{dash}0 439{dash}02348{dash}1") == OTHER
    with pytest.raises(Unreadable, match="not a price"):
        read_price(f"9,90{dash}12,90")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,234", "may be 1234 or 1.234"),
        ("1.234", "may be 1234 or 1.234"),
        ("9,900 €", "may be 9900 or 9.900"),
        ("12.345", "may be 12345 or 12.345"),
        ("0,999", "at most 2 decimals"),
        ("9.9901", "at most 2 decimals"),
        ("1,234.567", "at most 2 decimals"),
        ("12 50", "not a price"),
        ("1'23", "not a price"),
        ("1,2.50", "not a price"),
        ("1.2.3", "not a price"),
        ("9,90-12,90", "not a price"),
        ("€9.90 USD", "EUR and USD contradict one another"),
        ("$9.90 EUR", "[$] and EUR contradict one another"),
        ("$9.90 £", "[$] and GBP contradict one another"),
        ("US $9.90 CAD", "USD and CAD contradict one another"),
        ("99:50", "not a price"),
        ("99:50 €", "not a price"),
        ("9:90:00 kr", "not a price"),
        ("+-9.90", "not a price"),
        ("+€-9.90", "not a price"),
        ("9⁹⁰", "not a price"),
        ("9,90 € zzgl. MwSt.", "not a price"),
        ("9.90 excl. VAT", "not a price"),
        ("each", "not a price"),
        ("9½", "not a price"),
        ("١,٢٣٤", "may be 1234 or 1.234"),
        ("1٣", "digits of two scripts"),
        ("¥1,980", "may be 1980 or 1.980"),
        ("10%", "not a price"),
        ("1e3", "not a price"),
        ("99p", "not a price"),
        ("nan", "not a price"),
        ("free", "not a price"),
        ("n/a", "not a price"),
        ("-", "not a price"),
        ("9 $ 5", "not a price"),
    ],
)
def test_a_price_that_may_be_two_or_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_price(text)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("3", "3"),
        ("3,0", "3"),
        ("3.0", "3"),
        ("3,00", "3"),
        ("1 200", "1200"),
        ("1'200", "1200"),
        ("1,234,567", "1234567"),
        ("5 pcs", "5"),
        ("5 Stk.", "5"),
        ("12 in stock", "12"),
        ("+3", "3"),
        ("-2", "-2"),
        ("3x", "3"),
        ("3 ×", "3"),
        ("3 ea", "3"),
        ("x3", "3"),
        ("3 available", "3"),
        ("3 Stk.", "3"),
        ("3 pcs.", "3"),
        ("3 copies in stock", "3"),
        ("3 (in stock)", "3"),
        ("In stock: 3", "3"),
        ("in stock (3)", "3"),
        ("Qty 3", "3"),
        ("only 3 left", "3"),
        ("3 auf Lager", "3"),
        ("3 Stück lieferbar", "3"),
        ("3 exemplaires disponibles", "3"),
        ("3 en stock", "3"),
        ("3 op voorraad", "3"),
        ("3 disponíveis", "3"),
        ("３", "3"),
        ("٣", "3"),
        ("3冊", "3"),
    ],
)
def test_a_number_of_copies_is_read(text: str, digits: str) -> None:
    assert read_count(text) == digits


@pytest.mark.parametrize(
    "text",
    [
        "1,000",
        "1.000",
        "2.5",
        "2,5",
        "10+",
        ">10",
        "many",
        "1e2",
        "3-4",
        "50%",
        "yes",
        "in stock",
        "available",
        "3 x 5",
        "3 of 5",
        "x",
        "1,000 pcs",
        "2.5 pcs",
        "3 boxes",
        "1٣",
        "(5)",
        "( 5 )",
        "5)",
        "(5",
    ],
)
def test_what_is_no_number_of_copies_or_two_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_count(text)


@pytest.mark.parametrize(
    ("isbn13", "isbn"),
    [
        (f"'{BOOK}", ""),
        (f"ISBN: {BOOK}", ""),
        (f"ISBN-13: {BOOK}", ""),
        (f"ISBN-13 {BOOK}", ""),
        (f"ISBN{BOOK}", ""),
        (f"EAN {BOOK}", ""),
        (f"urn:isbn:{BOOK}", ""),
        (f"{BOOK} (pbk.)", ""),
        (f"{BOOK} (pbk. : alk. paper)", ""),
        (f"{BOOK} Hardcover", ""),
        (f"[{BOOK}]", ""),
        (f"{BOOK},0", ""),
        ("978 0 00 000000 2", ""),
        ("978‑0‑00‑000000‑2", ""),
        ("978–0–00–000000–2", ""),
        (f"\u200b{BOOK}\u00ad", ""),
        ("", f"ISBN {BOOK} (ebook)"),
        ("", f"0000000000; {BOOK}"),
        (BOOK, BOOK),
        (f"{BOOK} 51799", ""),
        (f"{BOOK}-51799", ""),
        (f"{BOOK}51799", ""),
        (f"{BOOK}+02", ""),
        ("978-0-00-000000-2 51799", ""),
        (f"https://www.example.com/isbn/{BOOK}?ref=1234567890#9780439023481", ""),
        (f"https://doi.example.org/10.1000/{BOOK}", ""),
        ("https://example.com/book/978-0-00-000000-2/", ""),
        (f"www.example.com/the-2-towers-{BOOK}.html", ""),
        (f"https://example.com/search?q=x&isbn={BOOK}", ""),
        (f"see https://example.com/{BOOK}", ""),
        ("", f"ISBN13:{BOOK} ISBN10:0439023484"),
        (f"ISBN13: {BOOK} ISBN10: 0000000000", ""),
        ("978.0.00.000000.2", ""),
        ("978_0_00_000000_2", ""),
        ("978 – 0 – 00 – 000000 – 2", ""),
        ("978·0·00·000000·2", ""),
        ("978－0－00－000000－2", ""),
        (f"{BOOK}(pbk.)", ""),
        (f"{BOOK}pbk", ""),
        (f"{BOOK}hardcover", ""),
        (f"{BOOK}:", ""),
        (f"{BOOK} : £9.99", ""),
        (f"({BOOK})", ""),
        (f"ISBN-13-{BOOK}", ""),
        (f"ISBN (13): {BOOK}", ""),
        (f"ISBN_13_{BOOK}", ""),
        (f"EAN-13: {BOOK}", ""),
        (f"GTIN {BOOK}", ""),
        ("９７８０００００００００２", ""),
        ("٩٧٨٠٠٠٠٠٠٠٠٠٢", ""),
    ],
)
def test_an_isbn_is_found_among_what_people_write_around_it(isbn13: str, isbn: str) -> None:
    assert find_isbn13(isbn13, isbn).isbn13 == BOOK


@pytest.mark.parametrize("cell", ["9.780439023481E+12", "9,780439023481E+12", "9.780439023481e12"])
def test_a_number_in_scientific_notation_with_all_its_digits_is_whole(cell: str) -> None:
    assert find_isbn13("", cell) == Found(OTHER)
    assert find_isbn13("", cell.replace("1", "2", 1)) == Found(None, is_unsound=True)


@pytest.mark.parametrize(
    "cell",
    [
        *("0439023483 (pbk.) : $9.99", "[0439023483]", "ISBN-10: 0439023483", "ISBN 0-439-02348-3", "439023483"),
        *("0.439.02348.3", "0_439_02348_3", "0439023483pbk.", "0439023483:", "ISBN-10 0439023483", "٤٣٩٠٢٣٤٨٣"),
        *("https://www.example.com/Some-Title/dp/0439023483/ref=sr_1_1?qid=043965548X", "(0439023483)"),
    ],
)
def test_an_isbn10_with_words_around_it_is_rebuilt(cell: str) -> None:
    assert find_isbn13("", cell) == Found(OTHER, is_rebuilt=True)


@pytest.mark.parametrize(
    ("isbn13", "isbn"),
    [
        *((BOOK, "0439023483"), (f"{BOOK}, {OTHER}", ""), ("", f"{BOOK}|0439023483"), (f"{BOOK}\n{OTHER}", "")),
        *((f"ISBN13:{BOOK} ISBN10:0439023483", ""), (f"{BOOK} {OTHER}", ""), ("", f"{BOOK} 0439023483")),
        *((f"{BOOK}ISBN10:0439023483", ""), (f"https://example.com/{BOOK} {OTHER}", "")),
    ],
)
def test_numbers_of_two_books_are_refused(isbn13: str, isbn: str) -> None:
    with pytest.raises(Unreadable, match=f"numbers of several books: {BOOK}, {OTHER}"):
        find_isbn13(isbn13, isbn)


@pytest.mark.parametrize(
    "cell",
    [
        *("https://example.com/item/0439023483", "https://example.com/?id=0439023483", "43902348.30", "1.0439023483"),
        *("9.78043902348E+12", "X0439023483", "0439023483AB", "978000000000251", "97800000000021", "1٣439023483"),
        *("9780000000003 51799", "0439023483e5"),
    ],
)
def test_a_number_that_only_looks_like_an_isbn_is_none(cell: str) -> None:
    assert find_isbn13("", cell) == Found(None, is_unsound=True)


def test_an_isbn13_and_an_isbn10_of_one_book_agree() -> None:
    assert find_isbn13("", f"ISBN13:{OTHER} ISBN10:0439023483") == Found(OTHER)
    assert find_isbn13("", f"ISBN10 0-439-02348-3, ISBN13 {OTHER}") == Found(OTHER)


def test_a_number_without_its_zeros_counts_only_where_an_isbn10_belongs() -> None:
    assert find_isbn13("439023483", "") == Found(None, is_unsound=True)
    assert find_isbn13("0439023483", "") == Found(OTHER, is_rebuilt=True)


def test_the_shops_own_number_counts_if_it_is_an_isbn13() -> None:
    assert find_isbn13("", "", BOOK) == Found(BOOK)
    assert find_isbn13(OTHER, "", BOOK) == Found(OTHER)
    assert find_isbn13("", "", "439023483") == Found(None)
    assert find_isbn13("9780000000003", "", BOOK) == Found(None, is_unsound=True)
