"""Prices, numbers of copies and ISBNs, as they stand in people's files."""

import pytest

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
    ],
)
def test_a_price_that_can_be_read_in_one_way_is_read(text: str, amount: str, currency: str) -> None:
    assert read_price(text) == Price(amount, currency)


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
        ("EUR 9.90 EUR", "not a price"),
        ("10%", "not a price"),
        ("1e3", "not a price"),
        ("99p", "not a price"),
        ("nan", "not a price"),
        ("free", "not a price"),
        ("n/a", "not a price"),
        ("-", "not a price"),
        ("٣", "not a price"),
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
    ],
)
def test_a_number_of_copies_is_read(text: str, digits: str) -> None:
    assert read_count(text) == digits


@pytest.mark.parametrize("text", ["1,000", "1.000", "2.5", "2,5", "10+", ">10", "many", "1e2", "3-4", "50%", "yes"])
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
    ],
)
def test_an_isbn_is_found_among_what_people_write_around_it(isbn13: str, isbn: str) -> None:
    assert find_isbn13(isbn13, isbn).isbn13 == BOOK


@pytest.mark.parametrize(
    "cell", ["0439023483 (pbk.) : $9.99", "[0439023483]", "ISBN-10: 0439023483", "ISBN 0-439-02348-3", "439023483"]
)
def test_an_isbn10_with_words_around_it_is_rebuilt(cell: str) -> None:
    assert find_isbn13("", cell) == Found(OTHER, is_rebuilt=True)


@pytest.mark.parametrize(
    ("isbn13", "isbn"),
    [(BOOK, "0439023483"), (f"{BOOK}, {OTHER}", ""), ("", f"{BOOK}|0439023483"), (f"{BOOK}\n{OTHER}", "")],
)
def test_numbers_of_two_books_are_refused(isbn13: str, isbn: str) -> None:
    with pytest.raises(Unreadable, match=f"numbers of several books: {BOOK}, {OTHER}"):
        find_isbn13(isbn13, isbn)


def test_a_number_without_its_zeros_counts_only_where_an_isbn10_belongs() -> None:
    assert find_isbn13("439023483", "") == Found(None, is_unsound=True)
    assert find_isbn13("0439023483", "") == Found(OTHER, is_rebuilt=True)


def test_the_shops_own_number_counts_if_it_is_an_isbn13() -> None:
    assert find_isbn13("", "", BOOK) == Found(BOOK)
    assert find_isbn13(OTHER, "", BOOK) == Found(OTHER)
    assert find_isbn13("", "", "439023483") == Found(None)
    assert find_isbn13("9780000000003", "", BOOK) == Found(None, is_unsound=True)
