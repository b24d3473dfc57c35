"""What strangers send, as logs and pages show it."""

import pytest

from bookstore_project.nodes import redaction

TOKEN = "8b1a9953c4611296a827abf8c47804d7e6c49c6b"


def test_what_is_short_stays_as_it_is() -> None:
    assert redaction.cut("/product/2", 10) == "/product/2"
    assert redaction.address("/product/2", "page=2&topic=a+b") == "/product/2?page=2&topic=a+b"


def test_what_is_cut_says_how_much_is_missing() -> None:
    assert redaction.cut("x" * 60_000, 10) == "xxxxxxxxxx…[+59990]"
    long = redaction.address("/" + "x" * 60_000, "search=" + "y" * 60_000)
    assert long.startswith(f"/{'x' * (redaction.LONGEST - 1)}…[+59801]?search=yyy")
    assert len(long) < 500


@pytest.mark.parametrize(
    "query",
    [
        f"token={TOKEN}",
        f"access_token={TOKEN}&page=2",
        f"page=2&key={TOKEN}",
        TOKEN,
        f"={TOKEN}",
        f"p%61ge={TOKEN}",
        f"page[{TOKEN}]=1",
        f"page=2&ticket={TOKEN}",
    ],
)
def test_what_is_no_parameter_of_the_store_is_left_out_of_its_address(query: str) -> None:
    text = redaction.address("/api/v1/books/", query)
    assert TOKEN not in text
    assert text.endswith("…")
    assert ("page=2" in text) == ("page=2" in query)


def test_a_query_without_end_is_not_read_to_its_end() -> None:
    text = redaction.address("/", "&".join(f"page={number}" for number in range(100_000)))
    assert len(text) < 200
    assert "…" in text


@pytest.mark.parametrize("path", ["/a b", "/a\nb", "/a\x1b[31mb", "/\u202eb", "/ü", "/\ud800", "/a\u2028b"])
def test_an_address_is_one_word_of_printable_letters(path: str) -> None:
    text = redaction.address(path, "search=a b\x1bc")
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text


@pytest.mark.parametrize(("sent", "shown"), [(b"\xc3\xa9", "%C3%A9"), (b"\xe9", "%E9"), (b"a%C3%A9", "a%C3%A9")])
def test_bytes_of_a_query_are_shown_as_they_were_sent(sent: bytes, shown: str) -> None:
    """Whether they are UTF-8 or not: WSGI has a character for each."""
    assert redaction.address("/books/", f"q={sent.decode('latin-1')}") == f"/books/?q={shown}"
    assert redaction.address(redaction.text_of("/" + sent.decode("latin-1"))) == f"/{shown}"


def test_what_has_to_be_encoded_is_cut_by_its_encoded_length() -> None:
    text = redaction.address("/" + "\U0001f4da" * 15_000, "search=" + "\U0001f4da" * 100)
    assert text.startswith("/%F0%9F%93%9A%F0%9F%93%9A")
    assert len(text) < redaction.LONGEST + redaction.LONGEST_VALUE + 50
    assert "…[+14984]?search=%F0" in text


def test_a_target_is_shown_as_path_and_query_are() -> None:
    assert redaction.target(f"/api/v1/books/?page=2&token={TOKEN}") == "/api/v1/books/?page=2&…"
