"""What a visitor may look at without having asked for it: topics, new books, a topic of the day, a book's neighbours.

Prices and stock are of this moment: lists that show them are never cached, and those of a neighbour are in its own
entry of the coherent cache. Nothing is known of the visitor.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from bookstore_project.api import problems
from bookstore_project.api.pagination import PAGE_SIZE
from frontend_app import services
from frontend_app.runtime import Front
from frontend_app.shop import catalogue
from frontend_app.shop.browsing import NEWEST
from frontend_app.shop.catalogue import Found

MOST_TOPICS = 30
NEW_BOOKS, TOPIC_BOOKS, NEIGHBOURS = 12, 6, 6
FEW_BOOKS = 30
"""A shop with no more needs no topic of the day: one sees all of it."""


@dataclass(frozen=True)
class Topic:
    """A topic with books on sale."""

    name: str
    titles: int


def topics(front: Front) -> list[Topic]:
    """Those with most books, most first, through the coherent cache; none if the answer is a problem."""
    found = catalogue.ask(lambda: services.list_topics(front, f"page_size={MOST_TOPICS}"))
    results = found.members.get("results", ()) if found.is_ok else ()
    return [Topic(each["topic"], each["titles"]) for each in results]


def new_books(front: Front, topic: str = "", most: int = NEW_BOOKS) -> tuple[Found, list[dict[str, Any]]]:
    """The newest that can be had, of a topic or of all; if few of them can, others with them."""
    query = {"ordering": NEWEST, "page_size": str(2 * most), **({"topic": topic} if topic else {})}
    found = catalogue.ask(lambda: services.list_books(front, urlencode(query)))
    books = found.members.get("results", ()) if found.is_ok else ()
    shown = sorted(sorted(books, key=lambda book: book["quantity"] == 0)[:most], key=lambda book: -book["id"])
    return found, [catalogue.shown(book) for book in shown]


def topic_of_the_day(known: Sequence[Topic]) -> str:
    """One topic after the other, day by day, for whoever doesn't know what to look for. Empty in a small shop."""
    if sum(topic.titles for topic in known) <= FEW_BOOKS:
        return ""
    return known[timezone.localdate().toordinal() % len(known)].name


def neighbours(front: Front, book: dict[str, Any]) -> list[dict[str, Any]]:
    """Some other books of the topic: the list from its own entry, each book from its own."""
    topic = str(book["topic"])
    found = catalogue.ask(lambda: services.read_titles(front, topic, ""))
    if not found.is_ok:
        return []
    pages = -(-found.members["count"] // PAGE_SIZE)
    number = book["id"] % pages + 1 if pages else 1  # Not the same few for all books of a large topic.
    if number > 1:
        found = catalogue.ask(lambda: services.read_titles(front, topic, f"page={number}"))
    others = [each["id"] for each in found.members.get("results", ()) if each["id"] != book["id"]]
    first = book["id"] % max(1, len(others) - NEIGHBOURS + 1)
    return _books(front, others[first : first + NEIGHBOURS])


def _books(front: Front, ids: Sequence[int]) -> list[dict[str, Any]]:
    books = []
    for each in ids:
        with suppress(problems.NotFound, problems.Unavailable):
            books.append(catalogue.book_found(front, each).members)
    return books
