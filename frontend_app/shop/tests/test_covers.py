"""Covers: drawn from what a book says."""

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from django.test import Client

from frontend_app.shop import catalogue, covers
from frontend_app.tests.support.fakes import Store


def test_a_cover_is_drawn_from_what_the_book_says_and_kept_while_it_says_so(client: Client, store: Store) -> None:
    address = re.findall(r'src="(/covers/[^"]+)"', client.get("/books/1/").content.decode())[0]
    picture = client.get(address)
    text = picture.content.decode()
    assert picture["Content-Type"] == "image/svg+xml"
    assert "immutable" in picture["Cache-Control"]
    assert "An &lt;Author&gt;" in text
    assert "<Author>" not in text
    assert client.get(address).content == picture.content
    assert "immutable" not in client.get("/covers/1/another.svg")["Cache-Control"]
    assert client.get("/covers/77/x.svg").status_code == 404


def test_a_list_holds_its_covers() -> None:
    """Twenty books would be twenty requests otherwise."""
    book = {"id": 1, "title": "Deep", "authors": "An <Author>", "topic": "t", "quantity": 1}
    source = catalogue.shown(book)["cover"]
    picture = unquote(source.removeprefix("data:image/svg+xml,"))
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert "An &lt;Author&gt;" in picture


@pytest.mark.parametrize("title", ["", "x" * 500, "]]>&<script>\"'", "ß" * 40 + " " + "長" * 60, "a\u200d\u0301"])
def test_every_title_makes_a_picture(title: str) -> None:
    book = {"title": title, "authors": title, "topic": title}
    assert ElementTree.fromstring(covers.draw(book)).tag.endswith("svg")
    assert re.fullmatch(r"data:image/svg\+xml,[!-~]+", covers.inlined(book))
    assert not set("\"'<>&# ") & set(covers.inlined(book)), "it stands in an attribute, and is an address"


def test_wide_letters_have_shorter_lines_on_a_cover() -> None:
    for title, line in (("ab" * 20, "ab" * 8), ("長い" * 20, "長い" * 4), ("AB" * 20, "AB" * 5)):
        cover = covers.draw({"title": title, "authors": title, "topic": "t"})
        assert f">{line}</text>" in cover
    assert f">{'AB' * 8}A…</text>" in cover, "a word that is too long is cut"


@pytest.mark.parametrize("text", ["W" * 40, "長い" * 20, "Mb" * 40])
def test_what_nearly_fills_a_line_ends_where_it_has_to_in_any_font(text: str) -> None:
    cover = covers.draw({"title": text, "authors": text, "topic": text})
    lengths = [float(length) for length in re.findall(r'textLength="([0-9.]+)"', cover)]
    assert lengths
    assert all(covers.LEFT + length <= covers.RIGHT for length in lengths)


def test_books_of_one_topic_have_colours_of_one_kind() -> None:
    """So that one tells them apart, and sees that they belong together."""
    drawn = [covers.draw({"title": f"Book {number}", "authors": "", "topic": "novels"}) for number in range(50)]
    hues = {int(found) for cover in drawn for found in re.findall(r"fill=\"hsl\((\d+) 45%", cover)}
    assert len(hues) > 20
    first = min(hues)
    assert all(min((hue - first) % 360, (first - hue) % 360) <= 2 * covers.MOST_APART for hue in hues)


def test_what_is_short_is_as_long_as_its_font_makes_it() -> None:
    assert "textLength" not in covers.draw({"title": "Emma", "authors": "Jane Austen", "topic": "novels"})
