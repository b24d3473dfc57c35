"""What actors ask for, chosen at random; the same for those at the front and those that go straight to the files."""

import hashlib
import hmac
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count

from tests.chaos.history import Asked, Kind

BOOKS = (1, 2, 3, 4, 5, 6)
HOT = 3
"""How much more the first book is asked for than all the others together: what goes wrong, does so where a read meets
a write."""
VICTIM = 7
"""The book whose row is damaged in ways that SQLite can't see: it is sold and edited, but what a read shows of it
before the damage is found isn't judged."""
WRITES = (Kind.SELL,) * 5 + (Kind.RESTOCK, Kind.EDIT)
BASKETS = 0.3
"""Of the sales, where baskets are bought: those of several books."""
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
    mac = hmac.new(secret.encode(), f"order\0{key}".encode(), hashlib.sha256)
    return str(uuid.UUID(bytes=mac.digest()[:16], version=4))
