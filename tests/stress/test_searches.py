"""The checkers against a search over all orders, on many small histories, right ones and wrong ones."""

import json
import random
from collections.abc import Callable, Sequence
from itertools import permutations

import pytest

from tests.chaos.checker import Step, check_book
from tests.chaos.history import NEVER, Asked, Kind, Operation, Outcome, State
from tests.stress.test_topics import log, price_of
from tests.stress.topics import check_topics

HISTORIES = 1000
TOPICS = ("north", "south")
"""Where the only book is: there at first, here with its next version, and so on."""


def state(version: int) -> State:
    return State(version, 3, price_of(version))


def topic_of(version: int) -> str:
    return TOPICS[version % 2]


def some_history(rng: random.Random, read: Callable[[int, float, float], Operation]) -> list[Operation]:
    """Up to three writes, each with the version that it makes, and up to four reads, of one book."""
    operations = []
    for version in range(2, 2 + rng.randint(1, 3)):
        begin = rng.uniform(0, 10)
        asked = Asked(Kind.EDIT, 1, price=state(version).price)
        if rng.random() < 0.2:
            operations.append(Operation("writer", asked, begin))
        else:
            end = begin + rng.uniform(0, 6)
            operations.append(Operation("writer", asked, begin, end, Outcome.OK, state(version)))
    newest = len(operations) + 1
    for _ in range(rng.randint(1, 4)):
        begin = rng.uniform(0, 14)
        operations.append(read(rng.randint(1, newest), begin, begin + rng.uniform(0, 4)))
    return operations


def is_linearizable(operations: Sequence[Operation], is_shown: Callable[[Operation, int], bool]) -> bool:
    """Whether there is an order, not against the clock, in which each write is the next one and each read right."""
    return any(_is_order(order, is_shown) for order in permutations(operations))


def _is_order(order: Sequence[Operation], is_shown: Callable[[Operation, int], bool]) -> bool:
    version, latest_begin = 1, -NEVER
    for operation in order:
        if operation.responded < latest_begin:
            return False
        latest_begin = max(latest_begin, operation.invoked)
        if operation.is_write:
            version += 1
            if operation.asked.price != state(version).price:
                return False
        elif not is_shown(operation, version):
            return False
    return True


def read_book(version: int, begin: float, end: float) -> Operation:
    return Operation("reader", Asked(Kind.READ, 1), begin, end, Outcome.OK, state(version))


def look_north(version: int, begin: float, end: float) -> Operation:
    shown = json.dumps({"results": [{"id": 1}] if topic_of(version) == "north" else []})
    return Operation("reader", Asked(Kind.LIST, 0, topic="north"), begin, end, Outcome.OK, note=shown)


def is_book_right(book: list[Operation]) -> bool:
    versions = range(1, 2 + sum(one.is_write for one in book))
    steps = [Step(state(version), is_given=version == 1) for version in versions]
    return check_book(book, steps) == []


def is_topic_right(history: list[Operation]) -> bool:
    versions = range(1, 2 + sum(one.is_write for one in history))
    return check_topics(history, log(*((1, version, topic_of(version)) for version in versions))) == []


@pytest.mark.parametrize(
    ("read", "is_right", "is_shown"),
    [
        (read_book, is_book_right, lambda one, version: one.state == state(version)),
        (look_north, is_topic_right, lambda one, version: ('"id": 1' in one.note) == (topic_of(version) == "north")),
    ],
    ids=["books", "topics"],
)
def test_the_checker_and_a_search_agree(
    read: Callable[[int, float, float], Operation],
    is_right: Callable[[list[Operation]], bool],
    is_shown: Callable[[Operation, int], bool],
) -> None:
    rng = random.Random("searches")
    found = []
    for _ in range(HISTORIES):
        history = some_history(rng, read)
        found.append(is_linearizable(history, is_shown))
        assert is_right(history) == found[-1], "\n".join(map(str, history))
    assert 0.1 < sum(found) / HISTORIES < 0.9
