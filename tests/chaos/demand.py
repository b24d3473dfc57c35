"""What actors ask for, chosen at random; the same for those at the front and those that go straight to the files."""

import hashlib
import hmac
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count

from tests.chaos.history import Asked, Kind, Outcome

BOOKS = (1, 2, 3, 4, 5, 6)
HOT = 3
"""How much more the first book is asked for than all the others together: what goes wrong, does so where a read meets
a write."""
VICTIM = 7
"""The book whose row is damaged in ways that SQLite can't see: it is sold and edited, but what a read shows of it
before the damage is found isn't judged."""
WRITES = (Kind.SELL,) * 5 + (Kind.CANCEL, Kind.RESTOCK, Kind.EDIT)
BASKETS = 0.3
"""Of the sales, where baskets are bought: those of several books."""
WHOLE = 0.4
"""Of the cancellations, those of all copies that are left."""
TWICE = 0.15
"""Of the cancellations, those of copies that are cancelled already: they have to be refused."""
MOVES = 0.3
"""Of the edits, where there are topics to move books to."""


@dataclass
class Demand:
    """One actor's wishes."""

    rng: random.Random
    number: int
    """Of the actor; no two have the same."""
    secret: str = ""
    """The store's: the id of an order follows from it."""
    read_books: tuple[int, ...] = BOOKS
    written_books: tuple[int, ...] = (*BOOKS, VICTIM)
    writes: tuple[Kind, ...] = WRITES
    topics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._count = count(1)
        self._bought: dict[str, dict[int, int]] = {}
        """Orders of this actor, with the copies of each book that aren't cancelled."""
        self._cancelled: list[Asked] = []

    def hear(self, asked: Asked, outcome: Outcome) -> None:
        """What came of it: what was bought can be cancelled. Of what is open nobody knows, so it is left alone."""
        if asked.kind is Kind.SELL and outcome is Outcome.OK:
            self._bought[asked.tag] = dict(asked.lines)
        elif asked.kind is Kind.CANCEL and outcome is Outcome.OPEN:
            self._bought.pop(asked.order, None)
        elif asked.kind is Kind.CANCEL and outcome is Outcome.OK:
            self._cancelled.append(asked)
            left = self._bought.get(asked.order, {})
            for book, copies in asked.lines:
                left[book] = left.get(book, 0) - copies

    def read(self) -> Asked:
        return Asked(Kind.READ, self._book(self.read_books))

    def look(self) -> Asked:
        """At the books of a topic."""
        return Asked(Kind.LIST, 0, topic=self.rng.choice(self.topics))

    def write(self) -> Asked:
        kind = self.rng.choice(self.writes)
        book = self._book(self.written_books)
        if kind is Kind.SELL:
            if self.rng.random() < BASKETS:
                return self.basket({book, *self.rng.sample(self.written_books, 2)})
            return self.sale(book, self._copies())
        if kind is Kind.CANCEL:
            return self.cancellation() or self.sale(book, 1)
        if kind is Kind.RESTOCK:
            return Asked(kind, book, copies=self.rng.randint(1, 9))
        quantity = self.rng.randint(0, 50) if self.rng.random() < 0.2 else None
        topic = self.rng.choice(self.topics) if self.topics and self.rng.random() < MOVES else ""
        return self.edit(book, topic, quantity)

    def sale(self, book: int, copies: int) -> Asked:
        """A sale under a new key."""
        key = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        return Asked(Kind.SELL, book, order_id(self.secret, key) if self.secret else key, copies, key=key)

    def basket(self, books: Iterable[int]) -> Asked:
        """A sale of all these books, under a new key."""
        lines = tuple((book, self._copies()) for book in sorted(books))
        book, copies = lines[0]
        return replace(self.sale(book, copies), basket=lines)

    def cancellation(self) -> Asked | None:
        """Of an order of one's own, all that is left or a part, under a new key; None if there is nothing to cancel.

        Now and then what was cancelled before.
        """
        if self._cancelled and self.rng.random() < TWICE:
            before = self.rng.choice(self._cancelled)
            if not any(self._bought.get(before.order, {}).get(book, 0) for book, _ in before.lines):
                return self._cancellation(before.order, dict(before.lines))
        open_orders = [order for order, left in self._bought.items() if any(left.values())]
        if not open_orders:
            return None
        order = self.rng.choice(open_orders)
        left = {book: copies for book, copies in self._bought[order].items() if copies}
        if self.rng.random() < WHOLE:
            return self._cancellation(order, left)
        books = self.rng.sample(sorted(left), self.rng.randint(1, len(left)))
        return self._cancellation(order, {book: self.rng.randint(1, left[book]) for book in books})

    def _cancellation(self, order: str, lines: dict[int, int]) -> Asked:
        asked = tuple(sorted(lines.items()))
        key = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        book, copies = asked[0]
        tag = cancellation_id(self.secret, key) if self.secret else key
        return Asked(Kind.CANCEL, book, tag, copies, key=key, basket=asked if len(asked) > 1 else (), order=order)

    def _copies(self) -> int:
        """Now and then more than there are."""
        return self.rng.choice((1, 1, 1, 2, 3, 60))

    def edit(self, book: int, topic: str = "", quantity: int | None = None) -> Asked:
        """An edit of that book, with a price that it never had."""
        return Asked(Kind.EDIT, book, price=self._new_price(), quantity=quantity, topic=topic)

    def _book(self, books: tuple[int, ...]) -> int:
        return self.rng.choices(books, [HOT * (len(books) - 1), *[1] * (len(books) - 1)])[0]

    def _new_price(self) -> str:
        cents = self.number * 100_000 + next(self._count)
        return f"{cents // 100}.{cents % 100:02d}"


def order_id(secret: str, key: str) -> str:
    """The id that an order of this key has, in a store with this secret."""
    return _id_of(secret, "order", key)


def cancellation_id(secret: str, key: str) -> str:
    """The id that a cancellation of this key has, in a store with this secret."""
    return _id_of(secret, "order change", key)


def _id_of(secret: str, purpose: str, key: str) -> str:
    mac = hmac.new(secret.encode(), f"{purpose}\0{key}".encode(), hashlib.sha256)
    return str(uuid.UUID(bytes=mac.digest()[:16], version=4))
