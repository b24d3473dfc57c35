"""Lists walked by key: each book that is there all the time is seen once, whatever becomes of the others."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest

from bookstore_project.api.cursors import LONGEST, Cursor
from bookstore_project.api.query_parameters import ORDERINGS
from bookstore_project.api.representations import AUTHORS_LENGTH, BookFields
from bookstore_project.api.tests.api import assert_problem, send

pytestmark = pytest.mark.usefixtures("node")
BOOKS = "/api/v1/books/"


def add(title: str = "Middle: a book", **fields: Any) -> int:
    book = {"title": title, "authors": "M", "topic": "m", "price": "30.00", "quantity": 50, **fields}
    answer = send("POST", BOOKS, book, as_user="ann")
    assert answer.status_code == 201, answer.content
    number: int = answer.json()["id"]
    return number


def retire(book: int) -> None:
    assert send("DELETE", f"{BOOKS}{book}/", as_user="ann").status_code == 204


def walk(query: str, between: Callable[[list[int]], object] = lambda seen: None) -> list[int]:
    """The ids on all pages by key, one page after the other; `between` is told those so far."""
    seen: list[int] = []
    path = f"{BOOKS}?after=&{query}"
    while path:
        page = send("GET", path).json()
        assert page["previous"] is None
        seen += [book["id"] for book in page["results"]]
        path = page["next"]
        between(seen)
    return seen


def numbered(query: str) -> list[int]:
    return [book["id"] for book in send("GET", f"{BOOKS}?page_size=100&{query}").json()["results"]]


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_pages_by_key_are_the_list_in_its_order(ordering: str) -> None:
    add("Äpfel"), add("apfel", authors=""), add("Apfel", price="0.00", quantity=0), add("École", price="9.90")
    for size in (1, 3):
        assert walk(f"ordering={ordering}&page_size={size}") == numbered(f"ordering={ordering}")


@pytest.mark.parametrize(
    "query", ["topic=spring+term", "search=o", "stock=low&ordering=-quantity", "find=how+low&ordering=-title"]
)
def test_filters_are_kept(query: str) -> None:
    add("How low", quantity=1), add("How lower", quantity=2)
    assert walk(f"{query}&page_size=1") == numbered(query)
    assert numbered(query)


@pytest.mark.parametrize("ordering", ["id", "-title", "authors", "-topic", "price", "-quantity"])
def test_what_stays_is_seen_once_while_other_books_come_and_go(ordering: str) -> None:
    stay = numbered(f"ordering={ordering}")
    extremes: list[dict[str, Any]] = [
        {"title": "!", "authors": "", "topic": "!", "price": "0.00", "quantity": 0},
        {"title": "zz", "authors": "zz", "topic": "zz", "price": "99.00", "quantity": 99},
    ]
    come = [add(**fields) for fields in (*extremes, {}, {})]

    def change(seen: list[int]) -> None:
        """One is retired before the place or at it, one behind; new ones come on both sides, and in the middle."""
        gone = [book for book in come if book in seen][-1:] + [book for book in come if book not in seen][:1]
        for book in gone:
            come.remove(book)
            retire(book)
        if len(come) < 12:
            come.extend(add(**fields) for fields in (*extremes, {}))

    seen = walk(f"ordering={ordering}&page_size=2", change)
    assert [book for book in seen if book in stay] == stay
    assert len(seen) == len(set(seen))


def test_a_place_outlives_its_book_and_the_change_of_its_price() -> None:
    page = send("GET", f"{BOOKS}?after=&page_size=3&ordering=title").json()
    last = page["results"][-1]["id"]
    assert send("PATCH", f"{BOOKS}{last}/", {"title": "zz"}, as_user="ann").status_code == 200
    retire(page["results"][0]["id"])
    assert page["results"][1]["id"] not in (
        rest := [book["id"] for book in send("GET", page["next"]).json()["results"]]
    )
    assert len(rest) == 3


def test_pages_by_number_are_as_they_were() -> None:
    page = send("GET", f"{BOOKS}?page_size=2&page=2").json()
    assert page["next"] == f"{BOOKS}?page_size=2&page=3"
    assert page["previous"] == f"{BOOKS}?page_size=2&page=1"


def test_a_page_by_key_says_how_many_books_there_are() -> None:
    page = send("GET", f"{BOOKS}?after=&page_size=2").json()
    assert list(page) == ["count", "next", "previous", "results"]
    assert page["count"] == 7
    assert send("GET", f"{BOOKS}?after=&topic=nothing").json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
    }


def test_the_longest_cursor_is_taken() -> None:
    book = {"authors": "\N{BOOKS}" * AUTHORS_LENGTH}
    add(**book), add(**book)
    assert len(walk("ordering=authors&page_size=1")) == 9
    assert len(str(Cursor("-authors", 2**63 - 1, "\N{BOOKS}" * AUTHORS_LENGTH))) <= LONGEST
    assert (
        max(field.max_length for field in BookFields().fields.values() if hasattr(field, "max_length"))
        <= AUTHORS_LENGTH
    )


def cursor_of(plain: str | bytes) -> str:
    raw = plain if isinstance(plain, bytes) else plain.encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=%00",
        "after=%ff",
        "after=%20",
        "after=" + "A" * (LONGEST + 1),
        "after=" + cursor_of(b"\xff\xfe"),
        "after=" + cursor_of("id:1:") + "%0A",
        *(
            f"ordering={plain.partition(':')[0]}&after={cursor_of(plain)}"
            for plain in (
                "id",
                "id:1",
                "id:x:",
                "id:-1:",
                "id:9223372036854775808:",
                "id:1:1",
                "title:1:",
                "title:1:a\0b",
                "title:1:a\x1bb",
                "title:1:\N{RIGHT-TO-LEFT OVERRIDE}",
                "title:1:" + "x" * 501,
                "price:1:",
                "price:1:nan",
                "price:1:1e400",
                "price:1:-1",
                "quantity:1:" + "9" * 40,
                "quantity:1:true",
            )
        ),
        "after=" + cursor_of("isbn13:1:9780306406157"),
        "ordering=price&after=" + cursor_of("id:1:"),
        "ordering=-price&after=" + cursor_of("price:1:30.00"),
        "after=" + cursor_of("price:1:30.00"),
        "after=&page=1",
        "after=&find=noobs",
    ],
)
def test_what_is_no_cursor_of_the_list_is_refused(query: str) -> None:
    problem = assert_problem(send("GET", f"{BOOKS}?{query}"), 400, "validation_error")
    assert list(problem["errors"]) == ["after"]


def test_a_cursor_of_another_ordering_is_told_so() -> None:
    problem = send("GET", f"{BOOKS}?ordering=-price&after={cursor_of('price:1:30.00')}").json()
    assert "ordering=price" in problem["errors"]["after"][0]
