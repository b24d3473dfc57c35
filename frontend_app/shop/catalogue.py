"""What the shop's pages show of books and orders: the answers of the front's own services, ready for templates."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from django.urls import reverse

from bookstore_project.api import headers, order_numbers, problems
from bookstore_project.nodes import deadlines
from bookstore_project.nodes.json_documents import json_object
from frontend_app import responses, services
from frontend_app.responses import Relay
from frontend_app.runtime import Front
from frontend_app.shop import covers
from frontend_app.shop.basket import Basket

ORDERS_WAIT_S = 2.0
"""How long the page of a visitor's orders waits to show more than their numbers."""
STATES = {"completed": "To be collected", "collected": "Collected", "cancelled": "Cancelled"}
"""Of orders, by their status, in words."""
LOW_STOCK = 5
"""From here on down, a page says how many copies are left."""


@dataclass(frozen=True)
class Source:
    """Where a page's data came from: that is what this shop is about."""

    cache: str
    """`hit`, `miss` or `bypass`."""
    replica: str
    took_ms: float


@dataclass(frozen=True)
class Found:
    """What a service answered, and how it came."""

    status: int
    members: dict[str, Any]
    source: Source
    headers: Mapping[str, str]

    @property
    def is_ok(self) -> bool:
        return self.status < HTTPStatus.BAD_REQUEST


def ask(service: Callable[[], Relay]) -> Found:
    """Raises the StoreErrors of the front's own."""
    began = time.perf_counter()
    relay = service()
    took_ms = (time.perf_counter() - began) * 1000
    source = Source(relay.headers.get(headers.CACHE, ""), relay.headers.get(headers.REPLICA, ""), took_ms)
    return Found(relay.status, json_object(relay.body), source, relay.headers)


def book_found(front: Front, book_id: int) -> Found:
    """A book's details, through the coherent cache. Raises NotFound, Unavailable."""
    found = ask(lambda: services.read_book(front, book_id))
    if found.status == HTTPStatus.NOT_FOUND:
        raise problems.NotFound(str(found.members.get("detail", f"There is no book {book_id}.")))
    if not found.is_ok:
        raise problems.Unavailable(str(found.members.get("detail", "The catalog doesn't answer now.")))
    return Found(found.status, shown(found.members), found.source, found.headers)


def title_of(front: Front, book_id: int) -> str:
    """As it is now; a number for a book that isn't sold any more, or can't be read."""
    with suppress(problems.StoreError):
        return str(book_found(front, book_id).members["title"])
    return f"Book {book_id}"


def shown(book: dict[str, Any]) -> dict[str, Any]:
    """A book's members, and what pages say of it beyond."""
    address = reverse("cover", args=[book["id"], covers.digest_of(book)])
    return {
        **book,
        "cover": covers.inlined(book),
        "cover_address": address,
        "stock": stock_in_words(book["quantity"]),
        "stock_kind": stock_kind(book["quantity"]),
    }


def stock_in_words(copies: int) -> str:
    if copies == 0:
        return "Sold out"
    return f"Only {copies} left" if copies <= LOW_STOCK else "In stock"


def stock_kind(copies: int) -> str:
    """How the style sheet knows it."""
    if copies == 0:
        return "out"
    return "few" if copies <= LOW_STOCK else "up"


@dataclass(frozen=True)
class BasketLine:
    """A line of a basket, as of now; `book` is None if it isn't sold any more."""

    book_id: int
    copies: int
    book: dict[str, Any] | None
    price_before: Decimal | None = None
    """When it was put in, if it costs something else now."""

    @property
    def total(self) -> Decimal:
        return Decimal(self.book["price"]) * self.copies if self.book else Decimal(0)

    @property
    def is_short(self) -> bool:
        return self.to_be_had < self.copies

    @property
    def to_be_had(self) -> int:
        """How many of the copies there are."""
        return min(self.copies, self.book["quantity"]) if self.book else 0

    @property
    def total_to_be_had(self) -> Decimal:
        return Decimal(self.book["price"]) * self.to_be_had if self.book else Decimal(0)


def basket_lines(front: Front, basket: Basket) -> tuple[list[BasketLine], Source | None]:
    """Each line with its book, through the coherent cache, and where they came from. Raises Unavailable."""
    lines, sources = [], []
    for book_id, count in basket.copies.items():
        try:
            found = book_found(front, book_id)
        except problems.NotFound:
            lines.append(BasketLine(book_id, count, None))
            continue
        sources.append(found.source)
        seen, price = basket.prices.get(book_id), Decimal(found.members["price"])
        lines.append(BasketLine(book_id, count, found.members, None if seen == price else seen))
    return lines, together(sources)


def together(sources: Sequence[Source]) -> Source | None:
    """Of a page that has its data from several: the first that wasn't in the cache speaks for all."""
    fetched = (source for source in sources if source.cache != "hit")
    one = next(fetched, sources[0] if sources else None)
    return one and replace(one, took_ms=sum(source.took_ms for source in sources))


def buy(front: Front, lines: list[dict[str, Any]], key: str) -> Found:
    """Buys the lines once per key."""

    def purchase() -> Relay:
        try:
            return services.purchase(front, json.dumps({"lines": lines}).encode(), key=key)
        except problems.StoreError as error:
            return responses.from_error(error)

    return ask(purchase)


@dataclass(frozen=True)
class OwnOrder:
    """One of a visitor's orders, by its id; `members` is None if it can't be told now what is in it."""

    order_id: str
    members: dict[str, Any] | None

    @property
    def number(self) -> str:
        return number_of(self.order_id)

    @property
    def state(self) -> str:
        """In words."""
        status = str(self.members["status"]) if self.members else ""
        return STATES.get(status, status)

    @property
    def left(self) -> str:
        """What the copies cost that aren't cancelled."""
        return str(self.members["left"]) if self.members else ""

    @property
    def is_cut(self) -> bool:
        """Whether copies of it were cancelled."""
        return bool(self.members and self.members["left"] != self.members["total"])


def own_orders_found(front: Front, ids: Sequence[str]) -> tuple[list[OwnOrder], Source | None]:
    """Each of these orders, whether the order service tells of it or not: it has ORDERS_WAIT_S to do so."""
    known: dict[str, dict[str, Any]] = {}
    source = None
    with suppress(problems.StoreError), deadlines.until(time.time() + min(ORDERS_WAIT_S, deadlines.left_s())):
        found = ask(lambda: services.read_orders(front, ids))
        if found.is_ok:
            source = found.source
            known = {str(order["id"]): order for order in found.members["orders"]}
    return [OwnOrder(each, known.get(each)) for each in ids], source


def order_found(front: Front, order_id: str) -> Found:
    """Raises NotFound, Unavailable."""
    found = ask(lambda: services.read_order(front, order_id))
    if found.status == HTTPStatus.NOT_FOUND:
        raise problems.NotFound("There is no such order.")
    if not found.is_ok:
        raise problems.Unavailable(str(found.members.get("detail", "The orders can't be read now.")))
    return found


def copies_of(order: Found) -> dict[int, int]:
    """That were bought, by book."""
    return {line["book"]: line["quantity"] for line in order.members.get("lines", ())}


number_of = order_numbers.number_of


def left_of(order: Mapping[str, Any]) -> Decimal:
    """What the copies cost that are not cancelled."""
    copies = ((line["quantity"] - line.get("cancelled", 0), Decimal(line["unit_price"])) for line in order["lines"])
    return sum((count * price for count, price in copies), Decimal("0.00"))
