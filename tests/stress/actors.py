"""Those who talk to the fronts: readers that hammer few books, and writers."""

import random
from pathlib import Path

from tests.chaos.customers import BURST, Actor, secret_of
from tests.chaos.demand import Demand
from tests.chaos.history import Asked, Kind
from tests.client import Client
from tests.store import Store

BOOKS = (1, 2, 3)
"""Few, so that many reads meet a write."""
TOPICS = ("north", "south")
"""Books wander from one to the other."""
WRITES = (Kind.EDIT,) * 3 + (Kind.SELL,) * 2 + (Kind.CANCEL, Kind.RESTOCK)
LISTS = 0.2
"""The share of lists in what readers ask for."""


def fronts_of(store: Store) -> list[str]:
    return [node for node in store.nodes if node.startswith("front")]


class Writer(Actor):
    """Edits, moves, buys and restocks, through any front."""

    def __init__(self, store: Store, folder: Path, number: int, seed: str) -> None:
        name = f"writer-{number}"
        rng = random.Random(f"{seed}/{name}")
        super().__init__(name, [Client(store, front) for front in fronts_of(store)], folder, rng)
        self._demand = Demand(rng, number, secret_of(store), BOOKS, BOOKS, WRITES, TOPICS)

    def turn(self) -> None:
        asked = self._demand.write()
        self._demand.hear(asked, self.carry_out(asked))

    def change_everything(self) -> None:
        """Changes each book and each topic once."""
        for book in BOOKS:
            self.carry_out(self._demand.edit(book, TOPICS[book % len(TOPICS)]))

    def buy_everything(self) -> None:
        """A copy of each book."""
        for book in BOOKS:
            self.carry_out(self._demand.sale(book, copies=1))


class Reader(Actor):
    """Reads a book or a list many times, now through one front and now through another."""

    longest_pause_s = 0.01

    def __init__(self, store: Store, folder: Path, number: int, seed: str) -> None:
        name = f"reader-{number}"
        rng = random.Random(f"{seed}/{name}")
        super().__init__(name, [Client(store, front, keep_alive=True) for front in fronts_of(store)], folder, rng)
        self._demand = Demand(rng, number, read_books=BOOKS, topics=TOPICS)

    def turn(self) -> None:
        asked = self._demand.look() if self._rng.random() < LISTS else self._demand.read()
        for _ in range(BURST):
            self.carry_out(asked)

    def look_everywhere(self) -> None:
        """Reads everything through every front, once."""
        for client in self._clients:
            for book in BOOKS:
                self.carry_out(Asked(Kind.READ, book), client)
            for topic in TOPICS:
                self.carry_out(Asked(Kind.LIST, 0, topic=topic), client)
