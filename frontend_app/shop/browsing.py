"""What a visitor asks the list of books for, by the address of the page; and the links that lead on from there.

Everything is in the address: a page can be kept, sent and gone back to, and works without a script.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from bookstore_project.api.pagination import PAGE_SIZE
from frontend_app import services
from frontend_app.runtime import Front
from frontend_app.shop import catalogue
from frontend_app.shop.catalogue import Found

HOME = "/"
ASKED = ("find", "search", "topic", "ordering", "page", "page_size")
"""Query parameters, as the API's list of books has them."""
NEWEST = "-id"
_BEST = ""
ORDERS = {
    _BEST: "Best match",
    NEWEST: "Newest",
    "title": "Title",
    "authors": "Author",
    "price": "Lowest price",
    "-price": "Highest price",
}
"""By `ordering`, in words."""
MOST_FOUND = 1000
"""Of the catalog's: a search doesn't find more."""


@dataclass(frozen=True)
class Link:
    """A way on. `is_here`: the page that it stands on shows that already."""

    text: str
    address: str
    is_here: bool = False


@dataclass(frozen=True)
class Asked:
    """What the address of a list says, without what it leaves blank."""

    parameters: Mapping[str, str]

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Asked":
        return cls({name: query[name] for name in ASKED if query.get(name, "").strip()})

    def get(self, name: str) -> str:
        return self.parameters.get(name, "")

    @property
    def topic(self) -> str:
        """Empty if it is all of them."""
        return self.get("topic")

    @property
    def words(self) -> str:
        """What is looked for; empty if it is all books, or all of a topic."""
        return self.get("find") or self.get("search")

    def address(self, **changed: str) -> str:
        """Of the same list but for that; an empty text leaves a parameter out. What changes begins at page one."""
        kept = {name: text for name, text in self.parameters.items() if name != "page"}
        query = urlencode({name: text for name, text in {**kept, **changed}.items() if text})
        return f"{HOME}?{query}" if query else HOME

    def for_catalog(self) -> str:
        """The query that the catalog is asked."""
        is_ordered = self.get("find") or self.get("ordering")
        return urlencode(self.parameters if is_ordered else {**self.parameters, "ordering": NEWEST})


@dataclass(frozen=True)
class Listing:
    """A page of a list of books, ready for its template."""

    asked: Asked
    books: list[dict[str, Any]]
    count: int
    number: int
    size: int
    corrected: str = ""

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // self.size))

    @property
    def heading(self) -> str:
        if words := self.corrected or self.asked.words:
            return f"Books with “{words}”"
        return self.asked.topic or "All books"

    @property
    def counted(self) -> str:
        """How many there are, in words."""
        if self.asked.get("find") and self.count >= MOST_FOUND:
            return f"The best {self.count:,} books. Another word makes them fewer."
        return f"{self.count:,} book{'' if self.count == 1 else 's'}." if self.count else "No books."

    @property
    def told(self) -> str:
        """What came of it, in a sentence: it is read aloud while somebody types."""
        return f"{self.heading}: {self.counted}"

    @property
    def orders(self) -> Iterator[Link]:
        """Ways to sort: by what is the best match only what was looked for."""
        now = self.asked.get("ordering") or (_BEST if self.asked.get("find") else NEWEST)
        for ordering, text in ORDERS.items():
            if ordering != _BEST or self.asked.get("find"):
                yield Link(text, self.asked.address(ordering=ordering), ordering == now)

    @property
    def previous(self) -> Link | None:
        return Link("Previous page", self._page(self.number - 1)) if self.number > 1 else None

    @property
    def next(self) -> Link | None:
        return Link("Next page", self._page(self.number + 1)) if self.number < self.pages else None

    def _page(self, number: int) -> str:
        return self.asked.address(page=str(number) if number > 1 else "")


def listing(front: Front, asked: Asked) -> tuple[Found, Listing | None]:
    """A page of books with prices and stock, which is never cached; None if the answer is a problem."""
    found = catalogue.ask(lambda: services.list_books(front, asked.for_catalog()))
    if found.status != HTTPStatus.OK:
        return found, None
    books = [catalogue.shown(book) for book in found.members["results"]]
    number, size = int(asked.get("page") or 1), int(asked.get("page_size") or PAGE_SIZE)
    corrected = found.members.get("corrected") or ""
    return found, Listing(asked, books, found.members["count"], number, size, corrected)
