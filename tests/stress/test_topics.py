"""The checker of topics' lists: what it must find, and what it must let pass."""

import json
from collections.abc import Sequence

import pytest

from tests.chaos.history import NEVER, Asked, Kind, Operation, Outcome, State
from tests.chaos.log_recorder import RecordedEntry
from tests.stress.topics import check_topics


def price_of(version: int) -> str:
    return f"{version}.00"


def log(*versions: tuple[int, int, str]) -> list[RecordedEntry]:
    """Entries of one row each: a book, its version, its topic from then on."""
    rows = [
        {"table": "catalog_app_book", "key": book, "row": {"price": price_of(version), "topic": topic}}
        for book, version, topic in versions
    ]
    return [RecordedEntry(position, 1, json.dumps([row]), "", "") for position, row in enumerate(rows)]


def move(book: int, version: int, begin: float, end: float) -> Operation:
    outcome = Outcome.OPEN if end == NEVER else Outcome.OK
    state = State(version, 1, price_of(version)) if outcome is Outcome.OK else None
    return Operation("writer", Asked(Kind.EDIT, book, price=price_of(version)), begin, end, outcome, state)


def look(topic: str, books: Sequence[int], begin: float, end: float) -> Operation:
    shown = json.dumps({"results": [{"id": book} for book in books]})
    return Operation("reader", Asked(Kind.LIST, 0, topic=topic), begin, end, Outcome.OK, note=shown)


MOVED = log((1, 1, "north"), (2, 1, "north"), (1, 2, "south"))
BACK_AND_FORTH = log((1, 1, "north"), (1, 2, "south"), (1, 3, "north"), (1, 4, "south"))

BAD = {
    "wasn't seen (in the old topic after the acknowledgement)": (
        [move(1, 2, 0, 1), look("north", [1, 2], 2, 3)],
        MOVED,
    ),
    "wasn't seen (not in the new topic after the acknowledgement)": (
        [move(1, 2, 0, 1), look("south", [], 2, 3)],
        MOVED,
    ),
    "another read had seen more before (gone, and there again)": (
        [move(1, 2, 0, 9), look("north", [2], 1, 2), look("north", [1, 2], 3, 4)],
        MOVED,
    ),
    "another read had seen more before (of an open move)": (
        [move(1, 2, 0, NEVER), look("south", [1], 1, 2), look("south", [], 3, 4)],
        MOVED,
    ),
    "what never was": ([look("north", [3], 0, 1)], MOVED),
    "had been seen already (before it was asked for)": (
        [look("north", [2], 0, 1), move(1, 2, 2, 3)],
        MOVED,
    ),
    "had been seen already (before an open move was asked for)": (
        [look("north", [2], 0, 1), move(1, 2, 2, NEVER)],
        MOVED,
    ),
    "wasn't seen (a set of books that is over for the second time)": (
        [move(1, 2, 0, 1), move(1, 3, 2, 3), move(1, 4, 4, 5), look("north", [1], 6, 7)],
        BACK_AND_FORTH,
    ),
}

GOOD = {
    "a list beside a move sees either": (
        [move(1, 2, 0, 9), look("north", [1, 2], 1, 2), look("north", [2], 3, 4), look("south", [1], 5, 6)],
        MOVED,
    ),
    "topics are objects of their own": (
        [move(1, 2, 0, 9), look("south", [1], 1, 2), look("north", [1, 2], 3, 4)],
        MOVED,
    ),
    "a set of books that came back": (
        [move(1, 2, 0, 1), look("north", [], 2, 3), move(1, 3, 4, 5), look("north", [1], 6, 7)],
        BACK_AND_FORTH,
    ),
    "a list that may be of either time": (
        [look("south", [1], 0, 9), move(1, 2, 1, 2), move(1, 3, 3, 4), look("south", [], 4.5, 5), move(1, 4, 6, 7)],
        BACK_AND_FORTH,
    ),
    "what wasn't answered says nothing": (
        [
            Operation("reader", Asked(Kind.LIST, 0, topic="north"), 0, 1, Outcome.REFUSED, note="unavailable"),
            move(1, 2, 2, 3),
        ],
        MOVED,
    ),
    "nobody was ever there": ([look("east", [], 0, 1)], MOVED),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_list_is_found(name: str) -> None:
    operations, entries = BAD[name]
    told = [violation.what for violation in check_topics(operations, entries)]
    assert any(name.partition(" (")[0] in what for what in told), told


@pytest.mark.parametrize("name", GOOD)
def test_a_right_list_passes(name: str) -> None:
    operations, entries = GOOD[name]
    assert check_topics(operations, entries) == []
