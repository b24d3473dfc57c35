"""Whether what lists of a topic's books showed is linearizable, given how the store's log says that they changed.

A topic is an object whose states are the sets of books in it: each move of a book makes the next state of its old
topic and of its new one. A list doesn't say which state it shows, and a set of books may come back: a list may stand
in several places of the order, where a move stands in the one that the log gives it.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.chaos.checker import Ranked, Violation, out_of_order
from tests.chaos.history import Kind, Operation, Outcome
from tests.chaos.log_recorder import RecordedEntry, price_text

Books = frozenset[int]


@dataclass
class Topic:
    """The states of one topic, oldest first, and by which book's new price one knows the edit that made each."""

    states: list[Books] = field(default_factory=lambda: [frozenset()])
    made_by: dict[tuple[int, str], int] = field(default_factory=dict)

    def change(self, books: Books, book: int, price: str) -> None:
        self.made_by[book, price] = len(self.states)
        self.states.append(books)


def topics_of(entries: Sequence[RecordedEntry]) -> dict[str, Topic]:
    """Every topic that the log, from its beginning, tells of."""
    topics: dict[str, Topic] = defaultdict(Topic)
    where: dict[int, str] = {}
    for entry in entries:
        for row in json.loads(entry.payload):
            if row["table"] != "catalog_app_book":
                continue
            book, image = row["key"], row["row"]
            before, after = where.get(book, ""), image["topic"] if image else ""
            if before == after:
                continue
            price = price_text(image["price"]) if image else ""
            if before:
                topics[before].change(topics[before].states[-1] - {book}, book, price)
            if after:
                topics[after].change(topics[after].states[-1] | {book}, book, price)
            where[book] = after
    return topics


def check_topics(operations: Sequence[Operation], entries: Sequence[RecordedEntry]) -> list[Violation]:
    """What is wrong with the lists among the operations, and with the moves as the lists show them."""
    topics = topics_of(entries)
    found = []
    for name in {operation.asked.topic for operation in operations if operation.asked.kind is Kind.LIST}:
        for violation in check_topic(operations, name, topics.get(name, Topic())):
            found.append(Violation(f"topic {name}: {violation.what}", violation.evidence))
    return found


def check_topic(operations: Sequence[Operation], name: str, topic: Topic) -> Iterator[Violation]:
    """What is wrong with the lists of one topic."""
    ranked = []
    for operation in operations:
        asked = operation.asked
        if asked.kind is Kind.LIST and asked.topic == name and operation.outcome is Outcome.OK:
            shown = frozenset(book["id"] for book in json.loads(operation.note)["results"])
            ranks = [2 * number + 1 for number, books in enumerate(topic.states) if books == shown]
            if ranks:
                ranked.append(Ranked(ranks, operation))
            else:
                yield Violation("a list shows what never was", (str(operation),))
        elif asked.kind is Kind.EDIT and (asked.book, asked.price) in topic.made_by:
            ranked.append(Ranked((2 * topic.made_by[asked.book, asked.price],), operation))
    yield from out_of_order(ranked)
