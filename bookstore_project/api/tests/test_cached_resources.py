"""What is declared of a cached resource: which changes touch it, where it is asked for, its values."""

import pytest

from bookstore_project.api.cached_resources import BOOK, ONLY, TOPIC, TOPICS, CachedResource, Image
from catalog_app.models import Book

REVIEWS = CachedResource("reviews", ("a/<int:book_id>/b/",), model="reviews.Review", column="book_id")
ONE: Image = {"id": 1, "title": "T", "topic": "a", "retired": False, "quantity": 5}


@pytest.mark.parametrize(
    ("before", "after", "books", "topic", "topics"),
    [
        (None, ONE, {"book:1"}, {"topic:a"}, {"topics:"}),
        (ONE, None, {"book:1"}, {"topic:a"}, {"topics:"}),
        (ONE, {**ONE, "quantity": 4}, {"book:1"}, set(), set()),
        (ONE, {**ONE, "title": "U"}, {"book:1"}, {"topic:a"}, set()),
        (ONE, {**ONE, "retired": True}, {"book:1"}, {"topic:a"}, {"topics:"}),
        (ONE, {**ONE, "topic": "b"}, {"book:1"}, {"topic:a", "topic:b"}, {"topics:"}),
        (None, None, set(), set(), set()),
    ],
)
def test_a_change_touches_what_showed_the_row_and_what_shows_it(
    before: Image | None, after: Image | None, books: set[str], topic: set[str], topics: set[str]
) -> None:
    assert BOOK.keys_of_change(before, after) == books
    assert TOPIC.keys_of_change(before, after) == topic
    assert TOPICS.keys_of_change(before, after) == topics


@pytest.mark.parametrize("resource", [BOOK, TOPIC, TOPICS])
def test_what_is_declared_of_books_is_in_their_table(resource: CachedResource) -> None:
    assert resource.model == Book._meta.label
    assert {resource.column, *resource.shows} <= {"", *(field.column for field in Book._meta.concrete_fields)}


@pytest.mark.parametrize(
    ("resource", "text", "value"),
    [
        (BOOK, "7", "7"),
        (BOOK, "0", None),
        (BOOK, str(2**63 - 1), str(2**63 - 1)),
        (BOOK, str(2**63), None),
        (BOOK, "9" * 5000, None),
        (TOPIC, " café  noir", "café noir"),
        (TOPIC, ".", None),
        (TOPIC, "..", None),
        (REVIEWS, "3", "3"),
        (TOPICS, ONLY, ONLY),
    ],
)
def test_a_value_has_one_form(resource: CachedResource, text: str, value: str | None) -> None:
    assert resource.value_of(text) == value


def test_replicas_are_asked_by_the_first_route() -> None:
    assert BOOK.path("7") == "/api/v1/books/7/"
    assert TOPIC.path("a/b & c") == "/search/a%2Fb%20%26%20c"
    assert REVIEWS.path("3") == "/a/3/b/"
    assert TOPICS.path(ONLY) == "/api/v1/topics/"
